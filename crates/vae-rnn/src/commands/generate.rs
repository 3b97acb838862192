//! `generate`: sequences drawn step by step, each z_t from its prior and each x_t from the model.

use std::path::PathBuf;

use anyhow::{Error, Result, bail};
use ndarray::{Array2, s};
use sequences::{Steps, steps_of};
use shared::{
    cli::{Loaded, OfRun, To},
    data::Preparation,
    memory,
    noise::Noise,
    progress,
    sequential::bytes_of_draws,
};

use super::show::{ShownSequence, ending, show};
use crate::Paper;

/// Sequences by default, of images.
const COUNT: usize = 40;
/// The same of others.
const FEW: usize = 4;
/// Steps of one sequence, at most.
const LONGEST: usize = 10_000;

/// Its options.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: OfRun,
    /// Number of sequences (default: 40 images, or 4 other sequences).
    #[arg(long)]
    count: Option<usize>,
    /// Steps per sequence (default: the mean length of training sequences, the longest of texts, which end
    /// by themselves, or the rows of an image).
    #[arg(long)]
    steps: Option<usize>,
    /// Sampling temperature: below 1 favours likely steps, above 1 unlikely ones.
    #[arg(long, default_value_t = 1.0)]
    temperature: f32,
    /// Seed of the draws (default: the run's).
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    to: To,
}

pub(super) fn run(args: &Args) -> Result<()> {
    if let Some(count) = args.count.filter(|count| !(1..=1000).contains(count)) {
        bail!("--count {count}: 1 to 1000");
    }
    if let Some(steps) = args.steps.filter(|steps| !(1..=LONGEST).contains(steps)) {
        bail!("--steps {steps}: 1 to {LONGEST}");
    }
    check_temperature(args.temperature)?;
    let loaded = Loaded::<Paper>::open(&args.of, "generate")?;
    if let (Steps::Rows, Some(steps)) = (steps_of(&loaded.config.data), args.steps) {
        bail!("--steps {steps}: an image has as many rows as it has");
    }
    let noise = args.seed.map_or(loaded.noise(), Noise::new);
    let options = DrawOptions { steps: args.steps, temperature: args.temperature, noise };
    for path in drawn(&loaded, args.count, Some(options), &args.to)? {
        progress::line(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// A temperature that is one.
pub(super) fn check_temperature(temperature: f32) -> Result<()> {
    if temperature > 0.0 && temperature.is_finite() {
        return Ok(());
    }
    bail!("--temperature {temperature}: a positive number")
}

/// Steps to draw of a text whose first `given` are there: as many as the longest has, since a text says itself where it
/// ends; after a longer beginning, of other data, the mean length more, as the page of `explore` does.
pub(super) fn steps_of_text(preparation: &Preparation, given: usize) -> usize {
    let longest = preparation.shape.height;
    if given < longest { longest } else { given + preparation.steps }
}

/// How sequences are drawn.
pub struct DrawOptions {
    steps: Option<usize>,
    temperature: f32,
    noise: Noise,
}

/// Draws `count` sequences, or as many as such are drawn by default, into `to` or the run's folder; the files.
///
/// # Errors
/// If they do not fit into memory, cannot be written, or would be written over files of the user's.
pub fn drawn(
    run: &Loaded<Paper>,
    count: Option<usize>,
    options: Option<DrawOptions>,
    to: &To,
) -> Result<Vec<PathBuf>> {
    let DrawOptions { steps, temperature, noise } =
        options.unwrap_or(DrawOptions { steps: None, temperature: 1.0, noise: run.noise() });
    let kind = steps_of(&run.config.data);
    let path = to.file(&run.run, &format!("generated.{}", ending(kind)))?;
    let is_image = kind == Steps::Rows;
    let count = count.unwrap_or(if is_image { COUNT } else { FEW });
    let preparation = &run.preparation;
    let steps = steps.unwrap_or(match kind {
        Steps::Symbols => steps_of_text(preparation, 0),
        _ => preparation.steps,
    });
    let bytes = bytes_of_draws(count, steps, preparation.shape.width);
    memory::refuse_beyond_available(&format!("--count {count} with --steps {steps}"), bytes)
        .map_err(Error::msg)?;
    let keys: Vec<u64> = (0..count as u64).collect();
    let none = Array2::zeros((count, 0));
    let Some(drawn) = run.model.continued(&none, steps, temperature, (noise, &keys)) else {
        bail!("the model is not one of sequences");
    };
    let width = drawn.ncols() / steps.max(1);
    let shown: Vec<ShownSequence> = (0..count)
        .map(|row| {
            let own = drawn.slice(s![row, ..]).to_owned().into_shape_with_order((steps, width))?;
            Ok(ShownSequence {
                of: String::new(),
                title: format!("draw {}", row + 1),
                steps: own,
                given: 0,
            })
        })
        .collect::<Result<_>>()?;
    show(run, &path, "Drawn by the model", &shown)
}
