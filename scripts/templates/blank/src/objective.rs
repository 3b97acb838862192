//! What is minimised.

use shared::{
    Backend,
    autoencoder::Autoencoder,
    data::Batch,
    train::{Moment, Objective, Terms},
};

use crate::model::BlankModel;

/// -log p(x|z(x)): the reconstruction alone, in nats for each example.
#[derive(Clone, Copy, Debug)]
pub struct BlankObjective;

impl<B: Backend> Objective<B, BlankModel<B>> for BlankObjective {
    fn terms(&self, model: &BlankModel<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let x = batch.x.clone();
        let reconstruction = model.decode(model.code(x.clone()), None).log_prob(x).neg();
        Terms { named: vec![("reconstruction", reconstruction.clone())], loss: reconstruction }
    }
}
