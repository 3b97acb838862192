//! The printed table of metrics.

use crate::{
    run::{Better, Metric, Record},
    statistics::{deviation, mean},
};

/// The metrics of a record, aligned, one per line.
pub(super) fn table(record: &Record) -> String {
    let row = |(name, metric): (&String, &Metric)| {
        row(name, metric, (metric.value, metric.standard_error), &metric.about)
    };
    aligned(&record.metrics.iter().map(row).collect::<Vec<_>>())
}

/// The metrics that all records have: mean and standard deviation.
pub(super) fn over(records: &[Record]) -> String {
    let Some((first, _)) = records.split_first() else { return String::new() };
    let rows = first.metrics.iter().filter_map(|(name, metric)| {
        let value = |record: &Record| Some(record.metrics.get(name)?.value);
        let values: Vec<f64> = records.iter().map(value).collect::<Option<_>>()?;
        Some(row(name, metric, (mean(&values), deviation(&values)), ""))
    });
    aligned(&rows.collect::<Vec<_>>())
}

fn row(
    name: &str,
    metric: &Metric,
    (value, spread): (f64, Option<f64>),
    about: &str,
) -> [String; 4] {
    let value = match spread {
        Some(spread) => format!("{} ± {}", number(value), number(spread)),
        None => number(value),
    };
    let arrow = match metric.better {
        Better::Lower => "↓",
        Better::Higher => "↑",
        Better::Neither => " ",
    };
    [format!("{name} {arrow}"), value, metric.unit.clone(), about.to_owned()]
}

fn aligned(rows: &[[String; 4]]) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second, third) = (width(0), width(1), width(2));
    rows.iter()
        .map(|[name, value, unit, about]| {
            let line = format!("  {name:<first$}  {value:>second$}  {unit:<third$}  {about}");
            format!("{}\n", line.trim_end())
        })
        .collect()
}

/// Four significant digits or so, without false precision.
fn number(value: f64) -> String {
    match value.abs() {
        v if v == 0.0 || (10.0..1e7).contains(&v) && v.fract() == 0.0 => format!("{value}"),
        v if v >= 1e7 => format!("{value:.3e}"),
        v if v >= 10.0 => format!("{value:.2}"),
        v if v >= 0.1 => format!("{value:.4}"),
        _ => format!("{value:.6}"),
    }
}
