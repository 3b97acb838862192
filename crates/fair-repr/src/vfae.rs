//! The networks of the variational fair autoencoder (Louizos et al. 2016, figure 2), and of the
//! plain VAE it is compared with.

use std::rc::Rc;

use burn::{
    module::{Module, Param},
    tensor::{Tensor, activation},
};
use ndarray::{Array1, Array2};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    likelihood::Likelihood,
    nn::{Activation, Dense, GaussianMlp, Init, Initialiser, Mlp, join},
    noise::Noise,
    posterior::{DiagonalGaussian, Posterior},
};

use crate::{
    config::{Config, Kind},
    linear::parameter,
    row::{Row, given_s},
};

/// q(z1|x, s), p(x|z1, s) and q(y|z1), with a second layer of latents z2 above. Without `upper` and
/// without s it is a plain VAE, and its classifier a logistic regression fitted afterwards.
#[derive(Module, Debug)]
pub struct FairVae<B: Backend> {
    encoder: GaussianMlp<B>,
    decoder: Mlp<B>,
    output: Dense<B>,
    /// 1 for features that are 0 or 1; not fitted, `[features]`.
    binary: Param<Tensor<B, 1>>,
    /// q(y|z1), `[latent, 2]`.
    pub classifier: Dense<B>,
    /// The layer above z1.
    pub upper: Option<Upper<B>>,
    #[module(skip)]
    knows_s: bool,
}

/// q(z2|z1, y) and p(z1|z2, y); p(z2) = N(0, I).
#[derive(Module, Debug)]
pub struct Upper<B: Backend> {
    encoder: GaussianMlp<B>,
    prior: GaussianMlp<B>,
}

impl<B: Backend> Upper<B> {
    /// q(z2|z1, y), y with a single one, `[people, 2]`.
    pub fn encode(&self, z1: Tensor<B, 2>, y: Tensor<B, 2>) -> DiagonalGaussian<B> {
        let input = join(z1, y); // [people, latent + 2]
        self.encoder.forward(input) // [people, upper], mean and log-variance
    }

    /// p(z1|z2, y).
    pub fn prior(&self, z2: Tensor<B, 2>, y: Tensor<B, 2>) -> DiagonalGaussian<B> {
        let input = join(z2, y); // [people, upper + 2]
        self.prior.forward(input) // [people, latent], mean and log-variance
    }

    /// Width of z2.
    pub fn latent(&self) -> usize {
        self.encoder.outputs()
    }
}

impl<B: Backend> FairVae<B> {
    /// Freshly drawn networks for inputs of this width, the sensitive attribute included.
    pub fn new(config: &Config, input: usize, noise: Noise, device: &B::Device) -> Self {
        let init = &mut Initialiser::new(Init::Glorot, noise, device);
        let (latent, hidden, features) = (config.model.latent, &config.vfae.hidden, input - 1);
        let is_fair = config.model.kind == Kind::Vfae;
        let (s, width) = (usize::from(is_fair), config.vfae.upper);
        let relu = Activation::Relu;
        let mirrored: Vec<usize> = hidden.iter().rev().copied().collect();
        let top = mirrored.last().copied().unwrap_or(latent + s);
        Self {
            encoder: GaussianMlp::new(features + s, hidden, latent, relu, init),
            decoder: Mlp::new(latent + s, &mirrored, relu, init),
            output: Dense::new(top, features, Activation::Linear, init),
            binary: init.parameter(vec![0.0; features], [features]).set_require_grad(false),
            classifier: Dense::new(latent, 2, Activation::Linear, init),
            upper: is_fair.then(|| Upper {
                encoder: GaussianMlp::new(latent + 2, hidden, width, relu, init),
                prior: GaussianMlp::new(width + 2, hidden, latent, relu, init),
            }),
            knows_s: is_fair,
        }
    }

    /// The same model, with the features marked that are 0 or 1.
    #[must_use]
    pub fn with_binary(mut self, binary: &[bool], device: &B::Device) -> Self {
        let values: Vec<f64> = binary.iter().map(|&b| f64::from(u8::from(b))).collect();
        let id = self.binary.id;
        self.binary = parameter(0, &values, [values.len()], device).set_require_grad(false);
        self.binary.id = id;
        self
    }

    /// The same with a classifier of these weights `[latent, 2]` and biases `[2]`.
    #[must_use]
    pub fn with_classifier(mut self, slopes: &Array2<f64>, biases: &Array1<f64>) -> Self {
        let device = self.classifier.weight.val().device();
        let (weight, bias) = (self.classifier.weight.id, self.classifier.bias.id);
        self.classifier.weight = parameter(0, slopes, slopes.dim().into(), &device);
        self.classifier.bias = parameter(0, biases, [2], &device);
        (self.classifier.weight.id, self.classifier.bias.id) = (weight, bias);
        self
    }

    /// Width of a row without its sensitive attribute.
    pub fn features(&self) -> usize {
        self.output.outputs()
    }

    /// Width of z1.
    pub fn latent(&self) -> usize {
        self.encoder.outputs()
    }

    /// q(z1|x, s) of rows whose last column is s.
    pub fn posterior(&self, x: Tensor<B, 2>) -> DiagonalGaussian<B> {
        let width = self.features() + usize::from(self.knows_s);
        let input = x.narrow(1, 0, width); // [people, features + 1]; without s [people, features]
        self.encoder.forward(input) // [people, latent], mean and log-variance
    }

    /// p(x|z1, s), `s` `[people, 1]`: Bernoulli features, and Gaussian ones with the variance 1 that
    /// they are standardised to. (With a learned variance, the density of features that follow from
    /// others is unbounded and dominates the loss.)
    pub fn likelihood(&self, z1: Tensor<B, 2>, s: Tensor<B, 2>) -> Likelihood<B> {
        // [people, latent + 1]; without s [people, latent]
        let input = if self.knows_s { join(z1, s.clone()) } else { z1 };
        let binary = self.binary.val().unsqueeze(); // [1, features]
        let natural = self.output.forward(self.decoder.forward(input)); // [people, features]
        Likelihood::Own(Rc::new(Row { natural, binary, given: s }))
    }

    /// log q(y|z1), `[people, 2]`.
    pub fn log_classes(&self, z1: Tensor<B, 2>) -> Tensor<B, 2> {
        activation::log_softmax(self.classifier.forward(z1), 1)
    }
}

impl<B: Backend> Autoencoder<B> for FairVae<B> {
    fn input_dim(&self) -> usize {
        self.features() + 1
    }

    fn latent_dim(&self) -> usize {
        self.latent()
    }

    /// s.
    fn condition(&self, x: &Tensor<B, 2>, _: &[u8]) -> Option<Tensor<B, 2>> {
        Some(x.clone().narrow(1, self.features(), 1))
    }

    /// q(z1|x, s).
    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        Posterior::Gaussian(self.posterior(x))
    }

    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B> {
        let s = given_s(&z, given); // [people, 1]
        self.likelihood(z, s)
    }

    /// False with z2 above z1.
    fn has_bound(&self) -> bool {
        self.upper.is_none()
    }
}
