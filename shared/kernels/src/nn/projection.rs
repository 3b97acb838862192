use burn::{
    module::{Module, Param},
    tensor::Tensor,
};

use super::{Initialiser, outline::add_outputs, product::product};
use crate::backend::Backend;

/// A matrix, y = x W: a layer without a bias, for what is normalised next.
#[derive(Module, Debug)]
pub struct Projection<B: Backend> {
    /// W, `[inputs, outputs]`.
    pub weight: Param<Tensor<B, 2>>,
}

impl<B: Backend> Projection<B> {
    /// A matrix with freshly drawn entries.
    pub fn new(inputs: usize, outputs: usize, init: &mut Initialiser<'_, B>) -> Self {
        add_outputs(outputs as u64);
        Self { weight: init.weight(inputs, outputs) }
    }

    /// y `[examples, outputs]` for x `[examples, inputs]`.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        product(x, self.weight.val())
    }

    /// Width of x.
    pub fn inputs(&self) -> usize {
        self.weight.lazy_shape().dims::<2>()[0]
    }

    /// Width of y.
    pub fn outputs(&self) -> usize {
        self.weight.lazy_shape().dims::<2>()[1]
    }
}
