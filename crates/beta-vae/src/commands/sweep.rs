//! `sweep`: benefits and costs of the weight of an objective.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use shared::{
    cli::{Common, ConfigurationArgs, Planned, Several, To, check_all, recorded, refuse_name},
    paper::Paper as _,
    plot::{Axis, Spread, error_bars},
    progress,
    run::{Record, read_json, write_json},
    statistics::{mean_and_deviation, median},
};

use crate::{
    Paper,
    config::{Config, Kind},
    objectives::{ObjectiveConfig, beta::Beta, factor::Factor, tc::Tc},
};

/// Every objective at every weight and seed is a run of its own under OUT/beta-vae/NAME. What was
/// finished before is not repeated, and interrupted runs resume.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// KL weights (Higgins et al. 2017), where 1 is the VAE (default: 1 and 4, if no option names any run).
    #[arg(long, value_delimiter = ',', value_name = "B,...", allow_negative_numbers = true)]
    betas: Vec<f64>,
    /// Weights of the total correlation (beta-TCVAE, Chen et al. 2018).
    #[arg(long, value_delimiter = ',', value_name = "B,...", allow_negative_numbers = true)]
    tc: Vec<f64>,
    /// Weights of the discriminator's log-ratio (FactorVAE, Kim & Mnih 2018).
    #[arg(long, value_delimiter = ',', value_name = "G,...", allow_negative_numbers = true)]
    factor: Vec<f64>,
    /// Widths of FactorVAE's discriminator (default: as configured; six of 1000, if that is of another objective).
    #[arg(long, value_delimiter = ',', value_name = "W,...", requires = "factor")]
    discriminator: Vec<usize>,
    /// Baselines: untrained, pca, pixels.
    #[arg(long, value_delimiter = ',', value_name = "KIND,...")]
    baselines: Vec<String>,
    /// Seeds.
    #[arg(long, value_delimiter = ',', value_name = "S,...", default_value = "1,2,3")]
    seeds: Vec<u64>,
    /// Name of the sweep (default: sweep-DATA).
    #[arg(long)]
    name: Option<String>,
    /// Run nothing: draw these objectives from what a sweep found before, its sweep.json.
    #[arg(long, value_name = "FILE", requires = "to")]
    redraw: Option<PathBuf>,
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

/// Widths of the discriminator of Kim & Mnih 2018.
const DISCRIMINATOR: [usize; 6] = [1000; 6];

/// A configuration that is run once per seed.
struct Candidate {
    /// Name of its runs.
    name: String,
    /// Candidates with the same line are joined in the pictures.
    line: String,
    /// The weight of its objective.
    strength: f64,
    config: Config,
}

/// Values of a metric, one per seed.
type BySeed = BTreeMap<String, Vec<f64>>;

/// The results of a sweep, `sweep.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sweep {
    data: String,
    seeds: Vec<u64>,
    /// Metrics of every candidate.
    candidates: BTreeMap<String, BySeed>,
    /// Hours of fitting, all runs together, on the machine they ran on.
    fit_hours: f64,
}

/// Metrics plotted against the weight, with their names in the picture.
const DRAWN: [(&str, &str); 6] = [
    ("z_diff_25", "z_diff (Higgins, 25 pairs)"),
    ("beta_vae_score", "BetaVAE score"),
    ("factor_vae_score", "FactorVAE score"),
    ("dci_disentanglement", "DCI disentanglement"),
    ("mig", "MIG"),
    ("sap", "SAP"),
];

