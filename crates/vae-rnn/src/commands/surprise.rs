//! `surprise`: how unexpected each step of a sequence is, -log p(x_t | before) in nats.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use ndarray::{Array2, s};
use sequences::{Known, Roll, Steps, rolls, steps_of};
use shared::{
    cli::{Asked, Examples, Loaded, OfRun, To},
    plot::Grid,
    progress,
    sequential::Resampling,
};

use super::show::{ShownSequence, roll, symbols};
use crate::Paper;

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
    /// Sequences by index (default: the first ten images, or two other sequences).
    #[arg(long, value_delimiter = ',', value_name = "I,J,...")]
    indices: Option<Vec<usize>>,
    /// A line of text instead of examples, for a run on text; may be repeated. Needs no data files.
    #[arg(long, value_name = "LINE", conflicts_with_all = ["indices", "split", "other"])]
    text: Vec<String>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    to: To,
}

/// The picture in a run's folder.
const PICTURE: &str = "surprise.png";

pub(super) fn run(args: &Args) -> Result<()> {
    let loaded = Loaded::<Paper>::open(&args.of, "surprise")?;
    let path = if args.text.is_empty() {
        let examples = loaded.examples(&args.asked)?;
        let path = examples.file(&args.to, &loaded.run, PICTURE)?;
        draw(&loaded, &Sequences::of(&loaded, &examples, args.indices.as_deref())?, &path)?;
        path
    } else {
        let path = args.to.file(&loaded.run, PICTURE)?;
        draw(&loaded, &Sequences::of_lines(&loaded, &args.text)?, &path)?;
        path
    };
    progress::line(&format!("wrote {}", path.display()));
    Ok(())
}

/// Draws the surprise of the first validation sequences into the run's folder; the file.
///
/// # Errors
/// If it cannot be written.
pub fn drawn(run: &Loaded<Paper>) -> Result<Vec<PathBuf>> {
    let examples = run.examples(&Asked::default())?;
    let path = examples.file(&To::default(), &run.run, PICTURE)?;
    draw(run, &Sequences::of(run, &examples, None)?, &path)?;
    Ok(vec![path])
}

/// Sequences whose surprise is asked for.
struct Sequences {
    /// `[sequences, steps * width]`, with zeros after the end.
    x: Array2<f32>,
    /// Steps of each.
    steps: Vec<usize>,
    /// What the noise of each depends on.
    keys: Vec<u64>,
    /// What each is called.
    titles: Vec<String>,
}

impl Sequences {
    /// Examples by index, by default the first few.
    fn of(run: &Loaded<Paper>, examples: &Examples, indices: Option<&[usize]>) -> Result<Self> {
        let few = if steps_of(&run.config.data) == Steps::Rows { IMAGES } else { FEW };
        let (indices, split) = (examples.chosen(indices, few)?, &examples.split);
        let title =
            |&index: &usize| format!("{} sequence {}", examples.name, examples.title(index));
        Ok(Self {
            x: split.inputs(&indices, run.config.data.binarise, run.noise(), 0),
            steps: indices.iter().map(|&index| split.steps(index)).collect(),
            keys: indices.iter().map(|&index| split.key(index)).collect(),
            titles: indices.iter().map(title).collect(),
        })
    }

    /// Lines, in the symbols the run knows.
    fn of_lines(run: &Loaded<Paper>, lines: &[String]) -> Result<Self> {
        let Some(vocabulary) = &Known::of(&run.preparation).vocabulary else {
            bail!("--text: this run was not fitted to a text");
        };
        let numbers = lines
            .iter()
            .map(|line| {
                if line.contains(['\n', '\r']) {
                    bail!("--text {line:?}: one line; a second --text is another");
                }
                vocabulary.numbers(line).map_err(|reason| anyhow!("--text '{line}': {reason}"))
            })
            .collect::<Result<Vec<Vec<u32>>>>()?;
        let steps: Vec<usize> = numbers.iter().map(Vec::len).collect();
        let (width, longest) = (vocabulary.len(), steps.iter().copied().max().unwrap_or(0));
        let mut x = Array2::zeros((lines.len(), longest * width));
        for (mut row, numbers) in x.rows_mut().into_iter().zip(&numbers) {
            for (step, &number) in numbers.iter().enumerate() {
                row[step * width + number as usize] = 1.0;
            }
        }
        let keys = (0..lines.len() as u64).collect();
        Ok(Self { x, steps, keys, titles: lines.iter().map(|line| format!("'{line}'")).collect() })
    }
}

