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
/// Gradients flow through weights and states, not through the choice of who is copied (section 3.2 of FIVO: that
/// term has too much variance to help). None flow over the borders between `truncate` steps.
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
    let offsets = batch.drawn(Stream::Resample, steps, |generator, row| {
        row.iter_mut().for_each(|offset| *offset = uniform(generator));
    });
    let offsets: Vec<f32> = offsets.into_data().iter::<f32>().collect(); // [sequences, steps]
    let equal = -(particles as f64).ln();
    let mut clouds = vec![Particles::new(particles); sequences];
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
        let increments: Vec<f32> = log_weight.to_data().iter::<f32>().collect();
        weights = weights + log_weight.reshape([sequences, particles]);
        let total = log_sum_exp(weights.clone(), 1); // [sequences, 1]
        weights = weights - total.clone();
        found.push(total);
        state = after;
        // Who is copied.
        let mut ancestors: Vec<i64> = (0..rows as i64).collect();
        let mut is_copied = vec![false; rows];
        for (sequence, cloud) in clouds.iter_mut().enumerate() {
            if step >= batch.steps[sequence] || resampling == Resampling::Never {
                continue;
            }
            let own = sequence * particles..(sequence + 1) * particles;
            cloud.weigh(&increments[own.clone()]);
            if let Some(chosen) = cloud.resample(|| offsets[sequence * steps + step]) {
                is_copied[own.clone()].fill(true);
                for (row, ancestor) in own.clone().zip(chosen) {
                    ancestors[row] = (own.start + ancestor) as i64;
                }
            }
        }
        if is_copied.contains(&true) {
            let ancestors = TensorData::new(ancestors, [rows]);
            state = state.select(0, Tensor::<B, 1, Int>::from_data(ancestors, &device));
            let is_copied = TensorData::new(is_copied, [sequences, particles]);
            weights = weights.mask_fill(Tensor::<B, 2, Bool>::from_data(is_copied, &device), equal);
        }
    }
    Tensor::cat(found, 0).reshape([steps * sequences])
}
