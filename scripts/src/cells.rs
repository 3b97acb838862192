//! Cells of the tables of runs, and the heads of their columns: a metric, or one with the ending `:95`, `:median` or
//! `:upper-half`, over the seeds of a run.

use anyhow::{Result, bail};
use serde::Deserialize;
use shared::{
    run::Record,
    statistics::{mean, mean_and_deviation, median},
};

use crate::compare::number::arrow;

const INTERVAL: &str = ":95";
const MEDIAN: &str = ":median";
const UPPER_HALF: &str = ":upper-half";

/// The endings, and what they add to the head of a column.
const FORMS: [(&str, &str); 3] =
    [(INTERVAL, ", 95% interval"), (MEDIAN, ", median"), (UPPER_HALF, ", upper half")];

/// A metric of a run, as a file of the workspace names it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunMetric {
    /// Name of the run.
    pub(crate) run: String,
    /// As in the marker of a table.
    pub(crate) metric: String,
}

/// How many of these records have what a cell with this metric is made of.
pub(crate) fn having(runs: &[Record], metric: &str) -> usize {
    let count = |has: &dyn Fn(&Record) -> bool| runs.iter().filter(|run| has(run)).count();
    if let Some(metric) = metric.strip_suffix(INTERVAL) {
        return count(&|run| run.metrics.get(metric).is_some_and(|m| m.standard_error.is_some()));
    }
    if let Some(metric) = metric.strip_suffix(UPPER_HALF) {
        let draw = format!("{metric}_draw_");
        return count(&|run| run.metrics.keys().any(|name| name.starts_with(&draw)));
    }
    let metric = metric.strip_suffix(MEDIAN).unwrap_or(metric);
    count(&|run| run.metrics.contains_key(metric))
}

/// Refuses a metric that some seeds of a run have and others have not: the table counts them all.
pub(crate) fn refuse_gaps(name: &str, runs: &[Record], metric: &str) -> Result<()> {
    let having = having(runs, metric);
    if having > 0 && having < runs.len() {
        bail!(
            "{name}: {having} of {} records have {metric}; evaluate the others again",
            runs.len()
        );
    }
    Ok(())
}

/// What a metric is called at the head of its column, with an arrow to where it is better.
pub(crate) fn column(record: Option<&Record>, metric: &str) -> String {
    let (metric, about) = parted(metric);
    let arrow = record.and_then(|r| r.metrics.get(metric)).map_or("", |m| arrow(m.better));
    format!("{}{about}{arrow}", metric.replace('_', " "))
}

/// A metric of runs that differ in their seed alone; `-` where none has it.
pub(crate) fn value(runs: &[Record], metric: &str) -> String {
    if let Some(metric) = metric.strip_suffix(INTERVAL) {
        return with_interval(runs, metric);
    }
    if let Some(metric) = metric.strip_suffix(UPPER_HALF) {
        return upper_half(runs, metric);
    }
    let (name, cell): (_, fn(&[f64]) -> String) = match metric.strip_suffix(MEDIAN) {
        Some(metric) => (metric, median_cell),
        None => (metric, cell),
    };
    let values: Vec<f64> =
        runs.iter().filter_map(|run| Some(run.metrics.get(name)?.value)).collect();
    cell(&values)
}

/// The same of a share, in percent.
pub(crate) fn percent(runs: &[Record], metric: &str) -> String {
    if metric.ends_with(INTERVAL) {
        return value(runs, metric);
    }
    let values: Vec<f64> =
        runs.iter().filter_map(|run| Some(100.0 * run.metrics.get(metric)?.value)).collect();
    with_unit(&values, 2, "%")
}

/// A share of test examples in percent with its 95% interval, over examples; means over seeds.
fn with_interval(runs: &[Record], metric: &str) -> String {
    let found: Vec<(f64, f64)> = runs
        .iter()
        .filter_map(|run| run.metrics.get(metric))
        .filter_map(|metric| Some((metric.value, metric.standard_error?)))
        .collect();
    if found.is_empty() {
        return "-".into();
    }
    let mean = |of: fn(&(f64, f64)) -> f64| found.iter().map(of).sum::<f64>() / found.len() as f64;
    format!("{:.2}% ± {:.2}", 100.0 * mean(|f| f.0), 196.0 * mean(|f| f.1))
}

