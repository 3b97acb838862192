//! The two objectives of M1: the bound without labels, then the labels on fixed codes.

use shared::{
    Backend,
    autoencoder::Autoencoder,
    bound::{ElboTerms, elbo_terms},
    data::Batch,
    likelihood::row_sums,
    train::{self, Moment, Terms},
};

use crate::{
    labels::{LabelTerms, Labelled},
    m1::M1,
};

/// -ELBO, nats (Kingma et al. 2014, equation 5), one draw of z.
#[derive(Clone, Copy, Debug)]
pub struct ElboObjective;

impl<B: Backend> train::Objective<B, M1<B>> for ElboObjective {
    fn terms(&self, model: &M1<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let x = batch.x.clone();
        let posterior = model.posterior(x.clone());
        let eps = batch.eps(1, model.latent_dim());
        let ElboTerms { reconstruction, kl_per_latent } =
            elbo_terms(model, &posterior, x, None, eps);
        let kl = row_sums(kl_per_latent);
        let loss = reconstruction.clone() + kl.clone();
        Terms { named: vec![("reconstruction", reconstruction), ("kl", kl)], loss }
    }
}

/// -log p(label|z), nats, with z ~ q(z|x) of the fixed encoder.
#[derive(Clone, Debug)]
pub struct SoftmaxObjective {
    /// The labelled images.
    pub labelled: Labelled,
}

impl<B: Backend> train::Objective<B, M1<B>> for SoftmaxObjective {
    fn terms(&self, model: &M1<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let labelled = self.labelled.draw(batch);
        let posterior = model.fixed_posterior(labelled.x.clone());
        let z = posterior.reparameterise(labelled.eps(1, model.latent_dim()));
        let log_p = model.log_classes_of(z);
        let LabelTerms { label, error } = self.labelled.terms(log_p, &labelled, batch);
        Terms { named: vec![("label", label.clone()), ("label_error", error)], loss: label }
    }
}
