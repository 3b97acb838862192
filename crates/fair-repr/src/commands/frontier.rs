//! `frontier`: accuracy against discrimination.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use shared::{
    cli::{Common, ConfigurationArgs, To, check_all, fitted},
    paper::Paper as _,
    plot::{Axis, Spread, error_bars},
    progress,
    run::{read_json, write_json},
    statistics::mean_and_deviation,
};
use tables::{Fairness, fairness};

use crate::{
    Paper,
    config::{Config, Kind},
};

/// A mean over more splits would hardly differ.
const MOST_SPLITS: u64 = 10_000;

/// Fits every method to several random splits of the table, at every fairness weight. Finished fits
/// are reused.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// Number of random splits; split n uses seed n.
    #[arg(long, default_value_t = 5, value_name = "N")]
    splits: u64,
    /// Methods.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "KIND,...",
        default_value = "raw,without-s,regularised,pca,vae,lfr,vfae"
    )]
    methods: Vec<String>,
    /// Values of A_y for lfr.
    #[arg(long, value_delimiter = ',', value_name = "A,...", default_value = A_Y)]
    a_y: Vec<f64>,
    /// Values of A_z for lfr.
    #[arg(long, value_delimiter = ',', value_name = "A,...", default_value = A_Z)]
    a_z: Vec<f64>,
    /// Weights of the discrepancy for vfae.
    #[arg(long, value_delimiter = ',', value_name = "W,...", default_value = MMD)]
    mmd: Vec<f64>,
    /// Weights of the squared discrimination for regularised.
    #[arg(long, value_delimiter = ',', value_name = "W,...", default_value = FAIRNESS)]
    fairness: Vec<f64>,
    /// Fit nothing: draw what a frontier found before, its frontier.json.
    #[arg(long, value_name = "FILE", requires = "to")]
    redraw: Option<PathBuf>,
    /// Folder of all runs.
    #[arg(long, default_value = "runs", value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    to: To,
    #[command(flatten)]
    common: Common,
}

/// Default fairness weights.
const A_Y: &str = "0.1,0.5,1,5,10";
const A_Z: &str = "0,0.1,0.5,1,5,10";
const MMD: &str = "0,1,10,100,1000,10000";
const FAIRNESS: &str = "0.1,1,10,100,1000";

impl Args {
    /// Refuses fairness weights of a method that is not requested.
    fn strengths_have_a_method(&self) -> Result<()> {
        for (option, values, default, kind) in [
            ("--a-y", &self.a_y, A_Y, Kind::Lfr),
            ("--a-z", &self.a_z, A_Z, Kind::Lfr),
            ("--mmd", &self.mmd, MMD, Kind::Vfae),
            ("--fairness", &self.fairness, FAIRNESS, Kind::Regularised),
        ] {
            let given: Vec<String> = values.iter().map(f64::to_string).collect();
            let name = kind.name();
            if given.join(",") != default && !self.methods.iter().any(|method| method == name) {
                bail!("{option}: without effect, {name} is not among --methods");
            }
        }
        Ok(())
    }
}

/// A method at one fairness weight.
struct Candidate {
    /// Name of its runs.
    name: String,
    kind: Kind,
    config: Config,
}

/// A mean over splits, and their standard deviation if there are several.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Summary {
    mean: f64,
    deviation: Option<f64>,
}

impl Summary {
    fn of(values: &[f64]) -> Self {
        let (mean, deviation) = mean_and_deviation(values);
        Self { mean, deviation: (values.len() > 1).then_some(deviation) }
    }

    /// For a point with bars, which one split does not have.
    fn with_reach(self) -> (f64, f64) {
        (self.mean, self.deviation.unwrap_or(0.0))
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.4}", self.mean)?;
        self.deviation.map_or(Ok(()), |deviation| write!(f, " ± {deviation:.4}"))
    }
}

/// The results of a frontier, `frontier.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Frontier {
    data: String,
    splits: u64,
    /// Test metrics of every candidate, over splits.
    candidates: BTreeMap<String, BTreeMap<String, Summary>>,
    /// By method and rule, chosen on the validation split of each split: the candidates, and the
    /// test metrics over splits.
    chosen: BTreeMap<String, BTreeMap<String, Chosen>>,
}

impl Frontier {
    /// The share of the larger class, the same for every candidate.
    fn majority(&self) -> Option<Summary> {
        self.candidates.values().find_map(|metrics| metrics.get("majority").copied())
    }
}

/// The result of a selection rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Chosen {
    candidates: Vec<String>,
    test: BTreeMap<String, Summary>,
}

