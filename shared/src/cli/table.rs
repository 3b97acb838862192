//! The printed table of metrics.

use crate::run::{Better, Record};

/// The metrics of a record, aligned, one per line.
pub(super) fn table(record: &Record) -> String {
    let rows: Vec<[String; 4]> = record
        .metrics
        .iter()
        .map(|(name, metric)| {
            let value = match metric.standard_error {
                Some(error) => format!("{} ± {}", number(metric.value), number(error)),
                None => number(metric.value),
            };
            let arrow = match metric.better {
                Better::Lower => "↓",
                Better::Higher => "↑",
                Better::Neither => " ",
            };
            [format!("{name} {arrow}"), value, metric.unit.clone(), metric.about.clone()]
        })
        .collect();
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second, third) = (width(0), width(1), width(2));
    rows.iter()
        .map(|[name, value, unit, about]| {
            format!("  {name:<first$}  {value:>second$}  {unit:<third$}  {about}\n")
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
