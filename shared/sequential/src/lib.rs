//! Models of sequences: their step-by-step interface, and the bounds that follow from it.
//!
//! A sequence x_1, ..., x_T has a latent z_t at each step, and a state carries what came before:
//! p(x, z) = prod_t p(z_t | before) p(x_t | z_t, before). A model without latents is the special case
//! in which every bound is exact.

pub mod sequence_code;

use burn::tensor::{Int, Tensor, TensorData};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;

use kernels::{
    backend::Backend,
    matrix,
    noise::{Noise, Stream, uniform},
};
use statistics::log_sum_exp;

/// A model of sequences. Rows are sequences, or particles of them.
pub trait Sequential<B: Backend> {
    /// Width of a step x_t.
    fn step_width(&self) -> usize;

    /// Width of z_t; 0 without latents.
    fn step_latents(&self) -> usize;

    /// The state before the first step, `[rows, state]`.
    fn start(&self, rows: usize) -> Tensor<B, 2>;

    /// One step of a filter: z_t is drawn from the posterior with standard normal `eps` `[rows,
    /// latents]`. Returns log p(x_t, z_t | before) - log q(z_t | x_t, before), `[rows]`, and the state
    /// after the step.
    fn weigh(
        &self,
        state: Tensor<B, 2>,
        x: Tensor<B, 2>,
        eps: Tensor<B, 2>,
    ) -> (Tensor<B, 1>, Tensor<B, 2>);

    /// -ELBO by step for x `[sequences, steps * width]`; the caller ignores steps beyond the
    /// end of a sequence. `eps` is `[sequences, steps * latents]`.
    fn terms_by_step(&self, x: Tensor<B, 2>, eps: Tensor<B, 2>) -> StepTerms<B>;

    /// A step drawn from the model: z_t from its prior with `eps` `[rows, latents]`, x_t with one
    /// generator for each row. A temperature below 1 favours likely steps.
    fn draw(
        &self,
        state: &Tensor<B, 2>,
        eps: Tensor<B, 2>,
        generators: &mut [ChaCha8Rng],
        temperature: f32,
    ) -> Drawn<B>;

    /// The state after x_t, with z_t as `eps` draws it from the posterior.
    fn follow(&self, state: Tensor<B, 2>, x: Tensor<B, 2>, eps: Tensor<B, 2>) -> Tensor<B, 2> {
        self.weigh(state, x, eps).1
    }
}

/// The terms of -ELBO, nats, step-major: row `t * sequences + i` is step t of sequence i.
pub struct StepTerms<B: Backend> {
    /// -log p(x_t | z_t, before) at the drawn z, `[steps * sequences]`.
    pub reconstruction: Tensor<B, 1>,
    /// KL(q(z_t | x_t, before) || p(z_t | before)) of each latent, `[steps * sequences, latents]`; none
    /// without latents.
    pub kl_per_latent: Option<Tensor<B, 2>>,
}

/// A step drawn from a model.
pub struct Drawn<B: Backend> {
    /// x_t, `[rows, width]`.
    pub x: Tensor<B, 2>,
    /// The state after it.
    pub state: Tensor<B, 2>,
}

/// Whether particles that explain a sequence badly are replaced by copies of better ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resampling {
    /// Never: the importance-weighted bound (Burda et al. 2016).
    Never,
    /// When the effective number of particles is below half (Maddison et al. 2017, FIVO, section 2.2), which that of
    /// fewer than three never is.
    Adaptive,
}

/// Rows of a step to compute at once.
const ROWS: usize = 4000;

