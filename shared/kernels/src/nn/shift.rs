use burn::{
    module::{Module, Param},
    tensor::{Tensor, TensorPrimitive},
};

use super::Initialiser;
use crate::{backend::Backend, operation::Activation};

/// A bias and an activation, y = f(x + b), for sums that are made elsewhere.
#[derive(Module, Debug)]
pub struct Shift<B: Backend> {
    /// b, `[units]`.
    pub bias: Param<Tensor<B, 1>>,
    #[module(skip)]
    activation: Activation,
}

impl<B: Backend> Shift<B> {
    /// A layer whose biases are zero.
    pub fn new(units: usize, activation: Activation, init: &mut Initialiser<'_, B>) -> Self {
        Self { bias: init.bias(units), activation }
    }

    /// f.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// y for x, both `[examples, units]`.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let bias = self.bias.val().into_primitive().tensor();
        let y = B::activate(x.into_primitive().tensor(), bias, self.activation);
        Tensor::from_primitive(TensorPrimitive::Float(y))
    }
}
