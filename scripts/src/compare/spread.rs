//! How far a metric moves when nothing but the seed changes, and so how far it must move to have
//! changed.
//!
//! Only base is asked: a change that breaks seeds widens the spread of new, and could hide in it.
//! Three seeds say little of a spread: in one metric of 25 their deviation s is less than a fifth of the
//! true one, and a run has twenty metrics. So the deviation σ is the largest of three:
//!
//! 1. *this metric*: s of the metric in this run, with d degrees of freedom;
//! 2. *other runs*: 1 + 1/d times the median s of the metric in the paper's other runs; if there are
//!    none, and the metric is a proportion, in the runs of all papers;
//! 3. *other metrics*: 1 + 1/d times the median s of the run's other metrics of the same kind; of
//!    all its metrics, if fewer than [`ENOUGH`] are of that kind. For a proportion of which 2 knows nothing it
//!    is the largest: a probe with ten labels spreads fifty times as far as one with all.
//!
//! Runs and metrics are of different scale. The spread of a [proportion](Kind) p is pooled in units of
//! √(p(1 - p)), that of a magnitude relative to its mean. A median is moved neither by the run without
//! a spread, by accident, nor by the one with ten times the others'. A run with a single seed has 2 alone, and else
//! [`SEEDS_PER_STANDARD_ERROR`] standard errors over test examples: a guess that finds gross changes alone.
//! What has none of these is not judged.
//!
//! A magnitude that is equal in all seeds of base is not random, and may move by rounding alone. A
//! proportion may be equal by accident: 2 and 3 count then.
//!
//! Two things are looked at, each at one-sided level α/2, with α = (1 - confidence) / (metrics of the run):
//! Bonferroni's correction, so that the confidence holds for all metrics of a run together, however they
//! are correlated. With n seeds in base, m in new, and the quantile t of Student's distribution:
//!
//! - the *mean* of new may be t(α/2) σ √(1/n + 1/m) from that of base;
//! - *each seed* of new may be t(α/2m) σ √(1 + 1/n) worse than the mean of base, the prediction interval
//!   of a single draw. A mean of three hides a broken seed; this does not.
//!
//! t has the degrees of freedom of all that was pooled, at most [`FREEDOM`]: metrics of a run and runs
//! of a paper are correlated, and do not all spread alike.
//!
//! # What it is worth
//!
//! The table under *The tolerance* in CONTRIBUTING.md has the shares of gross failures that are caught and of false
//! alarms, with all metrics of a run drawn independently, which is the hardest case. The alarms against a base that is
//! redrawn too are the price of three seeds: the deviation of three is at times far too small, and what
//! is known of other metrics repairs that only in part. Ten seeds in base would. σ is at least s, and twice s at
//! the median, so that 10 σ may be 20 s; for the NLL of `vae quick` σ is s.
//!
//! `cargo test -p xtask gross_failures -- --nocapture` prints this for each run.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::{
    run::Better,
    statistics::{deviation, mean, median},
};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::{
    number::rough,
    records::{RecordSet, RunKey},
    report::Line,
};

/// What multiplies a deviation that is taken from elsewhere: the fewer degrees of freedom a metric has of
/// its own, the more.
fn raise(freedom: usize) -> f64 {
    1.0 + 1.0 / freedom.max(1) as f64
}

/// Degrees of freedom that pooling yields at most.
const FREEDOM: usize = 12;

/// Seeds spread up to about this many standard errors over test examples. In results/, where both
/// are known, it is 0.2 to 1.6 on MNIST and 0.5 to 4 for most metrics on Adult. On dSprites it is far more:
/// a single seed says nothing there.
const SEEDS_PER_STANDARD_ERROR: f64 = 4.0;

/// Rounding of single precision, relative: a sum in another order is no change.
const ROUNDING: f64 = 1e-5;

/// Metrics of one kind that are enough to tell how a run spreads; with fewer, all of its metrics are asked.
const ENOUGH: usize = 4;

/// Seeds that differ by less, relative, do not differ.
const EQUAL: f64 = 1e-6;

