//! `search`: hyper-parameters by validation error.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use shared::{
    cli::{Common, ConfigurationArgs, Planned, Several, check_all, fitted},
    metrics::classification_error,
    paper::Paper as _,
    run::{RunData, RunFolder},
    train::Schedule,
};

use crate::{
    Paper,
    config::{Config, Pretraining},
    phase_of_layer,
};

/// Fits every combination of the given values, without using the test split. Options not given
/// keep their configured values.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// Masked fractions of the input.
    #[arg(long, value_delimiter = ',', value_name = "NU,...")]
    fractions: Vec<f64>,
    /// Numbers of hidden layers, each as wide as the first configured one.
    #[arg(long, value_delimiter = ',', value_name = "N,...")]
    depths: Vec<usize>,
    /// Widths of the hidden layers.
    #[arg(long, value_delimiter = ',', value_name = "N,...")]
    widths: Vec<usize>,
    /// Epochs of pre-training.
    #[arg(long, value_delimiter = ',', value_name = "N,...")]
    pretraining_epochs: Vec<usize>,
    /// Constant learning rates of fine-tuning.
    #[arg(long, value_delimiter = ',', value_name = "RATE,...")]
    fine_tuning_rates: Vec<f64>,
    /// Folder of all runs.
    #[arg(long, default_value = "runs", value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    several: Several,
    #[command(flatten)]
    common: Common,
}

/// Limit of the number of layers.
const MOST_LAYERS: usize = 100;

pub(super) fn run(args: &Args) -> Result<()> {
    let base = args.configuration.config::<Paper>()?;
    if base.fine_tuning.is_none() {
        bail!("the configuration has no [fine_tuning]: there is no validation error to search by");
    }
    let folder = args.out.join(Paper::NAME).join(format!("search-{}", base.data.stem()));
    let common = args.common.relative_to(&args.configuration);
    if let Some(depth) = args.depths.iter().find(|depth| !(1..=MOST_LAYERS).contains(*depth)) {
        bail!("--depths {depth}: 1 to {MOST_LAYERS}");
    }
    let candidates = candidates(args, &base);
    check_all::<Paper>(candidates.iter().map(|one| &one.config), &common)?;
    let planned = |Candidate { name, config, same_layers }: Candidate| Planned {
        path: folder.join(&name),
        title: name,
        builds_on_another: same_layers.is_some(),
        config: (config, same_layers),
    };
    let runs: Vec<_> = candidates.into_iter().map(planned).collect();
    let fit = |run: &Planned<(Config, Option<String>)>| {
        let (config, same_layers) = &run.config;
        if let (Some(other), false) = (same_layers, run.path.exists()) {
            begin_with_layers(&run.path, config, &folder.join(other))?;
        }
        let loaded = fitted::<Paper>(config.clone(), run.path.clone(), &common)?;
        let valid = &loaded.data()?.valid;
        let classes = loaded
            .model
            .log_classes(valid.undrawn(loaded.config.data.binarise).view())
            .context("the model has no classifier")?;
        let error = classification_error(&classes, &valid.labels());
        let interval =
            error.standard_error.map_or_else(String::new, |e| format!(" ± {:.2}", 196.0 * e));
        let said = format!(
            "{:.2}%{interval} of {} validation images wrong",
            100.0 * error.mean,
            valid.len()
        );
        Ok(((error.mean, run.title.clone()), said))
    };
    let Some(mut found) = args.several.each(&runs, fit)? else { return Ok(()) };
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    shared::print_line!("\nvalidation error, {}", base.data.title());
    for (error, name) in &found {
        shared::print_line!("  {:6.2}%  {name}", 100.0 * error);
    }
    shared::print_line!(
        "\nthe best one's configuration: {}",
        folder.join(&found[0].1).join("config.toml").display()
    );
    Ok(())
}

/// A run of this configuration that begins with the layers of another.
fn begin_with_layers(path: &Path, config: &Config, other: &Path) -> Result<()> {
    let other = RunFolder::open(other.into())?;
    let run = RunFolder::create(path.into(), &toml::to_string(config)?, false)?;
    for layer in 0..config.model.hidden.len() {
        run.copy_phase(&other, &phase_of_layer(layer))?;
    }
    if let Some(data) = RunData::read(&other)? {
        data.write(&run)?;
    }
    Ok(())
}

/// One combination.
struct Candidate {
    /// Name of its run.
    name: String,
    config: Config,
    /// Name of an earlier one that differs only in fine-tuning, whose layers can be reused.
    same_layers: Option<String>,
}

fn candidates(args: &Args, base: &Config) -> Vec<Candidate> {
    let mut all = vec![(Vec::new(), base.clone())];
    vary(&mut all, &args.fractions, "nu", |config, &nu| {
        config.pretraining = Pretraining::masking(nu)
    });
    vary(&mut all, &args.widths, "width", |config, &width| {
        config.model.hidden = vec![width; config.model.hidden.len()];
    });
    vary(&mut all, &args.depths, "depth", |config, &depth| {
        config.model.hidden = vec![config.model.hidden.first().copied().unwrap_or(0); depth];
    });
    vary(&mut all, &args.pretraining_epochs, "epochs", |config, &epochs| {
        config.train.epochs = Some(epochs);
    });
    vary(&mut all, &args.fine_tuning_rates, "rate", |config, &rate| {
        if let Some(fine_tuning) = &mut config.fine_tuning {
            fine_tuning.schedule = Schedule::Constant { rate };
        }
    });
    let mut candidates: Vec<Candidate> = Vec::new();
    for (parts, config) in all {
        let name = if parts.is_empty() { "as-configured".into() } else { parts.join("-") };
        let layers = |config: &Config| Config { fine_tuning: None, ..config.clone() };
        let earlier = candidates.iter().find(|earlier| layers(&earlier.config) == layers(&config));
        let is_stack = matches!(config.pretraining, Pretraining::Denoising { .. });
        let same_layers = earlier.filter(|_| is_stack).map(|earlier| earlier.name.clone());
        candidates.push(Candidate { name, config, same_layers });
    }
    candidates
}

/// Every candidate so far with each of `values`; unchanged if there are none.
fn vary<T: Display>(
    all: &mut Vec<(Vec<String>, Config)>,
    values: &[T],
    name: &str,
    set: impl Fn(&mut Config, &T),
) {
    if values.is_empty() {
        return;
    }
    let with = |(parts, config): &(Vec<String>, Config), value: &T| {
        let (mut parts, mut config) = (parts.clone(), config.clone());
        parts.push(format!("{name}-{value}"));
        set(&mut config, value);
        (parts, config)
    };
    *all = all.iter().flat_map(|one| values.iter().map(move |value| with(one, value))).collect();
}
