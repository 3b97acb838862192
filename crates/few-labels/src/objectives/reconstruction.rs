//! Output the label and reproduce the input: -log p(y|x~) + w (-log p(x|h(x))), nats, where h is the last hidden
//! layer. It is the honest failure: what reproduces the input need not tell the class.

use shared::{
    Backend,
    data::Batch,
    train::{self, Moment, Terms},
};

use super::supervised::pass;
use crate::{
    encoder::Normalising,
    labels::{LabelTerms, Labelled},
    network::Network,
};

/// The supervised loss of labelled images, and the cross-entropy of all pixels.
#[derive(Clone, Debug)]
pub struct ReconstructionObjective {
    /// The labelled images.
    pub labelled: Labelled,
    /// w.
    pub weight: f64,
}

impl<B: Backend> train::Objective<B, Network<B>> for ReconstructionObjective {
    fn terms(&self, model: &Network<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let labelled = self.labelled.draw(batch);
        let log_p = pass(model, &labelled).log_p;
        let LabelTerms { label, error } = self.labelled.terms(log_p, &labelled, batch);
        let groups = [batch.len()];
        let clean = model.encoder.pass(batch.x.clone(), None, Normalising::ByBatch(&groups));
        let reconstruction = model.likelihood(clean.hidden).log_prob(batch.x.clone()).neg();
        let loss = label.clone() + reconstruction.clone().mul_scalar(self.weight);
        let named =
            vec![("label", label), ("label_error", error), ("reconstruction", reconstruction)];
        Terms { named, loss }
    }
}
