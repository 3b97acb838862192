//! The objective: the sum over a sequence's steps of reconstruction and KL. The paper maximises
//!
//! ```text
//! E_{q(z_<=T | x_<=T)} [ sum_{t = 1..T} ( -KL(q(z_t | x_<=t, z_<t) || p(z_t | x_<t, z_<t))
//!                                         + log p(x_t | z_<=t, x_<t) ) ]                    (11)
//! ```

use burn::tensor::{Tensor, TensorData};
use shared::{
    Backend,
    bound::charged_kl,
    data::Batch,
    noise::{Stream, uniform},
    sequence_code::SequenceCode,
    sequential::{Resampling, Sequential},
    train::{self, Moment, Terms},
};

use crate::{
    config::{Bound, ObjectiveConfig},
    model::Model,
    particles,
    sentence::Sentence,
};

/// -ELBO of a sequence in nats, the KL weighted while it warms up:
///
/// - sum_t -log p(x_t | z_t, before) + w KL(q(z_t | x_t, before) || p(z_t | before));
/// - with one code for a sequence, sum_t -log p(x_t | z, before) + w sum_j max(KL_j, free), with KL_j the
///   mean over the batch of latent j's KL(q(z_j|x) || N(0, 1));
/// - with particles, -log of their estimate of p(x): `bound = "iwae"` or `"fivo"`.
///
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
        let columns = batch.x.dims()[1] / Sequential::step_width(model);
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
        if let Some(sentence) = &model.sentence {
            return self.of_code(model, sentence, batch, &seen, at);
        }
        let within = within::<B>(&batch.steps, columns, &device);
        let sum = |by_step: Tensor<B, 1>| sum_by_sequence(by_step, &within);
        let ObjectiveConfig { bound, particles, truncate, .. } = self.config;
        let resampling = match bound {
            Bound::Elbo => None,
            Bound::Iwae => Some(Resampling::Never),
            Bound::Fivo => Some(Resampling::Adaptive),
        };
        if let (Some(resampling), Some(count)) = (resampling, particles) {
            let found = particles::estimates(model, batch, &seen, count, resampling, truncate);
            return Terms { named: Vec::new(), loss: sum(found).neg() };
        }
        let eps = batch.eps(1, columns * model.step_latents());
        let steps = model.terms(model.unroll(&seen, &eps, truncate), &batch.x);
        let reconstruction = sum(steps.reconstruction);
        let Some(kl) = steps.kl_per_latent else {
            return Terms { named: Vec::new(), loss: reconstruction };
        };
        let kl = sum(kl.sum_dim(1).squeeze_dim(1));
        let loss = reconstruction.clone() + kl.clone().mul_scalar(self.kl_weight(at));
        Terms { named: vec![("reconstruction", reconstruction), ("kl", kl)], loss }
    }

    /// Free bits are a maximum over a batch's mean, which the size of the batch moves.
    fn depends_on_batch(&self, model: &Model<B>) -> bool {
        model.sentence.is_some() && self.config.free_bits > 0.0
    }

    fn is_settled(&self, _: &Model<B>, at: Moment) -> bool {
        at.epochs >= self.config.kl_warmup_epochs
    }
}

impl Objective {
    /// The terms of a model with one code for a sequence, of which encoder and decoder have `seen` this.
    fn of_code<B: Backend>(
        &self,
        model: &Model<B>,
        sentence: &Sentence<B>,
        batch: &Batch<B>,
        seen: &Tensor<B, 2>,
        at: Moment,
    ) -> Terms<B> {
        let (width, device) = (model.output.width(), batch.x.device());
        let posterior = SequenceCode::posterior(model, seen.clone(), &batch.steps);
        let z = posterior.reparameterise(batch.eps(1, sentence.latents()));
        let hidden = sentence.hides(B::ad_enabled(&device)) as f32;
        // The decoder sees the rest of what the encoder has seen.
        let rest = (hidden > 0.0).then(|| {
            batch.drawn(Stream::Word, batch.x.dims()[1] / width, |generator, row| {
                row.iter_mut().for_each(|x| *x = f32::from(u8::from(uniform(generator) >= hidden)));
            })
        });
        let seen = match rest {
            Some(rest) => masked(seen, rest, width),
            None => seen.clone(),
        };
        let steps = model.decode_all(sentence, &batch.x, &seen, z);
        let within = within::<B>(&batch.steps, batch.x.dims()[1] / width, &device);
        let reconstruction = sum_by_sequence(steps.reconstruction, &within);
        let [kl, charged] = charged_kl(posterior.kl_per_latent(), self.config.free_bits);
        let loss = reconstruction.clone() + charged.mul_scalar(self.kl_weight(at));
        Terms { named: vec![("reconstruction", reconstruction), ("kl", kl)], loss }
    }
}

/// x `[sequences, steps * width]` with zeros where `rest` `[sequences, steps]` is 0.
fn masked<B: Backend>(x: &Tensor<B, 2>, rest: Tensor<B, 2>, width: usize) -> Tensor<B, 2> {
    let [sequences, steps] = rest.dims();
    let by_step = x.clone().reshape([sequences, steps, width]);
    let rest = rest.reshape([sequences, steps, 1]).expand([sequences, steps, width]);
    (by_step * rest).reshape([sequences, steps * width])
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
