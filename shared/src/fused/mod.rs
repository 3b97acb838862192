//! Operations in one pass over memory, each with the plain composition of Burn operations as its
//! reference and as the fallback of every backend that has no kernel of its own.
//!
//! Kernels are plain loops, compiled for AVX-512, AVX2 and the baseline, and chosen at run time by
//! [`pulp`]. They use no fused multiply-add and a fixed order of summation, so that all three give
//! the same bits.

mod adam;

pub use adam::AdamStep;
pub(crate) use adam::adam_composed;
#[cfg(feature = "cpu")]
pub(crate) use adam::adam_flex;
