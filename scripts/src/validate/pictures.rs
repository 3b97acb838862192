//! The pictures, from what was found and from the runs themselves.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use shared::{
    plot::{Axis, Spread, error_bars},
    run::write_atomic,
    statistics::mean_and_deviation,
};

use super::{plan::Part, results::Results};

/// The axis of code sizes.
const CODE_AXIS: &str = "numbers in the code";

/// What is drawn against the code size: metric, axis, file.
const AGAINST_CODE: [(&str, &str, &str); 4] = [
    ("reconstruction_mse", "mean squared error per pixel, test images", "reconstruction"),
    ("frechet_distance", "Fréchet distance of samples", "frechet"),
    ("probe_linear_100", "accuracy of a linear probe, 100 labels", "probe"),
    ("interpolation_frechet", "Fréchet distance of what lies between two codes", "interpolation"),
];

/// Pictures of the code that packs pixels.
const COPIER: [&str; 3] = ["reconstructions.png", "interpolation.png", "samples.png"];

/// Draws what there are numbers for into `to`; the files.
pub(super) fn draw(results: &Results, runs: &Path, to: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    let mut drawn = Vec::new();
    let over = |part| format!("mean and standard deviation over {}", results.seeds(part));
    for (metric, axis, name) in AGAINST_CODE {
        let series = against_code(results, Part::Table, &[(metric, "")]);
        let path = to.join(format!("validate-{name}.png"));
        let caption = format!("Every variant on MNIST, {}", over(Part::Table));
        let axes = [Axis::logarithmic(CODE_AXIS), Axis::linear(axis)];
        save(&path, &caption, axes, &series, &mut drawn)?;
    }
    let errors = [("reconstruction_mse_train", ", training"), ("reconstruction_mse", ", test")];
    let series = against_code(results, Part::Goldilocks, &errors);
    let caption = format!("1,000 training images, {}", over(Part::Goldilocks));
    let axes = [Axis::logarithmic(CODE_AXIS), Axis::linear("mean squared error per pixel")];
    save(&to.join("validate-goldilocks.png"), &caption, axes, &series, &mut drawn)?;

    let seed = results.runs.iter().filter(|run| run.part == Part::Copier).map(|run| run.seed).min();
    if let Some(seed) = seed {
        let folder = runs.join(format!("seed-{seed}/super-intelligent/packed"));
        for picture in COPIER {
            let from = folder.join(picture);
            // Runs may be gone when only the pictures of other parts are redrawn.
            if from.is_file() {
                let path = to.join(format!("super-intelligent-packed-{picture}"));
                let bytes = fs::read(&from).with_context(|| from.display().to_string())?;
                write_atomic(&path, &bytes)?;
                drawn.push(path);
            }
        }
    }
    Ok(drawn)
}

/// Metrics of each label of a part against the code size; one with no value at two sizes has no points, and keeps its
/// place among the colours.
fn against_code(
    results: &Results,
    part: Part,
    metrics: &[(&str, &str)],
) -> Vec<(String, Vec<Spread>)> {
    let mut series = Vec::new();
    let codes = results.codes(part);
    for label in results.labels(part) {
        let seeds = results.own_seeds(part, label, &codes);
        for (metric, suffix) in metrics {
            let mut points: Vec<Spread> = codes
                .iter()
                .map(|&code| (code, results.values(part, label, code, metric)))
                .filter(|(_, values)| !values.is_empty())
                .map(|(code, values)| Spread::new((code as f64, 0.0), mean_and_deviation(&values)))
                .collect();
            if points.len() < 2 {
                points.clear();
            }
            series.push((format!("{label}{suffix}{seeds}"), points));
        }
    }
    series
}

fn save(
    path: &Path,
    caption: &str,
    axes: [Axis<'_>; 2],
    series: &[(String, Vec<Spread>)],
    drawn: &mut Vec<PathBuf>,
) -> Result<()> {
    if series.iter().any(|(_, points)| !points.is_empty()) {
        error_bars(path, caption, axes, series)?;
        drawn.push(path.into());
    }
    Ok(())
}
