//! Which metrics have changed.

use shared::{run::Better, statistics::mean};

use super::{
    report::{Line, Rules, Run, Verdict},
    spread::{Spread, Spreads, Tolerance},
};

/// Gives every metric that can be judged its tolerance and verdict; returns how many there are.
pub(super) fn judge(runs: &mut [Run], spreads: &Spreads, rules: &Rules) -> usize {
    let mut tests = 0;
    for run in runs.iter_mut().filter(|run| run.is_comparable(rules)) {
        let of = |line: &Line| line.is_pair().then(|| spreads.find(&run.key, line))?;
        let known: Vec<Option<Spread>> = run.metrics.iter().map(of).collect();
        let count = known.iter().flatten().count();
        let alpha = (1.0 - rules.confidence) / count.max(1) as f64;
        for (line, spread) in run.metrics.iter_mut().zip(known) {
            let Some(spread) = spread else { continue };
            let tolerance = spread.tolerance(line, alpha);
            (line.verdict, line.worse_seeds) = verdict(line, &tolerance);
            line.tolerance = Some(tolerance);
        }
        tests += count;
    }
    tests
}

/// What became of the metric, and which seeds of new are too far to the worse.
fn verdict(line: &Line, tolerance: &Tolerance) -> (Verdict, Vec<u64>) {
    let sign = if line.better == Better::Higher { -1.0 } else { 1.0 };
    let center = mean(&line.base);
    // What is not a number is worse than any.
    let is_worse = |value: f64, tolerance: f64| !(sign * (value - center) <= tolerance);
    let seeds = line.new_seeds.iter().zip(&line.new);
    let worse = seeds.filter(|(_, value)| is_worse(**value, tolerance.seed));
    let worse: Vec<u64> = worse.map(|(seed, _)| *seed).collect();
    let new = mean(&line.new);
    let verdict = if !worse.is_empty() || is_worse(new, tolerance.mean) {
        Verdict::Regression
    } else if sign * (new - center) < -tolerance.mean {
        Verdict::Improvement
    } else {
        Verdict::Within
    };
    (verdict, worse)
}
