//! Twelve pixels in one number: the 24 bits of a float's significand hold twelve digits of base four.

use burn::tensor::Tensor;
use shared::Backend;

/// Pixels in a number.
pub const PIXELS: usize = 12;

/// Grey levels of a packed pixel.
const LEVELS: f32 = 4.0;

/// Half of what twelve digits can say, and a quarter: codes are in [-2, 2), where a standard normal is.
const MIDDLE: f32 = (1 << 23) as f32;
const UNIT: f32 = (1 << 22) as f32;

/// Numbers `[examples, n]` that hold pixels `[examples, 12 n]` in [0, 1], rounded to four levels; the
/// first of twelve is the most significant digit. Every step is exact.
pub fn pack<B: Backend>(pixels: Tensor<B, 2>) -> Tensor<B, 2> {
    let [examples, width] = pixels.dims();
    let levels = pixels.clamp(0.0, 1.0).mul_scalar(LEVELS - 1.0).round();
    let digits = levels.reshape([examples, width / PIXELS, PIXELS]);
    let mut number = Tensor::zeros([examples, width / PIXELS, 1], &digits.device());
    for place in 0..PIXELS {
        number = number.mul_scalar(LEVELS) + digits.clone().narrow(2, place, 1);
    }
    number.squeeze_dim::<2>(2).sub_scalar(MIDDLE).div_scalar(UNIT)
}

/// Pixels `[examples, 12 n]` held by numbers `[examples, n]`; any number holds some.
pub fn unpack<B: Backend>(numbers: Tensor<B, 2>) -> Tensor<B, 2> {
    let [examples, width] = numbers.dims();
    let most = 2.0 * MIDDLE - 1.0;
    let mut rest = numbers.mul_scalar(UNIT).add_scalar(MIDDLE).round().clamp(0.0, most);
    let mut digits = Vec::with_capacity(PIXELS);
    for _ in 0..PIXELS {
        let left = rest.clone().div_scalar(LEVELS).floor();
        digits.push((rest - left.clone().mul_scalar(LEVELS)).unsqueeze_dim::<3>(2));
        rest = left;
    }
    digits.reverse();
    let levels = Tensor::cat(digits, 2).reshape([examples, width * PIXELS]);
    levels.div_scalar(LEVELS - 1.0)
}