/// Keeps the scale of a proportion from vanishing at 0 and 1.
const EDGE: f64 = 0.01;

/// In which unit the deviations of different metrics and runs are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Between 0 and 1: accuracies, shares, scores.
    Proportion,
    /// Anything else: nats, squared errors, examples a second.
    Magnitude,
}

impl Kind {
    /// By the unit that a record gives.
    pub(super) fn of(unit: &str) -> Self {
        let is_proportion = unit.contains("share") || ["accuracy", "correlation"].contains(&unit);
        if is_proportion { Self::Proportion } else { Self::Magnitude }
    }

    /// The unit at this mean.
    fn scale(self, mean: f64) -> f64 {
        match self {
            Self::Proportion => {
                let p = mean.clamp(0.0, 1.0);
                ((p + EDGE) * (1.0 - p + EDGE)).sqrt()
            }
            Self::Magnitude => mean.abs(),
        }
    }
}

/// Spread of one metric in one run of base.
#[derive(Clone, Debug)]
struct Cell {
    run: RunKey,
    metric: String,
    kind: Kind,
    /// Standard deviation in units of the kind's scale.
    scaled: f64,
    freedom: usize,
}

impl Cell {
    /// If there are several seeds that differ.
    fn of(run: &RunKey, metric: &str, kind: Kind, values: &[f64]) -> Option<Self> {
        let scale = kind.scale(mean(values));
        let deviation = deviation(values).filter(|_| scale > 0.0 && !is_constant(values))?;
        Some(Self {
            run: run.clone(),
            metric: metric.into(),
            kind,
            scaled: deviation / scale,
            freedom: values.len() - 1,
        })
    }
}

/// The spreads of all metrics of base that have several seeds.
pub(super) struct Spreads(Vec<Cell>);

/// What is known of the spread of one metric over seeds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spread {
    /// Standard deviation over seeds.
    pub deviation: f64,
    /// Degrees of freedom of Student's t; `None` is the normal distribution.
    freedom: Option<usize>,
    source: Source,
}

/// Where a deviation comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Own,
    Runs,
    Metrics,
    Examples,
    Constant,
}

/// How far new may be from the mean of base.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Tolerance {
    /// The mean of new.
    pub mean: f64,
    /// A single seed of new; the same as `mean` if there is one.
    pub seed: f64,
    /// Standard deviation over seeds that both follow from.
    pub deviation: f64,
    /// Where that comes from.
    pub basis: String,
}

fn largest(values: Vec<f64>) -> Option<f64> {
    values.into_iter().max_by(f64::total_cmp)
}

/// True if values differ by rounding alone.
fn is_constant(values: &[f64]) -> bool {
    deviation(values).is_some_and(|deviation| deviation <= EQUAL * mean(values).abs())
}

impl Spreads {
    /// Of all runs of base.
    pub(super) fn of(base: &RecordSet) -> Self {
        let mut cells = Vec::new();
        for (key, found) in &base.runs {
            let mut values: BTreeMap<&str, (Kind, Vec<f64>)> = BTreeMap::new();
            for (name, metric) in found.iter().flat_map(|found| &found.record.metrics) {
                if metric.better != Better::Neither {
                    let kind = Kind::of(&metric.unit);
                    values.entry(name).or_insert_with(|| (kind, Vec::new())).1.push(metric.value);
                }
            }
            let of = |(metric, (kind, values)): (&str, (Kind, Vec<f64>))| {
                Cell::of(key, metric, kind, &values)
            };
            cells.extend(values.into_iter().filter_map(of));
        }
        Self(cells)
    }

