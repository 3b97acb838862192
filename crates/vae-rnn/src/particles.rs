//! Bounds of several particles as objectives: importance-weighted (Burda et al. 2016) and filtering
//! (Maddison et al. 2017, *Filtering Variational Objectives*).

use burn::tensor::{Bool, Tensor, TensorData};
use shared::{
    Backend,
    data::Batch,
    likelihood::log_sum_exp,
    noise::{Stream, uniform},
    sequential::{Clouds, Resampling, Sequential as _},
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
    // The same weights without gradients, where they decide who is copied, as in evaluation.
    let mut clouds = (resampling == Resampling::Adaptive)
        .then(|| (Clouds::new(&batch.steps, particles, resampling), offsets(batch, steps)));
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
            // Its gradient would be wrong (docs/architecture.md); pixels need none.
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
        let chosen = clouds.as_mut().and_then(|(clouds, offsets)| {
            let increments: Vec<f32> = log_weight.to_data().iter::<f32>().collect();
            clouds.step(step, &increments, |sequence| offsets[sequence * steps + step]).1
        });
        if let Some(chosen) = chosen {
            state = chosen.states(state);
            let is_copied = TensorData::new(chosen.is_copied, [sequences, particles]);
            weights = weights.mask_fill(Tensor::<B, 2, Bool>::from_data(is_copied, &device), equal);
        }
    }
    Tensor::cat(found, 0).reshape([steps * sequences])
}

/// A uniform number for each step of each sequence, `[sequences, steps]`.
fn offsets<B: Backend>(batch: &Batch<B>, steps: usize) -> Vec<f32> {
    let drawn = batch.drawn(Stream::Resample, steps, |generator, row| {
        row.iter_mut().for_each(|offset| *offset = uniform(generator));
    });
    drawn.into_data().iter::<f32>().collect()
}
