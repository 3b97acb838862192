//! Metrics of models of sequences: bounds on log p(x), for each sequence and for each step.

use std::collections::BTreeMap;

use anyhow::Result;

use shared::{
    data::{Binarise, Split},
    metrics::{
        Estimate, Evaluating, Evaluation, code_statistics, encode_split, sequence_bound,
        sequence_terms,
    },
    noise::Noise,
    progress,
    run::{Better, Metric},
    sequential::Resampling,
};

use crate::{Known, Steps, steps_of};

/// Bounds on -log p(x) by particles.
const FILTERS: [(&str, Resampling, &str); 2] = [
    ("nll", Resampling::Never, "importance-weighted bound on -log p(x)"),
    ("nll_filter", Resampling::Adaptive, "filtering (FIVO) bound on -log p(x)"),
];

/// Nats of some sequences, and their steps.
#[derive(Default)]
struct Nats {
    by_sequence: Vec<f64>,
    steps: Vec<usize>,
}

impl Nats {
    /// Nats of all sequences of a split, or of its first ones.
    fn of(by_sequence: Vec<f64>, split: &Split) -> Self {
        let steps = (0..by_sequence.len()).map(|index| split.steps(index)).collect();
        Self { by_sequence, steps }
    }

    fn push(&mut self, nats: f64, steps: usize) {
        self.by_sequence.push(nats);
        self.steps.push(steps);
    }

    /// Mean over sequences.
    fn a_sequence(&self) -> Estimate {
        Estimate::of(&self.by_sequence)
    }

    /// All nats over all steps: long sequences count for more. Its standard error is that of a ratio of
    /// two sums over sequences; of a single sequence it is not known.
    fn a_step(&self) -> Estimate {
        let steps: usize = self.steps.iter().sum();
        let mean = self.by_sequence.iter().sum::<f64>() / steps.max(1) as f64;
        let pairs = self.by_sequence.iter().zip(&self.steps);
        let squares: f64 = pairs.map(|(nats, &steps)| (nats - mean * steps as f64).powi(2)).sum();
        let examples = self.by_sequence.len();
        let standard_error = (examples > 1).then(|| {
            // The mean was found from the same sequences: one degree of freedom fewer.
            let freedom = examples as f64 / (examples as f64 - 1.0);
            (freedom * squares).sqrt() / steps.max(1) as f64
        });
        Estimate { mean, standard_error, examples }
    }
}

/// Metrics by name, and the mean KL of each latent a step where there are latents.
type Found = (BTreeMap<String, Metric>, Option<Vec<f64>>);

/// Everything `evaluate` finds out about a model of sequences.
pub(super) fn evaluate(of: &Evaluating<'_>) -> Result<Evaluation> {
    let (found, kl_per_latent) = bounds(of)?;
    let mut metrics: BTreeMap<String, Metric> = of.model.own_metrics().into_iter().collect();
    metrics.extend(found);
    let has_code = of.model.sequence_codes().is_some();
    let codes = has_code.then(|| {
        let (model, test) = (of.model, &of.data.test);
        code_statistics(&encode_split(model, test, &(0..test.len()).collect::<Vec<_>>()))
    });
    // How codes vary, one example does not tell.
    if let Some(codes) = codes.as_ref().filter(|_| of.data.test.len() > 1) {
        let latents = codes.variance_of_mean.len();
        let metric = Metric {
            value: codes.active_units() as f64,
            standard_error: None,
            unit: "latents".into(),
            better: Better::Neither,
            about: format!(
                "latents of {latents} whose code varies by more than 0.01 over the test sequences"
            ),
        };
        metrics.insert("active_units".into(), metric);
    }
    Ok(Evaluation { metrics, codes, kl_per_latent })
}

