//! `frontier`: accuracy against discrimination.

mod against;
mod picture;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    path::PathBuf,
};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use shared::{
    cli::{Common, ConfigurationArgs, Planned, Several, To, check_all, fitted},
    paper::Paper as _,
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
        default_value = "raw,without-s,regularised,reduction,reduction-without-s,pca,vae,lfr,vfae"
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
    /// Bounds of |E[h|s] - E[h]| for the reductions, on the training rows.
    #[arg(long, value_delimiter = ',', value_name = "E,...", default_value = BOUND)]
    bound: Vec<f64>,
    /// Fit nothing: draw all of what a frontier found before, its frontier.json.
    #[arg(long, value_name = "FILE", requires = "to", conflicts_with_all = [
        "splits", "methods", "a_y", "a_z", "mmd", "fairness", "bound", "out", "ConfigurationArgs", "Several",
    ])]
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

/// Keys of which each run has its own value, with the options that have the values.
const VARIED: [(&str, &str); 6] = [
    ("data.split_seed", "--splits"),
    ("lfr.a_y", "--a-y"),
    ("lfr.a_z", "--a-z"),
    ("vfae.mmd", "--mmd"),
    ("logistic.fairness", "--fairness"),
    ("reduction.bound", "--bound"),
];

/// Default fairness weights.
const A_Y: &str = "1,5";
const A_Z: &str = "0.5,1,5,10";
const MMD: &str = "10,100,1000";
const FAIRNESS: &str = "0.1,1,10,100,1000";
const BOUND: &str = "0,0.003,0.01,0.03,0.1,1";

impl Args {
    /// The pictures of decisions at one half and of drawn ones: this and `drawn.png` beside it, or that which `--to`
    /// names and one beside it.
    fn pictures(&self, own: PathBuf) -> Result<[PathBuf; 2]> {
        let beside = own.with_file_name("drawn.png");
        let first = self.to.instead_of(own.clone())?;
        let second = if first == own {
            beside
        } else {
            let part =
                |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
            let (stem, ending) = (part(first.file_stem()), part(first.extension()));
            first.with_file_name(format!("{stem}-drawn.{ending}"))
        };
        Ok([first, self.to.beside(second)?])
    }

