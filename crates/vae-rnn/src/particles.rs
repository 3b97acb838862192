//! Bounds of several particles as objectives: importance-weighted (Burda et al. 2016) and filtering
//! (Maddison et al. 2017, *Filtering Variational Objectives*).

use burn::tensor::{Bool, Int, Tensor, TensorData};
use shared::{
    Backend,
    data::Batch,
    likelihood::log_sum_exp,
    noise::{Stream, uniform},
    sequential::{Particles, Resampling, Sequential as _},
};

use crate::model::Model;

/// The estimates of log p(x_t | before), nats, step-major `[steps * sequences]`: each is the logarithm of the
/// mean weight of `particles`, which follow the batch's sequences side by side and have `seen` this of them.
///
/// Gradients flow through weights and states, not through the choice of who is copied, as in the paper: that term
/// has too much variance to help. None flow over the borders between `truncate` steps.
pub(crate) fn estimates<B: Backend>(
    model: &Model<B>,
    batch: &Batch<B>,
    seen: &Tensor<B, 2>,
    particles: usize,
    resampling: Resampling,
    truncate: Option<usize>,
) -> Tensor<B, 1> {
    let [sequences, columns] = batch.x.dims();
    let (width, latents) = (model.step_width(), model.step_latents());
    let (steps, device) = (columns / width, batch.x.device());
    let rows = sequences * particles; // Row i * particles + k.
    // By step, so that what follows a sequence in its batch changes nothing.
    let eps = batch.eps(1, steps * particles * latents); // [sequences, steps * particles * latents]
    let mut clouds =
        (resampling == Resampling::Adaptive).then(|| Clouds::new(batch, particles, steps));
    let equal = -(particles as f64).ln();
    let mut state = model.start(rows); // [rows, state]
    let mut weights = Tensor::full([sequences, particles], equal, &device); // logarithms
    let mut found = Vec::with_capacity(steps);
    for step in 0..steps {
        if truncate.is_some_and(|border| step > 0 && step.is_multiple_of(border)) {
            (state, weights) = (state.detach(), weights.detach());
        }
        let of = |x: &Tensor<B, 2>| {
            let x = x.clone().narrow(1, step * width, width).unsqueeze_dim::<3>(1);
            x.repeat_dim(1, particles).reshape([rows, width])
        };
        let own = particles * latents;
        let eps = eps.clone().narrow(1, step * own, own).reshape([rows, latents]);
        let (log_weight, after) = model.weigh_seen(state, of(seen), of(&batch.x), eps);
        weights = weights + log_weight.clone().reshape([sequences, particles]);
        let total = log_sum_exp(weights.clone(), 1); // [sequences, 1]
        weights = weights - total.clone();
        found.push(total);
        state = after;
        let chosen = clouds.as_mut().and_then(|clouds| {
            let increments: Vec<f32> = log_weight.to_data().iter::<f32>().collect();
            clouds.choose(step, &increments)
        });
        if let Some(Chosen { ancestors, is_copied }) = chosen {
            let ancestors = TensorData::new(ancestors, [rows]);
            state = state.select(0, Tensor::<B, 1, Int>::from_data(ancestors, &device));
            let is_copied = TensorData::new(is_copied, [sequences, particles]);
            weights = weights.mask_fill(Tensor::<B, 2, Bool>::from_data(is_copied, &device), equal);
        }
    }
    Tensor::cat(found, 0).reshape([steps * sequences])
}

/// The weights of each sequence's particles again, without gradients: who is copied is decided as in evaluation.
struct Clouds {
    clouds: Vec<Particles>,
    particles: usize,
    /// Steps of each sequence.
    lengths: Vec<usize>,
    /// Uniform numbers of each sequence, by step.
    offsets: Vec<f32>,
    /// Steps of the longest.
    steps: usize,
}

/// Who is copied after a step, by row.
struct Chosen {
    /// The row whose state each row continues.
    ancestors: Vec<i64>,
    /// True in the rows of a sequence whose particles were resampled.
    is_copied: Vec<bool>,
}

impl Clouds {
    fn new<B: Backend>(batch: &Batch<B>, particles: usize, steps: usize) -> Self {
        let offsets = batch.drawn(Stream::Resample, steps, |generator, row| {
            row.iter_mut().for_each(|offset| *offset = uniform(generator));
        });
        Self {
            clouds: vec![Particles::new(particles); batch.len()],
            particles,
            lengths: batch.steps.clone(),
            offsets: offsets.into_data().iter::<f32>().collect(),
            steps,
        }
    }

    /// Takes the log weights of a step in, by row; `None` if nobody is copied.
    fn choose(&mut self, step: usize, increments: &[f32]) -> Option<Chosen> {
        let rows = increments.len();
        let (mut ancestors, mut is_copied) =
            ((0..rows as i64).collect::<Vec<_>>(), vec![false; rows]);
        for (sequence, cloud) in self.clouds.iter_mut().enumerate() {
            if step >= self.lengths[sequence] {
                continue;
            }
            let own = sequence * self.particles..(sequence + 1) * self.particles;
            cloud.weigh(&increments[own.clone()]);
            let offset = self.offsets[sequence * self.steps + step];
            if let Some(chosen) = cloud.resample(|| offset) {
                is_copied[own.clone()].fill(true);
                for (row, ancestor) in own.clone().zip(chosen) {
                    ancestors[row] = (own.start + ancestor) as i64;
                }
            }
        }
        is_copied.contains(&true).then_some(Chosen { ancestors, is_copied })
    }
}
