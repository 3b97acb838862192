//! Encoder z(x) and decoder p(x|z), a hidden layer in each.

use burn::{module::Module, tensor::Tensor};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    likelihood::Likelihood,
    network::{Coder, Condition, Decoder, Input, Layer, Network, Pixels, Prior},
    nn::{Activation, Dense, Init, Initialiser},
    noise::Noise,
    posterior::Posterior,
};

use crate::config::ModelConfig;

/// A plain autoencoder: its code is a point.
#[derive(Module, Debug)]
pub struct Model<B: Backend> {
    /// x to the hidden layer.
    encoder: Dense<B>,
    /// Hidden layer to z.
    code: Dense<B>,
    /// z to the hidden layer.
    decoder: Dense<B>,
    /// Hidden layer to the logits of the pixels.
    output: Dense<B>,
}

impl<B: Backend> Model<B> {
    /// A model with fresh weights for inputs of width `input`.
    pub fn new(config: &ModelConfig, input: usize, noise: Noise, device: &B::Device) -> Self {
        let mut init = Initialiser::new(Init::Glorot, noise, device);
        let ModelConfig { latent, hidden, activation } = *config;
        let linear = Activation::Linear;
        Self {
            encoder: Dense::new(input, hidden, activation, &mut init),
            code: Dense::new(hidden, latent, linear, &mut init),
            decoder: Dense::new(latent, hidden, activation, &mut init),
            output: Dense::new(hidden, input, linear, &mut init),
        }
    }

    /// z(x) for x `[examples, pixels]`.
    pub fn code(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.code.forward(self.encoder.forward(x))
    }
}

impl<B: Backend> Autoencoder<B> for Model<B> {
    fn input_dim(&self) -> usize {
        self.output.outputs()
    }

    fn latent_dim(&self) -> usize {
        self.code.outputs()
    }

    fn has_prior(&self) -> bool {
        false
    }

    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        Posterior::Point(self.code(x))
    }

    fn network(&self) -> Result<Network, String> {
        let encoder = [&self.encoder, &self.code].map(Layer::from).to_vec();
        let decoder = [&self.decoder, &self.output].map(Layer::from).to_vec();
        Ok(Network {
            encoder: Coder::point(Input::Image, encoder),
            decoder: Decoder::of(vec![Input::Code], Vec::new(), decoder, Pixels::Bernoulli),
            prior: Prior::None,
            condition: Condition::None,
            classes: None,
        })
    }

    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        Likelihood::Bernoulli { logits: self.output.forward(self.decoder.forward(z)) }
    }
}
