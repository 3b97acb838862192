//! One model type for both papers and their baselines.
#![allow(clippy::large_enum_variant)] // A program has one model.

use std::rc::Rc;

use burn::{
    module::Module,
    tensor::{Tensor, activation},
};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    likelihood::Likelihood,
    posterior::Posterior,
};

use crate::{
    linear::LinearModel,
    prototypes::Prototypes,
    randomised::RandomisedClassifier,
    row::{Row, given_s},
    vfae::FairVae,
};

/// A representation of rows whose last column is the sensitive attribute, and a prediction of the
/// target from it.
#[derive(Module, Debug)]
pub enum Model<B: Backend> {
    /// Baselines.
    Linear(LinearModel<B>),
    /// Agarwal et al. 2018.
    Randomised(RandomisedClassifier<B>),
    /// Zemel et al. 2013.
    Prototypes(Prototypes<B>),
    /// Louizos et al. 2016, and the plain VAE.
    Variational(FairVae<B>),
}

impl<B: Backend> Autoencoder<B> for Model<B> {
    fn input_dim(&self) -> usize {
        match self {
            Self::Linear(model) => model.inputs(),
            Self::Randomised(model) => model.inputs(),
            Self::Prototypes(model) => model.features() + 1,
            Self::Variational(model) => model.input_dim(),
        }
    }

    fn latent_dim(&self) -> usize {
        match self {
            Self::Linear(model) => model.latent(),
            Self::Randomised(model) => model.latent(),
            Self::Prototypes(model) => model.latent(),
            Self::Variational(model) => model.latent(),
        }
    }

    /// s.
    fn condition(&self, x: &Tensor<B, 2>, _: &[u8]) -> Option<Tensor<B, 2>> {
        Some(x.clone().narrow(1, self.input_dim() - 1, 1))
    }

    /// The code: M of prototypes, q(z1|x, s).
    fn encode(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Posterior<B> {
        match self {
            Self::Linear(model) => Posterior::Point(model.encode(x)),
            Self::Randomised(model) => Posterior::Point(model.encode(x)),
            Self::Prototypes(model) => Posterior::Point(model.encode(x)),
            Self::Variational(model) => model.encode(x, given),
        }
    }

    /// False with z2 above z1.
    fn has_bound(&self) -> bool {
        match self {
            Self::Variational(model) => model.has_bound(),
            Self::Linear(_) | Self::Randomised(_) | Self::Prototypes(_) => true,
        }
    }

    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B> {
        let s = given_s(&z, given); // [people, 1]
        let features = self.input_dim() - 1;
        // [people, features]
        let natural = match self {
            Self::Variational(model) => return model.decode(z, given),
            Self::Linear(model) => model.decode(z).narrow(1, 0, features),
            Self::Randomised(_) => z.narrow(1, 0, features),
            Self::Prototypes(model) => model.decode(z),
        };
        let zeros = Tensor::zeros([1, features], &natural.device());
        Likelihood::Own(Rc::new(Row { natural, binary: zeros, given: s }))
    }

    fn log_classes(&self, x: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        let z = self.encode(x, None).mean(); // [people, latent]
        Some(match self {
            Self::Linear(model) => activation::log_softmax(model.scores(z), 1),
            Self::Randomised(model) => model.log_classes(z),
            Self::Prototypes(model) => model.log_classes(z),
            Self::Variational(model) => model.log_classes(z),
        })
    }

    fn scored(&self) -> Option<String> {
        Some("all columns but the sensitive one".into())
    }
}
