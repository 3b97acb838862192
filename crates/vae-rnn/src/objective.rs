//! The objective: the sum over a sequence's steps of reconstruction and KL. The paper maximises
//!
//! ```text
//! E_{q(z_<=T | x_<=T)} [ sum_{t = 1..T} ( -KL(q(z_t | x_<=t, z_<t) || p(z_t | x_<t, z_<t))
//!                                         + log p(x_t | z_<=t, x_<t) ) ]                    (11)
//! ```

use burn::tensor::{Tensor, TensorData};
use shared::{
    Backend,
    data::Batch,
    noise::{Stream, uniform},
    sequential::Sequential,
    train::{self, Moment, Terms},
};

use crate::{config::ObjectiveConfig, model::Model};

/// -ELBO of a sequence in nats, the KL weighted while it warms up:
/// sum_t -log p(x_t | z_t, before) + w KL(q(z_t | x_t, before) || p(z_t | before)).
/// Steps after the end of a sequence count nothing.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    config: ObjectiveConfig,
}

impl Objective {
    /// The objective of this configuration.
    pub fn new(config: ObjectiveConfig) -> Self {
        Self { config }
    }

    /// Weight of the KL after this many epochs.
    pub fn kl_weight(&self, at: Moment) -> f64 {
        at.warmed_up(self.config.kl_warmup_from, self.config.kl_warmup_epochs)
    }
}

impl<B: Backend> train::Objective<B, Model<B>> for Objective {
    fn terms(&self, model: &Model<B>, batch: &Batch<B>, at: Moment) -> Terms<B> {
        let columns = batch.x.dims()[1] / model.step_width();
        let eps = batch.eps(1, columns * model.step_latents());
        let hidden = self.config.drop_inputs as f32;
        let device = batch.x.device();
        // As dropout is: in training alone.
        let seen = if hidden > 0.0 && B::ad_enabled(&device) {
            batch.changed(Stream::Drop, |generator, row| {
                for x in row {
                    if uniform(generator) < hidden {
                        *x = 0.0;
                    }
                }
            })
        } else {
            batch.x.clone()
        };
        let steps = model.terms(model.unroll(&seen, &eps, self.config.truncate), &batch.x);
        let within = within::<B>(&batch.steps, columns, &device);
        let sum = |by_step: Tensor<B, 1>| sum_by_sequence(by_step, &within);
        let reconstruction = sum(steps.reconstruction);
        let Some(kl) = steps.kl_per_latent else {
            return Terms { named: Vec::new(), loss: reconstruction };
        };
        let kl = sum(kl.sum_dim(1).squeeze_dim(1));
        let loss = reconstruction.clone() + kl.clone().mul_scalar(self.kl_weight(at));
        Terms { named: vec![("reconstruction", reconstruction), ("kl", kl)], loss }
    }

    fn is_settled(&self, _: &Model<B>, at: Moment) -> bool {
        at.epochs >= self.config.kl_warmup_epochs
    }
}

/// 1 where a sequence has a step, 0 beyond its end, `[columns, sequences]`.
fn within<B: Backend>(steps: &[usize], columns: usize, device: &B::Device) -> Tensor<B, 2> {
    let values: Vec<f32> = (0..columns)
        .flat_map(|step| steps.iter().map(move |&own| f32::from(u8::from(step < own))))
        .collect();
    Tensor::from_data(TensorData::new(values, [columns, steps.len()]), device)
}

/// The sum over each sequence's own steps of numbers `[columns * sequences]`, step-major.
fn sum_by_sequence<B: Backend>(by_step: Tensor<B, 1>, within: &Tensor<B, 2>) -> Tensor<B, 1> {
    let by_step: Tensor<B, 2> = by_step.reshape(within.dims());
    // Chosen, not multiplied: beyond the end a number may be anything.
    let beyond = within.clone().equal_elem(0.0);
    by_step.mask_fill(beyond, 0.0).sum_dim(0).squeeze_dim(0)
}