    /// Refuses fairness weights of a method that is not requested.
    fn strengths_have_a_method(&self) -> Result<()> {
        use Kind::{Lfr, Reduction, ReductionWithoutS, Regularised, Vfae};
        let options: [(&str, &[f64], &str, &[Kind]); 5] = [
            ("--a-y", &self.a_y, A_Y, &[Lfr]),
            ("--a-z", &self.a_z, A_Z, &[Lfr]),
            ("--mmd", &self.mmd, MMD, &[Vfae]),
            ("--fairness", &self.fairness, FAIRNESS, &[Regularised]),
            ("--bound", &self.bound, BOUND, &[Reduction, ReductionWithoutS]),
        ];
        for (option, values, default, kinds) in options {
            let given: Vec<String> = values.iter().map(f64::to_string).collect();
            let is_used =
                self.methods.iter().any(|method| kinds.iter().any(|kind| kind.name() == method));
            if given.join(",") != default && !is_used {
                bail!("{option}: without effect, {} is not among --methods", kinds[0].name());
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

/// Accuracy and discrimination of the same decisions.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Decisions {
    accuracy: f64,
    discrimination: f64,
}

/// How p(yes) becomes a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Yes from one half on.
    AtOneHalf,
    /// Yes with that probability.
    Drawn,
}

impl Rule {
    const ALL: [Self; 2] = [Self::AtOneHalf, Self::Drawn];

    /// The metrics that are accuracy and discrimination of these decisions.
    fn metrics(self) -> [&'static str; 2] {
        match self {
            Self::AtOneHalf => ["accuracy", "discrimination_thresholded"],
            Self::Drawn => ["accuracy_expected", "discrimination"],
        }
    }

    /// The metric of how far their accuracy is above the reduction's at the same discrimination.
    fn above(self) -> &'static str {
        match self {
            Self::AtOneHalf => "above_reduction_thresholded",
            Self::Drawn => "above_reduction",
        }
    }

    fn of(self, f: &Fairness) -> Decisions {
        let (accuracy, discrimination) = match self {
            Self::AtOneHalf => (f.accuracy, f.discrimination_thresholded),
            Self::Drawn => (f.accuracy_expected, f.discrimination),
        };
        Decisions { accuracy, discrimination }
    }
}

/// The criterion that a selection rule minimises.
type Cost = fn(&Fairness) -> f64;

/// Selects a candidate on the validation split: the least value wins. The first and the last are those of Zemel et al.
/// 2013, section 5, whose yAcc and yDiscrim are both of p(yes), as decisions drawn with it; the second mixes the accuracy
/// at one half with that gap.
const RULES: [(&str, Cost); 4] = [
    ("least discrimination", |f| f.discrimination),
    ("greatest accuracy - discrimination", |f| f.discrimination - f.accuracy),
    ("greatest accuracy - discrimination, at one half", |f| {
        f.discrimination_thresholded - f.accuracy
    }),
    ("greatest accuracy - discrimination, drawn", |f| f.discrimination - f.accuracy_expected),
];

pub(super) fn run(args: &Args) -> Result<()> {
    if let Some(found) = &args.redraw {
        let frontier: Frontier = read_json(found, "frontier.json")?;
        let pictures = args.pictures(PathBuf::from("frontier.png"))?;
        for path in picture::draw(&frontier, &pictures)? {
            shared::print_line!("wrote {}", path.display());
        }
        return Ok(());
    }
    if !(1..=MOST_SPLITS).contains(&args.splits) {
        bail!("--splits {}: 1 to {MOST_SPLITS}", args.splits);
    }
    args.strengths_have_a_method()?;
    args.configuration.refuse_seed_and_model("--splits", "--methods")?;
    for (key, option) in VARIED {
        args.configuration.refuse_set(key, option)?;
    }
    let base = args.configuration.config::<Paper>()?;
    // Another architecture, unless the user names one for all.
    let variational = args.configuration.or_preset("vfae").config::<Paper>()?;
    let data = base.data.stem();
    let folder = args.out.join(Paper::NAME).join(format!("frontier-{data}"));
    // Refused before anything is fitted.
    let pictures = args.pictures(folder.join("frontier.png"))?;
    let candidates = candidates(args, [&base, &variational])?;
    let common = args.common.relative_to(&args.configuration);
    check_all::<Paper>(candidates.iter().map(|one| &one.config), &common)?;
    let planned = |split: u64, candidate: &Candidate| {
        let mut config = candidate.config.clone();
        config.seed = split;
        config.data.split_seed = Some(split);
        Planned {
            title: format!("{}, split {split}", candidate.name),
            path: folder.join(&candidate.name).join(format!("split-{split}")),
            config,
            builds_on_another: false,
        }
    };
    let of_split = |split| candidates.iter().map(move |candidate| planned(split, candidate));
    let runs: Vec<Planned<Config>> = (1..=args.splits).flat_map(of_split).collect();
    let fit = |run: &Planned<Config>| {
        let loaded = fitted::<Paper>(run.config.clone(), run.path.clone(), &common)?;
        let model = loaded.model.as_ref();
        let data = loaded.data()?;
        let both = [fairness(model, &data.valid)?, fairness(model, &data.test)?];
        let said = format!(
            "accuracy {:.4}, discrimination {:.4} (validation)",
            both[0].accuracy, both[0].discrimination
        );
        Ok((both, said))
    };
    let Some(both) = args.several.each(&runs, fit)? else { return Ok(()) };
    // Validation and test of each candidate, split by split.
    let of_candidate = |place| both.iter().skip(place).step_by(candidates.len()).cloned().collect();
    let found: Vec<Vec<[Fairness; 2]>> = (0..candidates.len()).map(of_candidate).collect();
    let reductions = reductions(&candidates, &found);
    let frontier = Frontier {
        data: data.clone(),
        splits: args.splits,
        candidates: candidates
            .iter()
            .zip(&found)
            .map(|(candidate, found)| {
                let test = found.iter().zip(&reductions);
                let test: Vec<Metrics> =
                    test.map(|(both, reduction)| metrics(&both[1], reduction)).collect();
                (candidate.name.clone(), summaries(&test))
            })
            .collect(),
        chosen: chosen(&candidates, &found, &reductions),
    };
    let table = folder.join("frontier.json");
    write_json(&table, &frontier)?;
    let drawn = picture::draw(&frontier, &pictures)?;
    print_chosen(&frontier);
    print_against(&frontier);
    shared::print_line!("");
    for path in drawn.iter().chain([&table]) {
        shared::print_line!("wrote {}", path.display());
    }
    Ok(())
}

/// What the reductions decide on the test rows of a split.
struct Reductions {
    /// By each of them: the draws, and the more probable classifier alone.
    points: Vec<Decisions>,
    /// The gap of such decisions by chance: a smaller one cannot be told from it.
    chance: f64,
}

/// The reductions of each split.
fn reductions(candidates: &[Candidate], found: &[Vec<[Fairness; 2]>]) -> Vec<Reductions> {
    let splits = found.first().map_or(0, Vec::len);
    let of_split = |split: usize| {
        let all = candidates.iter().zip(found);
        let all = all.filter(|(candidate, _)| candidate.kind.is_reduction());
        let test: Vec<&Fairness> = all.map(|(_, found)| &found[split][1]).collect();
        Reductions {
            points: test.iter().flat_map(|f| Rule::ALL.map(|rule| rule.of(f))).collect(),
            chance: test.iter().map(|f| f.discrimination_by_chance).fold(0.0, f64::max),
        }
    };
    (0..splits).map(of_split).collect()
}

/// Metrics of one split by name.
type Metrics = BTreeMap<&'static str, f64>;

/// Those of a record, and how far the accuracy is above what the reductions reach on the same rows; none of the latter
/// without a reduction.
fn metrics(found: &Fairness, reductions: &Reductions) -> Metrics {
    let mut all: Metrics =
        found.metrics().into_iter().map(|(name, value, ..)| (name, value)).collect();
    if !reductions.points.is_empty() {
        for rule in Rule::ALL {
            let Decisions { accuracy, discrimination } = rule.of(found);
            let gap = discrimination.max(reductions.chance);
            let theirs = against::accuracy_within(&reductions.points, found.majority, gap);
            all.insert(rule.above(), accuracy - theirs);
        }
    }
    all
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
            Kind::Reduction | Kind::ReductionWithoutS => {
                for &bound in &args.bound {
                    let set = |config: &mut Config| config.reduction.bound = bound;
                    all.push(with(&format!("-{bound}"), &set));
                }
            }
            Kind::Raw | Kind::WithoutS | Kind::Pca | Kind::Vae => all.push(with("", &|_| {})),
        }
    }
    if all.is_empty() {
        bail!("--methods: name one at least, with one value at least of what it varies");
    }
    // What is named twice is run once.
    let mut names = BTreeSet::new();
    all.retain(|candidate| names.insert(candidate.name.clone()));
    Ok(all)
}

