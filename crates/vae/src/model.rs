//! Encoder q(z|x) and decoder p(x|z) as multilayer perceptrons (Kingma & Welling 2014,
//! appendix C).

use burn::{
    module::{Module, Param},
    tensor::{Tensor, TensorData, activation},
};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given, Measure},
    likelihood::{Likelihood, LikelihoodKind},
    network::{
        Coder, Condition, Decoder, Input, Layer, LogVar, Network, Pixels, Prior, Trunk, layers_of,
    },
    nn::{Activation, Dense, Initialiser, LogisticScale, Mlp},
    noise::Noise,
    posterior::{DiagonalGaussian, Posterior},
};

use crate::config::ModelConfig;

/// Least log-variance of a Gaussian pixel: a standard deviation of one grey level, below which a
/// density would profit from the pixels' being whole numbers.
const LEAST_LOG_VAR: f32 = -11.09;

/// Keeps log-odds of pixels that are always black or always white finite.
const MEAN_MARGIN: f32 = 0.001;

/// A variational autoencoder with a Gaussian code.
#[derive(Module, Debug)]
pub struct Model<B: Backend> {
    /// x to the last hidden layer.
    encoder: Mlp<B>,
    /// Hidden layer to mu.
    mean: Dense<B>,
    /// Hidden layer to log sigma^2.
    log_var: Dense<B>,
    /// z to the last hidden layer.
    decoder: Mlp<B>,
    /// Hidden layer to the logits of a Bernoulli, or of the mean of a Gaussian or logistic pixel.
    output: Dense<B>,
    /// Hidden layer to the log-variance of a Gaussian pixel.
    output_log_var: Option<Dense<B>>,
    /// Scales of logistic pixels.
    output_scale: Option<LogisticScale<B>>,
}

impl<B: Backend> Model<B> {
    /// A model with fresh weights for inputs of width `input`.
    pub fn new(config: &ModelConfig, input: usize, noise: Noise, device: &B::Device) -> Self {
        let mut init = Initialiser::new(config.init, noise, device);
        let up: Vec<usize> = config.hidden.iter().rev().copied().collect();
        let top = config.hidden.last().copied().unwrap_or(input);
        let bottom = config.hidden.first().copied().unwrap_or(config.latent);
        let linear = Activation::Linear;
        Self {
            encoder: Mlp::new(input, &config.hidden, config.activation, &mut init),
            mean: Dense::new(top, config.latent, linear, &mut init),
            log_var: Dense::new(top, config.latent, linear, &mut init),
            decoder: Mlp::new(config.latent, &up, config.activation, &mut init),
            output: Dense::new(bottom, input, linear, &mut init),
            output_log_var: (config.likelihood == LikelihoodKind::Gaussian)
                .then(|| Dense::new(bottom, input, linear, &mut init)),
            output_scale: (config.likelihood == LikelihoodKind::Logistic)
                .then(|| LogisticScale::new(input, &mut init)),
        }
    }

    /// q(z|x) for x `[examples, pixels]`.
    pub fn posterior(&self, x: Tensor<B, 2>) -> DiagonalGaussian<B> {
        let hidden = self.encoder.forward(x); // [examples, hidden]
        DiagonalGaussian {
            mean: self.mean.forward(hidden.clone()), // [examples, latent]
            log_var: self.log_var.forward(hidden),   // [examples, latent]
        }
    }

    /// The model with its output bias at the log-odds of `mean`, `[pixels]` in [0, 1].
    #[must_use]
    pub fn with_output_bias(mut self, mean: &[f32]) -> Self {
        let logits: Vec<f32> = mean
            .iter()
            .map(|m| m.clamp(MEAN_MARGIN, 1.0 - MEAN_MARGIN))
            .map(|m| (m / (1.0 - m)).ln())
            .collect();
        let bias = &self.output.bias;
        let (id, device) = (bias.id, bias.val().device());
        let tensor = Tensor::from_data(TensorData::new(logits, [mean.len()]), &device);
        self.output.bias = Param::initialized(id, tensor.require_grad());
        self
    }
}

impl<B: Backend> Autoencoder<B> for Model<B> {
    fn input_dim(&self) -> usize {
        self.output.outputs()
    }

    fn latent_dim(&self) -> usize {
        self.mean.outputs()
    }

    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        Posterior::Gaussian(self.posterior(x))
    }

    fn measure(&self) -> Measure {
        if self.output_log_var.is_some() {
            return Measure::Density;
        }
        Measure::of_levels(self.output_scale.is_some())
    }

    fn network(&self) -> Result<Network, String> {
        let encoder = Coder {
            trunk: Trunk::of(Input::Image, layers_of(&self.encoder)),
            mean: vec![Layer::from(&self.mean)],
            log_var: Some(vec![Layer::from(&self.log_var)]),
        };
        let mut output = vec![Layer::from(&self.output)];
        let pixels = match (&self.output_scale, &self.output_log_var) {
            (Some(scale), _) => Pixels::Logistic(scale.log_scales()),
            (None, Some(log_var)) => {
                output.push(Layer::Apply(Activation::Sigmoid));
                let layers = vec![Layer::from(log_var)];
                Pixels::Gaussian(LogVar::Layers { layers, least: LEAST_LOG_VAR })
            }
            (None, None) => Pixels::Bernoulli,
        };
        let decoder = Decoder::of(vec![Input::Code], layers_of(&self.decoder), output, pixels);
        Ok(Network {
            encoder,
            decoder,
            prior: Prior::Standard,
            condition: Condition::None,
            classes: None,
        })
    }

    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        let hidden = self.decoder.forward(z); // [examples, hidden]
        // Every tensor below is [examples, pixels].
        if let Some(scale) = &self.output_scale {
            return scale.likelihood(self.output.forward(hidden));
        }
        match &self.output_log_var {
            None => Likelihood::Bernoulli { logits: self.output.forward(hidden) },
            Some(log_var) => Likelihood::Gaussian {
                mean: activation::sigmoid(self.output.forward(hidden.clone())),
                log_var: log_var.forward(hidden).clamp_min(LEAST_LOG_VAR),
            },
        }
    }
}