pub(super) fn run(args: &Args) -> Result<()> {
    args.configuration
        .refuse_seed_and_model("--seeds", "--betas, --tc, --factor or --baselines")?;
    if let Some(name) = &args.name {
        refuse_name(name)?;
    }
    if let Some(seed) = args.seeds.iter().find(|seed| i64::try_from(**seed).is_err()) {
        bail!("--seeds {seed}: at most {}", i64::MAX);
    }
    let base = args.configuration.config::<Paper>()?;
    refuse_objective(args, &base)?;
    let data = base.data.stem();
    let candidates = candidates(args, &base)?;
    if let Some(path) = &args.redraw {
        let files = Files::of(&args.to, Path::new(""), &candidates)?;
        return draw(&files, &candidates, &read(path, &candidates)?);
    }
    let common = args.common.relative_to(&args.configuration);
    check_all::<Paper>(candidates.iter().map(|one| &one.config), &common)?;
    let name = args.name.clone().unwrap_or_else(|| format!("sweep-{data}"));
    let folder = args.out.join(Paper::NAME).join(&name);
    // Refused before anything is fitted.
    let files = Files::of(&args.to, &folder, &candidates)?;
    // What is named twice is run once.
    let seeds: Vec<u64> =
        args.seeds.iter().copied().collect::<BTreeSet<u64>>().into_iter().collect();
    let planned = |seed: u64, candidate: &Candidate| Planned {
        title: format!("{}, seed {seed}", candidate.name),
        path: folder.join(format!("seed-{seed}")).join(&candidate.name),
        config: Config { seed, ..candidate.config.clone() },
        builds_on_another: false,
    };
    // Seeds outermost: an early end leaves whole comparisons.
    let runs: Vec<Planned<Config>> = seeds
        .iter()
        .flat_map(|&seed| candidates.iter().map(move |one| planned(seed, one)))
        .collect();
    let fit = |run: &Planned<Config>| {
        let (_, record) = recorded::<Paper>(run.config.clone(), run.path.clone(), &common)?;
        Ok((record, "evaluated".into()))
    };
    let Some(records) = args.several.each(&runs, fit)? else { return Ok(()) };
    let seconds: f64 = records.iter().map(|record| record.machine.fit_seconds).sum();
    let sweep = Sweep {
        data: data.clone(),
        seeds: seeds.clone(),
        candidates: candidates
            .iter()
            .enumerate()
            .map(|(place, candidate)| {
                let own = records.iter().skip(place).step_by(candidates.len());
                (candidate.name.clone(), by_seed(own))
            })
            .collect(),
        fit_hours: seconds / 3600.0,
    };
    write_json(&folder.join("sweep.json"), &sweep)?;
    print_table(&candidates, &sweep);
    draw(&files, &candidates, &sweep)
}

/// Refuses `--set` of a weight that each run has its own value of, and of an objective of which there is no run.
fn refuse_objective(args: &Args, base: &Config) -> Result<()> {
    let (weights, weight, option) = match &base.objective {
        // It has nothing else.
        ObjectiveConfig::Beta(_) => (&args.betas[..], "objective", "--betas"),
        ObjectiveConfig::Tc(_) => (&args.tc[..], "objective.beta", "--tc"),
        ObjectiveConfig::Factor(_) => (&args.factor[..], "objective.gamma", "--factor"),
        ObjectiveConfig::Capacity(_) => (&[][..], "objective", ""),
    };
    if weights.is_empty() {
        return args.configuration.refuse_set("objective", "--betas, --tc or --factor");
    }
    args.configuration.refuse_set(weight, option)?;
    if args.discriminator.is_empty() {
        return Ok(());
    }
    args.configuration.refuse_set("objective.discriminator", "--discriminator")
}

/// What was found before, of all these candidates.
fn read(path: &Path, candidates: &[Candidate]) -> Result<Sweep> {
    let sweep: Sweep = read_json(path, "sweep.json")?;
    match candidates.iter().find(|one| !sweep.candidates.contains_key(&one.name)) {
        Some(missing) => {
            let known: Vec<&str> = sweep.candidates.keys().map(String::as_str).collect();
            bail!(
                "{}: {} is not in it; there are {}",
                path.display(),
                missing.name,
                known.join(", ")
            )
        }
        None => Ok(sweep),
    }
}