fn kind(name: &str) -> Result<Kind> {
    match Kind::ALL.into_iter().find(|kind| kind.name() == name) {
        Some(kind) => Ok(kind),
        None => bail!("--methods {name}: one of {}", Kind::ALL.map(Kind::name).join(", ")),
    }
}

/// The requested methods, in order.
fn kinds(candidates: &[Candidate]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = candidates.iter().map(|candidate| candidate.kind).collect();
    kinds.dedup();
    kinds
}

fn summaries(found: &[Metrics]) -> BTreeMap<String, Summary> {
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (name, value) in found.iter().flatten() {
        values.entry((*name).to_owned()).or_default().push(*value);
    }
    values.into_iter().map(|(name, values)| (name, Summary::of(&values))).collect()
}

fn chosen(
    candidates: &[Candidate],
    found: &[Vec<[Fairness; 2]>],
    reductions: &[Reductions],
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
                    .map(|c| {
                        let test = metrics(&found[c][split][1], &reductions[split]);
                        (candidates[c].name.clone(), test)
                    })
            });
            let (names, test): (Vec<String>, Vec<Metrics>) = best.unzip();
            let chosen = Chosen { candidates: names, test: summaries(&test) };
            all.entry(kind.name().into()).or_default().insert(rule.into(), chosen);
        }
    }
    all
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
        let columns = ["accuracy", "its gap", "accuracy if drawn", "its gap"];
        let columns = columns.map(|column| format!("{column:>18}")).concat();
        shared::print_line!("  {:<20}{columns}  chosen", "method");
        for (method, rules) in &frontier.chosen {
            let Some(chosen) = rules.get(rule) else { continue };
            let of =
                |name: &str| chosen.test.get(name).map_or_else(String::new, Summary::to_string);
            let mut names = chosen.candidates.clone();
            names.sort();
            names.dedup();
            let values = Rule::ALL.map(Rule::metrics).concat();
            let values = values.into_iter().map(|name| format!("{:>18}", of(name)));
            let values = values.collect::<Vec<String>>().concat();
            shared::print_line!("  {method:<20}{values}  {}", names.join(" "));
        }
    }
}

