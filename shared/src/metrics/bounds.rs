use std::sync::atomic::{AtomicU64, Ordering};

use ndarray::{Array1, Array2, s};
use rayon::prelude::*;

use super::{Estimate, sequences::sequence_scores};
use crate::{
    data::{Binarise, Split},
    noise::{Noise, Stream},
    progress,
    trained::Trained,
};

/// Samples drawn from one key of the noise; the first K of a block do not depend on K.
const BLOCK: usize = 500;
/// Examples in a batch of the -ELBO.
const BATCH: usize = 500;

/// -ELBO of a split and its terms, nats per example.
#[derive(Clone, Debug)]
pub struct Elbo {
    /// -ELBO: the sum of the two terms.
    pub negative_elbo: Estimate,
    /// -E_q log p(x|z).
    pub reconstruction: Estimate,
    /// KL(q(z|x) || p(z)).
    pub kl: Estimate,
    /// Mean KL of each latent.
    pub kl_per_latent: Vec<f64>,
}

/// -ELBO with one sample for each example; `None` for a point code.
pub fn elbo(model: &dyn Trained, split: &Split, binarise: Binarise, noise: Noise) -> Option<Elbo> {
    let Terms { reconstruction, kl, by_latent } = terms(model, split, binarise, noise)?;
    let total: Vec<f64> =
        reconstruction.iter().zip(&kl).map(|(r, k): (&f64, &f64)| r + k).collect();
    Some(Elbo {
        negative_elbo: Estimate::of(&total),
        reconstruction: Estimate::of(&reconstruction),
        kl: Estimate::of(&kl),
        kl_per_latent: by_latent.iter().map(|sum| sum / split.len().max(1) as f64).collect(),
    })
}

/// Terms of -ELBO of each example, and the KL of each latent summed over examples.
struct Terms {
    reconstruction: Vec<f64>,
    kl: Vec<f64>,
    by_latent: Vec<f64>,
}

fn terms(model: &dyn Trained, split: &Split, binarise: Binarise, noise: Noise) -> Option<Terms> {
    let latent = model.latent_dim();
    let mut reconstruction = Vec::with_capacity(split.len());
    let mut kl = Vec::with_capacity(split.len());
    let mut by_latent = vec![0f64; latent];
    let all: Vec<usize> = (0..split.len()).collect();
    for indices in all.chunks(BATCH) {
        let x = split.inputs(indices, binarise, noise, 0);
        let keys: Vec<u64> = indices.iter().map(|&index| split.key(index)).collect();
        let eps = noise.normal(Stream::Posterior, 0, &keys, latent);
        let eps = Array2::from_shape_vec((indices.len(), latent), eps).ok()?;
        let given = model.condition(x.view(), &split.labels_of(indices));
        let values = model.elbo(x.view(), given.as_ref().map(|given| given.view()), eps.view())?;
        reconstruction.extend(values.reconstruction.iter().map(|&v| f64::from(v)));
        for row in values.kl_per_latent.rows() {
            kl.push(row.iter().map(|&v| f64::from(v)).sum());
            for (sum, &value) in by_latent.iter_mut().zip(row) {
                *sum += f64::from(value);
            }
        }
    }
    Some(Terms { reconstruction, kl, by_latent })
}

/// The proposal of z in an estimate of log p(x), and its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// z ~ q(z|x), weights p(x, z) / q(z|x): the importance-weighted bound (Burda et al. 2016,
    /// equation 8).
    Importance,
    /// z ~ p(z), weights p(x|z): plain Monte Carlo, a bound as well and a looser one.
    Prior,
}

impl Estimator {
    fn name(self) -> &'static str {
        match self {
            Self::Importance => "importance-weighted bound",
            Self::Prior => "Monte Carlo from the prior",
        }
    }

    fn stream(self) -> Stream {
        match self {
            Self::Importance => Stream::Posterior,
            Self::Prior => Stream::Prior,
        }
    }
}

/// -log (1/K) sum_k w_k with `samples` = K weights an example, streamed: memory does not grow with
/// `samples`. In expectation never below -log p(x). `None` for a point code.
pub fn negative_log_likelihood(
    model: &dyn Trained,
    split: &Split,
    binarise: Binarise,
    noise: Noise,
    estimator: Estimator,
    samples: usize,
) -> Option<Estimate> {
    let mut found = bound_curve(model, split, binarise, noise, estimator, &[samples])?;
    found.pop()
}

/// The same for each of these numbers of weights, in rising order; the first K weights of an example are those of K
/// alone.
pub fn bound_curve(
    model: &dyn Trained,
    split: &Split,
    binarise: Binarise,
    noise: Noise,
    estimator: Estimator,
    samples: &[usize],
) -> Option<Vec<Estimate>> {
    let values = by_example(model, split, binarise, noise, estimator, samples)?;
    let estimate = |index: usize| {
        Estimate::of(&values.iter().map(|example| example[index]).collect::<Vec<f64>>())
    };
    Some((0..samples.len()).map(estimate).collect())
}

