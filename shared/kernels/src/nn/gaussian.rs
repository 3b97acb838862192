use burn::{module::Module, tensor::Tensor};

use super::{Activation, Dense, Initialiser, Mlp};
use crate::{backend::Backend, posterior::DiagonalGaussian};

/// A perceptron that outputs a Gaussian: N(mu(x), diag(sigma^2(x))).
#[derive(Module, Debug)]
pub struct GaussianMlp<B: Backend> {
    /// x to the last hidden layer.
    hidden: Mlp<B>,
    /// To mu.
    mean: Dense<B>,
    /// To log sigma^2.
    log_var: Dense<B>,
}

impl<B: Backend> GaussianMlp<B> {
    /// Hidden layers of the given widths on top of `inputs`, and two linear ones of `outputs`.
    pub fn new(
        inputs: usize,
        widths: &[usize],
        outputs: usize,
        activation: Activation,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let top = widths.last().copied().unwrap_or(inputs);
        Self {
            hidden: Mlp::new(inputs, widths, activation, init),
            mean: Dense::new(top, outputs, Activation::Linear, init),
            log_var: Dense::new(top, outputs, Activation::Linear, init),
        }
    }

    /// The Gaussian for each x, `[examples, inputs]`.
    pub fn forward(&self, x: Tensor<B, 2>) -> DiagonalGaussian<B> {
        let hidden = self.hidden.forward(x); // [examples, hidden]
        DiagonalGaussian {
            mean: self.mean.forward(hidden.clone()), // [examples, outputs]
            log_var: self.log_var.forward(hidden),   // [examples, outputs]
        }
    }

    /// The layers below mu and log sigma^2.
    pub fn hidden(&self) -> &Mlp<B> {
        &self.hidden
    }

    /// The layer that outputs mu.
    pub fn mean(&self) -> &Dense<B> {
        &self.mean
    }

    /// The layer that outputs log sigma^2.
    pub fn log_var(&self) -> &Dense<B> {
        &self.log_var
    }

    /// Width of mu.
    pub fn outputs(&self) -> usize {
        self.mean.outputs()
    }
}
