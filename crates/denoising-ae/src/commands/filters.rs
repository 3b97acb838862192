//! `filters`: first-layer weights as pictures (Vincent et al. 2008, figure 3).

use std::path::PathBuf;

use anyhow::{Context, Result};
use ndarray::Array2;
use shared::{
    cli::{Common, ConfigurationArgs, Planned, Several, To, check_all, fitted, refuse_zero},
    counted,
    paper::Paper as _,
    plot::Grid,
    progress,
};

use super::once;
use crate::{
    Paper,
    config::{Config, Pretraining},
};

/// Filters a row.
const ROW: usize = 20;

/// Its options.
#[derive(clap::Args)]
pub struct Args {
    /// Masked fractions of the input, one model per value.
    #[arg(long, value_delimiter = ',', default_value = "0,0.1,0.25,0.5", value_name = "NU,...")]
    fractions: Vec<f64>,
    /// Number of filters per model, the first ones.
    #[arg(long, default_value_t = 60)]
    count: usize,
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// Folder of all runs.
    #[arg(long, default_value = "runs", value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    several: Several,
    #[command(flatten)]
    to: To,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> Result<()> {
    refuse_zero("--count", args.count)?;
    args.configuration.refuse_set("pretraining", "--fractions")?;
    let base = args.configuration.or_preset("filters").config::<Paper>()?;
    let folder = args.out.join(Paper::NAME).join(format!("filters-{}", base.data.stem()));
    // Refused before anything is fitted.
    let path = args.to.instead_of(folder.join("filters.png"))?;
    let common = args.common.relative_to(&args.configuration);
    let fractions = once(&args.fractions);
    let configs: Vec<Config> = fractions
        .iter()
        .map(|&fraction| Config {
            pretraining: Pretraining::masking(fraction),
            fine_tuning: None,
            ..base.clone()
        })
        .collect();
    check_all::<Paper>(&configs, &common)?;
    let planned = |(config, fraction): (Config, &f64)| Planned {
        title: format!("nu = {fraction}"),
        path: folder.join(format!("nu-{fraction}")),
        config,
        builds_on_another: false,
    };
    let runs: Vec<_> = configs.into_iter().zip(&fractions).map(planned).collect();
    let fit = |run: &Planned<Config>| {
        let loaded = fitted::<Paper>(run.config.clone(), run.path.clone(), &common)?;
        let shape = loaded.preparation.shape;
        let weight = loaded.model.weights().into_iter().find(|t| t.name == "0.encoder.weight");
        let weight = weight.context("the model has no first layer")?;
        Ok(((shape, weight.values), "fitted".into()))
    };
    let Some(found) = args.several.each(&runs, fit)? else { return Ok(()) };
    let mut grid = None;
    for (run, (shape, weights)) in runs.iter().zip(found) {
        let filters: Vec<&[f32]> = weights.chunks(shape.pixels()).take(args.count).collect();
        let mut rows = grid.unwrap_or_else(|| {
            Grid::new(
                shape,
                format!(
                    "First-layer weights after {}, {} masked by nu",
                    counted(base.train.total_epochs(), "epoch"),
                    base.data.title()
                ),
            )
        });
        for (line, filters) in filters.chunks(ROW).enumerate() {
            let label = if line == 0 { run.title.clone() } else { String::new() };
            let values: Vec<f32> = filters.iter().flat_map(|filter| contrast(filter)).collect();
            rows =
                rows.row(label, Array2::from_shape_vec((filters.len(), shape.pixels()), values)?);
        }
        grid = Some(rows);
    }
    if let Some(grid) = grid {
        grid.save(&path)?;
    }
    progress::line(&format!("wrote {}", path.display()));
    Ok(())
}

/// A filter as grey levels: 0 is mid-grey, its largest weight black or white.
fn contrast(filter: &[f32]) -> impl Iterator<Item = f32> {
    let largest = filter.iter().fold(f32::MIN_POSITIVE, |largest, v| largest.max(v.abs()));
    filter.iter().map(move |v| 0.5 + 0.5 * v / largest)
}