/// For each example, an entry for each number of weights.
fn by_example(
    model: &dyn Trained,
    split: &Split,
    binarise: Binarise,
    noise: Noise,
    estimator: Estimator,
    samples: &[usize],
) -> Option<Vec<Vec<f64>>> {
    let latent = model.latent_dim();
    let bar = progress::steps(estimator.name(), split.len() as u64, split.examples());
    let done = AtomicU64::new(0);
    // Examples are independent, so threads do not change the numbers.
    let most = samples.last().copied().unwrap_or(0);
    let values: Option<Vec<Vec<f64>>> = (0..split.len())
        .into_par_iter()
        .map(|index| {
            let x = split.inputs(&[index], binarise, noise, 0);
            let given = model.condition(x.view(), &[split.label(index)]);
            let given = given.as_ref().map(|given| given.view());
            let (mut sum, mut found) = (LogSum::default(), Vec::with_capacity(samples.len()));
            for (block, start) in (0..most).step_by(BLOCK).enumerate() {
                let count = BLOCK.min(most - start);
                let key = [split.key(index)];
                let eps = noise.normal(estimator.stream(), block as u64, &key, count * latent);
                let eps = Array2::from_shape_vec((count, latent), eps).ok()?;
                let weights = match estimator {
                    Estimator::Importance => model.log_weights(x.view(), given, eps.view()),
                    Estimator::Prior => {
                        model.log_likelihoods_from_prior(x.view(), given, eps.view())
                    }
                }?;
                for &weight in weights.slice(s![.., 0]) {
                    sum.add(f64::from(weight));
                    if samples[found.len()] == sum.count {
                        found.push(-sum.log_mean());
                    }
                }
            }
            bar.inc(1);
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            if !progress::is_terminal() && count.is_multiple_of(1000) {
                progress::line(&format!(
                    "{}: {count}/{} {examples}, {:.0} {examples}/s",
                    estimator.name(),
                    split.len(),
                    bar.per_sec(),
                    examples = split.examples()
                ));
            }
            Some(found)
        })
        .collect();
    bar.finish_and_clear();
    values
}

/// -log p(x), if the model has it in closed form.
pub fn marginal(
    model: &dyn Trained,
    split: &Split,
    binarise: Binarise,
    noise: Noise,
) -> Option<Estimate> {
    Some(Estimate::of(&exact(model, split, binarise, noise)?))
}

fn exact(model: &dyn Trained, split: &Split, binarise: Binarise, noise: Noise) -> Option<Vec<f64>> {
    let mut values = Vec::with_capacity(split.len());
    let all: Vec<usize> = (0..split.len()).collect();
    for indices in all.chunks(BATCH) {
        let x = split.inputs(indices, binarise, noise, 0);
        let given = model.condition(x.view(), &split.labels_of(indices));
        let log_p: Array1<f32> =
            model.log_marginal(x.view(), given.as_ref().map(|given| given.view()))?;
        values.extend(log_p.iter().map(|&v| -f64::from(v)));
    }
    Some(values)
}

/// The likelihood of each example of a split.
#[derive(Clone, Debug)]
pub struct Scores {
    /// -log p(x), or the bound on it, nats.
    pub nll: Vec<f64>,
    /// -ELBO with one sample, nats, where there is one.
    pub negative_elbo: Option<Vec<f64>>,
    /// Weights of the bound; none where `nll` is exact.
    pub samples: Option<usize>,
}

impl Scores {
    /// The estimator of `nll`.
    pub fn about(&self) -> String {
        let bound = |samples| format!("importance-weighted bound with K = {samples}");
        self.samples.map_or("exact".into(), bound)
    }
}

/// -log p(x) of each example, in closed form if the model has one, otherwise the importance-weighted bound
/// with `samples` weights; `None` where it has neither.
pub fn scores(
    model: &dyn Trained,
    split: &Split,
    binarise: Binarise,
    noise: Noise,
    samples: usize,
) -> Option<Scores> {
    if model.is_of_sequences() {
        return sequence_scores(model, split, binarise, noise, samples);
    }
    let (nll, samples) = match exact(model, split, binarise, noise) {
        Some(nll) => (nll, None),
        None => (
            by_example(model, split, binarise, noise, Estimator::Importance, &[samples])?.concat(),
            Some(samples),
        ),
    };
    let negative_elbo = terms(model, split, binarise, noise)
        .map(|terms| terms.reconstruction.iter().zip(&terms.kl).map(|(r, k)| r + k).collect());
    Some(Scores { nll, negative_elbo, samples })
}

/// A running log of a sum of exponentials.
#[derive(Default)]
struct LogSum {
    largest: Option<f64>,
    scaled: f64,
    count: usize,
}

impl LogSum {
    fn add(&mut self, value: f64) {
        self.count += 1;
        if value == f64::NEG_INFINITY {
            // A weight of zero; the difference of two would be no number.
            return;
        }
        match self.largest {
            Some(largest) if value <= largest => self.scaled += (value - largest).exp(),
            Some(largest) => {
                self.scaled = self.scaled * (largest - value).exp() + 1.0;
                self.largest = Some(value);
            }
            None => {
                self.largest = Some(value);
                self.scaled = 1.0;
            }
        }
    }

    fn log_mean(&self) -> f64 {
        self.largest.map_or(f64::NEG_INFINITY, |l| l + self.scaled.ln() - (self.count as f64).ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_log_sum_is_the_log_of_the_mean() {
        let values = [-1000.0, -1001.5, -999.0, -1000.25];
        let mut sum = LogSum::default();
        values.iter().for_each(|&v| sum.add(v));
        let direct = (values.iter().map(|v: &f64| (v + 1000.0).exp()).sum::<f64>() / 4.0).ln();
        assert!((sum.log_mean() - (direct - 1000.0)).abs() < 1e-12);
        let mut sum = LogSum::default();
        [f64::NEG_INFINITY, f64::NEG_INFINITY, 0.0].iter().for_each(|&v| sum.add(v));
        assert!((sum.log_mean() + 3f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn an_estimate_is_a_mean_with_its_error() {
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(estimate.mean, 2.5);
        let error = estimate.standard_error.unwrap();
        assert!((error - (5.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
        assert_eq!(Estimate::of(&[1.0]).standard_error, None);
    }
}
