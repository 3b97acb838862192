//! M1: a variational autoencoder, and a classifier on its codes (Kingma et al. 2014, section 2.1).

use burn::{
    module::Module,
    tensor::{Tensor, activation},
};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    likelihood::Likelihood,
    network::{Coder, Condition, Decoder, Input, Layer, Network, Pixels, Prior, layers_of},
    nn::{Activation, Dense, GaussianMlp, Init, Initialiser, Mlp},
    noise::Noise,
    posterior::{DiagonalGaussian, Posterior},
};

use crate::config::{LabelsConfig, M1Config};

/// q(z|x), p(x|z) and p(y|z).
#[derive(Module, Debug)]
pub struct M1<B: Backend> {
    encoder: GaussianMlp<B>,
    decoder: Mlp<B>,
    /// To the log-odds of the pixels.
    output: Dense<B>,
    /// A softmax layer on the code; it starts at zero, so that no class is preferred.
    classifier: Dense<B>,
}

impl<B: Backend> M1<B> {
    /// A model with fresh weights for inputs of width `input`.
    pub fn new(
        config: &M1Config,
        labels: LabelsConfig,
        input: usize,
        noise: Noise,
        device: &B::Device,
    ) -> Self {
        let M1Config { latent, ref hidden, init } = *config;
        let mut init = Initialiser::new(init, noise, device);
        let up: Vec<usize> = hidden.iter().rev().copied().collect();
        let top = up.last().copied().unwrap_or(latent);
        let encoder = GaussianMlp::new(input, hidden, latent, Activation::Softplus, &mut init);
        let decoder = Mlp::new(latent, &up, Activation::Softplus, &mut init);
        let output = Dense::new(top, input, Activation::Linear, &mut init);
        let mut zero = init.with(Init::Zero);
        let classifier = Dense::new(latent, labels.classes, Activation::Linear, &mut zero);
        Self { encoder, decoder, output, classifier }
    }

    /// q(z|x) for x `[examples, pixels]`.
    pub fn posterior(&self, x: Tensor<B, 2>) -> DiagonalGaussian<B> {
        self.encoder.forward(x)
    }

    /// q(z|x) of the fixed encoder.
    pub fn fixed_posterior(&self, x: Tensor<B, 2>) -> DiagonalGaussian<B> {
        // Without `no_grad` every batch would stay in the autodiff graph: docs/architecture.md.
        self.encoder.clone().no_grad().forward(x)
    }

    /// log p(y|z), `[examples, classes]`, for z `[examples, latent]`.
    pub fn log_classes_of(&self, z: Tensor<B, 2>) -> Tensor<B, 2> {
        activation::log_softmax(self.classifier.forward(z), 1)
    }
}

impl<B: Backend> Autoencoder<B> for M1<B> {
    fn input_dim(&self) -> usize {
        self.output.outputs()
    }

    fn latent_dim(&self) -> usize {
        self.encoder.outputs()
    }

    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        Posterior::Gaussian(self.posterior(x))
    }

    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        Likelihood::Bernoulli { logits: self.output.forward(self.decoder.forward(z)) }
    }

    fn network(&self) -> Result<Network, String> {
        let output = vec![Layer::from(&self.output)];
        let below = layers_of(&self.decoder);
        let encoder = Coder::gaussian(vec![Input::Image], Vec::new(), &self.encoder);
        let mut classes = [&encoder.trunk.layers[..], &encoder.mean].concat();
        classes.push(Layer::from(&self.classifier));
        Ok(Network {
            encoder,
            decoder: Decoder::of(vec![Input::Code], below, output, Pixels::Bernoulli),
            prior: Prior::Standard,
            condition: Condition::None,
            classes: Some(classes),
        })
    }

    fn log_classes(&self, x: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(self.log_classes_of(self.posterior(x).mean))
    }
}
