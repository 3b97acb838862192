//! What a page knows of a run: its networks, its latents, some images, and a map of their codes.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use ndarray::{Array2, Axis};
use serde_json::{Value, json};

use super::{
    Content, Differences,
    compare::{array, differences},
};
use crate::{
    data::{Binarise, ClassNames, Preparation, Split},
    metrics::{LatentSteps, encode_split, nats_per_latent},
    network::{Network, Packer},
    noise::{Noise, Stream},
    plot::web_colour,
    principal::PrincipalComponents,
    trained::{Codes, Trained},
};

/// Examples whose codes are on the map, and over which the KL is averaged, at most: those of `traverse`.
const POINTS: usize = 2000;
/// Images to choose from, in all and of each class, at most.
const IMAGES: usize = 60;
const OF_A_CLASS: usize = 12;
/// Codes wider than this are on the map by their first two principal components only, where there are such: one code has
/// none.
const WIDE: usize = 32;
/// Images on which the description is compared with the model.
const COMPARED: usize = 20;
/// Standard deviations of the prior that a slider reaches at least.
const REACH: f32 = 3.5;

/// Precision of the weights in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// As they are.
    Single,
    /// Those of large layers rounded to 16 bits.
    Half,
}

impl Precision {
    pub(super) fn packer(self) -> Packer {
        Packer::new(self == Self::Half)
    }

    /// Of a number of a large layer.
    pub(super) fn bits(self) -> u32 {
        match self {
            Self::Single => 32,
            Self::Half => 16,
        }
    }

    /// Bytes of the weights that `pack` packs.
    pub fn bytes(self, pack: impl FnOnce(&mut Packer) -> Value) -> usize {
        let mut packer = self.packer();
        pack(&mut packer);
        packer.len()
    }
}

/// A run, as a page shows it.
pub struct Subject<'a> {
    /// Its model.
    pub model: &'a dyn Trained,
    /// Images from which it takes those to choose from and those on the map.
    pub split: &'a Split,
    /// What they are called: `validation`, or the name of other data.
    pub examples: String,
    /// What each of them is called, by index.
    pub titles: Box<dyn Fn(usize) -> String + 'a>,
    /// Names of their classes.
    pub classes: &'a ClassNames,
    /// Its description of the data.
    pub preparation: &'a Preparation,
    /// Caption: paper, run, latents, data.
    pub title: String,
    /// Name of the program.
    pub paper: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Authors, title, venue, year.
    pub citation: &'static str,
    /// How images become inputs.
    pub binarise: Binarise,
    /// Seed of the run.
    pub seed: u64,
    /// What of x the likelihood is of, if it is not all of it.
    pub scored: Option<String>,
    /// True for digits, which are drawn in the middle.
    pub has_digits: bool,
    /// What each latent follows, where that is known, `[latent]`; or nothing.
    pub follows: Vec<Option<String>>,
}

/// The content of a page, and how far the networks in it are from the model.
///
/// # Errors
/// If the model's networks cannot be written as layers, or its codes are not finite or have no principal components.
pub fn content(
    subject: &Subject<'_>,
    network: &Network,
    precision: Precision,
) -> Result<(Content, Differences)> {
    let Subject { model, split, preparation, .. } = subject;
    let mut packer = precision.packer();
    let packed = packer.network(network);
    let part = split.take(POINTS);
    let all: Vec<usize> = (0..part.len()).collect();
    let codes = encode_split(*model, &part, &all);
    // JSON has no such numbers, and a slider has no place for them.
    if codes.mean.iter().chain(codes.log_var.iter().flatten()).any(|z| !z.is_finite()) {
        bail!(
            "a code is not a finite number: the model is broken, or the data lie far outside of what \
             it was trained on"
        );
    }
    let chosen = chosen(&part);
    let images = part.grey(&chosen);
    let levels: Vec<u8> = images.iter().map(|&value| (value * 255.0).round() as u8).collect();
    let shape = preparation.shape;
    let found = compared(subject, network, precision);
    let json = json!({
        "title": subject.title,
        "paper": subject.paper,
        "about": subject.about,
        "citation": subject.citation,
        "seed": subject.seed.to_string(),
        "binarise": subject.binarise.name(),
        "image": { "height": shape.height, "width": shape.width, "channels": shape.channels },
        "classes": named(&classes(preparation, &part), subject.classes),
        "model_classes": named(&preparation.classes, &ClassNames::of(preparation)),
        "parameters": model.parameters(),
        "has_bound": model.has_bound(),
        "scored": subject.scored,
        "has_digits": subject.has_digits,
        "precision": {
            "bits": precision.bits(),
            "code": found.code,
            "image": found.image,
            "compared": COMPARED.min(split.len()),
        },
        "network": packed,
        "latents": latents(subject, &part, &codes),
        "gallery": {
            "levels": packer.levels(&levels),
            "labels": part.labels_of(&chosen),
            "name": subject.examples,
            "titles": chosen.iter().map(|&index| (subject.titles)(index)).collect::<Vec<_>>(),
            // Noise keys are 64 bits wide: as text, since JavaScript's numbers have 53.
            "keys": chosen.iter().map(|&index| part.key(index).to_string()).collect::<Vec<_>>(),
        },
        "map": map(&mut packer, &part, &codes)?,
    });
    Ok((Content { json, bytes: packer.into_bytes() }, found))
}

/// The classes of the run; where the images are of others, theirs.
fn classes(preparation: &Preparation, part: &Split) -> Vec<u8> {
    let found: BTreeSet<u8> = part.labels().into_iter().collect();
    let is_known = |class: &u8| preparation.classes.contains(class);
    if found.iter().all(is_known) {
        preparation.classes.clone()
    } else {
        found.into_iter().collect()
    }
}