/// All runs of one seed, in order. Of the configured objective they have all but its weight, where it is the same.
fn candidates(args: &Args, base: &Config) -> Result<Vec<Candidate>> {
    let mut all = Vec::new();
    let mut add = |objective: ObjectiveConfig, line: &str| {
        let mut config = Config { objective, ..base.clone() };
        config.model.kind = Kind::Vae;
        let strength = config.objective.strength();
        let name = format!("{}-{strength}", config.objective.name());
        all.push(Candidate { name, line: line.into(), strength, config });
    };
    let named = args.betas.len() + args.tc.len() + args.factor.len() + args.baselines.len();
    let betas = if named == 0 { vec![1.0, 4.0] } else { args.betas.clone() };
    for beta in betas {
        add(Beta { beta }.into(), "beta-VAE");
    }
    let tc = match &base.objective {
        ObjectiveConfig::Tc(configured) => *configured,
        _ => Tc { alpha: 1.0, beta: 1.0, gamma: 1.0 },
    };
    for &beta in &args.tc {
        add(Tc { beta, ..tc }.into(), "beta-TCVAE");
    }
    let discriminator = match (&args.discriminator[..], &base.objective) {
        ([], ObjectiveConfig::Factor(configured)) => &configured.discriminator[..],
        ([], _) => &DISCRIMINATOR[..],
        (widths, _) => widths,
    };
    for &gamma in &args.factor {
        add(Factor { gamma, discriminator: discriminator.to_vec() }.into(), "FactorVAE");
    }
    for name in &args.baselines {
        let kind = match name.as_str() {
            "untrained" => Kind::Untrained,
            "pca" => Kind::Pca,
            "pixels" => Kind::Pixels,
            _ => bail!("--baselines {name}: one of untrained, pca, pixels"),
        };
        let mut config = base.clone();
        config.model.kind = kind;
        all.push(Candidate { name: name.clone(), line: String::new(), strength: 0.0, config });
    }
    let mut names = BTreeSet::new();
    all.retain(|candidate| names.insert(candidate.name.clone()));
    for candidate in &all {
        if let Some(problem) = shared::paper::RunConfig::problem(&candidate.config) {
            bail!("{}: {problem}", candidate.name);
        }
    }
    Ok(all)
}

fn by_seed<'a>(records: impl Iterator<Item = &'a Record>) -> BySeed {
    let mut values = BySeed::new();
    for (name, metric) in records.flat_map(|record| &record.metrics) {
        values.entry(name.clone()).or_default().push(metric.value);
    }
    values
}

fn print_table(candidates: &[Candidate], sweep: &Sweep) {
    shared::print_line!("\n{}: medians over {} seeds", sweep.data, sweep.seeds.len());
    let columns = ["reconstruction", "kl"].into_iter().chain(DRAWN.map(|(name, _)| name));
    let columns: Vec<&str> = columns.collect();
    shared::print_text!("  {:<14}", "");
    columns
        .iter()
        .for_each(|name| shared::print_text!(" {name:>width$}", width = name.len().max(8)));
    shared::print_line!();
    for candidate in candidates {
        shared::print_text!("  {:<14}", candidate.name);
        let values = &sweep.candidates[&candidate.name];
        for name in &columns {
            let width = name.len().max(8);
            match values.get(*name).and_then(|values| median(values)) {
                Some(median) if median.abs() < 10.0 => shared::print_text!(" {median:>width$.4}"),
                Some(median) => shared::print_text!(" {median:>width$.2}"),
                None => shared::print_text!(" {:>width$}", "-"),
            }
        }
        shared::print_line!();
    }
    shared::print_line!("  {:.1} hours of fitting", sweep.fit_hours);
}

/// Where the pictures go.
struct Files {
    /// Reconstruction against KL.
    rate_distortion: PathBuf,
    /// Metrics against the weight, for each line.
    metrics: Vec<(String, PathBuf)>,
}

impl Files {
    /// `to` is the first; its name begins those of the others.
    fn of(to: &To, folder: &Path, candidates: &[Candidate]) -> Result<Self> {
        let own = folder.join("rate-distortion.png");
        let rate_distortion = to.instead_of(own.clone())?;
        let stem = rate_distortion.file_stem().unwrap_or_default().to_string_lossy();
        let prefix = if rate_distortion == own { String::new() } else { format!("{stem}-") };
        let ending = rate_distortion.extension().unwrap_or_default().to_string_lossy();
        let mut lines: Vec<&str> = candidates.iter().map(|c| c.line.as_str()).collect();
        lines.dedup();
        lines.retain(|line| !line.is_empty());
        let file = |line: &str| {
            let name = format!("{prefix}metrics-{}.{ending}", line.to_lowercase());
            Ok((line.to_owned(), to.beside(rate_distortion.with_file_name(name))?))
        };
        let metrics = lines.into_iter().map(file).collect::<Result<_>>()?;
        Ok(Self { metrics, rate_distortion: rate_distortion.clone() })
    }
}

