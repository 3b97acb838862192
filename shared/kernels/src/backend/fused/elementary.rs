//! Elementary functions of single-precision numbers without branches or calls, so that a loop over
//! them becomes vector instructions.

/// `x` within bounds; NaN stays NaN, which `f32::clamp` keeps too but `max` and `min` do not, and
/// which this form does without a check of the bounds.
#[inline(always)]
fn within(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// exp(x), relative error below 2e-7; 0 below -87, exp(88) above 88.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Cody & Waite: x = n ln 2 + r, exp(x) = 2^n exp(r); polynomial from Cephes' expf.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5 * 2^23 rounds to the nearest whole number, and leaves it in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let clamped = within(x, -87.0, 88.0);
    let rounded = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = clamped - n * LN2_HIGH - n * LN2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let value = p * r * r + r + 1.0;
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    if x < -87.0 { 0.0 } else { value * power }
}

/// log(x) for normal x of at least 1, absolute error below 2e-7 of max(1, log x).
#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    // x = 2^n m with m between sqrt(1/2) and sqrt(2); log m = 2 artanh(s), s = (m - 1) / (m + 1).
    const ROOT_HALF: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_sub(ROOT_HALF);
    let n = (shifted as i32 >> 23) as f32;
    let m = f32::from_bits((shifted & 0x007f_ffff) + ROOT_HALF);
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    let p = 1.0 / 9.0;
    let p = p * q + 1.0 / 7.0;
    let p = p * q + 1.0 / 5.0;
    let p = p * q + 1.0 / 3.0;
    let log = n * std::f32::consts::LN_2 + (2.0 * s + 2.0 * s * (p * q));
    if x.is_nan() { x } else { log }
}

/// tanh(x), relative error below 1e-6: a rational approximation on [-7.9, 7.9], beyond which
/// tanh is 1 to the last bit but one.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let x = within(x, -7.905_311, 7.905_311);
    let q = x * x;
    let p = -2.760_768_5e-16;
    let p = p * q + 2.000_188e-13;
    let p = p * q - 8.604_672e-11;
    let p = p * q + 5.122_297e-8;
    let p = p * q + 1.485_722_4e-5;
    let p = p * q + 6.372_619e-4;
    let p = p * q + 4.893_524_6e-3;
    let d = 1.198_258_4e-6;
    let d = d * q + 1.185_347_1e-4;
    let d = d * q + 2.268_434_6e-3;
    let d = d * q + 4.893_525e-3;
    x * p / d
}

/// 1 / (1 + exp(-x)).
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    let scale = 1.0 / (1.0 + e);
    if x < 0.0 { e * scale } else { scale }
}

/// log(1 + exp(x)), absolute error below 3e-7 of max(1, x): below about -17, where 1 + exp(x) rounds to 1, it is 0, and
/// so is the slope that is computed from it.
#[inline(always)]
pub(super) fn softplus(x: f32) -> f32 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + ln(1.0 + exp(-x.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64, from: f32, to: f32) -> f64 {
        (0..=200_000)
            .map(|i| from + (to - from) * i as f32 / 200_000.0)
            .map(|x| {
                let exact = exact(f64::from(x));
                (f64::from(f(x)) - exact).abs() / exact.abs().max(1e-30)
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn errors_are_as_stated() {
        assert!(worst(exp, f64::exp, -87.0, 88.0) < 2e-7);
        let log_error = |x: f32| (f64::from(ln(x)) - f64::from(x).ln()).abs();
        for i in 0..200_000 {
            let x = (i as f32 * 4.4e-4).exp();
            assert!(log_error(x) < 2e-7 * f64::from(x.ln().max(1.0)), "{x}");
        }
        assert!(worst(tanh, f64::tanh, -12.0, 12.0) < 1e-6);
        for i in -80_000..80_000 {
            let (found, x) = (softplus(i as f32 * 1e-3), f64::from(i) * 1e-3);
            let exact = x.exp().ln_1p();
            assert!((f64::from(found) - exact).abs() < 3e-7 * x.max(1.0), "{x}");
        }
        assert!(worst(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), -80.0, 80.0) < 4e-7);
    }

    #[test]
    fn the_ends_are_right_and_nan_stays_nan() {
        assert_eq!((exp(-1e9), sigmoid(1e9), sigmoid(-1e9)), (0.0, 1.0, 0.0));
        assert!((tanh(1e9) - 1.0).abs() < 1e-6 && (tanh(-1e9) + 1.0).abs() < 1e-6);
        assert_eq!((exp(0.0), ln(1.0), tanh(0.0)), (1.0, 0.0, 0.0));
        for f in [exp, ln, tanh, sigmoid, softplus] {
            assert!(f(f32::NAN).is_nan());
        }
    }
}
