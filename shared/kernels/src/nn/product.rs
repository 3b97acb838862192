use burn::tensor::{Tensor, TensorPrimitive};

use crate::backend::Backend;

/// The product of two matrices, in single precision on every device: `Tensor::matmul` rounds its factors to 10 bits on
/// a card with matrix units.
pub fn product<B: Backend>(a: Tensor<B, 2>, b: Tensor<B, 2>) -> Tensor<B, 2> {
    let product = B::product(a.into_primitive().tensor(), b.into_primitive().tensor());
    Tensor::from_primitive(TensorPrimitive::Float(product))
}
