use burn::{
    module::{Module, Param},
    tensor::{Tensor, activation},
};
use serde::{Deserialize, Serialize};

use super::Initialiser;
use crate::backend::Backend;

/// What a layer applies to its outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Nothing.
    #[default]
    Linear,
    /// Hyperbolic tangent.
    Tanh,
    /// max(0, x).
    Relu,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
}

impl Activation {
    /// Applies it element by element.
    pub fn apply<B: Backend>(self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        match self {
            Self::Linear => x,
            Self::Tanh => activation::tanh(x),
            Self::Relu => activation::relu(x),
            Self::Sigmoid => activation::sigmoid(x),
        }
    }
}

/// A fully connected layer, y = f(x W + b).
#[derive(Module, Debug)]
pub struct Dense<B: Backend> {
    /// W, `[inputs, outputs]`.
    pub weight: Param<Tensor<B, 2>>,
    /// b, `[outputs]`.
    pub bias: Param<Tensor<B, 1>>,
    #[module(skip)]
    activation: Activation,
}

impl<B: Backend> Dense<B> {
    /// A layer with freshly drawn weights.
    pub fn new(
        inputs: usize,
        outputs: usize,
        activation: Activation,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        Self { weight: init.weight(inputs, outputs), bias: init.bias(outputs), activation }
    }

    /// y for x `[examples, inputs]`.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.activation.apply(x.matmul(self.weight.val()) + self.bias.val().unsqueeze())
    }

    /// Width of x.
    pub fn inputs(&self) -> usize {
        self.weight.dims()[0]
    }

    /// Width of y.
    pub fn outputs(&self) -> usize {
        self.weight.dims()[1]
    }
}
