//! Bounds on log p(x) of models of sequences, sequence by sequence.

use ndarray::{Array2, s};

use super::Scores;
use crate::{
    data::{Binarise, Split},
    noise::{Noise, Stream},
    progress,
    sequential::Resampling,
    trained::Trained,
};

/// Sequences in a batch, and between two lines of progress.
const BATCH: usize = 100;

/// Terms of -ELBO of the sequences of a split, nats, with one sample of each latent.
#[derive(Clone, Debug, Default)]
pub struct SequenceTerms {
    /// -log p(x|z) of each sequence.
    pub reconstruction: Vec<f64>,
    /// KL of each sequence, in closed form at each latent.
    pub kl: Vec<f64>,
    /// KL by latent, summed over sequences, and over steps where each step has latents of its own.
    pub kl_by_latent: Vec<f64>,
}

impl SequenceTerms {
    /// -ELBO of each sequence.
    pub fn negative_elbo(&self) -> Vec<f64> {
        self.reconstruction.iter().zip(&self.kl).map(|(nats, kl)| nats + kl).collect()
    }

    /// Counts the KL of a sequence, latent by latent, and step by step where there is more than one.
    fn count_kl<'a>(&mut self, values: impl IntoIterator<Item = &'a f32>) {
        let latents = self.kl_by_latent.len().max(1);
        let mut sum = 0.0;
        for (place, &value) in values.into_iter().enumerate() {
            self.kl_by_latent[place % latents] += f64::from(value);
            sum += f64::from(value);
        }
        self.kl.push(sum);
    }
}

/// Terms of -ELBO; `None` unless the model is one of sequences.
pub fn sequence_terms(
    model: &dyn Trained,
    split: &Split,
    binarise: Binarise,
    noise: Noise,
) -> Option<SequenceTerms> {
    let codes = model.sequence_codes();
    let (width, latents) = match codes {
        Some(_) => (0, model.latent_dim()),
        None => model.step_widths()?,
    };
    let mut found = SequenceTerms { kl_by_latent: vec![0.0; latents], ..SequenceTerms::default() };
    let all: Vec<usize> = (0..split.len()).collect();
    for indices in all.chunks(BATCH) {
        let x = split.inputs(indices, binarise, noise, 0);
        let (keys, steps) = keys_and_steps(split, indices);
        let columns = match codes {
            Some(_) => latents,
            None => x.ncols() / width.max(1) * latents,
        };
        let eps = noise.normal(Stream::Posterior, 0, &keys, columns);
        let eps = Array2::from_shape_vec((indices.len(), columns), eps).ok()?;
        if let Some(codes) = &codes {
            let values = codes.elbo(&x, &steps, &eps);
            found.reconstruction.extend(values.reconstruction.iter().map(|&v| f64::from(v)));
            values.kl_per_latent.rows().into_iter().for_each(|row| found.count_kl(row));
            continue;
        }
        let values = model.terms_by_step(&x, &eps)?;
        for (row, &steps) in steps.iter().enumerate() {
            let own = values.reconstruction.slice(s![row, ..steps]);
            found.reconstruction.push(own.iter().map(|&v| f64::from(v)).sum());
            found.count_kl(values.kl_per_latent.slice(s![row, ..steps, ..]));
        }
    }
    Some(found)
}

/// A bound on -log p(x) of each sequence by `particles`; `None` unless the model is one of sequences.
pub fn sequence_bound(
    model: &dyn Trained,
    split: &Split,
    binarise: Binarise,
    noise: Noise,
    particles: usize,
    resampling: Resampling,
) -> Option<Vec<f64>> {
    let mut found = Vec::with_capacity(split.len());
    let bar = progress::steps("bounds by particles", split.len() as u64, "sequences");
    let all: Vec<usize> = (0..split.len()).collect();
    for indices in all.chunks(BATCH) {
        let x = split.inputs(indices, binarise, noise, 0);
        let (keys, steps) = keys_and_steps(split, indices);
        let values = model.filter(&x, &steps, particles, resampling, (noise, &keys))?;
        found.extend(values.rows().into_iter().map(|row| -row.sum()));
        bar.inc(indices.len() as u64);
    }
    bar.finish_and_clear();
    Some(found)
}

/// [`scores`](super::scores) of a model of sequences; exact where it has no latents.
pub(super) fn sequence_scores(
    model: &dyn Trained,
    split: &Split,
    binarise: Binarise,
    noise: Noise,
    samples: usize,
) -> Option<Scores> {
    let terms = sequence_terms(model, split, binarise, noise)?;
    if terms.kl_by_latent.is_empty() {
        return Some(Scores { nll: terms.reconstruction, negative_elbo: None, samples: None });
    }
    Some(Scores {
        nll: sequence_bound(model, split, binarise, noise, samples, Resampling::Never)?,
        negative_elbo: Some(terms.negative_elbo()),
        samples: Some(samples),
    })
}

fn keys_and_steps(split: &Split, indices: &[usize]) -> (Vec<u64>, Vec<usize>) {
    indices.iter().map(|&index| (split.key(index), split.steps(index))).unzip()
}
