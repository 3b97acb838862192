//! The objectives of Sohn et al. 2015, section 4: baseline, GSNN, CVAE and their mixture.
//!
//! The paper's x is our condition c, and its y our x. It maximises
//!
//! ```text
//! L_CVAE(x, y)   = -KL(q_phi(z|x, y) || p_theta(z|x)) + 1/L sum_l log p_theta(y | x, z^(l))
//!                  with z^(l) ~ q_phi(z|x, y)
//! L_GSNN(x, y)   = 1/L sum_l log p_theta(y | x, z^(l))
//!                  with z^(l) ~ p_theta(z|x)
//! L_hybrid(x, y) = alpha L_CVAE + (1 - alpha) L_GSNN
//! ```

use shared::{
    Backend,
    autoencoder::Autoencoder,
    bound::{elbo_terms, log_likelihoods_from_prior},
    data::Batch,
    likelihood::row_sums,
    train::{self, Moment, Terms},
};

use crate::{
    config::ObjectiveConfig,
    model::{Model, Predictor},
};

/// `nn`: -log p(x|c) of the baseline, nats per example.
#[derive(Clone, Copy, Debug)]
pub struct BaselineObjective;

impl<B: Backend> train::Objective<B, Predictor<B>> for BaselineObjective {
    fn terms(&self, model: &Predictor<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let given = model.condition_of(&batch.x, &batch.labels);
        let loss = model.predict(&given).log_prob(batch.x.clone()).neg();
        Terms { named: Vec::new(), loss }
    }
}

/// The loss of the conditional networks, nats per example, with one sample of z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// `gsnn`: -E_p log p(x|z, c), z from the prior.
    Gsnn,
    /// `cvae`: -E_q log p(x|z, c) + KL(q(z|x, c) || p(z|c)).
    Cvae,
    /// `hybrid`: alpha times the latter plus 1 - alpha times the former.
    Hybrid {
        /// Weight of the bound.
        alpha: f64,
    },
}

impl Objective {
    /// The objective of a configuration; `None` for the baseline, which has no z.
    pub fn new(config: ObjectiveConfig) -> Option<Self> {
        match config {
            ObjectiveConfig::Nn => None,
            ObjectiveConfig::Gsnn => Some(Self::Gsnn),
            ObjectiveConfig::Cvae => Some(Self::Cvae),
            ObjectiveConfig::Hybrid { alpha } => Some(Self::Hybrid { alpha }),
        }
    }
}

impl<B: Backend> train::Objective<B, Model<B>> for Objective {
    fn terms(&self, model: &Model<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let x = &batch.x;
        let given = &model.condition_of(x, &batch.labels);
        let eps = || batch.eps(1, model.latent_dim());
        let mut named = Vec::new();
        let mut bound = || {
            let posterior = model.posterior(x.clone(), Some(given));
            let terms = elbo_terms(model, &posterior, x.clone(), Some(given), eps());
            let kl = row_sums(terms.kl_per_latent);
            named.push(("reconstruction", terms.reconstruction.clone()));
            named.push(("kl", kl.clone()));
            terms.reconstruction + kl
        };
        let from_prior = || {
            let log_p = log_likelihoods_from_prior(model, x.clone(), Some(given), eps());
            log_p.squeeze_dim::<1>(0).neg()
        };
        let loss = match *self {
            Self::Gsnn => from_prior(),
            Self::Cvae => bound(),
            Self::Hybrid { alpha } => {
                let (bound, gsnn) = (bound(), from_prior());
                named.push(("from_prior", gsnn.clone()));
                bound.mul_scalar(alpha) + gsnn.mul_scalar(1.0 - alpha)
            }
        };
        Terms { named, loss }
    }
}
