//! The objectives of the paper: baseline, GSNN, CVAE and their mixture.

use shared::{
    Backend,
    autoencoder::Autoencoder,
    bound::{elbo_terms, log_likelihoods_from_prior},
    data::Batch,
    likelihood::row_sums,
    posterior::Posterior,
    train::{Moment, Objective, Terms},
};

use crate::{config::ObjectiveConfig, model::CvaeModel};

/// What is minimised, nats for each example (Sohn et al. 2015, section 4):
///
/// - `nn`: -log p(x|c) of the baseline.
/// - `cvae`: -E_q log p(x|z, c) + KL(q(z|x, c) || p(z|c)), one sample.
/// - `gsnn`: -E_p log p(x|z, c), z from the prior, one sample.
/// - `hybrid`: alpha of the former and 1 - alpha of the latter.
#[derive(Clone, Copy, Debug)]
pub struct CvaeObjective {
    /// Which.
    pub kind: ObjectiveConfig,
}

impl<B: Backend> Objective<B, CvaeModel<B>> for CvaeObjective {
    fn terms(&self, model: &CvaeModel<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let x = batch.x.clone();
        let given = model.condition(&x, &batch.labels);
        let given = given.as_ref();
        if self.kind == ObjectiveConfig::Nn {
            let log_p = given.and_then(|given| model.predict(given)).map(|p| p.log_prob(x));
            let loss = log_p.unwrap_or_else(|| row_sums(batch.x.zeros_like())).neg();
            return Terms { named: Vec::new(), loss };
        }
        let eps = || batch.eps(1, model.latent_dim());
        let from_prior = |x| {
            let log_p = log_likelihoods_from_prior(model, x, given, eps());
            log_p.squeeze_dim::<1>(0).neg()
        };
        let mut named = Vec::new();
        let bound = match model.encode(x.clone(), given) {
            Posterior::Gaussian(posterior) if self.kind != ObjectiveConfig::Gsnn => {
                let terms = elbo_terms(model, &posterior, x.clone(), given, eps());
                let kl = row_sums(terms.kl_per_latent);
                named.push(("reconstruction", terms.reconstruction.clone()));
                named.push(("kl", kl.clone()));
                Some(terms.reconstruction + kl)
            }
            _ => None,
        };
        let loss = match (self.kind, bound) {
            (ObjectiveConfig::Cvae, Some(bound)) => bound,
            (ObjectiveConfig::Hybrid { alpha }, Some(bound)) => {
                let gsnn = from_prior(x);
                named.push(("from_prior", gsnn.clone()));
                bound.mul_scalar(alpha) + gsnn.mul_scalar(1.0 - alpha)
            }
            _ => from_prior(x),
        };
        Terms { named, loss }
    }
}