    /// The spread of a metric, which base has, over the seeds of base; if anything is known of it.
    pub(super) fn find(&self, run: &RunKey, line: &Line) -> Option<Spread> {
        let kind = Kind::of(&line.unit);
        let is_equal = is_constant(&line.base);
        if is_equal && kind == Kind::Magnitude {
            return Some(Spread::of_constant());
        }
        let freedom = line.base.len().saturating_sub(1);
        let scale = raise(freedom) * kind.scale(mean(&line.base));
        let borrowed = |cells: &[&Cell], middle: fn(Vec<f64>) -> Option<f64>| {
            Some(scale * middle(cells.iter().map(|cell| cell.scaled).collect())?)
        };
        let (runs, metrics) =
            (self.in_other_runs(run, &line.metric, kind), self.of_others(run, &line.metric, kind));
        let is_alone = kind == Kind::Proportion && runs.is_empty();
        let others: usize = runs.iter().chain(&metrics).map(|cell| cell.freedom).sum();
        let own = deviation(&line.base).filter(|_| !is_equal);
        let known = [
            (own, Source::Own),
            (borrowed(&runs, |values| median(&values)), Source::Runs),
            (
                borrowed(&metrics, if is_alone { largest } else { |values| median(&values) }),
                Source::Metrics,
            ),
        ];
        let found = known
            .into_iter()
            .filter_map(|(deviation, source)| Some((deviation.filter(|d| *d > 0.0)?, source)))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        // A single degree of freedom says nothing at the levels asked for.
        let freedom = (freedom + others).min(FREEDOM);
        if let Some((deviation, source)) = found.filter(|_| freedom > 1) {
            return Some(Spread { deviation, freedom: Some(freedom), source });
        }
        let error = line.standard_error.filter(|error| *error > 0.0);
        let deviation = error.map(|error| SEEDS_PER_STANDARD_ERROR * error);
        let guess =
            deviation.map(|d| Spread { deviation: d, freedom: None, source: Source::Examples });
        guess.or(is_equal.then(Spread::of_constant))
    }

    /// A metric in the paper's other runs; a proportion that none of them has, in all runs.
    fn in_other_runs(&self, run: &RunKey, metric: &str, kind: Kind) -> Vec<&Cell> {
        let is_same = |cell: &Cell| cell.metric == metric && cell.kind == kind;
        let all = || self.0.iter().filter(|cell| is_same(cell) && cell.run != *run);
        let of_paper: Vec<&Cell> = all().filter(|cell| cell.run.paper == run.paper).collect();
        let is_enough = !of_paper.is_empty() || kind == Kind::Magnitude;
        if is_enough { of_paper } else { all().collect() }
    }

    /// The other metrics of a run, of the same kind if there are enough.
    fn of_others(&self, run: &RunKey, metric: &str, kind: Kind) -> Vec<&Cell> {
        let all = || self.0.iter().filter(|cell| cell.run == *run && cell.metric != metric);
        let alike: Vec<&Cell> = all().filter(|cell| cell.kind == kind).collect();
        if alike.len() >= ENOUGH { alike } else { all().collect() }
    }
}

impl Spread {
    fn of_constant() -> Self {
        Self { deviation: 0.0, freedom: None, source: Source::Constant }
    }

    /// How far `line.new` may be from `line.base`, at one-sided level `alpha` for the metric.
    pub(super) fn tolerance(&self, line: &Line, alpha: f64) -> Tolerance {
        let [base, new] = [&line.base, &line.new].map(|values| values.len() as f64);
        let quantile =
            |alpha: f64| self.freedom.map_or_else(|| normal(alpha), |f| student(alpha, f));
        let rounding = ROUNDING * mean(&line.base).abs();
        let within = |alpha: f64, per_draw: f64| {
            (quantile(alpha) * self.deviation * per_draw.sqrt()).max(rounding)
        };
        // A single seed is its own mean: one look.
        let looks = if line.new.len() > 1 { 2.0 } else { 1.0 };
        Tolerance {
            mean: within(alpha / looks, 1.0 / base + 1.0 / new),
            seed: within(alpha / looks / new, 1.0 + 1.0 / base),
            deviation: self.deviation,
            basis: self.basis(),
        }
    }

    fn basis(&self) -> String {
        let source = match self.source {
            Source::Own => "this metric",
            Source::Runs => "other runs",
            Source::Metrics => "other metrics",
            Source::Examples => "test examples",
            Source::Constant => return "equal in all seeds".into(),
        };
        let freedom = self.freedom.map(|freedom| format!(", {freedom} df")).unwrap_or_default();
        format!("{} of {source}{freedom}", rough(self.deviation))
    }
}

