//! The objective of the variational fair autoencoder (Louizos et al. 2016, equations 5 to 9).
//!
//! The bound for a person whose target y is seen, maximised:
//!
//! ```text
//! L_s = E_{q(z1|x, s)} [ log p(x|z1, s) - KL(q(z2|z1, y) || p(z2)) ]
//!       - E_{q(z1|x, s) q(z2|z1, y)} KL(q(z1|x, s) || p(z1|z2, y))
//! ```
//!
//! The paper's last term is E [log p(z1|z2, y) - log q(z1|x, s)] at the z1 from which z2 was drawn. Here z1 is
//! integrated out for each z2, which is the bound of a posterior q(z1|x, s) q(z2|x, y) with z2 independent of z1,
//! or below it: less noise, and z2 gains nothing by knowing the noise of z1.
//!
//! The prediction term and the MMD penalty are added below, as the loss is minimised.

use burn::tensor::Tensor;
use shared::{
    Backend,
    data::{Batch, one_hot},
    likelihood::row_sums,
    noise::{Noise, Stream},
    train::{self, Moment, Terms},
};

use crate::{
    config::{Config, Estimate, VfaeConfig},
    discrepancy::Discrepancy,
    vfae::{FairVae, Upper},
};

/// Nats for each person, one sample of each latent:
///
/// -log p(x|z1, s) + KL(q(z1|x, s) || p(z1|z2, y)) + KL(q(z2|z1, y) || p(z2)) - alpha log q(y|z1)
/// + lambda MMD(z1|s = 0, z1|s = 1);
///
/// where the target is not seen, the two KL are averaged over q(y|z1), KL(q(y|z1) || 1/2) is added,
/// and alpha's term is not there. A plain VAE has -log p(x|z) + KL(q(z|x) || N(0, I)) alone.
#[derive(Clone, Debug)]
pub struct Objective {
    config: VfaeConfig,
    discrepancy: Discrepancy,
}

impl Objective {
    /// As configured.
    pub fn new(config: &Config, noise: Noise) -> Self {
        let (vfae, latent) = (config.vfae.clone(), config.model.latent);
        let gamma = vfae.bandwidth * latent as f64;
        let discrepancy = Discrepancy::new(latent, vfae.features, gamma, noise);
        Self { config: vfae, discrepancy }
    }
}

impl<B: Backend> train::Objective<B, FairVae<B>> for Objective {
    /// The biased estimate of the discrepancy is larger in smaller batches.
    fn depends_on_batch(&self, model: &FairVae<B>) -> bool {
        model.upper.is_some() && self.config.estimate == Estimate::Biased
    }

    fn terms(&self, model: &FairVae<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let x = batch.x.clone();
        let s = x.clone().narrow(1, model.features(), 1);
        let posterior = model.posterior(x.clone());
        let latent = model.latent();
        let above = model.upper.as_ref().map_or(0, Upper::latent);
        let eps = batch.eps(1, latent + above);
        let z1 = posterior.reparameterise(eps.clone().narrow(1, 0, latent));
        let reconstruction = model.likelihood(z1.clone(), s.clone()).log_prob(x).neg();
        let Some(upper) = &model.upper else {
            let kl = row_sums(posterior.kl_per_latent());
            let loss = reconstruction.clone() + kl.clone();
            return Terms { named: vec![("reconstruction", reconstruction), ("kl", kl)], loss };
        };

        let eps = eps.narrow(1, latent, above);
        let kl_given = |y: Tensor<B, 2>| {
            let q2 = upper.encode(z1.clone(), y.clone());
            let prior = upper.prior(q2.reparameterise(eps.clone()), y);
            row_sums(posterior.kl_to(&prior)) + row_sums(q2.kl_per_latent())
        };
        let log_q = model.log_classes(z1.clone());
        let y = batch.one_hot(2);
        let log_q_of_y = row_sums(log_q.clone() * y.clone());
        let (kl, prediction) = if self.config.labelled < 1.0 {
            let seen = batch.chosen(Stream::Subset, self.config.labelled);
            let q = log_q.clone().exp();
            let everybody = |class: u8| one_hot(&vec![class; batch.len()], 2, &q.device());
            let of_class = |class: u8| {
                let weight = q.clone().narrow(1, usize::from(class), 1).squeeze_dim::<1>(1);
                kl_given(everybody(class)) * weight
            };
            let negative_entropy = row_sums(q.clone() * log_q).add_scalar(2f32.ln());
            let unseen = of_class(0) + of_class(1) + negative_entropy;
            let kl = kl_given(y);
            (unseen.clone() + (kl - unseen) * seen.clone(), log_q_of_y.neg() * seen)
        } else {
            (kl_given(y), log_q_of_y.neg())
        };
        let mmd = self.discrepancy.of(z1, s, self.config.estimate).expand([batch.len()]);
        let loss = reconstruction.clone()
            + kl.clone()
            + prediction.clone().mul_scalar(self.config.prediction)
            + mmd.clone().mul_scalar(self.config.mmd);
        let named = vec![
            ("reconstruction", reconstruction),
            ("kl", kl),
            ("prediction", prediction),
            ("mmd", mmd),
        ];
        Terms { named, loss }
    }
}
