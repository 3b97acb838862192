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

use super::once;
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
    /// Fractions of the input that the configured corruption chooses.
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
    /// First learning rates of pre-training; the schedule keeps its shape.
    #[arg(long, value_delimiter = ',', value_name = "RATE,...")]
    pretraining_rates: Vec<f64>,
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

impl Args {
    /// Refuses `--set` of what the given options vary; of the layers either the number or the width may be configured.
    fn refuse_set(&self) -> Result<()> {
        let has_layers = !self.depths.is_empty() && !self.widths.is_empty();
        for (is_varied, key, option) in [
            (!self.fractions.is_empty(), "pretraining.corruption.fraction", "--fractions"),
            (has_layers, "model.hidden", "--depths with --widths"),
            (!self.pretraining_epochs.is_empty(), "train.epochs", "--pretraining-epochs"),
            (!self.pretraining_rates.is_empty(), "train.schedule.rate", "--pretraining-rates"),
            (!self.fine_tuning_rates.is_empty(), "fine_tuning.schedule", "--fine-tuning-rates"),
        ] {
            if is_varied {
                self.configuration.refuse_set(key, option)?;
            }
        }
        Ok(())
    }
}

pub(super) fn run(args: &Args) -> Result<()> {
    args.refuse_set()?;
    let base = args.configuration.config::<Paper>()?;
    if base.fine_tuning.is_none() {
        bail!("the configuration has no [fine_tuning]: there is no validation error to search by");
    }
    let folder = args.out.join(Paper::NAME).join(format!("search-{}", base.data.stem()));
    let common = args.common.relative_to(&args.configuration);
    if let Some(depth) = args.depths.iter().find(|depth| !(1..=MOST_LAYERS).contains(*depth)) {
        bail!("--depths {depth}: 1 to {MOST_LAYERS}");
    }
    let candidates = candidates(args, &base)?;
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

fn candidates(args: &Args, base: &Config) -> Result<Vec<Candidate>> {
    if !args.fractions.is_empty() && base.pretraining.with_fraction(0.0).is_none() {
        bail!(
            "--fractions: the configured [pretraining] corrupts no fraction of the input; one that does is \
             --set 'pretraining={{kind=\"denoising\",corruption={{kind=\"masking\",fraction=0.25}}}}'"
        );
    }
    let of_layers = [
        ("--pretraining-epochs", args.pretraining_epochs.is_empty()),
        ("--pretraining-rates", args.pretraining_rates.is_empty()),
    ];
    if !matches!(base.pretraining, Pretraining::Denoising { .. })
        && let Some((option, _)) = of_layers.iter().find(|(_, is_empty)| !is_empty)
    {
        bail!("{option}: the configured [pretraining] has no layer to train");
    }
    for (option, rates) in [
        ("--pretraining-rates", &args.pretraining_rates),
        ("--fine-tuning-rates", &args.fine_tuning_rates),
    ] {
        if let Some(rate) = rates.iter().find(|rate| !(rate.is_finite() && **rate > 0.0)) {
            bail!("{option} {rate}: a number above 0");
        }
    }
    if !args.pretraining_rates.is_empty() && base.train.schedule.starting_at(1.0).is_none() {
        bail!(
            "--pretraining-rates: a staged schedule has rates of its own; one that has none is \
             --set 'train.schedule={{kind=\"constant\",rate=0.001}}'"
        );
    }
    let mut all = vec![(Vec::new(), base.clone())];
    vary(&mut all, &args.fractions, "nu", |config, &nu| {
        if let Some(pretraining) = config.pretraining.with_fraction(nu) {
            config.pretraining = pretraining;
        }
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
    vary(&mut all, &args.pretraining_rates, "pretraining-rate", |config, &rate| {
        if let Some(schedule) = config.train.schedule.starting_at(rate) {
            config.train.schedule = schedule;
        }
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
    Ok(candidates)
}

/// Every candidate so far with each of `values`; unchanged if there are none.
fn vary<T: Copy + Display + PartialEq>(
    all: &mut Vec<(Vec<String>, Config)>,
    values: &[T],
    name: &str,
    set: impl Fn(&mut Config, &T),
) {
    let values = once(values);
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

#[cfg(test)]
mod tests {
    use shared::{laws, paper};

    use super::*;
    use crate::corruption::Corruption;

    fn preset(name: &str) -> Config {
        let presets = <Paper as paper::Paper>::PRESETS;
        let (_, text) = presets.iter().find(|(preset, _)| *preset == name).unwrap();
        toml::from_str(text).unwrap()
    }

    fn found(options: &[&str], base: &Config) -> Result<Vec<Candidate>> {
        candidates(&laws::options(options).unwrap(), base)
    }

    #[test]
    fn fractions_leave_the_kind_of_noise_and_its_emphasis_as_configured() {
        let of = |fraction| Pretraining::Denoising {
            corruption: Corruption::SaltAndPepper { fraction },
            corrupted_weight: 1.0,
            clean_weight: 0.5,
        };
        let base = preset("rot");
        assert_eq!(base.pretraining, of(0.25));
        let found_of: Vec<Pretraining> = found(&["--fractions", "0,0.4"], &base)
            .unwrap()
            .into_iter()
            .map(|candidate| candidate.config.pretraining)
            .collect();
        assert_eq!(found_of, [of(0.0), of(0.4)]);
        // The paper's search.
        let masked = found(&["--fractions", "0,0.25"], &preset("paper")).unwrap();
        assert_eq!(masked[0].config.pretraining, Pretraining::masking(0.0));
        assert_eq!(masked[1].config, preset("paper"));
        let gaussian = Pretraining::Denoising {
            corruption: Corruption::Gaussian { std: 0.1 },
            corrupted_weight: 1.0,
            clean_weight: 1.0,
        };
        for pretraining in [gaussian, Pretraining::None, Pretraining::Pca { components: 3 }] {
            let base = Config { pretraining, ..base.clone() };
            let said = found(&["--fractions", "0.1"], &base).err().unwrap().to_string();
            assert!(said.starts_with("--fractions: ") && !said.contains('\n'), "{said}");
            assert!(found(&["--widths", "5"], &base).is_ok());
        }
    }

    #[test]
    fn rates_of_pretraining_leave_the_shape_of_its_schedule() {
        let base = preset("paper");
        let found = found(&["--pretraining-rates", "0.003,0.001"], &base).unwrap();
        assert_eq!(found[0].name, "pretraining-rate-0.003");
        let Schedule::Cosine { rate, last } = found[0].config.train.schedule else { panic!() };
        assert!((rate - 0.003).abs() < 1e-12 && (last - 0.0003).abs() < 1e-12);
        assert_eq!(found[1].config, base);
    }

    #[test]
    fn what_would_vary_nothing_or_is_no_rate_is_refused() {
        let said = |options: &[&str], base| found(options, base).err().unwrap().to_string();
        let base = preset("paper");
        let without = Config { pretraining: Pretraining::None, ..base.clone() };
        for option in ["--pretraining-rates", "--pretraining-epochs"] {
            assert!(said(&[option, "1"], &without).contains("no layer to train"), "{option}");
        }
        for option in ["--pretraining-rates=0", "--fine-tuning-rates=-1", "--pretraining-rates=nan"]
        {
            assert!(said(&[option], &base).ends_with("a number above 0"), "{option}");
        }
    }

    #[test]
    fn what_is_named_twice_is_run_once() {
        let options = ["--fractions", "0.1,0.10", "--fine-tuning-rates", "0.01,0.001,1e-2"];
        let names: Vec<String> = found(&options, &preset("quick"))
            .unwrap()
            .into_iter()
            .map(|candidate| candidate.name)
            .collect();
        assert_eq!(names, ["nu-0.1-rate-0.01", "nu-0.1-rate-0.001"]);
        assert_eq!(once(&[0.0, 0.25, -0.0, 0.25]), [0.0, 0.25]);
    }
}
