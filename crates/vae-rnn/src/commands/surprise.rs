//! `surprise`: how unexpected each step of a sequence is, -log p(x_t | before) in nats.

use std::path::PathBuf;

use anyhow::{Result, bail};
use ndarray::Array2;
use shared::{
    cli::{Loaded, OfRun, checked_index},
    plot::{Grid, Roll, rolls},
    progress,
    sequential::Resampling,
};

use super::show::{Shown, Steps, roll, sequence, symbols};
use crate::VaeRnn;

/// Sequences by default.
const IMAGES: usize = 10;
const FEW: usize = 2;
/// Particles of the filter that estimates the surprise.
const PARTICLES: usize = 100;

/// Its options.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: OfRun,
    /// Validation sequences, by index; by default the first ten images or two others.
    #[arg(long, value_delimiter = ',', value_name = "I,J,...")]
    indices: Vec<usize>,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let loaded = Loaded::<VaeRnn>::open(&args.of, "surprise")?;
    for path in drawn(&loaded, &args.indices)? {
        progress::line(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// Draws the surprise of validation sequences into the run's folder; the file.
///
/// # Errors
/// If there is no such sequence, or the file cannot be written.
pub fn drawn(run: &Loaded<VaeRnn>, indices: &[usize]) -> Result<Vec<PathBuf>> {
    let (split, kind) = (&run.data.valid, Steps::of(run));
    let default: Vec<usize> =
        (0..split.len().min(if kind == Steps::Rows { IMAGES } else { FEW })).collect();
    let indices = if indices.is_empty() { &default[..] } else { indices };
    for &index in indices {
        checked_index("--indices", index, split)?;
    }
    let x = split.inputs(indices, run.config.data.binarise, run.noise(), 0);
    let steps: Vec<usize> = indices.iter().map(|&index| split.steps(index)).collect();
    let keys: Vec<u64> = indices.iter().map(|&index| split.key(index)).collect();
    // Without latents one particle knows it exactly.
    let particles = if run.model.latent_dim() == 0 { 1 } else { PARTICLES };
    let noise = (run.noise(), &keys[..]);
    let Some(found) = run.model.filter(&x, &steps, particles, Resampling::Adaptive, noise) else {
        bail!("the model is not one of sequences");
    };
    let nats: Vec<Vec<f64>> = (found.rows().into_iter().zip(&steps))
        .map(|(row, &steps)| row.iter().take(steps).map(|log_p| -log_p).collect())
        .collect();
    let path = run.run.file("surprise.png");
    let caption = format!("Surprise of each step: {}", run.title());
    if kind == Steps::Rows {
        draw_images(run, &path, caption, &x, &nats)?;
        return Ok(vec![path]);
    }
    let all = indices
        .iter()
        .zip(nats)
        .map(|(&index, values)| {
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            let title = format!("validation sequence #{index}, {mean:.2} nats a step");
            let own = sequence(run, index)?;
            let labels = match &run.data.vocabulary {
                Some(vocabulary) => {
                    let symbol = |number| match vocabulary.symbol(number) {
                        "\n" => "¶".to_owned(),
                        symbol => symbol.to_owned(),
                    };
                    symbols(&own).into_iter().map(symbol).collect()
                }
                None => Vec::new(),
            };
            let shown = Shown { title, steps: own, given: 0 };
            let keys = (kind == Steps::Chords).then(|| roll(&shown)).and_then(|roll| roll.keys);
            Ok(Roll { keys, values, labels, ..roll(&shown) })
        })
        .collect::<Result<Vec<Roll>>>()?;
    rolls(&path, &caption, "nats", &all)?;
    Ok(vec![path])
}

/// Images, and below each its rows as grey as they are surprising.
fn draw_images(
    run: &Loaded<VaeRnn>,
    path: &std::path::Path,
    caption: String,
    images: &Array2<f32>,
    nats: &[Vec<f64>],
) -> Result<()> {
    let shape = run.data.valid.shape();
    let greatest = nats.iter().flatten().copied().fold(1e-9, f64::max);
    let rows = Array2::from_shape_fn((nats.len(), shape.pixels()), |(image, pixel)| {
        (nats[image][pixel / shape.width] / greatest) as f32
    });
    let totals = nats.iter().map(|rows| format!("{:.0} nats", rows.iter().sum::<f64>()));
    Grid::new(shape, caption)
        .columns(totals)
        .row("image", images.clone())
        .row(format!("nats a row, white: {greatest:.0}"), rows)
        .save(path)
}