/// The criterion that a selection rule minimises.
type Cost = fn(&Fairness) -> f64;

/// Selects a candidate on the validation split (Zemel et al. 2013, section 5): the least value wins.
const RULES: [(&str, Cost); 2] = [
    ("least discrimination", |f| f.discrimination),
    ("greatest accuracy - discrimination", |f| f.discrimination - f.accuracy),
];

pub(super) fn run(args: &Args) -> Result<()> {
    if let Some(found) = &args.redraw {
        let picture = args.to.instead_of(PathBuf::from("frontier.png"))?;
        draw(&read_json(found, "frontier.json")?, &picture)?;
        shared::print_line!("wrote {}", picture.display());
        return Ok(());
    }
    if !(1..=MOST_SPLITS).contains(&args.splits) {
        bail!("--splits {}: 1 to {MOST_SPLITS}", args.splits);
    }
    args.strengths_have_a_method()?;
    let base = args.configuration.config::<Paper>()?;
    // Another architecture, unless the user names one for all.
    let variational = args.configuration.or_preset("vfae").config::<Paper>()?;
    let data = base.data.name.to_string();
    let folder = args.out.join(Paper::NAME).join(format!("frontier-{data}"));
    // Refused before anything is fitted.
    let picture = args.to.instead_of(folder.join("frontier.png"))?;
    let candidates = candidates(args, [&base, &variational])?;
    let common = args.common.relative_to(&args.configuration);
    check_all::<Paper>(candidates.iter().map(|one| &one.config), &common)?;
    let total = candidates.len() as u64 * args.splits;
    let started = std::time::Instant::now();
    // Validation and test of each candidate, split by split.
    let mut found: Vec<Vec<[Fairness; 2]>> = vec![Vec::new(); candidates.len()];
    let mut done = 0;
    for split in 1..=args.splits {
        for (candidate, found) in candidates.iter().zip(&mut found) {
            let mut config = candidate.config.clone();
            config.seed = split;
            config.data.split_seed = Some(split);
            let path = folder.join(&candidate.name).join(format!("split-{split}"));
            let loaded = fitted::<Paper>(config, path, &common)?;
            let model = loaded.model.as_ref();
            let data = loaded.data()?;
            let both = [fairness(model, &data.valid)?, fairness(model, &data.test)?];
            done += 1;
            let left = started.elapsed().as_secs_f64() / f64::from(done)
                * (total as f64 - f64::from(done));
            progress::line(&format!(
                "{done}/{total}, {:.0} min left: {} split {split}: accuracy {:.4}, discrimination \
                 {:.4} (validation)",
                left / 60.0,
                candidate.name,
                both[0].accuracy,
                both[0].discrimination
            ));
            found.push(both);
        }
    }
    let frontier = Frontier {
        data: data.clone(),
        splits: args.splits,
        candidates: candidates
            .iter()
            .zip(&found)
            .map(|(candidate, found)| {
                let test: Vec<Fairness> = found.iter().map(|both| both[1]).collect();
                (candidate.name.clone(), summaries(&test))
            })
            .collect(),
        chosen: chosen(&candidates, &found),
    };
    let table = folder.join("frontier.json");
    write_json(&table, &frontier)?;
    draw(&frontier, &picture)?;
    print_chosen(&frontier);
    shared::print_line!("\nwrote {} and {}", picture.display(), table.display());
    Ok(())
}

/// Accuracy against discrimination. The share of the larger class, far below every method, is said and not
/// drawn, so that the methods have the room.
fn draw(frontier: &Frontier, picture: &Path) -> Result<()> {
    let Frontier { data, splits, .. } = frontier;
    let larger = frontier
        .majority()
        .map_or_else(String::new, |share| format!("; the larger class alone: {:.3}", share.mean));
    let caption = format!("{data}: test rows, {}{larger}", averaged(*splits));
    error_bars(
        picture,
        &caption,
        ["discrimination |E[p|s=1] - E[p|s=0]|", "accuracy"].map(Axis::linear),
        &series(frontier),
    )
}

