//! What a comparison finds.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shared::{
    run::{Better, Metric, Record},
    statistics,
};

use super::{
    judge,
    missing::{self, is_one_quantity},
    number::{rough, short, signed},
    objective::{self, Check},
    records::{Found, RecordSet, RunKey},
    spread::{Spreads, Tolerance},
    stale,
};

/// Name under which the speed of training stands among the metrics.
pub(super) const SPEED: &str = "examples_per_second";

/// What is judged, and how strictly.
pub(super) struct Rules {
    /// Probability that seeds alone raise no alarm in a run, for all its metrics together.
    pub confidence: f64,
    /// Judge runs that are stale.
    pub across_configs: bool,
    /// Judge runs of which new has fewer seeds than base.
    pub fewer_seeds: bool,
    /// Judge speed.
    pub judge_speed: bool,
}

/// A comparison of two sets of records, or a look at one.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub base: String,
    pub new: Option<String>,
    pub confidence: f64,
    /// True if stale runs were judged too.
    pub across_configs: bool,
    /// Metrics tested against a tolerance.
    pub tests: usize,
    pub runs: Vec<Run>,
    /// Files that should be records and cannot be read.
    pub damaged: Vec<String>,
}

/// One run of a paper in both sets.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Run {
    #[serde(flatten)]
    pub key: RunKey,
    /// Name and sizes of the data.
    pub data: String,
    /// sha256 of each of their files: own data of one kind share a name, and may share sizes.
    #[serde(skip)]
    pub files: BTreeMap<String, String>,
    pub base_seeds: Vec<u64>,
    pub new_seeds: Vec<u64>,
    /// The sizes of the splits, if they changed. Never judged then.
    pub wrong_split: Option<String>,
    /// Seeds and metrics of base that new should have and has not, a sentence each.
    pub missing: Vec<String>,
    /// What else makes the numbers incomparable.
    pub stale: Vec<String>,
    /// How training and validation differ in what they minimised.
    pub objective: Vec<String>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    pub metrics: Vec<Line>,
}

/// One metric of a run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Line {
    pub metric: String,
    pub unit: String,
    pub better: Better,
    /// What was computed, without the numbers that differ between seeds.
    pub about: String,
    pub base: Vec<f64>,
    pub new: Vec<f64>,
    /// The seeds of `new`.
    pub new_seeds: Vec<u64>,
    /// Those of them that are worse than a single seed may be.
    pub worse_seeds: Vec<u64>,
    /// Standard error over test examples, a mean over the seeds of base.
    pub standard_error: Option<f64>,
    pub tolerance: Option<Tolerance>,
    pub verdict: Verdict,
}

/// What became of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// The mean, or a seed, is worse by more than its tolerance.
    Regression,
    /// Better by more than the tolerance.
    Improvement,
    /// Not told apart.
    Within,
    /// Shown alone: it has no better or worse, no counterpart, or no known spread.
    Shown,
}

impl Report {
    /// Compares `new` with `base` by what is known of spreads, or describes `base` alone.
    pub(super) fn of(
        base: &RecordSet,
        new: Option<&RecordSet>,
        spreads: &Spreads,
        rules: &Rules,
    ) -> Self {
        let empty = RecordSet::default();
        let set = new.unwrap_or(&empty);
        let keys: BTreeSet<&RunKey> = base.runs.keys().chain(set.runs.keys()).collect();
        let run = |key: &RunKey| {
            let judged = if new.is_some() { set.of(key) } else { base.of(key) };
            Run::of(key, base.of(key), set.of(key), judged, rules)
        };
        let mut runs: Vec<Run> = keys.into_iter().map(run).collect();
        let tests = judge::judge(&mut runs, spreads, rules);
        Self {
            base: base.folder.display().to_string(),
            new: new.map(|new| new.folder.display().to_string()),
            confidence: rules.confidence,
            across_configs: rules.across_configs,
            tests,
            runs,
            damaged: base.damaged.iter().chain(&set.damaged).cloned().collect(),
        }
    }

    /// Every metric with a verdict, with its run.
    pub(super) fn with(&self, verdict: Verdict) -> impl Iterator<Item = (&Run, &Line)> {
        let lines =
            self.runs.iter().flat_map(|run| run.metrics.iter().map(move |line| (run, line)));
        lines.filter(move |(_, line)| line.verdict == verdict)
    }

