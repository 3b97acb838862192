//! `sweep`: benefits and costs of the weight of an objective, or of its capacity.

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
    objectives::{ObjectiveConfig, beta::Beta, capacity::Capacity, factor::Factor, tc::Tc},
};

/// Every objective at every weight (or capacity) and seed is a run of its own under OUT/beta-vae/NAME. What was
/// finished before is not repeated, and interrupted runs resume.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// KL weights (Higgins et al. 2017), where 1 is the VAE (default: 1 and 4, if no option names any run).
    #[arg(long, value_delimiter = ',', value_name = "B,...", allow_negative_numbers = true)]
    betas: Vec<f64>,
    /// Capacities in nats at which the KL is held (Burgess et al. 2018). Weight and epochs of their rise are as
    /// configured; 100 and two thirds of the epochs, if that is of another objective.
    #[arg(long, value_delimiter = ',', value_name = "C,...", allow_negative_numbers = true)]
    capacities: Vec<f64>,
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
/// Weight of the distance from the capacity: a tenth of that of Burgess et al. 2018, who let it rise over 100,000 steps. In a
/// few thousand theirs spends the KL on means that are the same for all images.
const CAPACITY_WEIGHT: f64 = 100.0;
/// The line of candidates that differ in their capacity, not in a weight.
const CAPACITY: &str = "capacity";