/// `bases` are the configurations of models that are not variational, and of those that are.
fn candidates(args: &Args, bases: [&Config; 2]) -> Result<Vec<Candidate>> {
    let mut all = Vec::new();
    for method in &args.methods {
        let kind = kind(method)?;
        let with = |parts: &str, set: &dyn Fn(&mut Config)| {
            let mut config = bases[usize::from(kind.is_variational())].clone();
            config.model.kind = kind;
            set(&mut config);
            Candidate { name: [kind.name(), parts].concat(), kind, config }
        };
        match kind {
            Kind::Lfr => {
                for &a_y in &args.a_y {
                    for &a_z in &args.a_z {
                        let name = format!("-ay{a_y}-az{a_z}");
                        all.push(with(&name, &|config| {
                            (config.lfr.a_y, config.lfr.a_z) = (a_y, a_z);
                        }));
                    }
                }
            }
            Kind::Vfae => {
                for &mmd in &args.mmd {
                    all.push(with(&format!("-mmd{mmd}"), &|config| config.vfae.mmd = mmd));
                }
            }
            Kind::Regularised => {
                for &weight in &args.fairness {
                    let set = |config: &mut Config| config.logistic.fairness = weight;
                    all.push(with(&format!("-{weight}"), &set));
                }
            }
            Kind::Raw | Kind::WithoutS | Kind::Pca | Kind::Vae => all.push(with("", &|_| {})),
        }
    }
    if all.is_empty() {
        bail!("--methods: name one at least, with one value at least of what it varies");
    }
    Ok(all)
}

fn kind(name: &str) -> Result<Kind> {
    let all =
        [Kind::Raw, Kind::WithoutS, Kind::Regularised, Kind::Pca, Kind::Vae, Kind::Lfr, Kind::Vfae];
    match all.into_iter().find(|kind| kind.name() == name) {
        Some(kind) => Ok(kind),
        None => bail!("--methods {name}: one of {}", all.map(Kind::name).join(", ")),
    }
}

/// The requested methods, in order.
fn kinds(candidates: &[Candidate]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = candidates.iter().map(|candidate| candidate.kind).collect();
    kinds.dedup();
    kinds
}

fn summaries(found: &[Fairness]) -> BTreeMap<String, Summary> {
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (name, value, ..) in found.iter().flat_map(Fairness::metrics) {
        values.entry(name.to_owned()).or_default().push(value);
    }
    values.into_iter().map(|(name, values)| (name, Summary::of(&values))).collect()
}

fn chosen(
    candidates: &[Candidate],
    found: &[Vec<[Fairness; 2]>],
) -> BTreeMap<String, BTreeMap<String, Chosen>> {
    let mut all: BTreeMap<String, BTreeMap<String, Chosen>> = BTreeMap::new();
    let splits = found.first().map_or(0, Vec::len);
    for (rule, cost) in RULES {
        for kind in kinds(candidates) {
            let best = (0..splits).filter_map(|split| {
                (0..candidates.len())
                    .filter(|&c| candidates[c].kind == kind)
                    .min_by(|&a, &b| {
                        cost(&found[a][split][0]).total_cmp(&cost(&found[b][split][0]))
                    })
                    .map(|c| (candidates[c].name.clone(), found[c][split][1]))
            });
            let (names, test): (Vec<String>, Vec<Fairness>) = best.unzip();
            let chosen = Chosen { candidates: names, test: summaries(&test) };
            all.entry(kind.name().into()).or_default().insert(rule.into(), chosen);
        }
    }
    all
}

/// A line of the picture: its candidates, by the weight that stands beside each, the fairest last.
type Line = Vec<(f64, Spread)>;

/// What a method is called in the picture, and the weight that varies along its line; none of a method without.
/// Candidates are named `METHOD`, `METHOD-WEIGHT`, `vfae-mmdWEIGHT` and `lfr-ayWEIGHT-azWEIGHT`.
fn line_of(candidate: &str) -> (String, Option<f64>) {
    if let Some(weights) = candidate.strip_prefix("lfr-ay")
        && let Some((a_y, a_z)) = weights.split_once("-az")
    {
        return (format!("LFR, A_y = {a_y}, by A_z"), a_z.parse().ok());
    }
    if let Some(weight) = candidate.strip_prefix("vfae-mmd") {
        return ("VFAE, by MMD".into(), weight.parse().ok());
    }
    if let Some(weight) = candidate.strip_prefix("regularised-") {
        return ("regularised, by weight".into(), weight.parse().ok());
    }
    let name = match candidate {
        "raw" => "all columns",
        "without-s" => "without s",
        "pca" => "PCA",
        "vae" => "VAE",
        other => other,
    };
    (name.into(), None)
}

