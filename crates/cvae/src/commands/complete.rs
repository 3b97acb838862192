//! `complete`: several completions of each image, beside the given pixels and the truth.

use anyhow::{Result, bail};
use ndarray::{Array2, Axis, concatenate, s};
use shared::{
    cli::{Asked, Loaded, OfRun, To},
    noise::{Noise, Stream},
    plot::Grid,
    progress,
};

use crate::Paper;

/// Draws averaged in the second-last column.
const AVERAGED: usize = 100;
/// Default number of images.
const IMAGES: usize = 8;
/// Grey level of an unobserved pixel in the picture.
const UNOBSERVED: f32 = 0.4;

/// Its options.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: OfRun,
    /// Images by index (default: the first eight).
    #[arg(long, value_delimiter = ',', value_name = "I,J,...")]
    indices: Option<Vec<usize>>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    to: To,
    /// Completions per image.
    #[arg(long, default_value_t = 8)]
    count: usize,
    /// Seed of the draws (default: the run's).
    #[arg(long)]
    seed: Option<u64>,
}

pub(super) fn run(args: &Args) -> Result<()> {
    if !(1..=AVERAGED).contains(&args.count) {
        bail!("--count {}: 1 to {AVERAGED}", args.count);
    }
    let loaded = Loaded::<Paper>::open(&args.of, "complete")?;
    let examples = loaded.examples(&args.asked)?;
    let path = examples.file(&args.to, &loaded.run, "completions.png")?;
    let (model, split) = (&loaded.model, &examples.split);
    let indices = examples.chosen(args.indices.as_deref(), IMAGES)?;
    let noise = args.seed.map_or(loaded.noise(), Noise::new);
    let names = (1..=args.count).map(|sample| format!("draw {sample}"));
    let mut grid = Grid::new(
        split.shape(),
        format!("Completions of {} images: {}", examples.name, loaded.title()),
    )
    .columns(
        std::iter::once("given".to_owned())
            .chain(names)
            .chain(["mean".to_owned(), "truth".to_owned()]),
    );
    for &index in &indices {
        // As in training: the condition is made of what the model is trained on.
        let truth = split.inputs(&[index], loaded.config.data.binarise, loaded.noise(), 0);
        let condition = model.condition(truth.view(), &split.labels_of(&[index]));
        let rows = |count: usize| condition.as_ref().and_then(|c| c.broadcast((count, c.ncols())));
        let latent = model.latent_dim();
        let eps = noise.normal(Stream::Prior, 0, &[split.key(index)], AVERAGED * latent);
        let eps = Array2::from_shape_vec((AVERAGED, latent), eps)?;
        let codes = model.sample_prior(eps.view(), rows(AVERAGED));
        let drawn = model.decode(codes.view(), rows(AVERAGED));
        let mean = drawn.sum_axis(Axis(0)).insert_axis(Axis(0)) / AVERAGED as f32;
        let given = rows(1).map_or_else(|| truth.clone(), |given| given.to_owned());
        let given = given.mapv(|pixel| if pixel < 0.0 { UNOBSERVED } else { pixel });
        let draws = drawn.slice(s![..args.count, ..]);
        let row = concatenate(Axis(0), &[given.view(), draws, mean.view(), truth.view()])?;
        grid = grid.row(examples.title(index), row);
    }
    grid.save(&path)?;
    progress::line(&format!("wrote {}", path.display()));
    Ok(())
}