/// A configuration that is run once per seed.
struct Candidate {
    /// Name of its runs.
    name: String,
    /// Candidates with the same line are joined in the pictures.
    line: String,
    /// The weight of its objective, or the capacity.
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

/// Metrics plotted against the weight or the capacity, with their names in the picture.
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
        .refuse_seed_and_model("--seeds", "--betas, --capacities, --tc, --factor or --baselines")?;
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
        let sweep = read(path, &candidates)?;
        tell_lacking(path, &candidates, &sweep);
        return draw(&files, &candidates, &sweep);
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

/// Refuses `--set` of a weight or a capacity that each run has its own value of, and of an objective of which there is
/// no run.
fn refuse_objective(args: &Args, base: &Config) -> Result<()> {
    let (weights, weight, option) = match &base.objective {
        // It has nothing else.
        ObjectiveConfig::Beta(_) => (&args.betas[..], "objective", "--betas"),
        ObjectiveConfig::Tc(_) => (&args.tc[..], "objective.beta", "--tc"),
        ObjectiveConfig::Factor(_) => (&args.factor[..], "objective.gamma", "--factor"),
        ObjectiveConfig::Capacity(_) => {
            (&args.capacities[..], "objective.capacity", "--capacities")
        }
    };
    if weights.is_empty() {
        let options = "--betas, --capacities, --tc or --factor";
        return args.configuration.refuse_set("objective", options);
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

/// Says which scores are not in what was found before, as of a sweep from before there was one.
fn tell_lacking(path: &Path, candidates: &[Candidate], sweep: &Sweep) {
    let lacking = lacking(candidates, sweep);
    if !lacking.is_empty() {
        let (path, lacking) = (path.display(), lacking.join(", "));
        progress::line(&format!(
            "{path} has not every value of {lacking}: what is missing is left out of the pictures; a new sweep measures it \
             where the data have factors"
        ));
    }
}

/// Scores that would be plotted and that a candidate has no value of.
fn lacking(candidates: &[Candidate], sweep: &Sweep) -> Vec<&'static str> {
    let plotted = || candidates.iter().filter(|candidate| !candidate.line.is_empty());
    let lacks = |metric: &str| {
        plotted().any(|candidate| {
            let found = sweep.candidates.get(&candidate.name);
            found.and_then(|metrics| metrics.get(metric)).is_none_or(Vec::is_empty)
        })
    };
    DRAWN.map(|(metric, _)| metric).into_iter().filter(|metric| lacks(metric)).collect()
}

/// All runs of one seed, in order. Of the configured objective they have all but its weight or capacity, where it is the
/// same.
fn candidates(args: &Args, base: &Config) -> Result<Vec<Candidate>> {
    let mut all = Vec::new();
    let mut add = |objective: ObjectiveConfig, line: &str| {
        let mut config = Config { objective, ..base.clone() };
        config.model.kind = Kind::Vae;
        let strength = config.objective.strength();
        let name = format!("{}-{strength}", config.objective.name());
        all.push(Candidate { name, line: line.into(), strength, config });
    };
    let lists = [&args.betas, &args.capacities, &args.tc, &args.factor];
    let is_named = lists.iter().any(|list| !list.is_empty()) || !args.baselines.is_empty();
    let betas = if is_named { args.betas.clone() } else { vec![1.0, 4.0] };
    for beta in betas {
        add(Beta { beta }.into(), "beta-VAE");
    }
    for &capacity in &args.capacities {
        add(Capacity { capacity, ..rise(base)? }.into(), CAPACITY);
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

/// How a capacity rises, as configured or by default.
fn rise(base: &Config) -> Result<Capacity> {
    let epochs = base.train.total_epochs() as f64;
    let ObjectiveConfig::Capacity(configured) = &base.objective else {
        return Ok(Capacity { gamma: CAPACITY_WEIGHT, capacity: 0.0, epochs: epochs * 2.0 / 3.0 });
    };
    // Its runs would be called by a capacity that they never reach.
    if configured.epochs > epochs {
        bail!(
            "objective.epochs = {}: the capacity rises longer than the {epochs} epochs of training; give --set \
             objective.epochs={epochs} or less",
            configured.epochs
        );
    }
    Ok(*configured)
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
    /// Metrics against the weight or the capacity, for each line.
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

/// What varies along a line, with its unit, and what several of it are called.
fn varied(line: &str) -> [&'static str; 3] {
    match line {
        CAPACITY => ["capacity", "capacity, nats", "capacities"],
        _ => ["weight", "weight", "weights"],
    }
}

/// The pictures; those of an objective with a single weight or capacity are left out.
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
        let [what, axis, _] = varied(line);
        let caption = format!("Disentanglement against the {what}: {line}, {about}");
        let axes = [axis, "score, mean and standard deviation over seeds"];
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
        let beside: BTreeSet<&str> =
            files.metrics.iter().map(|(line, _)| varied(line)[2]).collect();
        let beside = beside.into_iter().rev().collect::<Vec<_>>().join(" or ");
        let caption = format!("Reconstruction against KL, {beside} beside the points: {about}");
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

    /// The candidates of a sweep with these options, of a configuration with this objective and four epochs.
    fn found(options: &[&str], of: impl Into<ObjectiveConfig>) -> Result<Vec<Candidate>> {
        let mut base: Config = toml::from_str(<Paper as paper::Paper>::PRESETS[0].1).unwrap();
        base.objective = of.into();
        candidates(&laws::options(options).unwrap(), &base)
    }

    /// Their objectives.
    fn objectives(options: &[&str], of: impl Into<ObjectiveConfig>) -> Vec<ObjectiveConfig> {
        let found = found(options, of).unwrap();
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
        let capacity = Capacity { gamma: 3.0, capacity: 5.0, epochs: 2.0 };
        let found = objectives(&["--capacities", "25,10"], capacity);
        let expected = [25.0, 10.0].map(|nats| Capacity { capacity: nats, ..capacity });
        assert_eq!(found, expected.map(ObjectiveConfig::from));
        // Of another objective there is nothing to keep.
        let options = ["--tc", "6", "--factor", "10", "--capacities", "25"];
        let other = objectives(&options, Beta { beta: 4.0 });
        let discriminator = vec![1000; 6];
        let expected: [ObjectiveConfig; 3] = [
            Capacity { gamma: 100.0, capacity: 25.0, epochs: 4.0 * 2.0 / 3.0 }.into(),
            Tc { alpha: 1.0, beta: 6.0, gamma: 1.0 }.into(),
            Factor { gamma: 10.0, discriminator }.into(),
        ];
        assert_eq!(other, expected);
    }

    #[test]
    fn a_capacity_names_its_runs_which_reach_it() {
        let capacity = |epochs| Capacity { gamma: 3.0, capacity: 5.0, epochs };
        let options = ["--capacities", "25,0.5", "--betas", "4"];
        let own = found(&options, capacity(4.0)).unwrap();
        let names: Vec<(&str, &str, f64)> =
            own.iter().map(|one| (&*one.name, &*one.line, one.strength)).collect();
        let expected = [
            ("beta-4", "beta-VAE", 4.0),
            ("capacity-25", "capacity", 25.0),
            ("capacity-0.5", "capacity", 0.5),
        ];
        assert_eq!(names, expected);
        let told = found(&options, capacity(4.5)).err().unwrap().to_string();
        assert!(told.contains("objective.epochs = 4.5: the capacity rises longer"), "{told}");
    }

    #[test]
    fn scores_from_after_a_sweep_are_lacking() {
        let own = found(&["--betas", "1,4", "--baselines", "pca"], Beta { beta: 4.0 }).unwrap();
        let without = |missing: &[&str]| -> BySeed {
            let kept = DRAWN.iter().filter(|(metric, _)| !missing.contains(metric));
            kept.map(|(metric, _)| (metric.to_string(), vec![0.5])).collect()
        };
        let sweep = |missing: [&[&str]; 3]| {
            let names = ["beta-1", "beta-4", "pca"].map(String::from);
            let candidates = names.into_iter().zip(missing.map(without)).collect();
            Sweep { data: "dsprites".into(), seeds: vec![1], candidates, fit_hours: 0.0 }
        };
        // Of the baselines none is plotted.
        assert!(lacking(&own, &sweep([&[], &[], &["mig"]])).is_empty());
        let old = sweep([&["z_diff_25"], &["z_diff_25", "sap"], &[]]);
        assert_eq!(lacking(&own, &old), ["z_diff_25", "sap"]);
    }
}