/// Classes with their names, and their colours in plots.
fn named(classes: &[u8], names: &ClassNames) -> Vec<Value> {
    let named = |&class: &u8| json!({ "class": class, "name": names.name(class), "colour": web_colour(class) });
    classes.iter().map(named).collect()
}

/// The first images of each class, in the order of the classes.
fn chosen(split: &Split) -> Vec<usize> {
    let labels = split.labels();
    let mut classes = labels.clone();
    classes.sort_unstable();
    classes.dedup();
    let of_a_class = match classes.len() {
        // Images without classes are all of class 0.
        0 | 1 => IMAGES / 2,
        count => (IMAGES / count).clamp(1, OF_A_CLASS),
    };
    let of = |class: &u8| {
        let all = labels.iter().enumerate().filter(move |(_, label)| *label == class);
        all.map(|(index, _)| index).take(of_a_class).collect::<Vec<_>>()
    };
    classes.iter().flat_map(of).take(IMAGES).collect()
}

/// The networks of the page beside the model, on the first images.
fn compared(subject: &Subject<'_>, network: &Network, precision: Precision) -> Differences {
    let count = COMPARED.min(subject.split.len());
    let indices: Vec<usize> = (0..count).collect();
    let x = subject.split.inputs(&indices, subject.binarise, Noise::new(subject.seed), 0);
    let latent = subject.model.latent_dim();
    let keys: Vec<u64> = (0..count as u64).collect();
    let eps = Noise::new(subject.seed).normal(Stream::Prior, 0, &keys, latent);
    let eps = array(count, latent, &eps);
    let labels = subject.split.labels_of(&indices);
    let rounded = (precision == Precision::Half).then(|| network.rounded());
    let network = rounded.as_ref().unwrap_or(network);
    differences(subject.model, network, x.view(), &labels, eps.view())
}

/// The latents, the most informative first.
fn latents(subject: &Subject<'_>, part: &Split, codes: &Codes) -> Vec<Value> {
    let Codes { mean, log_var } = codes;
    let nats = nats_per_latent(subject.model, part, codes);
    let change = match nats {
        Some(_) => None,
        None => Some(change(subject.model, subject.preparation, mean)),
    };
    let has_prior = subject.model.has_prior();
    let mut latents = Vec::new();
    for (latent, column) in mean.axis_iter(Axis(1)).enumerate() {
        let count = column.len().max(1) as f32;
        let average = column.sum() / count;
        let deviation = (column.mapv(|z| (z - average).powi(2)).sum() / count).sqrt();
        let widest =
            |log_var: &Array2<f32>| (log_var.column(latent).mapv(f32::exp).sum() / count).sqrt();
        let unit = if has_prior && log_var.is_some() { REACH } else { 0.0 };
        // A draw from the posterior of any image stays on its slider too.
        let spread = log_var.as_ref().map_or(deviation, |v| deviation.hypot(widest(v)));
        let low = column.fold(average - REACH * spread, |a, &b| a.min(b)).min(-unit);
        let high = column.fold(average + REACH * spread, |a, &b| a.max(b)).max(unit);
        // Units that are within bounds stay there.
        let is_bounded = !has_prior && column.iter().all(|z| (0.0..=1.0).contains(z));
        let (low, high) = if is_bounded { (0.0, 1.0) } else { (low, high) };
        latents.push(json!({
            "latent": latent,
            "nats": nats.as_ref().map(|nats| nats[latent]),
            "change": change.as_ref().map(|change| change[latent]),
            "mean": average,
            "deviation": deviation,
            "width": log_var.as_ref().map(&widest),
            "low": low,
            // A unit that never changes still needs a slider with two ends.
            "high": if high > low { high } else { low + 1.0 },
            "follows": subject.follows.get(latent).cloned().flatten(),
        }));
    }
    let of = |latent: &Value| latent["nats"].as_f64().or(latent["change"].as_f64()).unwrap_or(0.0);
    latents.sort_by(|a, b| of(b).total_cmp(&of(a)));
    latents
}

/// What a step of one standard deviation along each latent changes in the picture: a point has no KL. It is the prior's,
/// or without a prior that of codes `[examples, latents]`.
fn change(model: &dyn Trained, preparation: &Preparation, codes: &Array2<f32>) -> Vec<f64> {
    let given = preparation.classes.first().and_then(|&class| model.condition_of_classes(&[class]));
    let given = given.as_ref().map(|given| given.view());
    let steps = if model.has_prior() {
        LatentSteps::of_prior(model, given)
    } else {
        LatentSteps::of_codes(codes)
    };
    steps.changes(model, given)
}

/// Codes in the plane with their classes: of two latents, or by their first two principal components.
fn map(packer: &mut Packer, part: &Split, codes: &Codes) -> Result<Value> {
    let mean = &codes.mean;
    let (points, latent) = mean.dim();
    let flat: Vec<f32> = mean.iter().copied().collect();
    let components = if latent > 2 && points > 1 {
        let found = PrincipalComponents::of(mean)?;
        let single = |values: &mut dyn Iterator<Item = &f64>| -> Vec<f32> {
            values.map(|&value| value as f32).collect()
        };
        let centre = single(&mut found.mean.iter());
        let axes = single(&mut found.components.rows().into_iter().take(2).flatten());
        let plane: Vec<f32> = found.plane(mean).into_iter().flatten().collect();
        json!({
            "centre": packer.numbers(&centre),
            "axes": packer.numbers(&axes),
            "points": packer.coarse(&plane),
        })
    } else {
        Value::Null
    };
    Ok(json!({
        "count": points,
        "labels": packer.levels(&part.labels()),
        "codes": if latent <= WIDE || components.is_null() { packer.coarse(&flat) } else { Value::Null },
        "components": components,
    }))
}