/// Every method's line; of LFR's, one for each A_y, that which validation chose most often for the greatest
/// accuracy - discrimination.
fn series(frontier: &Frontier) -> Vec<(String, Vec<Spread>)> {
    let rules = frontier.chosen.get(Kind::Lfr.name());
    let chosen = rules.and_then(|rules| rules.get(RULES[1].0));
    let mut votes: BTreeMap<String, usize> = BTreeMap::new();
    for name in chosen.iter().flat_map(|chosen| &chosen.candidates) {
        *votes.entry(line_of(name).0).or_default() += 1;
    }
    let preferred = votes.into_iter().max_by_key(|(_, votes)| *votes).map(|(line, _)| line);
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for (name, metrics) in &frontier.candidates {
        let (line, weight) = line_of(name);
        let is_other = name.starts_with("lfr") && Some(&line) != preferred.as_ref();
        let [Some(x), Some(y)] = ["discrimination", "accuracy"].map(|name| metrics.get(name))
        else {
            continue;
        };
        if is_other {
            continue;
        }
        let point = Spread::new(x.with_reach(), y.with_reach());
        let label = weight.map_or_else(String::new, |weight| weight.to_string());
        lines.entry(line).or_default().push((weight.unwrap_or(0.0), point.labelled(label)));
    }
    let mut lines: Vec<(String, Line)> = lines.into_iter().collect();
    for (_, points) in &mut lines {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let points = |line: Line| line.into_iter().map(|(_, point)| point).collect();
    lines.into_iter().map(|(name, line)| (name, points(line))).collect()
}

/// What its numbers are.
fn averaged(splits: u64) -> String {
    match splits {
        1 => "one split".into(),
        _ => format!("mean and standard deviation over {splits} splits"),
    }
}

fn print_chosen(frontier: &Frontier) {
    let majority = frontier.majority().map_or_else(String::new, |share| share.to_string());
    shared::print_line!(
        "\n{}: test metrics, {}; majority {majority}",
        frontier.data,
        averaged(frontier.splits)
    );
    for (rule, _) in RULES {
        shared::print_line!("\nchosen by {rule} on the validation split");
        shared::print_line!(
            "  {:<12} {:>17} {:>17} {:>17} {:>17}  chosen",
            "method",
            "accuracy",
            "discrimination",
            "by chance",
            "thresholded"
        );
        for (method, rules) in &frontier.chosen {
            let Some(chosen) = rules.get(rule) else { continue };
            let of =
                |name: &str| chosen.test.get(name).map_or_else(String::new, Summary::to_string);
            let mut names = chosen.candidates.clone();
            names.sort();
            names.dedup();
            shared::print_line!(
                "  {method:<12} {:>17} {:>17} {:>17} {:>17}  {}",
                of("accuracy"),
                of("discrimination"),
                of("discrimination_by_chance"),
                of("discrimination_thresholded"),
                names.join(" ")
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(mean: f64) -> BTreeMap<String, Summary> {
        let value = Summary { mean, deviation: None };
        ["accuracy", "discrimination"].map(|name| (name.to_owned(), value)).into()
    }

    #[test]
    fn one_split_has_no_deviation() {
        assert_eq!(Summary::of(&[0.25]).to_string(), "0.2500");
        assert_eq!(Summary::of(&[0.25, 0.75]).to_string(), "0.5000 ± 0.3536");
    }

    #[test]
    fn candidates_are_joined_by_method_in_the_order_of_their_weights() {
        let names = [
            "raw",
            "regularised-10",
            "regularised-0.1",
            "vfae-mmd1000",
            "lfr-ay1-az5",
            "lfr-ay1-az0.5",
            "lfr-ay10-az0",
        ];
        let chosen = Chosen {
            candidates: ["lfr-ay1-az5", "lfr-ay10-az0", "lfr-ay1-az0.5"].map(String::from).into(),
            test: BTreeMap::new(),
        };
        let rules = BTreeMap::from([(RULES[1].0.to_owned(), chosen)]);
        let frontier = Frontier {
            data: "adult".into(),
            splits: 3,
            candidates: names.map(|name| (name.to_owned(), found(0.5))).into(),
            chosen: BTreeMap::from([("lfr".to_owned(), rules)]),
        };
        let lines: Vec<(String, Vec<String>)> = series(&frontier)
            .into_iter()
            .map(|(name, points)| (name, points.into_iter().map(|point| point.label).collect()))
            .collect();
        let wanted = [
            ("LFR, A_y = 1, by A_z", vec!["0.5", "5"]),
            ("VFAE, by MMD", vec!["1000"]),
            ("all columns", vec![""]),
            ("regularised, by weight", vec!["0.1", "10"]),
        ];
        let wanted: Vec<(String, Vec<String>)> = wanted
            .into_iter()
            .map(|(name, labels)| (name.into(), labels.into_iter().map(String::from).collect()))
            .collect();
        assert_eq!(lines, wanted);
    }
}
