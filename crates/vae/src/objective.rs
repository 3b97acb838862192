//! The two objectives: the ELBO with L samples and the importance-weighted bound with k.
//!
//! Kingma & Welling 2014, equation 10, for one image:
//!
//! ```text
//! L(theta, phi; x) ~= 1/2 sum_j (1 + log sigma_j^2 - mu_j^2 - sigma_j^2)
//!                     + 1/L sum_{l = 1..L} log p_theta(x | z^(l))
//! z^(l) = mu + sigma * eps^(l),  eps^(l) ~ N(0, I)
//! ```
//!
//! Burda et al. 2016, equation 8, where h is our z:
//!
//! ```text
//! L_k(x) = E_{h_1, ..., h_k ~ q(h|x)} [ log 1/k sum_{i = 1..k} p(x, h_i) / q(h_i|x) ]
//! ```

use burn::tensor::Tensor;
use shared::{
    Backend,
    autoencoder::Autoencoder,
    bound::{ElboTerms, charged_kl, elbo_terms, log_mean_exp, log_weights},
    data::Batch,
    train::{self, Moment, Terms},
};

use crate::{
    config::{Bound, ObjectiveConfig},
    model::Model,
};

/// Minus a bound on log p(x), in nats per example.
///
/// - `elbo`: reconstruction + w sum_j max(KL_j, free), with w rising from 0 to 1 during the
///   warm-up and KL_j the mean over the batch of latent j's KL (free bits as in Kingma et al.
///   2016). With neither it is -ELBO exactly (Kingma & Welling 2014, equation 10).
/// - `iwae`: -log (1/k) sum_i w_i (Burda et al. 2016, equation 8).
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    config: ObjectiveConfig,
}

impl Objective {
    /// The objective of this configuration.
    pub fn new(config: ObjectiveConfig) -> Self {
        Self { config }
    }

    /// Weight of the KL at this moment.
    fn kl_weight(&self, at: Moment) -> f64 {
        at.warmed_up(0.0, self.config.kl_warmup_epochs)
    }
}

impl<B: Backend> train::Objective<B, Model<B>> for Objective {
    fn terms(&self, model: &Model<B>, batch: &Batch<B>, at: Moment) -> Terms<B> {
        let x = batch.x.clone();
        let posterior = model.posterior(x.clone());
        let eps = batch.eps(self.config.samples, model.latent_dim());
        match self.config.bound {
            Bound::Elbo => self.elbo(elbo_terms(model, &posterior, x, None, eps), at),
            Bound::Iwae => iwae(log_weights(model, &posterior, x, None, eps)),
        }
    }

    /// Free bits are a maximum over a batch's mean, which the size of the batch moves.
    fn depends_on_batch(&self, _: &Model<B>) -> bool {
        self.config.free_bits > 0.0
    }

    fn is_settled(&self, _: &Model<B>, at: Moment) -> bool {
        at.epochs >= self.config.kl_warmup_epochs
    }
}

impl Objective {
    fn elbo<B: Backend>(&self, terms: ElboTerms<B>, at: Moment) -> Terms<B> {
        let ElboTerms { reconstruction, kl_per_latent } = terms;
        let [kl, charged] = charged_kl(kl_per_latent, self.config.free_bits);
        let loss = reconstruction.clone() + charged.mul_scalar(self.kl_weight(at));
        Terms { named: vec![("reconstruction", reconstruction), ("kl", kl)], loss }
    }
}

fn iwae<B: Backend>(log_weights: Tensor<B, 2>) -> Terms<B> {
    // The mean log-weight is an estimate of the ELBO from the same samples.
    let negative_elbo = log_weights.clone().mean_dim(0).squeeze_dim::<1>(0).neg();
    let loss = log_mean_exp(log_weights).neg();
    Terms { named: vec![("negative_elbo", negative_elbo)], loss }
}
