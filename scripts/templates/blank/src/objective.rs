//! What is minimised.

use shared::{
    Backend,
    autoencoder::Autoencoder,
    data::Batch,
    train::{self, Moment, Terms},
};

use crate::model::Model;

/// -log p(x|z(x)): the reconstruction alone, in nats per example.
#[derive(Clone, Copy, Debug)]
pub struct Objective;

impl<B: Backend> train::Objective<B, Model<B>> for Objective {
    fn terms(&self, model: &Model<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let x = batch.x.clone();
        let reconstruction = model.decode(model.code(x.clone()), None).log_prob(x).neg();
        Terms { named: vec![("reconstruction", reconstruction.clone())], loss: reconstruction }
    }
}