/// The pictures; those of an objective with a single weight are left out.
fn draw(files: &Files, candidates: &[Candidate], sweep: &Sweep) -> Result<()> {
    let about = format!("{}, {} seeds", sweep.data, sweep.seeds.len());
    let values = |candidate: &Candidate, metric: &str| -> Vec<f64> {
        let found = sweep.candidates.get(&candidate.name);
        found.and_then(|metrics| metrics.get(metric)).cloned().unwrap_or_default()
    };
    let on = |line: &str| {
        let mut own: Vec<&Candidate> = candidates.iter().filter(|c| c.line == line).collect();
        own.sort_by(|a, b| a.strength.total_cmp(&b.strength));
        own
    };
    for (line, path) in &files.metrics {
        let own = on(line);
        let series: Vec<(String, Vec<Spread>)> = DRAWN
            .iter()
            .map(|(metric, label)| {
                let points = own
                    .iter()
                    .map(|c| (c, values(c, metric)))
                    .filter(|(_, values)| !values.is_empty())
                    .map(|(c, values)| Spread::new((c.strength, 0.0), mean_and_deviation(&values)));
                (label.to_string(), points.collect::<Vec<_>>())
            })
            .filter(|(_, points)| points.len() > 1)
            .collect();
        if series.is_empty() {
            continue;
        }
        let caption = format!("Disentanglement against the weight: {line}, {about}");
        let axes = ["weight", "score, mean and standard deviation over seeds"];
        error_bars(path, &caption, axes.map(Axis::linear), &series)?;
        progress::line(&format!("wrote {}", path.display()));
    }
    let series: Vec<(String, Vec<Spread>)> = files
        .metrics
        .iter()
        .map(|(line, _)| {
            let points = on(line)
                .into_iter()
                .filter(|c| ["kl", "reconstruction"].iter().all(|name| !values(c, name).is_empty()))
                .map(|c| {
                    let [x, y] =
                        ["kl", "reconstruction"].map(|name| mean_and_deviation(&values(c, name)));
                    Spread::new(x, y).labelled(c.strength.to_string())
                })
                .collect();
            (line.clone(), points)
        })
        .collect();
    if !series.is_empty() {
        let path = &files.rate_distortion;
        let caption = format!("Reconstruction against KL, weights beside the points: {about}");
        let axes = ["KL, nats for each test image", "reconstruction, nats"];
        error_bars(path, &caption, axes.map(Axis::linear), &series)?;
        progress::line(&format!("wrote {}", path.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use shared::{laws, paper};

    use super::*;

    /// The objectives of a sweep with these options, of a configuration with this one.
    fn objectives(options: &[&str], of: impl Into<ObjectiveConfig>) -> Vec<ObjectiveConfig> {
        let mut base: Config = toml::from_str(<Paper as paper::Paper>::PRESETS[0].1).unwrap();
        base.objective = of.into();
        let found = candidates(&laws::options(options).unwrap(), &base).unwrap();
        found.into_iter().map(|candidate| candidate.config.objective).collect()
    }

    #[test]
    fn weights_vary_and_the_rest_of_an_objective_is_as_configured() {
        let tc = Tc { alpha: 0.5, beta: 3.0, gamma: 2.0 };
        let found = objectives(&["--tc", "6,1"], tc);
        assert_eq!(found, [6.0, 1.0].map(|beta| ObjectiveConfig::from(Tc { beta, ..tc })));
        let factor = Factor { gamma: 3.0, discriminator: vec![8, 4] };
        let found = objectives(&["--factor", "10"], factor.clone());
        assert_eq!(found, [ObjectiveConfig::from(Factor { gamma: 10.0, ..factor.clone() })]);
        let widths = ["--factor", "10", "--discriminator", "7"];
        let named = Factor { gamma: 10.0, discriminator: vec![7] };
        assert_eq!(objectives(&widths, factor), [ObjectiveConfig::from(named)]);
        // Of another objective there is nothing to keep.
        let other = objectives(&["--tc", "6", "--factor", "10"], Beta { beta: 4.0 });
        let discriminator = vec![1000; 6];
        let expected: [ObjectiveConfig; 2] = [
            Tc { alpha: 1.0, beta: 6.0, gamma: 1.0 }.into(),
            Factor { gamma: 10.0, discriminator }.into(),
        ];
        assert_eq!(other, expected);
    }
}
