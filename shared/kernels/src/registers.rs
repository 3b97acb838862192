//! The vector registers after faer's kernels.

/// Clears the upper parts of the vector registers, which faer's kernels leave in use.
///
/// Until then an Intel processor carries them along in every instruction of code that is compiled for the baseline:
/// Burn's exp takes eighty nanoseconds a number, thirty times as long.
pub(crate) fn clear() {
    #[cfg(target_arch = "x86_64")]
    if let Some(vectors) = pulp::x86::V3::try_new() {
        vectors.avx._mm256_zeroupper();
    }
}
