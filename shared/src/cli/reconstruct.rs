//! `reconstruct`: images, what the model makes of them, draws from their posterior, and of noisy images.

use std::path::PathBuf;

use anyhow::{Result, bail};
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};

use super::{
    Stop,
    asked::{Asked, To},
    model::Loaded,
    options::{NoiseKind, ReconstructArgs},
    paper::Paper,
    sheet::{Sheet, decoded, encoded, say_all, taken},
};
use crate::{
    data::Split,
    noise::{Noise, Stream, uniform},
    train::one_of_each_class,
};

/// Draws from the posterior in one picture, at most.
const MOST_DRAWS: usize = 20;

/// What is reconstructed, and how.
#[derive(Default)]
pub(super) struct Restoration {
    indices: Option<Vec<usize>>,
    asked: Asked,
    draws: usize,
    noise: Option<(NoiseKind, f64)>,
    to: To,
}

/// `reconstruct`.
pub(super) fn reconstruct<P: Paper>(args: ReconstructArgs) -> Result<()> {
    if args.draws > MOST_DRAWS {
        bail!("--draws {}: at most {MOST_DRAWS}", args.draws);
    }
    if let Some(level) = args.noise {
        let (kind, most) = match args.noise_kind {
            NoiseKind::Gaussian => ("gaussian", 10.0),
            NoiseKind::Masking => ("masking", 1.0),
            NoiseKind::SaltAndPepper => ("salt-and-pepper", 1.0),
        };
        if !(level > 0.0 && level <= most) {
            bail!("--noise {level}: above 0, at most {most} for --noise-kind {kind}");
        }
    }
    let loaded = Loaded::<P>::open(&args.of, "reconstruct")?;
    let noise = args.noise.map(|level| (args.noise_kind, level));
    let ReconstructArgs { indices, asked, draws, to, .. } = args;
    say_all(&draw(&loaded, &Restoration { indices, asked, draws, noise, to })?)
}

/// Draws the picture; its files.
pub(super) fn draw<P: Paper>(loaded: &Loaded<P>, how: &Restoration) -> Result<Vec<PathBuf>> {
    let examples = loaded.examples(&how.asked)?;
    let path = examples.file(&how.to, &loaded.run, &loaded.drawn_as("reconstructions"))?;
    let from = &examples.split;
    let mut note = String::new();
    let indices = match &how.indices {
        Some(indices) => examples.indices("--indices", indices)?,
        None => {
            let each = one_of_each_class(from);
            note = each.note();
            each.indices
        }
    };
    let what = loaded.example();
    let originals = taken(from, &indices);
    let caption = format!("Reconstructions ({} {what}s{note}): {}", examples.name, loaded.title());
    let mut sheet = Sheet::new(caption)
        .columns(indices.iter().map(|&index| examples.title(index)))
        .row(what, originals.clone());
    let mut seen = originals;
    if let Some((kind, level)) = how.noise {
        if loaded.is_of_sequences() {
            bail!("--noise {level}: only for images, and these are sequences");
        }
        corrupt(&mut seen.x, kind, level, from, &indices, loaded.noise());
        sheet = sheet.row("noisy", seen.clone());
    }
    let given = loaded.model.condition(seen.x.view(), &from.labels_of(&indices));
    let given = given.as_ref().map(|given| given.view());
    let codes = encoded(loaded, &seen, given);
    sheet = sheet.row("restored", decoded(loaded, codes.mean.view(), given, &seen.steps));
    if how.draws > 0 {
        let keys: Vec<u64> = indices.iter().map(|&index| from.key(index)).collect();
        for draw in 0..how.draws {
            let drawn = codes.reparameterised(loaded.noise(), Stream::Draw, draw as u64, &keys);
            let Some(z) = drawn else {
                let reason = format!(
                    "--draws {}: this model has one code for an image, nothing to draw",
                    how.draws
                );
                return Err(Stop::Cannot(reason).into());
            };
            let drawn = decoded(loaded, z.view(), given, &seen.steps);
            sheet = sheet.row(format!("draw {}", draw + 1), drawn);
        }
    }
    sheet.save(loaded, &path)
}

/// Adds noise to images `[images, pixels]`, which depends on the run's seed and the image alone.
fn corrupt(
    images: &mut Array2<f32>,
    kind: NoiseKind,
    level: f64,
    from: &Split,
    indices: &[usize],
    noise: Noise,
) {
    let share = level as f32;
    for (mut image, &index) in images.rows_mut().into_iter().zip(indices) {
        let mut generator = noise.generator(Stream::Corrupt, 0, from.key(index));
        for pixel in &mut image {
            match kind {
                NoiseKind::Gaussian => {
                    let normal: f32 = StandardNormal.sample(&mut generator);
                    *pixel = (*pixel + share * normal).clamp(0.0, 1.0);
                }
                NoiseKind::Masking if uniform(&mut generator) < share => *pixel = 0.0,
                NoiseKind::SaltAndPepper => {
                    let (hit, white) = (uniform(&mut generator), uniform(&mut generator));
                    if hit < share {
                        *pixel = f32::from(u8::from(white < 0.5));
                    }
                }
                NoiseKind::Masking => {}
            }
        }
    }
}