fn draw(run: &Loaded<Paper>, sequences: &Sequences, path: &Path) -> Result<()> {
    let (kind, Sequences { x, steps, keys, titles }) = (steps_of(&run.config.data), sequences);
    // Without latents one particle knows it exactly.
    let particles = if run.model.latent_dim() == 0 { 1 } else { PARTICLES };
    let noise = (run.noise(), &keys[..]);
    let Some(found) = run.model.filter(x, steps, particles, Resampling::Adaptive, noise) else {
        bail!("the model is not one of sequences");
    };
    let nats: Vec<Vec<f64>> = (found.rows().into_iter().zip(steps))
        .map(|(row, &steps)| row.iter().take(steps).map(|log_p| -log_p).collect())
        .collect();
    let caption = format!("Surprise of each step: {}", run.title());
    if kind == Steps::Rows {
        return draw_images(run, path, caption, x, &nats);
    }
    let width = run.preparation.shape.width;
    let vocabulary = Known::of(&run.preparation).vocabulary;
    let all = nats
        .into_iter()
        .enumerate()
        .map(|(place, values)| {
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            let title = format!("{}, {mean:.2} nats a step", titles[place]);
            let own = x.slice(s![place, ..steps[place] * width]).to_owned();
            let own = own.into_shape_with_order((steps[place], width))?;
            let labels = match &vocabulary {
                Some(vocabulary) => {
                    let symbol = |number| match vocabulary.symbol(number) {
                        "\n" => "¶".to_owned(),
                        symbol => symbol.to_owned(),
                    };
                    symbols(&own).into_iter().map(symbol).collect()
                }
                None => Vec::new(),
            };
            let shown = ShownSequence { of: String::new(), title, steps: own, given: 0 };
            let keys =
                (kind == Steps::Chords).then(|| roll(run, &shown)).and_then(|roll| roll.keys);
            Ok(Roll { keys, values, labels, ..roll(run, &shown) })
        })
        .collect::<Result<Vec<Roll>>>()?;
    rolls(path, &caption, "nats", &all)
}

/// Images, and below each its rows as grey as they are surprising.
fn draw_images(
    run: &Loaded<Paper>,
    path: &Path,
    caption: String,
    images: &Array2<f32>,
    nats: &[Vec<f64>],
) -> Result<()> {
    let shape = run.preparation.shape;
    let shades = Shades::of(nats);
    let rows = Array2::from_shape_fn((nats.len(), shape.pixels()), |(image, pixel)| {
        shades.shade(nats[image][pixel / shape.width])
    });
    let Shades { black, white } = shades;
    let totals = nats.iter().map(|rows| format!("{:.0} nats", rows.iter().sum::<f64>()));
    Grid::new(shape, caption)
        .columns(totals)
        .row("image", images.clone())
        .row(format!("nats a row, black: {black:.0}, white: {white:.0}"), rows)
        .save(path)
}

/// The nats that are black in a picture, and those that are white.
struct Shades {
    black: f64,
    white: f64,
}

impl Shades {
    /// From 0, or from the least where a density makes it negative, to the greatest.
    fn of(nats: &[Vec<f64>]) -> Self {
        let all = || nats.iter().flatten().copied();
        let black = all().filter(|&nats| nats < 0.0).fold(0.0, f64::min);
        Self { black, white: all().fold(black, f64::max) }
    }

    /// 0 for black to 1 for white.
    fn shade(&self, nats: f64) -> f32 {
        ((nats - self.black) / (self.white - self.black).max(1e-9)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::Shades;

    #[test]
    fn rows_of_negative_nats_have_shades_too_and_positive_ones_begin_at_0() {
        let shaded = |nats: [f64; 2]| {
            let shades = Shades::of(&[nats.to_vec()]);
            nats.map(|nats| shades.shade(nats))
        };
        assert_eq!(shaded([-100.0, -20.0]), [0.0, 1.0]);
        assert_eq!(shaded([10.0, -30.0]), [1.0, 0.0]);
        assert_eq!(shaded([5.0, 20.0]), [0.25, 1.0]);
        for equal in [0.0, -7.0] {
            assert_eq!(shaded([equal; 2]), [0.0; 2]);
        }
    }
}
