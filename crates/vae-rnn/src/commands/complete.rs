//! `complete`: what the model makes of the first half of sequences, in as many steps as they have. Where a text ends is
//! up to the model.

use anyhow::{Result, bail};
use ndarray::{Array2, s};
use sequences::{Steps, steps_of};
use shared::{
    cli::{Asked, Loaded, OfRun, To},
    noise::Noise,
    plot::Grid,
    progress,
};

use super::{
    generate::{check_temperature, steps_of_text},
    show::{ShownSequence, ending, sequence, show},
};
use crate::Paper;

/// Sequences by default.
const IMAGES: usize = 8;
const FEW: usize = 2;
/// Grey level of a pixel that is not given, in the picture.
const NOT_GIVEN: f32 = 0.4;

/// Its options.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: OfRun,
    /// Sequences by index (default: the first eight images, or two other sequences).
    #[arg(long, value_delimiter = ',', value_name = "I,J,...")]
    indices: Option<Vec<usize>>,
    /// Fraction of the steps that is given.
    #[arg(long, default_value_t = 0.5)]
    given: f64,
    /// Completions per sequence.
    #[arg(long, default_value_t = 3)]
    count: usize,
    /// Sampling temperature: below 1 favours likely steps, above 1 unlikely ones.
    #[arg(long, default_value_t = 1.0)]
    temperature: f32,
    /// Seed of the draws (default: the run's).
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    to: To,
}

pub(super) fn run(args: &Args) -> Result<()> {
    if !(args.given >= 0.0 && args.given < 1.0) {
        bail!("--given {}: a share of at least 0 and below 1", args.given);
    }
    if !(1..=20).contains(&args.count) {
        bail!("--count {}: 1 to 20", args.count);
    }
    check_temperature(args.temperature)?;
    let loaded = Loaded::<Paper>::open(&args.of, "complete")?;
    let (examples, kind) = (loaded.examples(&args.asked)?, steps_of(&loaded.config.data));
    let (split, is_image) = (&examples.split, kind == Steps::Rows);
    let path = examples.file(&args.to, &loaded.run, &format!("completed.{}", ending(kind)))?;
    let indices = examples.chosen(args.indices.as_deref(), if is_image { IMAGES } else { FEW })?;
    let noise = args.seed.map_or(loaded.noise(), Noise::new);
    let mut shown = Vec::new();
    for &index in &indices {
        let truth = sequence(&loaded, split, index)?;
        let given = (truth.nrows() as f64 * args.given) as usize;
        let steps = match kind {
            Steps::Symbols => steps_of_text(&loaded.preparation, given),
            _ => truth.nrows(),
        };
        let begun: Vec<f32> = truth.slice(s![..given, ..]).iter().copied().collect();
        let begun = Array2::from_shape_vec((1, begun.len()), begun)?;
        let begun = begun.broadcast((args.count, begun.ncols())).map(|rows| rows.to_owned());
        let keys: Vec<u64> =
            (0..args.count as u64).map(|draw| split.key(index) << 8 | draw).collect();
        let from = begun.unwrap_or_default();
        let continued = loaded.model.continued(&from, steps, args.temperature, (noise, &keys));
        let Some(continued) = continued else { bail!("the model is not one of sequences") };
        let of = examples.title(index);
        let truth_shown = ShownSequence {
            of: of.clone(),
            title: "the truth".into(),
            steps: truth.clone(),
            given,
        };
        shown.push(truth_shown);
        for (draw, row) in continued.rows().into_iter().enumerate() {
            let own = row.to_owned().into_shape_with_order((steps, truth.ncols()))?;
            let title = format!("completion {}", draw + 1);
            shown.push(ShownSequence { of: of.clone(), title, steps: own, given });
        }
    }
    let files = if is_image {
        let titles = indices.iter().map(|&index| examples.title(index));
        draw_images(&loaded, titles, &shown, args.count)?.save(&path)?;
        vec![path]
    } else {
        show(&loaded, &path, "Completed by the model", &shown)?
    };
    files.iter().for_each(|path| progress::line(&format!("wrote {}", path.display())));
    Ok(())
}

/// For each image a row: what was given, the completions, the truth.
fn draw_images(
    run: &Loaded<Paper>,
    titles: impl Iterator<Item = String>,
    shown: &[ShownSequence],
    count: usize,
) -> Result<Grid> {
    let names = (1..=count).map(|draw| format!("draw {draw}"));
    let columns = std::iter::once("given".to_owned()).chain(names).chain(["truth".to_owned()]);
    let caption = format!("Completed by the model: {}", run.title());
    let mut grid = Grid::new(run.preparation.shape, caption).columns(columns);
    for (title, row) in titles.zip(shown.chunks(count + 1)) {
        let mut given = row[0].steps.clone();
        given.slice_mut(s![row[0].given.., ..]).fill(NOT_GIVEN);
        let flat = |steps: &Array2<f32>| steps.iter().copied().collect::<Vec<f32>>();
        let mut images = flat(&given);
        row[1..].iter().chain([&row[0]]).for_each(|shown| images.extend(flat(&shown.steps)));
        let images = Array2::from_shape_vec((count + 2, images.len() / (count + 2)), images)?;
        grid = grid.row(title, images);
    }
    Ok(grid)
}
