//! Metrics of models of sequences: bounds on log p(x), for each sequence and for each step.

use std::collections::BTreeMap;

use anyhow::Result;
use ndarray::{Array2, s};

use shared::{
    data::{Binarise, Split},
    metrics::{Estimate, Evaluating, Evaluation},
    noise::{Noise, Stream},
    progress,
    run::{Better, Metric},
    sequential::Resampling,
    trained::Trained,
};

use crate::{Known, Steps};

/// Sequences in a batch of the -ELBO, and of the bounds between two lines of progress.
const BATCH: usize = 100;

/// Nats of some sequences, and their steps.
#[derive(Default)]
struct Nats {
    by_sequence: Vec<f64>,
    steps: Vec<usize>,
}

impl Nats {
    fn push(&mut self, nats: f64, steps: usize) {
        self.by_sequence.push(nats);
        self.steps.push(steps);
    }

    /// Mean over sequences.
    fn a_sequence(&self) -> Estimate {
        Estimate::of(&self.by_sequence)
    }

    /// All nats over all steps: long sequences count for more. Its standard error is that of a ratio of
    /// two sums over sequences.
    fn a_step(&self) -> Estimate {
        let steps: usize = self.steps.iter().sum();
        let mean = self.by_sequence.iter().sum::<f64>() / steps.max(1) as f64;
        let pairs = self.by_sequence.iter().zip(&self.steps);
        let squares: f64 = pairs.map(|(nats, &steps)| (nats - mean * steps as f64).powi(2)).sum();
        Estimate {
            mean,
            standard_error: squares.sqrt() / steps.max(1) as f64,
            examples: self.by_sequence.len(),
        }
    }
}

/// Terms of -ELBO of a split.
struct Terms {
    reconstruction: Nats,
    kl: Nats,
    total: Nats,
    /// Mean KL of each latent a step.
    kl_per_latent: Vec<f64>,
}

/// Metrics by name, and the mean KL of each latent a step where there are latents.
type Found = (BTreeMap<String, Metric>, Option<Vec<f64>>);

/// Everything `evaluate` finds out about a model of sequences.
pub(super) fn evaluate(of: &Evaluating<'_>) -> Result<Evaluation> {
    let (found, kl_per_latent) = bounds(of)?;
    let mut metrics: BTreeMap<String, Metric> = of.model.own_metrics().into_iter().collect();
    metrics.extend(found);
    Ok(Evaluation { metrics, codes: None, kl_per_latent })
}

/// The metrics of a model of sequences.
///
/// # Errors
/// If the model is not one of sequences.
fn bounds(of: &Evaluating<'_>) -> Result<Found> {
    let Evaluating { model, data, config, noise, .. } = *of;
    let binarise = of.of.binarise;
    let vocabulary = data.known::<Known>().and_then(|known| known.vocabulary.as_ref());
    let Some((_, latents)) = model.step_widths() else {
        anyhow::bail!("the model is not one of sequences");
    };
    let test = &data.test;
    let mut metrics = BTreeMap::new();
    let mut add = |name: &str, nats: &Nats, what: &str| {
        let (count, steps) = (nats.steps.len(), nats.steps.iter().sum::<usize>());
        let mut insert = |name: String, estimate: Estimate, unit: &str, over: String| {
            let metric = Metric {
                value: estimate.mean,
                standard_error: Some(estimate.standard_error),
                unit: unit.into(),
                better: Better::Lower,
                about: format!("{what}, {over}"),
            };
            metrics.insert(name, metric);
        };
        let over = format!("mean over {count} test sequences");
        insert(name.to_owned(), nats.a_sequence(), "nats", over);
        let over = format!("all nats of {count} test sequences over all their {steps} steps");
        insert(format!("{name}_step"), nats.a_step(), "nats a step", over);
    };
    progress::line("evaluating: bounds on the likelihood of sequences");
    let terms = terms(model, test, binarise, noise, latents)?;
    let part = test.take(config.nll_images);
    let kl_per_latent = if latents == 0 {
        add("nll", &terms.total, "-log p(x), exact");
        None
    } else {
        add("negative_elbo", &terms.total, "-ELBO, one sample");
        add("reconstruction", &terms.reconstruction, "-E log p(x|z), one sample");
        add("kl", &terms.kl, "KL of the posteriors to the priors, closed form at each step");
        let particles = config.nll_samples;
        for (name, resampling, what) in [
            ("nll", Resampling::Never, "importance-weighted bound on -log p(x)"),
            ("nll_filter", Resampling::Adaptive, "filtering (FIVO) bound on -log p(x)"),
        ] {
            let found = bound(model, &part, binarise, noise, particles, resampling)?;
            add(name, &found, &format!("{what}, K = {particles}"));
        }
        Some(terms.kl_per_latent)
    };
    let is_binary = match Steps::of(of.of) {
        Steps::Chords => true,
        Steps::Rows => binarise.is_binary(),
        Steps::Pen | Steps::Symbols => false,
    };
    if is_binary {
        let found = independent(&data.train, test, binarise, noise);
        add("nll_independent", &found, "-log p(x) if every element were independent of all others");
    }
    if vocabulary.is_some() {
        let step = metrics["nll_step"].clone();
        let perplexity = Metric {
            value: step.value.exp(),
            standard_error: step.standard_error.map(|error| error * step.value.exp()),
            unit: "symbols".into(),
            about: format!("exp of nll_step: {}", step.about),
            ..step
        };
        metrics.insert("perplexity".into(), perplexity);
    }
    Ok((metrics, kl_per_latent))
}

