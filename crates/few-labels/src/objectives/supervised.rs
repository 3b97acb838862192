//! Output the label: -log p(y|x~), nats, x~ noisy in every layer.

use shared::{
    Backend,
    data::Batch,
    train::{self, Moment, Terms},
};

use crate::{
    encoder::{Normalising, Pass},
    labels::{LabelTerms, Labelled},
    network::Network,
};

/// -log p(label), of labelled images alone.
#[derive(Clone, Debug)]
pub struct SupervisedObjective {
    /// The labelled images.
    pub labelled: Labelled,
}

/// A pass of a batch: with noise in training, without in validation.
pub(super) fn pass<B: Backend>(model: &Network<B>, batch: &Batch<B>) -> Pass<B> {
    let noise = (!batch.is_validation()).then(|| model.encoder.noise_of(batch));
    model.encoder.pass(batch.x.clone(), noise, Normalising::ByBatch(&[batch.len()]))
}

impl<B: Backend> train::Objective<B, Network<B>> for SupervisedObjective {
    fn terms(&self, model: &Network<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let labelled = self.labelled.draw(batch);
        let log_p = pass(model, &labelled).log_p;
        let LabelTerms { label, error } = self.labelled.terms(log_p, &labelled, batch);
        Terms { named: vec![("label", label.clone()), ("label_error", error)], loss: label }
    }
}