    /// What must not be merged unseen, a sentence each.
    pub(super) fn failures(&self) -> Vec<String> {
        let damaged = self.damaged.iter().map(|file| format!("damaged: {file}"));
        let unjudged = self.unjudged();
        let runs = self.runs.iter().flat_map(|run| {
            let split = run.wrong_split.iter().map(|said| format!("{}: {said}", run.key));
            let said = split.chain(run.objective.iter().map(|said| format!("{}: {said}", run.key)));
            said.chain(run.missing.iter().map(|said| format!("{}: {said}", run.key)))
        });
        let regressions = self.with(Verdict::Regression);
        let regressions = regressions.map(|(run, line)| {
            format!("regression: {}, {}: {}", run.key, line.metric, line.regression())
        });
        damaged.chain(unjudged).chain(runs).chain(regressions).collect()
    }

    /// Papers of which both sets have runs and none is judged, a sentence each: that must not pass. A paper that base has
    /// not is new; runs that one set alone has, and stale ones beside others, are listed.
    pub(super) fn unjudged(&self) -> Vec<String> {
        let mut papers: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
        for run in &self.runs {
            papers.entry(&run.key.paper).or_default().push(run);
        }
        let said = papers.into_iter().filter_map(|(paper, runs)| {
            let names = |seeds: fn(&Run) -> &[u64]| -> Vec<&str> {
                let runs = runs.iter().filter(|run| !seeds(run).is_empty());
                runs.map(|run| run.key.name.as_str()).collect()
            };
            let [base, new] = [names(|run| &run.base_seeds), names(|run| &run.new_seeds)];
            let shared: Vec<&&Run> =
                runs.iter().filter(|run| !run.base_seeds.is_empty() && !run.new_seeds.is_empty()).collect();
            if base.is_empty() || new.is_empty() {
                return None;
            }
            if shared.is_empty() {
                return Some(format!(
                    "{paper}: nothing compared, for no run of new is called as one of base; new has {}, base {}: \
                     train with --name of the run to compare with",
                    new.join(", "),
                    base.join(", ")
                ));
            }
            shared.iter().all(|run| run.is_stale(self.across_configs)).then(|| {
                let runs: Vec<String> = shared
                    .iter()
                    .map(|run| format!("{} ({})", run.key.name, run.stale.join("; ")))
                    .collect();
                format!(
                    "{paper}: nothing judged, for each run is another experiment in new: {}; --across-configs judges \
                     it all the same, and with another --name it stands beside the one of base",
                    runs.join(", ")
                )
            })
        });
        said.collect()
    }
}

impl Run {
    fn of(key: &RunKey, base: &[Found], new: &[Found], judged: &[Found], rules: &Rules) -> Self {
        let mut broken: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut notes = Vec::new();
        for found in judged {
            match objective::check(&found.record) {
                Check::Holds => {}
                Check::Broken(said) => {
                    broken.entry(said).or_default().push(found.record.seed.to_string());
                }
                Check::Unknown(reason) => {
                    notes.push(format!("validation cannot be held against training: {reason}"));
                }
            }
        }
        notes.dedup();
        let objective =
            broken.into_iter().map(|(said, seeds)| format!("{said} (seed {})", seeds.join(", ")));
        let wrong_split = stale::wrong_split(base, new);
        let first = base.first().or(new.first()).map(|found| &found.record);
        let mut run = Self {
            key: key.clone(),
            data: first.map(data).unwrap_or_default(),
            files: first.map(|record| record.data.sha256.clone()).unwrap_or_default(),
            base_seeds: base.iter().map(|found| found.record.seed).collect(),
            new_seeds: new.iter().map(|found| found.record.seed).collect(),
            wrong_split,
            missing: Vec::new(),
            stale: stale::differences(base, new),
            objective: objective.collect(),
            notes,
            metrics: Vec::new(),
        };
        let versions = |set: &[Found]| {
            set.iter().map(|found| found.record.code.clone()).collect::<BTreeSet<_>>()
        };
        let [old, other] = [versions(base), versions(new)];
        if !old.is_empty() && !other.is_empty() && old != other {
            let list = |versions: BTreeSet<String>| Vec::from_iter(versions).join(", ");
            run.notes.push(format!("code version: {} → {}", list(old), list(other)));
        }
        let values = |set: &[Found]| -> Vec<_> {
            set.iter().map(|found| (found.record.seed, found.record.metrics.clone())).collect()
        };
        if !new.is_empty() && values(base) == values(new) {
            run.notes.push("equal to base, bit for bit".into());
        }
        let names: BTreeSet<String> = base
            .iter()
            .chain(new)
            .flat_map(|found| metrics(&found.record, rules.judge_speed).into_keys())
            .collect();
        for name in names {
            run.add(&name, base, new, rules);
        }
        // Another experiment need not have what base has.
        if run.is_comparable(rules) && !base.is_empty() && !new.is_empty() {
            run.missing = missing::missing(base, new, rules);
        }
        run
    }

