//! The four objectives, each a loss in nats for each example, to be minimised.

use burn::{module::Module, tensor::Tensor};
use shared::{
    Backend,
    autoencoder::Autoencoder,
    bound::{ElboTerms, elbo_terms},
    data::Batch,
    likelihood::row_sums,
    noise::{Stream, uniform},
    train::{Moment, Objective, Terms, latent_term},
};

use crate::{
    config::ObjectiveConfig,
    discriminator::shuffle_latents,
    model::BetaVae,
    total_correlation::{Decomposition, decompose},
};

/// What is minimised, by kind:
///
/// - `beta`: reconstruction + beta KL (Higgins et al. 2017, equation 4). With beta = 1 it is -ELBO.
/// - `capacity`: reconstruction + gamma |KL - C|, with KL the mean over the batch and C rising
///   linearly (Burgess et al. 2018, equation 8).
/// - `tc`: reconstruction + alpha I(x; z) + beta TC + gamma sum_j KL_j (Chen et al. 2018, equation 4),
///   with the aggregate posterior of the batch ([`decompose`]).
/// - `factor`: reconstruction + KL + gamma log-ratio of the discriminator (Kim & Mnih 2018, equation 2),
///   and the discriminator's own cross-entropy; neither moves the other's weights.
#[derive(Clone, Debug)]
pub struct BetaObjective {
    config: ObjectiveConfig,
}

impl BetaObjective {
    /// The objective of this configuration.
    pub fn new(config: ObjectiveConfig) -> Self {
        Self { config }
    }

    /// C after `epochs` epochs, nats (Burgess et al. 2018, section 4).
    pub fn capacity(&self, epochs: f64) -> Option<f64> {
        let ObjectiveConfig::Capacity { capacity, epochs: rise, .. } = self.config else {
            return None;
        };
        Some(if rise > 0.0 { capacity * (epochs / rise).min(1.0) } else { capacity })
    }
}

impl<B: Backend> Objective<B, BetaVae<B>> for BetaObjective {
    fn terms(&self, model: &BetaVae<B>, batch: &Batch<B>, at: Moment) -> Terms<B> {
        let x = batch.x.clone();
        let posterior = model.posterior(x.clone());
        let eps = batch.eps(1, model.latent_dim());
        let ElboTerms { reconstruction, kl_per_latent } =
            elbo_terms(model, &posterior, x, None, eps.clone());
        let kl = row_sums(kl_per_latent.clone());
        let mut named = vec![("reconstruction", reconstruction.clone()), ("kl", kl.clone())];
        let loss = match &self.config {
            ObjectiveConfig::Beta { beta } => reconstruction + kl.mul_scalar(*beta),
            ObjectiveConfig::Capacity { gamma, .. } => {
                let capacity = self.capacity(at.epochs).unwrap_or_default();
                let distance = kl.clone().mean().sub_scalar(capacity).abs();
                reconstruction + distance.expand(kl.dims()).mul_scalar(*gamma)
            }
            ObjectiveConfig::Tc { alpha, beta, gamma } => {
                let z = posterior.reparameterise(eps);
                let parts = decompose(&posterior, z);
                let Decomposition { mutual_information, total_correlation, dimension_wise_kl } =
                    parts;
                named.push(("mutual_information", mutual_information.clone()));
                named.push(("total_correlation", total_correlation.clone()));
                named.push(("dimension_wise_kl", dimension_wise_kl.clone()));
                reconstruction
                    + mutual_information.mul_scalar(*alpha)
                    + total_correlation.mul_scalar(*beta)
                    + dimension_wise_kl.mul_scalar(*gamma)
            }
            ObjectiveConfig::Factor { gamma, .. } => {
                let z = posterior.reparameterise(eps);
                let (ratio, cross_entropy) = adversarial(model, batch, z);
                named.push(("total_correlation", ratio.clone()));
                named.push(("discriminator", cross_entropy.clone()));
                reconstruction + kl + ratio.mul_scalar(*gamma) + cross_entropy
            }
        };
        for (latent, kl) in kl_per_latent.split(1, 1).into_iter().enumerate() {
            named.push((latent_term(latent), kl.squeeze_dim(1)));
        }
        Terms { named, loss }
    }

    fn is_settled(&self, at: Moment) -> bool {
        match self.config {
            ObjectiveConfig::Capacity { epochs, .. } => at.epochs >= epochs,
            _ => true,
        }
    }
}

/// The discriminator's log-ratio of `z`, which moves the encoder alone, and its cross-entropy, which
/// moves the discriminator alone.
fn adversarial<B: Backend>(
    model: &BetaVae<B>,
    batch: &Batch<B>,
    z: Tensor<B, 2>,
) -> (Tensor<B, 1>, Tensor<B, 1>) {
    let Some(discriminator) = &model.discriminator else {
        let none = Tensor::zeros([batch.len()], &z.device());
        return (none.clone(), none);
    };
    let codes = z.clone().detach();
    let keys = batch.drawn(Stream::Permute, model.latent_dim(), |random, row| {
        row.iter_mut().for_each(|key| *key = uniform(random));
    });
    let shuffled = shuffle_latents(codes.clone(), &keys);
    (discriminator.clone().no_grad().log_ratio(z), discriminator.cross_entropy(codes, shuffled))
}
