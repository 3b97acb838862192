//! The supervised network, with a decoder on its last hidden layer where it must reproduce the input.

use burn::{module::Module, tensor::Tensor};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    data::BatchMaker,
    likelihood::Likelihood,
    network::{self, Coder, Condition, Input, Layer, Pixels, Prior, layers_of},
    nn::{Activation, Dense, Init, Initialiser, Mlp},
    noise::Noise,
    posterior::Posterior,
};

use crate::{
    config::{Config, Kind},
    encoder::{Encoder, Normalising},
    statistics::over_batches,
};

/// A classifier, and a decoder of its last hidden layer.
#[derive(Module, Debug)]
pub struct Network<B: Backend> {
    /// x to the classes.
    pub encoder: Encoder<B>,
    decoder: Option<Decoder<B>>,
}

/// The encoder's mirror image, without normalisation.
#[derive(Module, Debug)]
struct Decoder<B: Backend> {
    hidden: Mlp<B>,
    /// To the log-odds of the pixels.
    output: Dense<B>,
}

impl<B: Backend> Network<B> {
    /// A network with fresh weights for inputs of width `input`.
    pub fn new(config: &Config, input: usize, noise: Noise, device: &B::Device) -> Self {
        let mut init = Initialiser::new(Init::Lecun, noise, device);
        let hidden = &config.network.hidden;
        let encoder = Encoder::new(input, &config.network, config.labels.classes, &mut init);
        let decoder = (config.model.kind != Kind::Supervised).then(|| {
            let code = hidden.last().copied().unwrap_or(input);
            let up: Vec<usize> = hidden.iter().rev().skip(1).copied().collect();
            let top = up.last().copied().unwrap_or(code);
            Decoder {
                hidden: Mlp::new(code, &up, Activation::Relu, &mut init),
                output: Dense::new(top, input, Activation::Linear, &mut init),
            }
        });
        Self { encoder, decoder }
    }

    /// p(x|h) for the last hidden layer h `[examples, width]`; log-odds 0 without a decoder.
    pub fn likelihood(&self, hidden: Tensor<B, 2>) -> Likelihood<B> {
        let logits = match &self.decoder {
            Some(decoder) => decoder.output.forward(decoder.hidden.forward(hidden)),
            None => Tensor::zeros([hidden.dims()[0], self.input_dim()], &hidden.device()),
        };
        Likelihood::Bernoulli { logits }
    }

    /// The network with the statistics of these images stored.
    #[must_use]
    pub fn with_statistics(self, batches: &BatchMaker<B>, indices: &[usize], size: usize) -> Self {
        let found = over_batches(batches, indices, size, |batch| {
            self.encoder.pass(batch.x.clone(), None, Normalising::ByBatch(&[batch.len()])).sums
        });
        Self { encoder: self.encoder.with_statistics(found), ..self }
    }
}

impl<B: Backend> Autoencoder<B> for Network<B> {
    fn input_dim(&self) -> usize {
        self.encoder.widths()[0]
    }

    fn latent_dim(&self) -> usize {
        self.encoder.widths().iter().rev().nth(1).copied().unwrap_or(0)
    }

    fn has_prior(&self) -> bool {
        false
    }

    fn has_decoder(&self) -> bool {
        self.decoder.is_some()
    }

    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        Posterior::Point(self.encoder.pass(x, None, Normalising::Stored).hidden)
    }

    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        self.likelihood(z)
    }

    fn network(&self) -> Result<network::Network, String> {
        let Some(decoder) = &self.decoder else {
            return Err("it has no decoder".into());
        };
        let output = vec![Layer::from(&decoder.output)];
        let below = layers_of(&decoder.hidden);
        Ok(network::Network {
            encoder: Coder::point(Input::Image, self.encoder.described()),
            decoder: network::Decoder::of(vec![Input::Code], below, output, Pixels::Bernoulli),
            prior: Prior::None,
            condition: Condition::None,
            classes: Some(self.encoder.described_classifier()),
        })
    }

    fn log_classes(&self, x: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(self.encoder.pass(x, None, Normalising::Stored).log_p)
    }
}
