//! What is said at the end.

use super::supervise::Outcome;

/// A line for each target, and one for each finding.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "{:<16} {:>12} {:>10} {:>10} {:>9}\n",
        "target", "inputs", "a second", "accepted", "findings"
    );
    let mut line = |name: &str, inputs: u64, seconds: f64, accepted: u64, findings: usize| {
        let rate = inputs as f64 / seconds.max(1e-3);
        let share = 100.0 * accepted as f64 / inputs.max(1) as f64;
        text += &format!("{name:<16} {inputs:>12} {rate:>10.0} {share:>8.1} % {findings:>9}\n");
    };
    for outcome in outcomes {
        let Outcome { target, inputs, accepted, seconds, findings } = outcome;
        line(target, *inputs, *seconds, *accepted, findings.len());
    }
    let sum = |value: fn(&Outcome) -> u64| outcomes.iter().map(value).sum();
    let findings: Vec<_> = outcomes
        .iter()
        .flat_map(|outcome| outcome.findings.iter().map(|finding| (outcome.target, finding)))
        .collect();
    let seconds = outcomes.iter().map(|outcome| outcome.seconds).sum();
    line("all", sum(|of| of.inputs), seconds, sum(|of| of.accepted), findings.len());
    for (target, ((kind, place), (count, what))) in findings {
        let place = if place.is_empty() { String::new() } else { format!(" at {place}") };
        let what: String = what.lines().next().unwrap_or_default().chars().take(200).collect();
        text += &format!("{target}: {kind}{place}, {count} times, for instance: {what}\n");
    }
    text
}