/// The t that Student's distribution exceeds with probability `alpha`.
fn student(alpha: f64, freedom: usize) -> f64 {
    StudentsT::new(0.0, 1.0, freedom as f64).map_or(f64::INFINITY, |t| -t.inverse_cdf(alpha))
}

/// The same of the normal distribution.
fn normal(alpha: f64) -> f64 {
    Normal::new(0.0, 1.0).map_or(f64::INFINITY, |normal| -normal.inverse_cdf(alpha))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_tables_far_into_the_tail() {
        // In closed form for 2 degrees of freedom: t = (1 - 2 α) / sqrt(2 α (1 - α)).
        for alpha in [1e-2, 1e-4, 1e-6, 1e-8_f64] {
            let exact = (1.0 - 2.0 * alpha) / (2.0 * alpha * (1.0 - alpha)).sqrt();
            assert!((student(alpha, 2) / exact - 1.0).abs() < 1e-6, "{alpha}");
        }
        // R: qt(1e-3, 4, lower = FALSE), qt(1e-3, 10, lower = FALSE), qnorm(1e-4, lower = FALSE).
        for (found, exact) in
            [(student(1e-3, 4), 7.173182), (student(1e-3, 10), 4.143700), (normal(1e-4), 3.719016)]
        {
            assert!((found - exact).abs() < 1e-5, "{found} {exact}");
        }
    }

    fn line(metric: &str, unit: &str, base: &[f64]) -> Line {
        Line {
            metric: metric.into(),
            unit: unit.into(),
            better: Better::Lower,
            about: String::new(),
            base: base.to_vec(),
            new: base.to_vec(),
            new_seeds: (1..=base.len() as u64).collect(),
            worse_seeds: Vec::new(),
            standard_error: None,
            tolerance: None,
            verdict: crate::compare::report::Verdict::Shown,
        }
    }

    fn key(paper: &str, name: &str) -> RunKey {
        RunKey { paper: paper.into(), name: name.into() }
    }

    /// Spreads of cells (paper, run, metric, unit, values).
    fn spreads(cells: &[(&str, &str, &str, &str, &[f64])]) -> Spreads {
        let cell = |(paper, run, metric, unit, values): &(&str, &str, &str, &str, &[f64])| {
            Cell::of(&key(paper, run), metric, Kind::of(unit), values)
        };
        Spreads(cells.iter().filter_map(cell).collect())
    }

    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-6, "{found}, not {expected}");
    }

    #[test]
    fn the_spread_of_new_does_not_count_and_a_seed_is_looked_at_alone() {
        let mut line = line("nll", "nats", &[99.0, 100.0, 101.0]);
        let spreads = spreads(&[]);
        let found = spreads.find(&key("vae", "quick"), &line).unwrap();
        close(found.deviation, 1.0);
        let narrow = found.tolerance(&line, 4e-3);
        close(narrow.mean, student(2e-3, 2) * (2.0_f64 / 3.0).sqrt());
        close(narrow.seed, student(2e-3 / 3.0, 2) * (4.0_f64 / 3.0).sqrt());
        line.new = vec![100.0, 180.0, 250.0];
        assert_eq!(
            spreads.find(&key("vae", "quick"), &line).unwrap().tolerance(&line, 4e-3),
            narrow
        );
        // The mean of a single seed is that seed: one look, at the whole level.
        line.new = vec![100.0];
        let single = found.tolerance(&line, 4e-3);
        assert_eq!(single.mean, single.seed);
        close(single.mean, student(4e-3, 2) * (4.0_f64 / 3.0).sqrt());
    }

    #[test]
    fn a_spread_that_is_small_by_accident_is_raised_to_that_of_other_runs_or_metrics() {
        let small = line("nll", "nats", &[100.0, 100.01, 99.99]);
        let here = key("vae", "quick");
        // The same metric in the paper's other runs, relative to the mean; not in another paper.
        let runs = spreads(&[
            ("vae", "a", "nll", "nats", &[9.0, 10.0, 11.0]),
            ("vae", "b", "nll", "nats", &[900.0, 1000.0, 1100.0]),
            ("vae", "c", "nll", "nats", &[1.0, 1e6, 2e6]),
            ("pca", "a", "nll", "nats", &[1.0, 5.0, 9.0]),
        ]);
        let found = runs.find(&here, &small).unwrap();
        assert_eq!((found.source, found.freedom), (Source::Runs, Some(8)));
        close(found.deviation, 1.5 * 10.0);
        // The run's other metrics, of the same kind if there are enough.
        let nats: Vec<String> = (0..4).map(|i| format!("term{i}")).collect();
        let mut cells: Vec<(&str, &str, &str, &str, &[f64])> = nats
            .iter()
            .map(|name| ("vae", "quick", &**name, "nats", &[19.0, 20.0, 21.0][..]))
            .collect();
        cells.push(("vae", "quick", "probe", "accuracy", &[0.1, 0.5, 0.9]));
        let found = spreads(&cells).find(&here, &small).unwrap();
        assert_eq!((found.source, found.freedom), (Source::Metrics, Some(10)));
        close(found.deviation, 1.5 * 5.0);
    }

    #[test]
    fn proportions_are_pooled_over_papers_in_units_of_their_binomial_spread() {
        let half = line("probe", "accuracy", &[0.499999, 0.5, 0.500001]);
        let others = spreads(&[("pca", "quick", "probe", "accuracy", &[0.96, 0.97, 0.98])]);
        let found = others.find(&key("vae", "quick"), &half).unwrap();
        close(found.deviation, 1.5 * 0.01 * (0.51_f64 * 0.51 / (0.98 * 0.04)).sqrt());
        // Those at the edge have a scale too.
        let none = line("probe", "accuracy", &[0.0, 0.0, 0.0]);
        assert!(others.find(&key("vae", "quick"), &none).unwrap().deviation > 0.0);
    }

    #[test]
    fn what_all_seeds_share_may_move_by_rounding_alone_and_a_proportion_as_others_do() {
        let same = line("nll", "nats", &[-306.5; 3]);
        let others: &[(&str, &str, &str, &str, &[f64])] =
            &[("pca", "quick", "kl", "nats", &[1.0, 2.0, 3.0])];
        let found = spreads(others).find(&key("pca", "quick"), &same).unwrap();
        close(found.tolerance(&same, 1e-3).seed, 306.5 * ROUNDING);
        let equal = line("accuracy", "share", &[0.9; 3]);
        let found = spreads(others).find(&key("pca", "quick"), &equal).unwrap();
        assert_eq!(found.source, Source::Metrics);
        assert_eq!(spreads(&[]).find(&key("pca", "quick"), &equal), Some(Spread::of_constant()));
    }

    #[test]
    fn a_single_seed_borrows_from_the_paper_then_from_examples_then_nothing_is_known() {
        let mut single = line("nll", "nats", &[100.0]);
        let here = key("vae", "paper");
        let others = spreads(&[("vae", "quick", "nll", "nats", &[9.0, 10.0, 11.0])]);
        close(others.find(&here, &single).unwrap().deviation, 2.0 * 10.0);
        assert_eq!(spreads(&[]).find(&here, &single), None);
        single.standard_error = Some(0.5);
        let found = spreads(&[]).find(&here, &single).unwrap();
        assert_eq!((found.deviation, found.source), (2.0, Source::Examples));
    }

    #[test]
    fn more_seeds_are_a_narrower_tolerance() {
        let of = |count: u32| {
            let line =
                line("nll", "nats", &(0..count).map(|i| f64::from(i % 2)).collect::<Vec<_>>());
            let found = spreads(&[]).find(&key("vae", "quick"), &line).unwrap();
            found.tolerance(&line, 1e-4).mean
        };
        assert!(of(4) > of(6) && of(6) > of(20));
        assert!(raise(2) > raise(4));
    }
}
