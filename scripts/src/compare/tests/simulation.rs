//! What the tolerance is worth, by simulation: seeds are drawn with the means and deviations of the
//! records that are kept. `cargo test -p xtask gross_failures -- --nocapture` prints the figures.

use std::fs;

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use shared::{
    run::Better,
    statistics::{deviation, mean},
};

use crate::compare::{
    CONFIDENCE, judge,
    records::{Found, RecordSet, RunKey},
    report::{Line, Report, Rules, Run, Verdict},
    spread::Spreads,
};

/// Comparisons of each kind, of each run.
const TRIALS: usize = 200;

/// Seeds of new.
const SEEDS: usize = 3;

/// How much worse the planted seeds are, in deviations of base.
const PLANTED: f64 = 10.0;

const RULES: Rules =
    Rules { confidence: CONFIDENCE, across_configs: false, judge_speed: false, fewer_seeds: false };

/// A run of several seeds, compared with new seeds of itself again and again.
struct Case {
    key: RunKey,
    run: Run,
}

/// How many comparisons of all.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    found: usize,
    of: usize,
}

impl Share {
    fn percent(self) -> f64 {
        100.0 * self.found as f64 / self.of as f64
    }

    fn add(&mut self, is_found: bool) {
        self.found += usize::from(is_found);
        self.of += 1;
    }
}

fn cases(base: &RecordSet, spreads: &Spreads) -> Vec<Case> {
    let case = |key: &RunKey| {
        let one = |count: usize| RecordSet {
            runs: [(key.clone(), base.of(key)[..count].to_vec())].into(),
            ..RecordSet::default()
        };
        let (all, new) = (one(base.of(key).len()), one(SEEDS));
        let run = Report::of(&all, Some(&new), spreads, &RULES).runs.swap_remove(0);
        Case { key: key.clone(), run }
    };
    base.runs.keys().filter(|key| base.of(key).len() >= SEEDS).map(case).collect()
}

fn draw(random: &mut ChaCha8Rng, like: &[f64]) -> f64 {
    let one: f64 = StandardNormal.sample(random);
    mean(like) + deviation(like).unwrap_or_default() * one
}

fn values(found: &[Found], metric: &str) -> Vec<f64> {
    found.iter().filter_map(|f| f.record.metrics.get(metric)).map(|metric| metric.value).collect()
}

/// Base with every metric of every run redrawn.
fn redrawn(kept: &RecordSet, random: &mut ChaCha8Rng) -> RecordSet {
    let mut new = kept.clone();
    for (key, found) in &kept.runs {
        for name in found[0].record.metrics.keys() {
            let like = values(found, name);
            for found in new.runs.get_mut(key).unwrap() {
                if let Some(metric) = found.record.metrics.get_mut(name) {
                    metric.value = draw(random, &like);
                }
            }
        }
    }
    new
}

impl Case {
    /// The run with new seeds like those of base.
    fn drawn(&self, random: &mut ChaCha8Rng) -> Run {
        let mut run = self.run.clone();
        for line in run.metrics.iter_mut().filter(|line| line.better != Better::Neither) {
            line.new.iter_mut().for_each(|value| *value = draw(random, &line.base));
        }
        run
    }

    /// Comparisons that raise an alarm though nothing but the seeds of new changed.
    fn alarms(&self, spreads: &Spreads, random: &mut ChaCha8Rng) -> Share {
        let mut share = Share::default();
        (0..TRIALS).for_each(|_| share.add(!worse(self.drawn(random), spreads).is_empty()));
        share
    }

    /// Comparisons that name the metric of which `bad` seeds are worse by deviations as reported; the metrics
    /// take turns, but for those that no seed moves.
    fn caught(&self, bad: usize, spreads: &Spreads, random: &mut ChaCha8Rng) -> Share {
        let mut judged = [self.run.clone()];
        judge::judge(&mut judged, spreads, &RULES);
        let deviation = |line: &Line| line.tolerance.as_ref().map(|tolerance| tolerance.deviation);
        let lines = judged[0].metrics.iter().enumerate();
        let planted =
            lines.filter_map(|(l, line)| Some((l, deviation(line).filter(|d| *d > 0.0)?)));
        let mut share = Share::default();
        for (l, deviation) in planted.cycle().take(TRIALS) {
            let mut run = self.drawn(random);
            let line = &mut run.metrics[l];
            let sign = if line.better == Better::Higher { -1.0 } else { 1.0 };
            line.new[..bad].iter_mut().for_each(|value| *value += sign * PLANTED * deviation);
            share.add(worse(run, spreads).contains(&l));
        }
        share
    }
}

