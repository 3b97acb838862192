//! Denoising pre-training (Vincent et al. 2010, section 3.1, of all layers at once): -log p(x|h(x~)), nats.

use shared::{
    Backend,
    data::Batch,
    train::{self, Moment, Terms},
};

use crate::{encoder::Normalising, network::Network};

/// The cross-entropy of clean pixels, reproduced from the last hidden layer of a noisy pass.
#[derive(Clone, Copy, Debug)]
pub struct DenoisingObjective;

impl<B: Backend> train::Objective<B, Network<B>> for DenoisingObjective {
    fn terms(&self, model: &Network<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let noise = model.encoder.noise_of(batch);
        let groups = [batch.len()];
        let noisy = model.encoder.pass(batch.x.clone(), Some(noise), Normalising::ByBatch(&groups));
        let loss = model.likelihood(noisy.hidden).log_prob(batch.x.clone()).neg();
        Terms { named: vec![("reconstruction", loss.clone())], loss }
    }
}