/// Where each method is above the reduction, at the same discrimination of the same test rows.
fn print_against(frontier: &Frontier) {
    for rule in Rule::ALL {
        let what = match rule {
            Rule::AtOneHalf => "decisions at one half",
            Rule::Drawn => "drawn decisions",
        };
        let above = |metrics: &BTreeMap<String, Summary>| metrics.get(rule.above()).copied();
        let found = frontier.candidates.iter();
        let mut found: Vec<(&String, Summary)> =
            found.filter_map(|(name, metrics)| above(metrics).map(|value| (name, value))).collect();
        if found.is_empty() {
            return;
        }
        found.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean));
        shared::print_line!("\naccuracy above the reduction's at the same discrimination, {what}");
        for (name, value) in found {
            shared::print_line!("  {name:<26} {value:>18}");
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::{laws, paper};

    use super::*;

    fn preset() -> Config {
        toml::from_str(<Paper as paper::Paper>::PRESETS[0].1).unwrap()
    }

    #[test]
    fn what_is_named_twice_is_run_once() {
        let names = |options: &[&str]| {
            let args = laws::options(options).unwrap();
            let found = candidates(&args, [&preset(), &preset()]).unwrap();
            found.into_iter().map(|candidate| candidate.name).collect::<Vec<String>>()
        };
        assert_eq!(names(&["--methods", "raw,pca,raw"]), ["raw", "pca"]);
        let vfae = ["--methods", "vfae", "--mmd", "10,1,10.0"];
        assert_eq!(names(&vfae), ["vfae-mmd10", "vfae-mmd1"]);
        let lfr = ["--methods", "lfr,raw,lfr", "--a-y", "1,1", "--a-z", "0.5"];
        assert_eq!(names(&lfr), ["lfr-ay1-az0.5", "raw"]);
    }

    /// Decisions at one half and drawn ones, each by accuracy and discrimination.
    fn judged(at_one_half: [f64; 2], drawn: [f64; 2], chance: f64) -> Fairness {
        Fairness {
            accuracy: at_one_half[0],
            accuracy_expected: drawn[0],
            majority: 0.6,
            group_majority: 0.5,
            discrimination: drawn[1],
            discrimination_by_chance: chance,
            discrimination_thresholded: at_one_half[1],
            equal_opportunity_gap: 0.0,
            equalised_odds_gap: 0.0,
        }
    }

    fn candidate(name: &str, kind: Kind) -> Candidate {
        Candidate { name: name.into(), kind, config: preset() }
    }

    #[test]
    fn each_rule_chooses_by_its_own_numbers_of_the_validation_split() {
        // Each is the best by one rule on the validation split, and another on the test split.
        let of = [
            ("least discrimination", "fair", [0.50, 0.30], [0.50, 0.00]),
            ("greatest accuracy - discrimination", "mixed", [0.90, 0.40], [0.55, 0.05]),
            (
                "greatest accuracy - discrimination, at one half",
                "halved",
                [0.85, 0.02],
                [0.60, 0.30],
            ),
            ("greatest accuracy - discrimination, drawn", "drawn", [0.70, 0.30], [0.80, 0.06]),
        ];
        let candidates = of.map(|(_, name, ..)| candidate(name, Kind::Raw));
        let valid = of.map(|(_, _, at_one_half, drawn)| judged(at_one_half, drawn, 0.01));
        let found = [0, 1, 2, 3].map(|place| vec![[valid[place], valid[(place + 1) % 4]]]);
        let none = [Reductions { points: Vec::new(), chance: 0.0 }];
        let chosen = chosen(&candidates, &found, &none);
        assert_eq!(chosen["raw"].len(), RULES.len());
        for (place, (rule, name, ..)) in of.into_iter().enumerate() {
            let Chosen { candidates, test } = &chosen["raw"][rule];
            assert_eq!(candidates, &[name], "{rule}");
            let told = valid[(place + 1) % 4];
            assert_eq!(test["accuracy"].mean, told.accuracy, "{rule}");
            assert_eq!(test["discrimination"].mean, told.discrimination, "{rule}");
        }
    }

    #[test]
    fn accuracy_above_the_reduction_is_that_at_the_same_gap_of_the_same_decisions() {
        let candidates =
            [candidate("graded", Kind::Raw), candidate("reduction-0.01", Kind::Reduction)];
        let valid = judged([0.9, 0.0], [0.9, 0.0], 0.5);
        // Drawn, the gap of the former is below what chance makes of the reduction's decisions.
        let graded = judged([0.85, 0.03], [0.70, 0.01], 0.005);
        let reduction = judged([0.80, 0.10], [0.82, 0.04], 0.02);
        let of_splits = reductions(&candidates, &[vec![[valid, graded]], vec![[valid, reduction]]]);
        let [of_split] = &of_splits[..] else { panic!("{} splits", of_splits.len()) };
        assert_eq!((of_split.points.len(), of_split.chance), (2, 0.02));
        let is = |found: &Fairness, name: &str, expected: f64| {
            let value = metrics(found, of_split)[name];
            assert!((value - expected).abs() < 1e-12, "{name}: {value} {expected}");
        };
        // A draw between the majority's answer, 0.6 without a gap, and the reduction's draws has 0.765 at a gap of 0.03
        // and 0.71 at one of 0.02.
        is(&graded, "above_reduction_thresholded", 0.85 - 0.765);
        is(&graded, "above_reduction", 0.70 - 0.71);
        // Of its own two kinds of decisions the draws are the better at either gap.
        is(&reduction, "above_reduction_thresholded", 0.80 - 0.82);
        is(&reduction, "above_reduction", 0.0);
        // Without a reduction there is nothing to be above.
        let none = Reductions { points: Vec::new(), chance: 0.0 };
        let alone = metrics(&graded, &none);
        assert_eq!(alone["accuracy"], 0.85);
        assert!(!alone.keys().any(|name| name.starts_with("above")), "{alone:?}");
    }

    #[test]
    fn one_split_has_no_deviation() {
        assert_eq!(Summary::of(&[0.25]).to_string(), "0.2500");
        assert_eq!(Summary::of(&[0.25, 0.75]).to_string(), "0.5000 ± 0.3536");
    }
}
