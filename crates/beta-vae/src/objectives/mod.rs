//! The losses: one file per objective, with its settings in `[objective]`, its equation and its law.
//! To add one, add a file, its module and its line in the list below.
#![allow(clippy::large_enum_variant)] // A program has one loss.

use burn::{module::Module, tensor::Tensor};
use serde::{Deserialize, Serialize};
use shared::{
    Backend,
    data::Batch,
    nn::Initialiser,
    posterior::DiagonalGaussian,
    train::{Moment, Terms},
};

use choice::choice;

pub mod beta;
pub mod capacity;
mod choice;
pub mod factor;
pub mod tc;

choice! {
    /// Higgins et al. 2017.
    beta::Beta,
    /// Burgess et al. 2018.
    capacity::Capacity,
    /// Chen et al. 2018, beta-TCVAE.
    tc::Tc,
    /// Kim & Mnih 2018, FactorVAE.
    factor::Factor,
}

/// The settings in `[objective]` of one kind.
pub trait Settings: Sized {
    /// The loss: these settings, with its own networks.
    type Loss<B: Backend>: Loss<B>;

    /// Settings for laws to try.
    fn example() -> Self;

    /// What is wrong between the settings, if anything.
    fn problem(&self) -> Option<String> {
        None
    }

    /// What a sweep varies: the weight (beta, or gamma where that is the paper's name), or the capacity.
    fn strength(&self) -> f64;

    /// Advice against a collapsed posterior, beginning with the option.
    fn against_collapse(&self) -> String;

    /// The loss of codes of width `latent`, its networks fresh.
    fn loss<B: Backend>(&self, latent: usize, init: &mut Initialiser<'_, B>) -> Self::Loss<B>;
}

/// A loss to be minimised.
pub trait Loss<B: Backend>: Module<B> {
    /// The loss of a batch, nats per example, `[examples]`, and its terms beyond those in
    /// [`Encoded`].
    fn terms(&self, encoded: &Encoded<'_, B>) -> Terms<B>;

    /// True if it compares each example with the others of the batch.
    fn depends_on_batch(&self) -> bool {
        false
    }

    /// False while it still changes from epoch to epoch.
    fn is_settled(&self, _at: Moment) -> bool {
        true
    }
}

/// A batch, its codes, and the two terms of -ELBO.
pub struct Encoded<'a, B: Backend> {
    /// The images.
    pub batch: &'a Batch<B>,
    /// q(z|x).
    pub posterior: DiagonalGaussian<B>,
    /// -log p(x|z) for the [draw](Self::draw), nats, `[examples]`.
    pub reconstruction: Tensor<B, 1>,
    /// KL(q(z|x) || p(z)) in closed form, nats, `[examples]`.
    pub kl: Tensor<B, 1>,
    /// Position in the training.
    pub at: Moment,
}

impl<B: Backend> Encoded<'_, B> {
    /// A draw from q(z|x) for each example, `[examples, latent]`.
    pub fn draw(&self) -> Tensor<B, 2> {
        self.posterior.reparameterise(self.batch.eps(1, self.posterior.mean.dims()[1]))
    }
}