/// The metrics of a model of sequences.
///
/// # Errors
/// If the model is not one of sequences.
fn bounds(of: &Evaluating<'_>) -> Result<Found> {
    let Evaluating { model, data, config, noise, .. } = *of;
    let binarise = of.of.binarise;
    let vocabulary = data.known::<Known>().and_then(|known| known.vocabulary.as_ref());
    let test = &data.test;
    let mut metrics = BTreeMap::new();
    let mut add = |name: &str, nats: &Nats, what: &str| {
        let (count, steps) = (nats.steps.len(), nats.steps.iter().sum::<usize>());
        let mut insert = |name: String, estimate: Estimate, unit: &str, over: String| {
            let metric = Metric {
                value: estimate.mean,
                standard_error: estimate.standard_error,
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
    let Some(terms) = sequence_terms(model, test, binarise, noise) else {
        anyhow::bail!("the model is not one of sequences");
    };
    let part = of.estimated();
    let of_test = |nats: Vec<f64>| Nats::of(nats, test);
    let kl_per_latent = if terms.kl_by_latent.is_empty() {
        add("nll", &of_test(terms.reconstruction), "-log p(x), exact");
        None
    } else {
        add("negative_elbo", &of_test(terms.negative_elbo()), "-ELBO, one sample");
        add("reconstruction", &of_test(terms.reconstruction), "-E log p(x|z), one sample");
        let kl = of_test(terms.kl);
        let has_code = model.sequence_codes().is_some();
        let what = if has_code {
            "KL of the posteriors to the prior N(0, I), closed form"
        } else {
            "KL of the posteriors to the priors, closed form at each step"
        };
        add("kl", &kl, what);
        let particles = config.nll_samples;
        // Of one code for a whole sequence there is nothing to resample.
        let filters = if has_code { &FILTERS[..1] } else { &FILTERS[..] };
        for &(name, resampling, what) in filters {
            let found = sequence_bound(model, &part, binarise, noise, particles, resampling);
            let nats = Nats::of(found.unwrap_or_default(), &part);
            add(name, &nats, &format!("{what}, K = {particles}"));
        }
        // A mean over sequences of a code they have once, and over steps of one that each step has.
        let count = if has_code { test.len() } else { kl.steps.iter().sum() };
        Some(terms.kl_by_latent.iter().map(|sum| sum / count.max(1) as f64).collect())
    };
    let is_binary = match steps_of(of.of) {
        Steps::Chords => true,
        Steps::Rows => binarise.is_binary(),
        Steps::Pen | Steps::Symbols | Steps::Numbers => false,
    };
    if is_binary && !data.train.is_empty() {
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

/// Every element of a step an independent Bernoulli with its frequency over the training steps
/// (Boulanger-Lewandowski et al. 2012's "note 1-gram"); what never or always happened has half a step
/// against it.
fn independent(train: &Split, test: &Split, binarise: Binarise, noise: Noise) -> Nats {
    let steps: usize = (0..train.len()).map(|index| train.steps(index)).sum();
    let least = 0.5 / steps.max(1) as f64;
    let (white, black): (Vec<f64>, Vec<f64>) = train
        .step_mean(binarise)
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
    use shared::data::{ExampleSet, Sequences};

    use super::*;

    #[test]
    fn long_sequences_count_for_more_in_nats_a_step() {
        let mut nats = Nats::default();
        nats.push(10.0, 1);
        nats.push(20.0, 9);
        assert_eq!((nats.a_sequence().mean, nats.a_step().mean), (15.0, 3.0));
    }

    #[test]
    fn nats_a_step_of_sequences_of_one_length_are_those_a_sequence_divided_by_it() {
        let mut nats = Nats::default();
        [10.0, 20.0, 60.0].into_iter().for_each(|value| nats.push(value, 5));
        let [sequence, step] = [nats.a_sequence(), nats.a_step()]
            .map(|found| [found.mean, found.standard_error.unwrap()]);
        assert!(sequence.iter().zip(step).all(|(a, b)| (a - 5.0 * b).abs() < 1e-9));
    }

    #[test]
    fn an_independent_element_is_as_probable_as_it_is_frequent_in_the_training_steps() {
        let split = |sequences: &[Vec<f32>]| {
            Split::from(ExampleSet::sequences(Sequences::of_numbers(3, sequences), false))
        };
        // The third element never happens: half of one step in four.
        let train = split(&[vec![1., 0., 0.], vec![1., 1., 0., 0., 0., 0., 1., 0., 0.]]);
        let test = split(&[vec![1., 1., 1.], vec![1., 1., 0., 0., 1., 0.]]);
        let found = independent(&train, &test, Binarise::None, Noise::new(0));
        assert_eq!(found.steps, [1, 2]);
        let wanted: [f64; 2] = [0.75 * 0.25 * 0.125, 0.75 * 0.25 * 0.875 * 0.25 * 0.25 * 0.875];
        for (found, wanted) in found.by_sequence.iter().zip(wanted) {
            assert!((found + wanted.ln()).abs() < 1e-6, "{found} {wanted}");
        }
    }
}
