use burn::{module::Module, tensor::Tensor};

use super::{Activation, Dense, Initialiser};
use crate::backend::Backend;

/// Dense layers one after another, all with the same activation.
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    layers: Vec<Dense<B>>,
}

impl<B: Backend> Mlp<B> {
    /// Layers of the given widths on top of `inputs`; with no widths, the identity.
    pub fn new(
        inputs: usize,
        widths: &[usize],
        activation: Activation,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let mut below = inputs;
        let layers = widths
            .iter()
            .map(|&width| {
                let layer = Dense::new(below, width, activation, init);
                below = width;
                layer
            })
            .collect();
        Self { layers }
    }

    /// The last layer's output, `[examples, last width]`, for x `[examples, inputs]`.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.layers.iter().fold(x, |x, layer| layer.forward(x))
    }

    /// The layers, the lowest first.
    pub fn layers(&self) -> &[Dense<B>] {
        &self.layers
    }
}
