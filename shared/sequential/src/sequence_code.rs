//! Models with one code z for a whole sequence, and the bounds and draws that follow from them:
//! p(x, z) = p(z) prod_t p(x_t | x_1, ..., x_{t-1}, z) with z ~ N(0, I) (Bowman et al. 2016, section 3).
//!
//! The state of the decoder carries z and the steps before t.

use burn::tensor::Tensor;
use ndarray::{Array2, s};
use rand_chacha::ChaCha8Rng;

use kernels::{
    backend::Backend,
    likelihood::row_sums,
    matrix,
    noise::{Noise, Stream},
    posterior::{DiagonalGaussian, repeat_rows},
};
use statistics::log_sum_exp;

use crate::ROWS;

/// A model with one code for a whole sequence. Rows are sequences, or draws for them.
pub trait SequenceCode<B: Backend> {
    /// Width of a step x_t.
    fn step_width(&self) -> usize;

    /// Steps to decode where `wanted` are: more if the model says itself where a sequence ends.
    fn decoded_steps(&self, wanted: usize) -> usize {
        wanted
    }

    /// q(z | x_1, ..., x_T), `[rows, latents]`, for x `[rows, steps * width]` whose rows have this many
    /// steps of their own; what follows does not count.
    fn posterior(&self, x: Tensor<B, 2>, steps: &[usize]) -> DiagonalGaussian<B>;

    /// The decoder's state before the first step, `[rows, state]`, for z `[rows, latents]`.
    fn start(&self, z: Tensor<B, 2>) -> Tensor<B, 2>;

    /// log p(x_t | before, z) in nats, `[rows]`, for x_t `[rows, width]`.
    fn log_prob(&self, state: &Tensor<B, 2>, x: Tensor<B, 2>) -> Tensor<B, 1>;