    fn add(&mut self, name: &str, base: &[Found], new: &[Found], rules: &Rules) {
        let of = |set: &[Found]| -> (Vec<u64>, Vec<Metric>) {
            let all = set.iter().map(|f| (f.record.seed, metrics(&f.record, rules.judge_speed)));
            all.filter_map(|(seed, mut metrics)| Some((seed, metrics.remove(name)?))).unzip()
        };
        let ((_, old), (new_seeds, other)) = (of(base), of(new));
        let Some(first) = old.first().or(other.first()) else { return };
        let is_same = other.iter().all(|metric| is_one_quantity(first, metric));
        // Among several seeds one is enough, since a description may count what a seed decides.
        let about = |metric: &Metric| without_decimals(&metric.about);
        let is_described = |metric: &&Metric| old.iter().any(|base| about(base) == about(metric));
        if !old.is_empty()
            && let Some(other) = other.iter().find(|metric| !is_described(metric))
        {
            self.notes
                .push(format!("{name} is described otherwise: {} → {}", first.about, other.about));
        }
        if !base.is_empty() && !new.is_empty() && (old.is_empty() || other.is_empty()) {
            let set = if old.is_empty() { "new" } else { "base" };
            self.notes.push(format!("{name} is in {set} alone"));
        }
        let values = |metrics: &[Metric]| metrics.iter().map(|metric| metric.value).collect();
        let errors: Vec<f64> = old.iter().filter_map(|metric| metric.standard_error).collect();
        self.metrics.push(Line {
            metric: name.into(),
            unit: first.unit.clone(),
            // What is not the same metric has no better or worse between the two.
            better: if is_same { first.better } else { Better::Neither },
            about: without_decimals(&first.about),
            base: values(&old),
            new: values(&other),
            new_seeds,
            worse_seeds: Vec::new(),
            standard_error: (!errors.is_empty()).then(|| statistics::mean(&errors)),
            tolerance: None,
            verdict: Verdict::Shown,
        });
    }

    /// True if the metrics of both sets may be held against each other.
    pub(super) fn is_comparable(&self, rules: &Rules) -> bool {
        self.wrong_split.is_none() && !self.is_stale(rules.across_configs)
    }

    /// True if it is another experiment in new, and such are not judged.
    fn is_stale(&self, across_configs: bool) -> bool {
        !self.stale.is_empty() && !across_configs
    }
}

impl Line {
    /// True if both sets have it and it has a better and a worse.
    pub(super) fn is_pair(&self) -> bool {
        self.better != Better::Neither && !self.base.is_empty() && !self.new.is_empty()
    }

    /// How it became worse, in a sentence.
    fn regression(&self) -> String {
        let [base, new] = [&self.base, &self.new].map(|values| short(statistics::mean(values)));
        let tolerance = |of: fn(&Tolerance) -> f64| {
            self.tolerance.as_ref().map(|t| rough(of(t))).unwrap_or_default()
        };
        let change = signed(self.change());
        let mean =
            format!("{base} → {new}, {change} where ±{} is tolerated", tolerance(|t| t.mean));
        let seeds = self.new_seeds.iter().zip(&self.new);
        let worse = seeds.filter(|(seed, _)| self.worse_seeds.contains(seed));
        let worse: Vec<String> =
            worse.map(|(seed, value)| format!("seed {seed} {}", short(*value))).collect();
        if worse.is_empty() {
            return mean;
        }
        format!("{mean}; {} where ±{} is", worse.join(", "), tolerance(|t| t.seed))
    }

    /// New minus base.
    pub(super) fn change(&self) -> f64 {
        statistics::mean(&self.new) - statistics::mean(&self.base)
    }
}

/// The metrics of a record, the speed of its training among them.
pub(super) fn metrics(record: &Record, judge_speed: bool) -> BTreeMap<String, Metric> {
    let mut metrics = record.metrics.clone();
    let speed = record.machine.examples_per_second.map(|value| Metric {
        value,
        standard_error: None,
        unit: "examples a second".into(),
        better: if judge_speed { Better::Higher } else { Better::Neither },
        about: "training examples a second, validation included".into(),
    });
    metrics.extend(speed.map(|speed| (SPEED.to_owned(), speed)));
    metrics
}

fn data(record: &Record) -> String {
    let data = &record.data;
    format!("{} ({} / {} / {})", data.name, data.train, data.valid, data.test)
}

/// A description without its decimal fractions: results among them differ between seeds.
fn without_decimals(about: &str) -> String {
    let is_fraction = |word: &str| {
        let number = word.trim_matches(|c: char| !c.is_ascii_digit());
        number.contains('.') && number.parse::<f64>().is_ok()
    };
    let words = about.split(' ').map(|word| if is_fraction(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