/// Estimates of log p(x_t | x_1, ..., x_{t-1}) with `particles` each, nats, `[sequences, steps]`, zero
/// after the end of a sequence. The sum over a sequence's steps is a lower bound on log p(x) in
/// expectation: the exponential of each partial sum is an unbiased estimate of p(x_1, ..., x_t).
///
/// x is `[sequences, steps * width]`; `keys` are the noise keys of the sequences.
pub fn filter<B: Backend>(
    model: &dyn Sequential<B>,
    x: &Array2<f32>,
    steps: &[usize],
    particles: usize,
    resampling: Resampling,
    (noise, keys): (Noise, &[u64]),
    device: &B::Device,
) -> Array2<f64> {
    let longest = steps.iter().copied().max().unwrap_or(0);
    let mut found = Array2::zeros((x.nrows(), longest));
    let together = (ROWS / particles.max(1)).max(1);
    for first in (0..x.nrows()).step_by(together) {
        let range = first..x.nrows().min(first + together);
        let part = Filter {
            model,
            device,
            x: x.slice(ndarray::s![range.clone(), ..]).to_owned(),
            steps: &steps[range.clone()],
            particles,
            resampling,
            noise,
            keys: &keys[range.clone()],
        };
        for (row, values) in part.run().into_iter().enumerate() {
            for (step, value) in values.into_iter().enumerate() {
                found[[first + row, step]] = value;
            }
        }
    }
    found
}

struct Filter<'a, B: Backend> {
    model: &'a dyn Sequential<B>,
    device: &'a B::Device,
    x: Array2<f32>,
    steps: &'a [usize],
    particles: usize,
    resampling: Resampling,
    noise: Noise,
    keys: &'a [u64],
}

impl<B: Backend> Filter<'_, B> {
    /// Estimates by sequence and step; rows are sequence-major: `i * particles + k`.
    fn run(&self) -> Vec<Vec<f64>> {
        let (sequences, particles) = (self.steps.len(), self.particles);
        let rows = sequences * particles;
        let (width, latents) = (self.model.step_width(), self.model.step_latents());
        let longest = self.steps.iter().copied().max().unwrap_or(0);
        let mut state = self.model.start(rows);
        let mut clouds = Clouds::new(self.steps, particles, self.resampling);
        let mut found = vec![Vec::new(); sequences];
        for step in 0..longest {
            let mut x = Vec::with_capacity(rows * width);
            for sequence in self.x.rows() {
                let values = sequence.slice(ndarray::s![step * width..(step + 1) * width]).to_vec();
                (0..particles).for_each(|_| x.extend_from_slice(&values));
            }
            // By sequence and step, so that a result does not depend on its neighbours.
            let eps =
                self.noise.normal(Stream::Filter, step as u64, self.keys, particles * latents);
            let tensor =
                |values: Vec<f32>, width: usize| matrix::<B>(values, [rows, width], self.device);
            let (log_weight, after) =
                self.model.weigh(state, tensor(x, width), tensor(eps, latents));
            let increments: Vec<f32> = log_weight.into_data().iter::<f32>().collect();
            let offset = |sequence: usize| {
                let key = self.keys[sequence];
                uniform(&mut self.noise.generator(Stream::Resample, step as u64, key))
            };
            let (estimates, chosen) = clouds.step(step, &increments, offset);
            for (found, estimate) in found.iter_mut().zip(estimates) {
                found.extend(estimate);
            }
            state = match chosen {
                Some(chosen) => chosen.states(after),
                None => after,
            };
        }
        found
    }
}

/// The particles of several sequences, as many of each; row `i * particles + k` is particle k of sequence i.
#[derive(Clone, Debug)]
pub struct Clouds {
    particles: usize,
    resampling: Resampling,
    /// Steps of each sequence.
    steps: Vec<usize>,
    /// The logarithms of the weights, which sum to 1 for each sequence, `[rows]`.
    log_weights: Vec<f64>,
}

/// Whose states go on after a step in which particles were resampled.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The row that each row continues.
    ancestors: Vec<i64>,
    /// True in the rows of the sequences whose particles were resampled, `[rows]`.
    pub is_copied: Vec<bool>,
}

impl Chosen {
    /// The states `[rows, state]` that go on.
    pub fn states<B: Backend>(&self, after: Tensor<B, 2>) -> Tensor<B, 2> {
        let ancestors = TensorData::new(self.ancestors.clone(), [self.ancestors.len()]);
        let device = after.device();
        after.select(0, Tensor::<B, 1, Int>::from_data(ancestors, &device))
    }
}

impl Clouds {
    /// Particles of equal weight for sequences of these lengths.
    pub fn new(steps: &[usize], particles: usize, resampling: Resampling) -> Self {
        let log_weights = vec![equal_weight(particles); steps.len() * particles];
        Self { particles, resampling, steps: steps.to_vec(), log_weights }
    }