    /// x_t, `[rows, width]`.
    fn choose(&self, state: &Tensor<B, 2>, choice: Choice<'_>) -> Tensor<B, 2>;

    /// The state after x_t, `[rows, state]`.
    fn follow(&self, state: Tensor<B, 2>, x: Tensor<B, 2>) -> Tensor<B, 2>;
}

/// How a step is chosen from its distribution.
pub enum Choice<'a> {
    /// The most likely one.
    MostLikely,
    /// Drawn with one generator for each row; a temperature below 1 favours likely steps.
    Drawn(&'a mut [ChaCha8Rng], f32),
}

/// The terms of -ELBO of x `[rows, steps * width]` with standard normal `eps` `[rows, latents]`, in nats:
/// -log p(x|z), `[rows]`, and the KL of each latent, `[rows, latents]`.
pub fn elbo<B: Backend>(
    model: &dyn SequenceCode<B>,
    x: &Array2<f32>,
    steps: &[usize],
    eps: &Array2<f32>,
    device: &B::Device,
) -> (Vec<f64>, Tensor<B, 2>) {
    let posterior = model.posterior(tensor(x, device), steps);
    let z = posterior.reparameterise(tensor(eps, device));
    let mut reconstruction = vec![0.0; x.nrows()];
    by_step(model, x, 1, z, |step, log_p| {
        for ((sum, log_p), &own) in reconstruction.iter_mut().zip(log_p).zip(steps) {
            if step < own {
                *sum -= f64::from(log_p);
            }
        }
    });
    (reconstruction, posterior.kl_per_latent())
}

/// Estimates of log p(x_t | x_1, ..., x_{t-1}) with `samples` = K codes of each sequence from its
/// posterior, nats, `[sequences, steps]`, zero after the end of a sequence:
///
/// ```text
/// log p(x_1, ..., x_t) ~= log 1/K sum_k p(z_k) / q(z_k|x) prod_{s <= t} p(x_s | x_<s, z_k)
/// ```
///
/// The exponential of each partial sum is unbiased, and the sum over all steps is the importance-weighted
/// bound (Burda et al. 2016, equation 8).
pub fn filter<B: Backend>(
    model: &dyn SequenceCode<B>,
    x: &Array2<f32>,
    steps: &[usize],
    samples: usize,
    (noise, keys): (Noise, &[u64]),
    device: &B::Device,
) -> Array2<f64> {
    let longest = steps.iter().copied().max().unwrap_or(0);
    let mut found = Array2::zeros((x.nrows(), longest));
    let together = (ROWS / samples.max(1)).max(1);
    for first in (0..x.nrows()).step_by(together) {
        let range = first..x.nrows().min(first + together);
        let (count, own) = (range.len(), &steps[range.clone()]);
        // What follows the end of the longest one counts for none: decoding it would be in vain.
        let columns = own.iter().copied().max().unwrap_or(0) * model.step_width();
        let part = x.slice(s![range.clone(), ..columns]).to_owned();
        let posterior = model.posterior(tensor(&part, device), own);
        let latents = posterior.mean.dims()[1];
        // Rows are sample-major: k * sequences + i.
        let by_sequence = noise.normal(Stream::Filter, 0, &keys[range], samples * latents);
        let eps = Array2::from_shape_fn((samples * count, latents), |(row, latent)| {
            by_sequence[((row % count) * samples + row / count) * latents + latent]
        });
        let eps = tensor::<B>(&eps, device);
        let repeated = |tensor: &Tensor<B, 2>| repeat_rows(tensor.clone(), samples);
        let log_var = repeated(&posterior.log_var);
        let z = DiagonalGaussian { mean: repeated(&posterior.mean), log_var: log_var.clone() }
            .reparameterise(eps.clone());
        // log p(z) - log q(z|x): the constants cancel, and (z - mu) / sigma is eps.
        let ratio = row_sums(eps.square() + log_var - z.clone().square()).mul_scalar(0.5);
        let scale = (samples.max(1) as f64).ln();
        let mut weights: Vec<f64> =
            ratio.into_data().iter::<f32>().map(|w| f64::from(w) - scale).collect();
        // Before the first step p is known: 1.
        let mut before = vec![0.0; count];
        by_step(model, &part, samples, z, |step, log_p| {
            weights.iter_mut().zip(log_p).for_each(|(weight, log_p)| *weight += f64::from(log_p));
            for sequence in (0..count).filter(|&sequence| step < own[sequence]) {
                let own: Vec<f64> = weights.iter().skip(sequence).step_by(count).copied().collect();
                let total = log_sum_exp(&own);
                found[[first + sequence, step]] = total - before[sequence];
                // After a step of probability zero the difference would be NaN, and not minus infinity again.
                if total.is_finite() {
                    before[sequence] = total;
                }
            }
        });
    }
    found
}

/// Calls `f` with each step of x `[sequences, steps * width]` and log p(x_t | before, z) of the rows of z `[rows, latents]`:
/// `samples` of each sequence, sample-major.
fn by_step<B: Backend>(
    model: &dyn SequenceCode<B>,
    x: &Array2<f32>,
    samples: usize,
    z: Tensor<B, 2>,
    mut f: impl FnMut(usize, Vec<f32>),
) {
    let (width, rows, device) = (model.step_width().max(1), samples * x.nrows(), z.device());
    let mut state = model.start(z); // [rows, state]
    for step in 0..x.ncols() / width {
        let own = x.slice(s![.., step * width..(step + 1) * width]);
        // Of this step alone: sequences of words are gigabytes, repeated whole.
        let repeated = own.iter().copied().collect::<Vec<f32>>().repeat(samples);
        let x_t = matrix::<B>(repeated, [rows, width], &device);
        f(step, model.log_prob(&state, x_t.clone()).into_data().iter::<f32>().collect());
        state = model.follow(state, x_t);
    }
}

/// The most likely step after the most likely step, `[rows, steps * width]`, for z `[rows, latents]`.
pub fn most_likely<B: Backend>(
    model: &dyn SequenceCode<B>,
    z: Tensor<B, 2>,
    steps: usize,
) -> Array2<f32> {
    let (rows, device) = (z.dims()[0], z.device());
    let none = Array2::zeros((rows, 0));
    let state = model.start(z);
    unfold(model, state, &none, steps, &device, &mut |state| {
        model.choose(state, Choice::MostLikely)
    })
}

/// Sequences continued: each begins with its prefix, `[sequences, given * width]`, and is drawn from there
/// on until it has `steps` steps, `[sequences, steps * width]`. z is drawn from the posterior of the
/// prefix; from the prior where there is none.
pub fn continued<B: Backend>(
    model: &dyn SequenceCode<B>,
    latents: usize,
    prefix: &Array2<f32>,
    steps: usize,
    temperature: f32,
    (noise, keys): (Noise, &[u64]),
    device: &B::Device,
) -> Array2<f32> {
    let rows = prefix.nrows();
    let given = prefix.ncols() / model.step_width().max(1);
    let eps = noise.normal(Stream::Prior, 0, keys, latents);
    let eps = matrix::<B>(eps, [rows, latents], device);
    let z = if given == 0 {
        eps
    } else {
        model.posterior(tensor(prefix, device), &vec![given; rows]).reparameterise(eps)
    };
    let mut generators: Vec<ChaCha8Rng> =
        keys.iter().map(|&key| noise.generator(Stream::Draw, 0, key)).collect();
    let state = model.start(z);
    unfold(model, state, prefix, steps, device, &mut |state| {
        model.choose(state, Choice::Drawn(&mut generators, temperature))
    })
}

/// Steps chosen by `choose` after those of `prefix`, `[rows, steps * width]`.
fn unfold<B: Backend>(
    model: &dyn SequenceCode<B>,
    mut state: Tensor<B, 2>,
    prefix: &Array2<f32>,
    steps: usize,
    device: &B::Device,
    choose: &mut dyn FnMut(&Tensor<B, 2>) -> Tensor<B, 2>,
) -> Array2<f32> {
    let width = model.step_width();
    let mut result = Array2::zeros((prefix.nrows(), steps * width));
    for step in 0..steps {
        let range = s![.., step * width..(step + 1) * width];
        let x_t = if (step + 1) * width <= prefix.ncols() {
            tensor(&prefix.slice(range).to_owned(), device)
        } else {
            choose(&state)
        };
        let values: Vec<f32> = x_t.to_data().iter::<f32>().collect();
        for (slot, value) in result.slice_mut(range).iter_mut().zip(values) {
            *slot = value;
        }
        state = model.follow(state, x_t);
    }
    result
}

fn tensor<B: Backend>(array: &Array2<f32>, device: &B::Device) -> Tensor<B, 2> {
    let (rows, columns) = array.dim();
    matrix(array.iter().copied().collect(), [rows, columns], device)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use std::cell::Cell;

    use kernels::backend::Flex;

    use super::*;

    /// Steps of one number, each around half the sum of the state and the step before; counts those it is asked about.
    #[derive(Default)]
    struct Counting {
        steps: Cell<usize>,
    }

    impl SequenceCode<Flex> for Counting {
        fn step_width(&self) -> usize {
            1
        }

        fn posterior(&self, x: Tensor<Flex, 2>, _: &[usize]) -> DiagonalGaussian<Flex> {
            let mean = x.narrow(1, 0, 1).mul_scalar(0.5);
            DiagonalGaussian { log_var: mean.zeros_like(), mean }
        }

        fn start(&self, z: Tensor<Flex, 2>) -> Tensor<Flex, 2> {
            z
        }

        fn log_prob(&self, state: &Tensor<Flex, 2>, x: Tensor<Flex, 2>) -> Tensor<Flex, 1> {
            self.steps.set(self.steps.get() + 1);
            row_sums((x - state.clone()).square()).mul_scalar(-0.5)
        }

        fn choose(&self, state: &Tensor<Flex, 2>, _: Choice<'_>) -> Tensor<Flex, 2> {
            state.clone()
        }

        fn follow(&self, state: Tensor<Flex, 2>, x: Tensor<Flex, 2>) -> Tensor<Flex, 2> {
            (state + x).mul_scalar(0.5)
        }
    }

    #[test]
    fn a_step_of_probability_zero_and_those_after_it_are_minus_infinity() {
        let x = Array2::from_shape_vec((1, 3), vec![0.0, f32::INFINITY, 0.0]).unwrap();
        let (noise, keys) = (Noise::new(1), [7]);
        let model = Counting::default();
        let found = filter::<Flex>(&model, &x, &[3], 4, (noise, &keys[..]), &Default::default());
        assert!(found[[0, 0]].is_finite());
        assert_eq!(found.slice(s![0, 1..]).to_vec(), [f64::NEG_INFINITY; 2]);
    }

    #[test]
    fn a_bound_does_not_depend_on_longer_sequences_nor_pay_for_those_of_other_parts() {
        let x = Array2::from_shape_fn((3, 5), |(row, step)| 0.3 * (row + 2 * step) as f32 - 1.0);
        let (steps, keys, noise) = ([2, 5, 1], [7u64, 8, 9], Noise::new(1));
        // A part for each of them, and one for all.
        for (samples, decoded) in [(ROWS, 2 + 5 + 1), (3, 5)] {
            let model = Counting::default();
            let of = |x: &Array2<f32>, steps: &[usize], keys: &[u64]| {
                filter::<Flex>(&model, x, steps, samples, (noise, keys), &Default::default())
            };
            let together = of(&x, &steps, &keys);
            assert_eq!(model.steps.get(), decoded, "{samples} samples");
            for (row, &own) in steps.iter().enumerate() {
                let alone = x.slice(s![row..=row, ..own]).to_owned();
                let alone = of(&alone, &[own], &keys[row..=row]);
                assert_eq!(together.slice(s![row, ..own]), alone.row(0), "{samples} samples");
                assert!(together.slice(s![row, own..]).iter().all(|&nats| nats == 0.0));
            }
        }
    }
}