/// The name of a metric, and what its ending adds to the head of a column.
pub(crate) fn parted(metric: &str) -> (&str, &'static str) {
    let part = |(form, about): &(&str, &'static str)| Some((metric.strip_suffix(form)?, *about));
    FORMS.iter().find_map(part).unwrap_or((metric, ""))
}

/// The mean of the better half of all draws of a metric that is the better the higher, and how many they are.
fn upper_half(runs: &[Record], metric: &str) -> String {
    let prefix = format!("{metric}_draw_");
    let metrics = runs.iter().flat_map(|run| &run.metrics);
    let mut draws: Vec<f64> = metrics
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(_, metric)| metric.value)
        .collect();
    let all = draws.len();
    draws.sort_by(|a, b| b.total_cmp(a));
    draws.truncate(all.div_ceil(2));
    match draws.len() {
        0 => "-".into(),
        half => format!("{:.4} ({half} of {all})", mean(&draws)),
    }
}

/// Mean and standard deviation over seeds.
pub(crate) fn cell(values: &[f64]) -> String {
    rounded(values, if mean(values).abs() >= 10.0 { 2 } else { 4 })
}

/// Mean and standard deviation over seeds, with this many digits.
pub(crate) fn rounded(values: &[f64], digits: usize) -> String {
    with_unit(values, digits, "")
}

fn with_unit(values: &[f64], digits: usize, unit: &str) -> String {
    let (mean, deviation) = mean_and_deviation(values);
    match values.len() {
        0 => "-".into(),
        1 => format!("{mean:.digits$}{unit}"),
        _ => format!("{mean:.digits$}{unit} ± {deviation:.digits$}"),
    }
}

/// Median, and least and greatest, over seeds.
fn median_cell(values: &[f64]) -> String {
    let Some(median) = median(values) else { return "-".into() };
    if values.len() == 1 {
        return format!("{median:.3}");
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{median:.3} ({least:.3} to {greatest:.3})")
}

/// How long these runs took to fit, on average.
pub(crate) fn fitted_in(runs: &[Record]) -> String {
    let seconds: f64 = runs.iter().map(|run| run.machine.fit_seconds).sum();
    duration(seconds / runs.len() as f64)
}

/// How long something took, in the unit that fits.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.1} s"),
        s if s < 6000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use shared::run::Metric;

    use super::*;
    use crate::{results::records, workspace};

    #[test]
    fn a_metric_that_one_seed_lacks_is_no_mean_of_all() {
        let committed = records(&workspace().join("results")).unwrap();
        let mut runs = committed["beta-vae-quick"].clone();
        refuse_gaps("quick", &runs, "mig:median").unwrap();
        runs[0].metrics.remove("mig");
        let said = refuse_gaps("quick", &runs, "mig").unwrap_err().to_string();
        assert!(said.contains("2 of 3 records have mig"), "{said}");
        refuse_gaps("quick", &runs, "no_such_metric").unwrap();
        // Nor are draws of some seeds the draws of all, nor intervals without an error.
        refuse_gaps("quick", &runs, "z_diff_25:upper-half").unwrap();
        runs[0].metrics.retain(|name, _| !name.starts_with("z_diff_25_draw_"));
        refuse_gaps("quick", &runs, "z_diff_25:upper-half").unwrap_err();
        let rate = Metric { standard_error: Some(0.1), ..runs[1].metrics["mig"].clone() };
        let without = Metric { standard_error: None, ..rate.clone() };
        for (run, rate) in runs.iter_mut().zip([rate.clone(), rate, without]) {
            run.metrics.insert("rate".into(), rate);
        }
        refuse_gaps("quick", &runs, "rate").unwrap();
        refuse_gaps("quick", &runs, "rate:95").unwrap_err();
    }

    #[test]
    fn the_upper_half_is_that_of_all_draws_of_all_seeds() {
        let committed = records(&workspace().join("results")).unwrap();
        let mut runs = committed["beta-vae-quick"][..2].to_vec();
        for (run, draws) in runs.iter_mut().zip([[0.1, 0.9], [0.8, 0.2]]) {
            for (draw, value) in draws.into_iter().enumerate() {
                let metric = Metric { value, ..run.metrics["mig"].clone() };
                run.metrics.insert(format!("guess_draw_{draw}"), metric);
            }
        }
        assert_eq!(value(&runs, "guess:upper-half"), "0.8500 (2 of 4)");
        assert_eq!(value(&runs, "mig_posterior_guess:upper-half"), "-");
    }

    #[test]
    fn a_median_is_the_middle_or_between_the_two_in_the_middle() {
        assert_eq!(median_cell(&[0.3, 0.1, 0.2]), "0.200 (0.100 to 0.300)");
        assert_eq!(median_cell(&[0.4, 0.1, 0.2, 0.3]), "0.250 (0.100 to 0.400)");
        assert_eq!([median_cell(&[0.5]), median_cell(&[])], ["0.500", "-"]);
    }
}
