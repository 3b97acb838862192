//! One of the models.

use burn::{module::Module, tensor::Tensor};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    likelihood::Likelihood,
    network::Network as Layers,
    noise::Noise,
    posterior::Posterior,
};

use crate::{
    config::{Config, Kind},
    ladder::Ladder,
    m1::M1,
    m2::M2,
    network::Network,
    stacked::Stacked,
};

/// A model that `[model] kind` names.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // One of them exists.
pub enum Model<B: Backend> {
    /// `supervised`, `reconstruction`, `denoising`.
    Network(Network<B>),
    /// `ladder`.
    Ladder(Ladder<B>),
    /// `m1`.
    M1(M1<B>),
    /// `m2`.
    M2(M2<B>),
    /// `m1-m2`.
    Stacked(Stacked<B>),
}

impl<B: Backend> Model<B> {
    /// The configured model with fresh weights for inputs of width `input`.
    pub fn new(config: &Config, input: usize, noise: Noise, device: &B::Device) -> Self {
        match config.model.kind {
            Kind::Supervised | Kind::Reconstruction | Kind::Denoising => {
                Self::Network(Network::new(config, input, noise, device))
            }
            Kind::Ladder => Self::Ladder(Ladder::new(config, input, noise, device)),
            Kind::M1 => Self::M1(M1::new(&config.m1, config.labels, input, noise, device)),
            Kind::M2 => Self::M2(M2::on_pixels(config, input, noise, device)),
            Kind::M1M2 => Self::Stacked(Stacked::new(config, input, noise, device)),
        }
    }
}

/// The same call of whichever model there is.
macro_rules! of_each {
    ($model:expr, $it:ident => $call:expr) => {
        match $model {
            Model::Network($it) => $call,
            Model::Ladder($it) => $call,
            Model::M1($it) => $call,
            Model::M2($it) => $call,
            Model::Stacked($it) => $call,
        }
    };
}

impl<B: Backend> Autoencoder<B> for Model<B> {
    fn input_dim(&self) -> usize {
        of_each!(self, it => it.input_dim())
    }

    fn latent_dim(&self) -> usize {
        of_each!(self, it => it.latent_dim())
    }

    fn condition(&self, x: &Tensor<B, 2>, labels: &[u8]) -> Option<Tensor<B, 2>> {
        of_each!(self, it => it.condition(x, labels))
    }

    fn condition_of_classes(&self, labels: &[u8], device: &B::Device) -> Option<Tensor<B, 2>> {
        of_each!(self, it => it.condition_of_classes(labels, device))
    }

    fn encode(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Posterior<B> {
        of_each!(self, it => it.encode(x, given))
    }

    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B> {
        of_each!(self, it => it.decode(z, given))
    }

    fn has_decoder(&self) -> bool {
        of_each!(self, it => it.has_decoder())
    }

    fn has_prior(&self) -> bool {
        of_each!(self, it => it.has_prior())
    }

    fn has_bound(&self) -> bool {
        of_each!(self, it => it.has_bound())
    }

    fn network(&self) -> Result<Layers, String> {
        of_each!(self, it => it.network())
    }

    fn scored(&self) -> Option<String> {
        of_each!(self, it => it.scored())
    }

    fn log_classes(&self, x: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        of_each!(self, it => it.log_classes(x))
    }
}
