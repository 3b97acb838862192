//! `search`: hyper-parameters by validation error.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use shared::{
    cli::{Common, ConfigurationArgs, fitted},
    metrics::classification_error,
    paper::Paper,
    progress,
    train::{Schedule, TrainConfig},
};

use crate::{
    DenoisingAe,
    config::{DenoisingConfig, Pretraining},
};

/// Every combination of the given values is fitted; the test split is not looked at.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// Shares of masked coordinates.
    #[arg(long, value_delimiter = ',', default_value = "0,0.1,0.25,0.4", value_name = "NU,...")]
    fractions: Vec<f64>,
    /// Numbers of hidden layers.
    #[arg(long, value_delimiter = ',', default_value = "3", value_name = "N,...")]
    depths: Vec<usize>,
    /// Widths of the hidden layers.
    #[arg(long, value_delimiter = ',', default_value = "1000", value_name = "N,...")]
    widths: Vec<usize>,
    /// Epochs of pre-training; by default as configured.
    #[arg(long, value_delimiter = ',', value_name = "N,...")]
    pretraining_epochs: Vec<usize>,
    /// Learning rates of fine-tuning, constant; by default as configured.
    #[arg(long, value_delimiter = ',', value_name = "RATE,...")]
    fine_tuning_rates: Vec<f64>,
    /// Folder of all runs.
    #[arg(long, default_value = "runs", value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let base = args.configuration.config::<DenoisingAe>()?;
    let fine_tuning = base.fine_tuning.clone().context(
        "the configuration has no [fine_tuning]: there is no validation error to search by",
    )?;
    let folder = args.out.join(DenoisingAe::NAME).join(format!("search-{}", base.data.name));
    let mut found: Vec<(f64, String)> = Vec::new();
    for (name, config) in candidates(args, &base, &fine_tuning) {
        let loaded = fitted::<DenoisingAe>(config, folder.join(&name), &args.common)?;
        let valid = &loaded.data.valid;
        let classes = loaded
            .model
            .log_classes(valid.all_grey().view())
            .context("the model has no classifier")?;
        let error = classification_error(&classes, &valid.labels());
        progress::line(&format!(
            "{name}: {:.2}% ± {:.2} of {} validation images wrong",
            100.0 * error.mean,
            196.0 * error.standard_error,
            valid.len()
        ));
        found.push((error.mean, name));
    }
    if found.is_empty() {
        bail!("nothing to search: every option needs at least one value");
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    println!("\nvalidation error, {}", base.data.name);
    for (error, name) in &found {
        println!("  {:6.2}%  {name}", 100.0 * error);
    }
    println!(
        "\nthe best one's configuration: {}",
        folder.join(&found[0].1).join("config.toml").display()
    );
    Ok(())
}

/// Every combination, with a name for its run.
fn candidates(
    args: &Args,
    base: &DenoisingConfig,
    fine_tuning: &TrainConfig,
) -> Vec<(String, DenoisingConfig)> {
    let mut all = Vec::new();
    for &fraction in &args.fractions {
        for &depth in &args.depths {
            for &width in &args.widths {
                for epochs in as_configured_or(&args.pretraining_epochs) {
                    for rate in as_configured_or(&args.fine_tuning_rates) {
                        let mut config = base.clone();
                        let mut name = format!("nu-{fraction}-{depth}x{width}");
                        config.pretraining = Pretraining::masking(fraction);
                        config.model.hidden = vec![width; depth];
                        if let Some(epochs) = epochs {
                            config.train.epochs = Some(epochs);
                            name.push_str(&format!("-epochs-{epochs}"));
                        }
                        if let Some(rate) = rate {
                            let schedule = Schedule::Constant { rate };
                            config.fine_tuning =
                                Some(TrainConfig { schedule, ..fine_tuning.clone() });
                            name.push_str(&format!("-rate-{rate}"));
                        }
                        all.push((name, config));
                    }
                }
            }
        }
    }
    all
}

/// The values to try; none of them where there are no values, which leaves it as configured.
fn as_configured_or<T: Copy>(values: &[T]) -> Vec<Option<T>> {
    if values.is_empty() { vec![None] } else { values.iter().copied().map(Some).collect() }
}
