use burn::tensor::{Tensor, TensorPrimitive};

use crate::backend::Backend;

/// `[a | b]`, the columns of a before those of b, as the input of a layer that sees both.
pub fn join<B: Backend>(a: Tensor<B, 2>, b: Tensor<B, 2>) -> Tensor<B, 2> {
    let joined = B::join(a.into_primitive().tensor(), b.into_primitive().tensor());
    Tensor::from_primitive(TensorPrimitive::Float(joined))
}
