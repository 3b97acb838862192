//! Which metrics have changed.

use shared::run::Better;

use super::{
    report::{Line, Rules, Run, Verdict},
    spread::{Spread, Tolerance},
};

/// Gives every metric that can be judged its tolerance and verdict; returns how many there are.
pub(super) fn judge(runs: &mut [Run], rules: &Rules) -> usize {
    let mut spreads = Vec::new();
    for (r, run) in runs.iter().enumerate().filter(|(_, run)| run.is_comparable(rules)) {
        for (l, line) in run.metrics.iter().enumerate() {
            if line.better == Better::Neither || line.base.is_empty() || line.new.is_empty() {
                continue;
            }
            let others = elsewhere(runs, run, &line.metric);
            let spread = Spread::of(&line.base, &line.new, &others, line.standard_error);
            spreads.extend(spread.map(|spread| (r, l, spread)));
        }
    }
    let alpha = (1.0 - rules.confidence) / spreads.len().max(1) as f64;
    for (r, l, spread) in &spreads {
        let line = &mut runs[*r].metrics[*l];
        let tolerance = spread.tolerance(&line.base, &line.new, alpha);
        line.verdict = verdict(line, &tolerance);
        line.tolerance = Some(tolerance);
    }
    spreads.len()
}

/// The values of a metric in the other runs of the paper, a list for each set.
fn elsewhere(runs: &[Run], this: &Run, metric: &str) -> Vec<Vec<f64>> {
    runs.iter()
        .filter(|run| run.key.paper == this.key.paper && run.key != this.key)
        .flat_map(|run| &run.metrics)
        .filter(|line| line.metric == metric)
        .flat_map(|line| [line.base.clone(), line.new.clone()])
        .filter(|values| !values.is_empty())
        .collect()
}

fn verdict(line: &Line, tolerance: &Tolerance) -> Verdict {
    let worse = match line.better {
        Better::Lower => line.change(),
        Better::Higher => -line.change(),
        Better::Neither => return Verdict::Shown,
    };
    if worse.abs() <= tolerance.value {
        Verdict::Within
    } else if worse > 0.0 {
        Verdict::Regression
    } else {
        Verdict::Improvement
    }
}
