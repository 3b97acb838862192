use burn::tensor::{Tensor, TensorPrimitive};

use crate::backend::Backend;

/// `[a | b]`, `[rows, m + n]`, of a `[rows, m]` and b `[rows, n]`, as the input of a layer that sees both.
///
/// # Panics
/// If their rows are not as many: a mistake of the model.
pub fn join<B: Backend>(a: Tensor<B, 2>, b: Tensor<B, 2>) -> Tensor<B, 2> {
    assert_eq!(a.dims()[0], b.dims()[0], "rows of matrices side by side");
    let joined = B::join(a.into_primitive().tensor(), b.into_primitive().tensor());
    Tensor::from_primitive(TensorPrimitive::Float(joined))
}
