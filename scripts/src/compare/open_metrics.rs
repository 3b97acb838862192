//! A comparison as OpenMetrics text, which GitLab shows as a metrics report and Prometheus reads.

use std::fmt::Write;

use shared::statistics::{deviation, mean};

use super::report::{Line, Report, Run, Verdict};

/// The text, with `# EOF` at its end.
pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    let mut family = |name: &str, help: &str, value: &dyn Fn(&Line) -> [Option<f64>; 2]| {
        let _ = writeln!(text, "# TYPE {name} gauge\n# HELP {name} {help}");
        let lines = report.runs.iter().flat_map(|run| run.metrics.iter().map(move |l| (run, l)));
        for (run, line) in lines {
            for (set, value) in ["base", "new"].iter().zip(value(line)) {
                if let Some(value) = value.filter(|value| value.is_finite()) {
                    let _ = writeln!(text, "{name}{{{}}} {value}", labels(set, run, line));
                }
            }
        }
    };
    family("autoencoder_metric", "Mean over seeds.", &|line| {
        [&line.base, &line.new].map(|values| Some(mean(values)))
    });
    family("autoencoder_metric_deviation", "Standard deviation over seeds.", &|line| {
        [&line.base, &line.new].map(|values| deviation(values))
    });
    family("autoencoder_metric_seeds", "Seeds.", &|line| {
        [&line.base, &line.new].map(|values| Some(values.len() as f64).filter(|seeds| *seeds > 0.0))
    });
    family("autoencoder_metric_tolerance", "How far the mean may be from base.", &|line| {
        [None, line.tolerance.as_ref().map(|tolerance| tolerance.mean)]
    });
    family("autoencoder_metric_tolerance_seed", "How far a seed may be from base.", &|line| {
        [None, line.tolerance.as_ref().map(|tolerance| tolerance.seed)]
    });
    family("autoencoder_metric_regression", "1 if new is worse than tolerated.", &|line| {
        let is_worse = f64::from(line.verdict == Verdict::Regression);
        [None, line.tolerance.as_ref().map(|_| is_worse)]
    });
    text.push_str("# EOF\n");
    text
}

fn labels(set: &str, run: &Run, line: &Line) -> String {
    let labels = [
        ("set", set),
        ("paper", &run.key.paper),
        ("run", &run.key.name),
        ("metric", &line.metric),
        ("unit", &line.unit),
    ];
    let label = |(name, value): (&str, &str)| format!("{name}=\"{}\"", escaped(value));
    labels.map(label).join(",")
}

/// A label's value as OpenMetrics asks for it.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}