/// Which metrics are worse, by their place.
fn worse(run: Run, spreads: &Spreads) -> Vec<usize> {
    let mut runs = [run];
    judge::judge(&mut runs, spreads, &RULES);
    let lines = runs[0].metrics.iter().enumerate();
    lines.filter(|(_, line)| line.verdict == Verdict::Regression).map(|(l, _)| l).collect()
}

/// Alarms of each case where base is redrawn too, each time.
fn alarms_redrawn(kept: &RecordSet, cases: &[Case], random: &mut ChaCha8Rng) -> Vec<Share> {
    let mut shares = vec![Share::default(); cases.len()];
    for _ in 0..TRIALS {
        let base = redrawn(kept, random);
        let spreads = Spreads::of(&base);
        for (case, share) in cases.iter().zip(&mut shares) {
            let mut run = case.drawn(random);
            for line in run.metrics.iter_mut().filter(|line| line.better != Better::Neither) {
                line.base = values(base.of(&case.key), &line.metric);
            }
            share.add(!worse(run, &spreads).is_empty());
        }
    }
    shares
}

#[test]
fn gross_failures_are_caught_and_seeds_alone_are_not() {
    let base = RecordSet::read(&crate::workspace().join("results")).unwrap();
    let spreads = Spreads::of(&base);
    let cases = cases(&base, &spreads);
    let random = &mut ChaCha8Rng::seed_from_u64(1);
    let redrawn = alarms_redrawn(&base, &cases, random);
    println!("percent of {TRIALS} comparisons each:");
    println!("| run | false alarms | of a base drawn too | caught: 1 bad seed | 2 | 3 |");
    println!("|---|---|---|---|---|---|");
    let mut all = [Share::default(); 2 + SEEDS];
    for (case, redrawn) in cases.iter().zip(redrawn) {
        let [one, two, three] = [1, 2, 3].map(|bad| case.caught(bad, &spreads, random));
        let row = [case.alarms(&spreads, random), redrawn, one, two, three];
        print_row(&case.key.to_string(), row);
        for (sum, share) in all.iter_mut().zip(row) {
            sum.found += share.found;
            sum.of += share.of;
        }
        assert!(row[0].percent() <= 1.0, "{}", case.key);
        assert!(row[2..].iter().all(|share| share.percent() >= 99.0), "{}", case.key);
    }
    print_row("all", all);
    println!("σ over the metric's own deviation: median {:.1}", median_raise(&cases, &spreads));
    assert!(all[1].percent() <= 2.0);
    let page = fs::read_to_string(crate::workspace().join("CONTRIBUTING.md")).unwrap();
    let written = counted(&page).unwrap();
    assert!(
        is_near(written, cases.len()),
        "CONTRIBUTING.md has a table of {written} runs: write that of {} from gross_failures -- --nocapture",
        cases.len()
    );
}

/// How many runs the table of the page is of.
fn counted(page: &str) -> Option<usize> {
    let beginning = format!("{TRIALS} comparisons for each of ");
    let (_, after) = page.split_once(&beginning)?;
    after.split_once(" runs")?.0.parse().ok()
}

/// A tenth more or less does not change shares of all runs much. An exact number could not be written by two branches
/// that each add a run.
fn is_near(written: usize, runs: usize) -> bool {
    10 * written.abs_diff(runs) <= runs
}

#[test]
fn a_page_may_be_a_few_runs_behind_and_not_many() {
    assert_eq!(counted(&format!("of {TRIALS} comparisons for each of 66 runs: ...")), Some(66));
    assert!([60, 66, 67, 73].iter().all(|&runs| is_near(66, runs)));
    assert!([50, 59, 74].iter().all(|&runs| !is_near(66, runs)));
}

/// How many times a metric's own deviation σ is, at the median over all metrics of all cases.
fn median_raise(cases: &[Case], spreads: &Spreads) -> f64 {
    let mut runs: Vec<Run> = cases.iter().map(|case| case.run.clone()).collect();
    judge::judge(&mut runs, spreads, &RULES);
    let of = |line: &Line| {
        let own = deviation(&line.base).filter(|own| *own > 0.0)?;
        Some(line.tolerance.as_ref()?.deviation / own)
    };
    let mut raised: Vec<f64> = runs.iter().flat_map(|run| &run.metrics).filter_map(of).collect();
    raised.sort_by(f64::total_cmp);
    raised[raised.len() / 2]
}

fn print_row(name: &str, row: [Share; 2 + SEEDS]) {
    let cells = row.map(|share| format!("{:.1}", share.percent()));
    println!("| {name} | {} |", cells.join(" | "));
}
