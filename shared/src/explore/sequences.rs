//! What the page of a model of sequences knows, and what it is tested by.

use ndarray::{Array2, ArrayView1, Axis, s};
use serde_json::{Value, json};

use super::{Content, Precision, Subject, compare::differences_of_steps};
use crate::{
    network::{
        Steps,
        steps::{Latents, StepDistribution},
    },
    noise::{Noise, Stream},
};

/// Sequences to choose from.
const GALLERY: usize = 40;
/// Sequences on which the description is compared with the model.
const COMPARED: usize = 10;

/// The content of a page, and how far the networks in it are from the model. `shown` says what a step is.
pub fn content_of_steps(
    subject: &Subject<'_>,
    network: &Steps,
    shown: &Value,
    precision: Precision,
) -> (Content, f64) {
    let Subject { model, split, preparation, .. } = subject;
    let mut packer = precision.packer();
    let packed = packer.steps(network);
    let indices: Vec<usize> = (0..split.len().min(GALLERY)).collect();
    let x = inputs(subject, &indices);
    // Of as many steps as all of them have, which makes comparing simple.
    let few = &indices[..indices.len().min(COMPARED)];
    let shortest = few.iter().map(|&index| split.steps(index)).min().unwrap_or(0);
    let begun = x.slice(s![..few.len(), ..shortest * network.width]).to_owned();
    let rounded = (precision == Precision::Half).then(|| network.rounded());
    let apart = differences_of_steps(*model, rounded.as_ref().unwrap_or(network), &begun);
    let json = json!({
        "title": subject.title,
        "paper": subject.paper,
        "about": subject.about,
        "citation": subject.citation,
        "seed": subject.seed.to_string(),
        "parameters": model.parameters(),
        "latents": model.latent_dim(),
        "steps": packed,
        "shown": shown,
        "typical": preparation.steps,
        "longest": preparation.shape.height,
        "precision": { "bits": precision.bits(), "apart": apart, "compared": few.len() },
        "gallery": {
            "name": subject.examples,
            "titles": indices.iter().map(|&index| (subject.titles)(index)).collect::<Vec<_>>(),
            // Noise keys are 64 bits wide: as text, since JavaScript's numbers have 53.
            "keys": keys(subject, &indices),
            "sequences": written(network, x.rows().into_iter().zip(steps(subject, &indices))),
        },
    });
    (Content { json, bytes: packer.into_bytes() }, apart)
}

/// Sequences, the terms of their -ELBO by step, and how the model goes on after their first half, of the first `count`
/// of the subject's split; of a model with one code for a sequence also the codes, and what they decode to.
pub fn expected_of_steps(subject: &Subject<'_>, network: &Steps, count: usize) -> Value {
    let Subject { model, split, seed, .. } = subject;
    let noise = Noise::new(*seed);
    let indices: Vec<usize> = (0..count.min(split.len())).collect();
    let (x, lengths) = (inputs(subject, &indices), steps(subject, &indices));
    let width = network.width;
    let (mut terms, mut codes) = (Vec::new(), Vec::new());
    let (mut continued, mut decoded) = (Vec::new(), Vec::new());
    for ((row, &index), &steps) in x.rows().into_iter().zip(&indices).zip(&lengths) {
        let key = [split.key(index)];
        let own = row.slice(s![..steps * width]).insert_axis(Axis(0)).to_owned();
        if let Some(whole) = model.sequence_codes() {
            let eps = noise.normal(Stream::Posterior, 0, &key, model.latent_dim());
            let eps = Array2::from_shape_fn((1, eps.len()), |(_, latent)| eps[latent]);
            let found = whole.elbo(&own, &[steps], &eps);
            let kl = found.kl_per_latent.sum();
            terms.push(json!({ "reconstruction": found.reconstruction[0], "kl": kl }));
            let code = whole.encode(&own, &[steps]);
            let made = whole.decode(code.mean.view(), &[steps]);
            decoded.extend(written(network, made.x.rows().into_iter().zip(made.steps)));
            codes.push(json!({
                "mean": code.mean.row(0).to_vec(),
                "log_var": code.log_var.map(|log_var| log_var.row(0).to_vec()),
            }));
        } else if let Some((_, latents)) = model.step_widths() {
            let by_step = |step: usize| noise.normal(Stream::Filter, step as u64, &key, latents);
            let eps: Vec<f32> = (0..steps).flat_map(by_step).collect();
            let eps = Array2::from_shape_fn((1, eps.len()), |(_, at)| eps[at]);
            if let Some(found) = model.terms_by_step(&own, &eps) {
                let kl = found.kl_per_latent.slice(s![0, .., ..]).sum_axis(Axis(1));
                let reconstruction = found.reconstruction.row(0).to_vec();
                terms.push(json!({ "reconstruction": reconstruction, "kl": kl.to_vec() }));
            }
        }
        let given = own.slice(s![.., ..steps / 2 * width]).to_owned();
        let draw = [index as u64];
        if let Some(found) = model.continued(&given, steps, 1.0, (noise, &draw)) {
            continued.extend(written(network, [(found.row(0), steps)].into_iter()));
        }
    }
    json!({
        "sequences": written(network, x.rows().into_iter().zip(lengths.iter().copied())),
        "keys": keys(subject, &indices),
        "terms": terms,
        "codes": codes,
        "decoded": decoded,
        "continued": continued,
        "is_whole": matches!(network.latents, Latents::Whole(_)),
    })
}

fn inputs(subject: &Subject<'_>, indices: &[usize]) -> Array2<f32> {
    subject.split.inputs(indices, subject.binarise, Noise::new(subject.seed), 0)
}

fn steps(subject: &Subject<'_>, indices: &[usize]) -> Vec<usize> {
    indices.iter().map(|&index| subject.split.steps(index)).collect()
}

fn keys(subject: &Subject<'_>, indices: &[usize]) -> Vec<String> {
    indices.iter().map(|&index| subject.split.key(index).to_string()).collect()
}

/// Sequences as lists of steps; a step is the list of its numbers, or of the places that are 1 where all are 0 or 1.
fn written<'a>(
    network: &Steps,
    sequences: impl Iterator<Item = (ArrayView1<'a, f32>, usize)>,
) -> Vec<Value> {
    let is_binary =
        matches!(network.distribution, StepDistribution::Bernoulli | StepDistribution::Categorical);
    let step = |step: &[f32]| {
        if is_binary {
            let on = step.iter().enumerate().filter(|(_, value)| **value > 0.5);
            on.map(|(place, _)| place).collect::<Vec<_>>().into()
        } else {
            Value::from(step.to_vec())
        }
    };
    sequences
        .map(|(row, steps)| {
            let row = row.to_vec();
            row.chunks(network.width.max(1)).take(steps).map(step).collect()
        })
        .collect()
}
