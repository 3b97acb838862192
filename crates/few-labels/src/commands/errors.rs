//! `errors`: the test error of every model against the number of labels, from records of runs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use shared::{
    cli::new_picture,
    nn::Init,
    paper::Paper as _,
    plot::{Axis, Spread, error_bars},
    progress,
    run::Record,
    statistics::mean_and_deviation,
};

use crate::{Config, Kind, Paper};

/// Its options.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of records, as `cargo xtask keep` leaves them.
    #[arg(long, default_value = "results/few-labels", value_name = "FOLDER")]
    records: PathBuf,
    /// PNG file to write.
    #[arg(long, default_value = "error-by-labels.png", value_name = "FILE")]
    to: PathBuf,
}

/// Errors in per cent that are no further apart have one dot in front of the other.
const INDISTINCT: f64 = 0.5;
/// Width of a dot, in pixels.
const DOT: i32 = 11;

/// Runs that a point is the mean of: the same configuration but for its seed.
struct Draws {
    config: Config,
    /// The record it is of.
    record: PathBuf,
    /// Test errors in per cent, by seed.
    errors: BTreeMap<u64, f64>,
}

/// Runs by model, epochs and number of labels.
type Errors = BTreeMap<((usize, &'static str), usize), BTreeMap<usize, Draws>>;

/// The model's place in the legend, and its name there.
fn named(config: &Config) -> (usize, &'static str) {
    let costs = &config.ladder.costs;
    let is_free = |costs: &[f32]| costs.iter().all(|&cost| cost == 0.0);
    let pixels_alone = is_free(costs.get(1..).unwrap_or_default());
    // The Gamma-model of Rasmus et al., section 2.3.
    let highest_alone = costs.split_last().is_some_and(|(_, lower)| is_free(lower));
    let from_above = config.ladder.a10 == 0.0;
    match config.model.kind {
        Kind::Supervised => (0, "label alone"),
        Kind::Reconstruction => (1, "label and plain reconstruction"),
        Kind::Denoising => (2, "denoising first, then label"),
        Kind::M1 => (3, "M1"),
        Kind::M2 if config.m2.labelled.is_none() => (4, "M2, the paper's weights"),
        Kind::M2 => (5, "M2"),
        Kind::M1M2 if matches!(config.m2.init, Init::Normal { .. }) => {
            (6, "M1+M2, the paper's initial weights")
        }
        Kind::M1M2 => (7, "M1+M2"),
        Kind::Ladder if highest_alone && !pixels_alone => {
            (10, "ladder: label and highest layer denoised")
        }
        Kind::Ladder => match (pixels_alone, from_above) {
            (true, true) => (8, "ladder: label and denoised input"),
            (true, false) => (9, "ladder: label and denoised input, from copies"),
            (false, true) => (11, "ladder: every layer denoised"),
            (false, false) => (12, "ladder: every layer denoised, from copies"),
        },
    }
}

pub(super) fn run(args: &Args) -> Result<()> {
    new_picture(&args.to)?;
    let errors = read(&args.records)?;
    say_of_unlike(&errors);
    let series = series(errors);
    let axes = [Axis::logarithmic("labels"), Axis::linear("test error, %")];
    error_bars(&args.to, "Test error by number of labels", axes, &series)?;
    progress::line(&format!("wrote {}", args.to.display()));
    Ok(())
}

/// The test errors of all records in a folder.
fn read(records: &Path) -> Result<Errors> {
    let folder = records.display();
    let listed = fs::read_dir(records).with_context(|| {
        format!("--records {folder}: train, and keep records there with cargo xtask keep RUN")
    })?;
    let mut paths: Vec<PathBuf> = listed.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    let mut errors = Errors::new();
    for path in paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "json")) {
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).with_context(|| name.clone())?;
        let record: Record =
            serde_json::from_str(&text).with_context(|| format!("{name} is not a record"))?;
        if record.schema != Record::SCHEMA {
            bail!("{name}: schema {}, and this program reads {}", record.schema, Record::SCHEMA);
        }
        if record.paper != Paper::NAME {
            bail!("{name} is a record of {}, not of {}", record.paper, Paper::NAME);
        }
        let config: Config = serde_json::from_value(record.config)
            .with_context(|| format!("{name} is not a record of few-labels"))?;
        let Some(error) = record.metrics.get("test_error") else { continue };
        if !(0.0..=1.0).contains(&error.value) {
            bail!("{name}: test_error is {}, and a share is from 0 to 1", error.value);
        }
        let by_labels = errors.entry((named(&config), config.train.total_epochs())).or_default();
        let config = Config { seed: 0, ..config };
        let draws = by_labels.entry(config.labels.count).or_insert_with(|| Draws {
            config: config.clone(),
            record: path.clone(),
            errors: BTreeMap::new(),
        });
        if draws.config != config {
            bail!(
                "{name} and {}: other settings of one model with as many labels, of which there is no mean; keep \
                 one of them in another folder",
                draws.record.display()
            );
        }
        if draws.errors.insert(record.seed, 100.0 * error.value).is_some() {
            bail!(
                "{name}: another record here is of the same run, seed {}; remove one",
                record.seed
            );
        }
    }
    if errors.is_empty() {
        bail!("--records {folder}: no record with a test error");
    }
    Ok(errors)
}

/// Says which lines join runs that differ in more than the number of labels, as the authors' costs of the ladder do.
fn say_of_unlike(errors: &Errors) {
    let settings = |draws: &Draws| {
        let mut config = draws.config.clone();
        config.labels.count = 0;
        config
    };
    for (((_, name), _), by_labels) in errors {
        let mut points = by_labels.values();
        let Some(first) = points.next() else { continue };
        if let Some(other) = points.find(|other| settings(other) != settings(first)) {
            progress::line(&format!(
                "{name}: one line, though {} and {} differ in more than the number of labels",
                first.record.display(),
                other.record.display()
            ));
        }
    }
}

/// A line of each model, a point of each number of labels.
fn series(errors: Errors) -> Vec<(String, Vec<Spread>)> {
    // A model trained for two lengths of time is two lines.
    let models: Vec<(usize, &str)> = errors.keys().map(|(model, _)| *model).collect();
    let is_alone = |model| models.iter().filter(|other| **other == model).count() == 1;
    let mut drawn: Vec<(usize, f64)> = Vec::new();
    errors
        .into_iter()
        .map(|((model, epochs), by_labels)| {
            let name = match model.1 {
                name if is_alone(model) => name.to_owned(),
                name => format!("{name}, {epochs} epochs"),
            };
            let point = |(labels, draws): (usize, Draws)| {
                let errors: Vec<f64> = draws.errors.into_values().collect();
                let (error, deviation) = mean_and_deviation(&errors);
                let is_hidden = |(at, other): &&(usize, f64)| {
                    *at == labels && (other - error).abs() < INDISTINCT
                };
                let aside = DOT * drawn.iter().filter(is_hidden).count() as i32;
                drawn.push((labels, error));
                Spread { aside, ..Spread::new((labels as f64, 0.0), (error, deviation)) }
            };
            (name, by_labels.into_iter().map(point).collect())
        })
        .collect()
}
