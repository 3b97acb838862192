//! The objective of a training step: the loss that the model carries.

use shared::{
    Backend,
    autoencoder::Autoencoder,
    bound::{ElboTerms, elbo_terms},
    data::Batch,
    likelihood::row_sums,
    train::{self, Moment, Terms, latent_term},
};

use crate::{
    model::Vae,
    objectives::{Encoded, Loss},
};

/// The loss of the model, which carries it because a loss may have its own networks.
#[derive(Clone, Copy, Debug)]
pub struct Objective;

impl<B: Backend> train::Objective<B, Vae<B>> for Objective {
    fn terms(&self, model: &Vae<B>, batch: &Batch<B>, at: Moment) -> Terms<B> {
        let x = batch.x.clone();
        let posterior = model.posterior(x.clone());
        let eps = batch.eps(1, model.latent_dim());
        let ElboTerms { reconstruction, kl_per_latent } =
            elbo_terms(model, &posterior, x, None, eps);
        let kl = row_sums(kl_per_latent.clone());
        let encoded = Encoded { batch, posterior, reconstruction, kl, at };
        let Terms { named: own, loss } = model.loss.terms(&encoded);
        let Encoded { reconstruction, kl, .. } = encoded;
        let mut named = vec![("reconstruction", reconstruction), ("kl", kl)];
        named.extend(own);
        for (latent, kl) in kl_per_latent.split(1, 1).into_iter().enumerate() {
            named.push((latent_term(latent), kl.squeeze_dim(1)));
        }
        Terms { named, loss }
    }

    fn depends_on_batch(&self, model: &Vae<B>) -> bool {
        model.loss.depends_on_batch()
    }

    fn is_settled(&self, model: &Vae<B>, at: Moment) -> bool {
        model.loss.is_settled(at)
    }
}