fn terms(
    model: &dyn Trained,
    split: &Split,
    binarise: Binarise,
    noise: Noise,
    latents: usize,
) -> Result<Terms> {
    let mut found = Terms {
        reconstruction: Nats::default(),
        kl: Nats::default(),
        total: Nats::default(),
        kl_per_latent: vec![0.0; latents],
    };
    let (width, _) = model.step_widths().unwrap_or_default();
    let all: Vec<usize> = (0..split.len()).collect();
    for indices in all.chunks(BATCH) {
        let x = split.inputs(indices, binarise, noise, 0);
        let keys: Vec<u64> = indices.iter().map(|&index| split.key(index)).collect();
        let columns = x.ncols() / width.max(1) * latents;
        let eps = noise.normal(Stream::Posterior, 0, &keys, columns);
        let eps = Array2::from_shape_vec((indices.len(), columns), eps)?;
        let Some(values) = model.terms_by_step(&x, &eps) else {
            anyhow::bail!("the model is not one of sequences");
        };
        for (row, &index) in indices.iter().enumerate() {
            let steps = split.steps(index);
            let own = values.reconstruction.slice(s![row, ..steps]);
            let reconstruction: f64 = own.iter().map(|&v| f64::from(v)).sum();
            let mut kl = 0.0;
            for step in values.kl_per_latent.slice(s![row, ..steps, ..]).rows() {
                for (sum, &value) in found.kl_per_latent.iter_mut().zip(step) {
                    *sum += f64::from(value);
                    kl += f64::from(value);
                }
            }
            found.reconstruction.push(reconstruction, steps);
            found.kl.push(kl, steps);
            found.total.push(reconstruction + kl, steps);
        }
    }
    let steps: usize = found.total.steps.iter().sum();
    found.kl_per_latent.iter_mut().for_each(|sum| *sum /= steps.max(1) as f64);
    Ok(found)
}

/// A bound by particles.
fn bound(
    model: &dyn Trained,
    split: &Split,
    binarise: Binarise,
    noise: Noise,
    particles: usize,
    resampling: Resampling,
) -> Result<Nats> {
    let mut found = Nats::default();
    let bar = progress::steps("bounds by particles", split.len() as u64, "sequences");
    let all: Vec<usize> = (0..split.len()).collect();
    for indices in all.chunks(BATCH) {
        let x = split.inputs(indices, binarise, noise, 0);
        let keys: Vec<u64> = indices.iter().map(|&index| split.key(index)).collect();
        let steps: Vec<usize> = indices.iter().map(|&index| split.steps(index)).collect();
        let Some(values) = model.filter(&x, &steps, particles, resampling, (noise, &keys)) else {
            anyhow::bail!("the model is not one of sequences");
        };
        for (row, steps) in values.rows().into_iter().zip(steps) {
            found.push(-row.sum(), steps);
        }
        bar.inc(indices.len() as u64);
    }
    bar.finish_and_clear();
    Ok(found)
}

/// Every element of a step an independent Bernoulli with its frequency over the training steps
/// (Boulanger-Lewandowski et al. 2012's "note 1-gram"); what never or always happened has half a step
/// against it.
fn independent(train: &Split, test: &Split, binarise: Binarise, noise: Noise) -> Nats {
    let steps: usize = (0..train.len()).map(|index| train.steps(index)).sum();
    let least = 0.5 / steps.max(1) as f64;
    let (white, black): (Vec<f64>, Vec<f64>) = train
        .step_mean()
        .into_iter()
        .map(|mean| f64::from(mean).clamp(least, 1.0 - least))
        .map(|p| (-p.ln(), -(1.0 - p).ln()))
        .unzip();
    let mut found = Nats::default();
    for index in 0..test.len() {
        let (x, steps) = (test.inputs(&[index], binarise, noise, 0), test.steps(index));
        let elements = x.iter().take(steps * white.len()).enumerate();
        let nats = elements.map(|(at, &x)| {
            let element = at % white.len();
            if x > 0.5 { white[element] } else { black[element] }
        });
        found.push(nats.sum(), steps);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sequences_count_for_more_in_nats_a_step() {
        let mut nats = Nats::default();
        nats.push(10.0, 1);
        nats.push(20.0, 9);
        assert_eq!((nats.a_sequence().mean, nats.a_step().mean), (15.0, 3.0));
    }
}