    /// Multiplies the weights by those of a step, given as logarithms `[rows]`, and resamples the particles of each
    /// sequence whose effective number is below half, with a uniform number in [0, 1) of that sequence. Returns the
    /// estimate of log p(x_t | before) of each sequence, nats, none after its end, and who was chosen, if somebody
    /// was.
    pub fn step(
        &mut self,
        step: usize,
        increments: &[f32],
        offset: impl Fn(usize) -> f32,
    ) -> (Vec<Option<f64>>, Option<Chosen>) {
        let mut estimates = vec![None; self.steps.len()];
        let mut ancestors: Vec<i64> = (0..increments.len() as i64).collect();
        let mut is_copied = vec![false; increments.len()];
        for (sequence, estimate) in estimates.iter_mut().enumerate() {
            if step >= self.steps[sequence] {
                continue;
            }
            let rows = sequence * self.particles..(sequence + 1) * self.particles;
            let log_weights = &mut self.log_weights[rows.clone()];
            *estimate = Some(weigh(log_weights, &increments[rows.clone()]));
            if self.resampling == Resampling::Never || !is_poor(log_weights) {
                continue;
            }
            let chosen = systematic(log_weights, offset(sequence));
            for (ancestor, chosen) in ancestors[rows.clone()].iter_mut().zip(chosen) {
                *ancestor = (rows.start + chosen) as i64;
            }
            log_weights.fill(equal_weight(self.particles));
            is_copied[rows].fill(true);
        }
        let chosen = is_copied.contains(&true).then_some(Chosen { ancestors, is_copied });
        (estimates, chosen)
    }
}

/// The logarithm of the weight of each of so many equal particles.
fn equal_weight(particles: usize) -> f64 {
    -(particles as f64).ln()
}

/// Multiplies weights by those of a step and normalises them; the logarithm of their sum before. After a step of
/// probability zero nothing is left to normalise: all particles are equal again, and the bound stays negative infinity.
fn weigh(log_weights: &mut [f64], increments: &[f32]) -> f64 {
    for (weight, &increment) in log_weights.iter_mut().zip(increments) {
        *weight += f64::from(increment);
    }
    let total = log_sum_exp(log_weights);
    if total == f64::NEG_INFINITY {
        log_weights.fill(equal_weight(log_weights.len()));
    } else {
        log_weights.iter_mut().for_each(|weight| *weight -= total);
    }
    total
}

/// True if the effective number of particles is below half.
fn is_poor(log_weights: &[f64]) -> bool {
    let squares: f64 = log_weights.iter().map(|weight| (2.0 * weight).exp()).sum();
    squares * log_weights.len() as f64 > 2.0
}

/// Systematic resampling: as many particles as there are log weights, each chosen about as often as its
/// weight says, with one uniform number.
fn systematic(log_weights: &[f64], offset: f32) -> Vec<usize> {
    let count = log_weights.len();
    let mut chosen = Vec::with_capacity(count);
    let (mut particle, mut reached) = (0, log_weights[0].exp());
    for place in 0..count {
        let at = (place as f64 + f64::from(offset)) / count as f64;
        while at >= reached && particle + 1 < count {
            particle += 1;
            reached += log_weights[particle].exp();
        }
        chosen.push(particle);
    }
    chosen
}

/// Bytes of so many sequences of `steps` steps, drawn into one array, and of the copies that are shown.
pub fn bytes_of_draws(sequences: usize, steps: usize, width: usize) -> u64 {
    let bytes = 2 * size_of::<f32>() as u64;
    [sequences, steps, width].iter().fold(bytes, |all, &count| all.saturating_mul(count as u64))
}

