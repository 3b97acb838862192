//! Sequences step by step: the first step of each, then the second of each.

use burn::tensor::Tensor;
use shared::Backend;

/// `[sequences, steps * width]` as `[steps * sequences, width]`.
pub(crate) fn step_major<B: Backend>(x: &Tensor<B, 2>, width: usize) -> Tensor<B, 2> {
    let [sequences, columns] = x.dims();
    let steps = columns / width;
    x.clone().reshape([sequences, steps, width]).swap_dims(0, 1).reshape([steps * sequences, width])
}
