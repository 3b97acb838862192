//! The denoising criterion: restore a layer's clean input x from a corrupted copy x~, with emphasis on
//! the corrupted coordinates J(x~) (Vincent et al. 2010, sections 3.1 and 3.4):
//!
//! ```text
//! x~ ~ q_D(x~|x),  y = f_theta(x~),  z = g_theta'(y)
//! L_H(x, z) = -sum_j [ x_j log z_j + (1 - x_j) log (1 - z_j) ]
//! L_{H, alpha}(x, z) = alpha (-sum_{j in J(x~)}     [ x_j log z_j + (1 - x_j) log (1 - z_j) ])
//!                    + beta  (-sum_{j not in J(x~)} [ x_j log z_j + (1 - x_j) log (1 - z_j) ])
//! ```

use burn::tensor::Tensor;
use shared::{
    Backend,
    data::Batch,
    likelihood::{Likelihood, row_sums},
    operation::softplus,
    train::{self, Moment, Terms},
};

use crate::{corruption::Corruption, model::Model};

/// Cross-entropy of one layer's clean input under its reconstruction from a corrupted input, nats
/// per example (Vincent et al. 2010, section 3.1), with emphasis on the corrupted coordinates
/// (section 3.4). The layers below are fixed and see no corruption.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    /// The layer, the lowest is 0.
    pub layer: usize,
    /// Corruption of its input.
    pub corruption: Corruption,
    /// alpha.
    pub corrupted_weight: f32,
    /// beta.
    pub clean_weight: f32,
}

impl<B: Backend> train::Objective<B, Model<B>> for Objective {
    fn terms(&self, model: &Model<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let clean = model.below(batch.x.clone(), self.layer);
        let corrupted = self.corruption.apply(clean.clone(), batch);
        let layer = &model.layers[self.layer];
        let logits = layer.logits(layer.encoder.forward(corrupted.x));
        let reconstruction =
            Likelihood::Bernoulli { logits: logits.clone() }.log_prob(clean.clone()).neg();
        let loss = if self.corrupted_weight == 1.0 && self.clean_weight == 1.0 {
            reconstruction.clone()
        } else {
            let more = self.corrupted_weight - self.clean_weight;
            let weight = corrupted.chosen.mul_scalar(more).add_scalar(self.clean_weight);
            row_sums(cross_entropy(logits, clean) * weight)
        };
        Terms { named: vec![("reconstruction", reconstruction)], loss }
    }
}

/// -x log s(l) - (1 - x) log(1 - s(l)) of each coordinate, nats.
fn cross_entropy<B: Backend>(logits: Tensor<B, 2>, x: Tensor<B, 2>) -> Tensor<B, 2> {
    softplus(logits.clone()) - x * logits
}
