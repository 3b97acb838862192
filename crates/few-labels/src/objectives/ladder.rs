//! The cost of a ladder network (Rasmus et al. 2015, equation 3 and algorithm 1):
//!
//! ```text
//! C = -log p(y|x~) + sum_l lambda_l / m_l || z_l - z^_l,BN ||^2,    z^_l,BN = (z^_l - mu_l) / sigma_l
//! ```
//!
//! where m_l is the width of layer l and mu_l, sigma_l are the statistics of the clean pass before it is
//! normalised. With a_l = W_l h_(l-1) of the clean pass, z_l = (a_l - mu_l) / sigma_l, so that the difference is
//! (a_l - z^_l) / sigma_l: mu_l cancels.

use burn::tensor::Tensor;
use shared::{
    Backend,
    data::Batch,
    likelihood::row_sums,
    nn::BatchNorm,
    operation::VARIANCE_FLOOR,
    train::{self, Moment, Terms},
};

use crate::{
    encoder::{Normalising, Pass},
    labels::{LabelTerms, Labelled},
    ladder::Ladder,
};

/// -log p(label) of noisy labelled images, in nats, and the weighted squares of the denoising errors of all images.
#[derive(Clone, Debug)]
pub struct LadderObjective {
    /// The labelled images.
    pub labelled: Labelled,
    /// lambda_l, from the pixels to the classes.
    pub costs: Vec<f32>,
}

impl LadderObjective {
    /// sum_l lambda_l / m_l || ... ||^2 of each example.
    fn denoising<B: Backend>(
        &self,
        model: &Ladder<B>,
        noisy: &Pass<B>,
        batch: &Batch<B>,
    ) -> Tensor<B, 1> {
        let groups = [batch.len()];
        let by_batch = Normalising::ByBatch(&groups);
        // One image, as the last of a validation split may be, has no variance to divide by.
        let costs = &self.costs[..if batch.len() > 1 { self.costs.len() } else { 1 }];
        let has_hidden_costs = costs.iter().skip(1).any(|&cost| cost > 0.0);
        let clean =
            has_hidden_costs.then(|| model.encoder.pass(batch.x.clone(), None, by_batch).sums);
        let estimates = model.restored(noisy, by_batch).estimates;
        let mut total: Option<Tensor<B, 1>> = None;
        for (layer, (estimate, &cost)) in estimates.into_iter().zip(costs).enumerate() {
            if cost == 0.0 {
                continue;
            }
            let weight = cost / estimate.dims()[1] as f32;
            let sum = layer.checked_sub(1).and_then(|above| clean.as_ref()?.get(above));
            let squares = match sum {
                None => (estimate - batch.x.clone()).square(),
                Some(sum) => {
                    let variance = BatchNorm::statistics(sum.clone()).variance;
                    let scale = variance.add_scalar(VARIANCE_FLOOR).recip(); // 1 / sigma_l^2
                    (estimate - sum.clone()).square() * scale.unsqueeze()
                }
            };
            let found = row_sums(squares).mul_scalar(weight);
            total = Some(match total {
                Some(total) => total + found,
                None => found,
            });
        }
        total.unwrap_or_else(|| Tensor::zeros([batch.len()], &batch.x.device()))
    }
}

/// The last rows of each layer of a pass of several groups.
fn rows<B: Backend>(pass: &Pass<B>, first: usize, count: usize) -> Pass<B> {
    let part = |tensor: &Tensor<B, 2>| tensor.clone().narrow(0, first, count);
    Pass {
        z: pass.z.iter().map(part).collect(),
        sums: pass.sums.iter().map(part).collect(),
        hidden: part(&pass.hidden),
        log_p: part(&pass.log_p),
    }
}

impl<B: Backend> train::Objective<B, Ladder<B>> for LadderObjective {
    fn terms(&self, model: &Ladder<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let groups = [batch.len()];
        let (log_p, labelled, noisy);
        if batch.is_validation() {
            // The class is read from the clean pass, the denoising cost from the noisy one.
            let by_batch = Normalising::ByBatch(&groups);
            log_p = model.encoder.pass(batch.x.clone(), None, by_batch).log_p;
            let noise = model.encoder.noise_of(batch);
            noisy = model.encoder.pass(batch.x.clone(), Some(noise), by_batch);
            labelled = batch.clone();
        } else {
            // Both groups in one product, each with its own statistics.
            labelled = self.labelled.draw(batch);
            let groups = [labelled.len(), batch.len()];
            let noise =
                model.encoder.noise_of(&labelled).into_iter().zip(model.encoder.noise_of(batch));
            let noise = noise.map(|(labelled, all)| Tensor::cat(vec![labelled, all], 0)).collect();
            let x = Tensor::cat(vec![labelled.x.clone(), batch.x.clone()], 0);
            let all = model.encoder.pass(x, Some(noise), Normalising::ByBatch(&groups));
            log_p = all.log_p.clone().narrow(0, 0, labelled.len());
            noisy = rows(&all, labelled.len(), batch.len());
        }
        let LabelTerms { label, error } = self.labelled.terms(log_p, &labelled, batch);
        let denoising = self.denoising(model, &noisy, batch);
        let loss = label.clone() + denoising.clone();
        Terms {
            named: vec![("label", label), ("label_error", error), ("denoising", denoising)],
            loss,
        }
    }
}