/// Sequences continued: each begins with its prefix, `[sequences, given * width]`, and is drawn from
/// there on until it has `steps` steps; `[sequences, steps * width]`.
pub fn continued<B: Backend>(
    model: &dyn Sequential<B>,
    prefix: &Array2<f32>,
    steps: usize,
    temperature: f32,
    (noise, keys): (Noise, &[u64]),
    device: &B::Device,
) -> Array2<f32> {
    let (rows, width, latents) = (prefix.nrows(), model.step_width(), model.step_latents());
    let given = prefix.ncols() / width.max(1);
    let mut generators: Vec<ChaCha8Rng> =
        keys.iter().map(|&key| noise.generator(Stream::Draw, 0, key)).collect();
    let mut state = model.start(rows);
    let mut result = Array2::zeros((rows, steps * width));
    for step in 0..steps {
        let eps = noise.normal(Stream::Prior, step as u64, keys, latents);
        let eps = matrix::<B>(eps, [rows, latents], device);
        let range = ndarray::s![.., step * width..(step + 1) * width];
        if step < given {
            let values: Vec<f32> = prefix.slice(range).iter().copied().collect();
            let x = matrix(values, [rows, width], device);
            state = model.follow(state, x, eps);
            result.slice_mut(range).assign(&prefix.slice(range));
            continue;
        }
        let drawn = model.draw(&state, eps, &mut generators, temperature);
        state = drawn.state;
        let values: Vec<f32> = drawn.x.into_data().iter::<f32>().collect();
        for (slot, value) in result.slice_mut(range).iter_mut().zip(values) {
            *slot = value;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_held_twice_and_its_size_never_overflows() {
        assert_eq!(bytes_of_draws(1000, 10_000, 88), 7_040_000_000);
        assert_eq!(bytes_of_draws(usize::MAX, usize::MAX, 2), u64::MAX);
    }

    #[test]
    fn a_step_of_probability_zero_is_minus_infinity_and_the_next_is_as_usual() {
        for resampling in [Resampling::Never, Resampling::Adaptive] {
            let mut clouds = Clouds::new(&[3], 2, resampling);
            let mut estimate =
                |step, increments: [f32; 2]| clouds.step(step, &increments, |_| 0.5).0[0].unwrap();
            assert_eq!(estimate(0, [f32::NEG_INFINITY; 2]), f64::NEG_INFINITY, "{resampling:?}");
            assert_eq!(estimate(1, [0.0; 2]), 0.0, "{resampling:?}");
            assert!(estimate(2, [f32::NAN, 0.0]).is_nan(), "{resampling:?}");
        }
    }

    /// A bound is computed by either.
    #[cfg(feature = "flex")]
    #[test]
    fn log_sums_of_exponentials_agree_in_single_and_double_precision() {
        use kernels::{backend::Flex, likelihood};

        let infinite = f32::INFINITY;
        for values in [
            [-infinite, -infinite],
            [-infinite, 3.0],
            [infinite, 0.0],
            [1000.0, 1000.0],
            [-1000.0, -1000.0],
            [f32::NAN, 0.0],
            [0.0, f32::NAN],
            [-infinite, f32::NAN],
        ] {
            let row = matrix::<Flex>(values.to_vec(), [1, 2], &Default::default());
            let single: f32 = likelihood::log_sum_exp(row, 1).into_scalar();
            let double = log_sum_exp(&values.map(f64::from)) as f32;
            let is_same = single == double || single.is_nan() && double.is_nan();
            assert!(is_same || (single - double).abs() < 1e-3, "{values:?}: {single} {double}");
        }
    }

    #[test]
    fn fewer_than_three_particles_are_never_resampled() {
        for (weights, poor) in [(&[1.0, 0.0][..], false), (&[1.0], false), (&[1.0, 0.0, 0.0], true)]
        {
            let log_weights: Vec<f64> = weights.iter().map(|weight: &f64| weight.ln()).collect();
            assert_eq!(is_poor(&log_weights), poor, "{weights:?}");
        }
    }

    #[test]
    fn systematic_resampling_keeps_the_shares() {
        let weights: Vec<f64> = [0.5f64, 0.25, 0.25, 0.0].iter().map(|w| w.ln()).collect();
        for offset in [0.1, 0.3, 0.999] {
            let chosen = systematic(&weights, offset);
            let count = |particle| chosen.iter().filter(|&&c| c == particle).count();
            assert_eq!([count(0), count(1), count(2), count(3)], [2, 1, 1, 0], "{chosen:?}");
        }
    }
}
