//! One set of records as a league table: who is best at what.

use std::collections::BTreeMap;

use shared::{
    run::Better,
    statistics::{deviation, mean},
};

use super::{
    document::{Block, Mark, Row, Table},
    number::{arrow, with_deviation},
    report::{Line, Report, Run},
};

/// Places shown.
const PLACES: usize = 5;

/// What makes two numbers comparable: the metric and how it was computed.
type Discipline<'a> = (&'a str, &'a str);

/// What makes two runs comparable: name and sizes of their data, and the files.
type DataSet<'a> = (&'a str, &'a BTreeMap<String, String>);

/// A metric of each run that has it.
type Entries<'a> = Vec<(&'a Run, &'a Line)>;

/// A table for each data set and its splits, a line for each metric that several runs have.
pub(super) fn tables(report: &Report) -> Vec<Block> {
    let mut by_data: BTreeMap<DataSet<'_>, BTreeMap<Discipline<'_>, Entries<'_>>> = BTreeMap::new();
    for run in &report.runs {
        for line in run.metrics.iter().filter(|line| line.better != Better::Neither) {
            let disciplines = by_data.entry((&run.data, &run.files)).or_default();
            disciplines.entry((&line.metric, &line.about)).or_default().push((run, line));
        }
    }
    let mut blocks = Vec::new();
    let sets: Vec<DataSet<'_>> = by_data.keys().copied().collect();
    for (data, mut disciplines) in by_data {
        disciplines.retain(|_, entries| entries.len() > 1);
        if disciplines.is_empty() {
            continue;
        }
        let is_ambiguous =
            |name: &str| disciplines.keys().filter(|(other, _)| *other == name).count() > 1;
        let rows = disciplines.iter().map(|((name, about), entries)| {
            let about = if is_ambiguous(name) { format!(" ({about})") } else { String::new() };
            row(about, entries)
        });
        let mut head = vec!["metric".to_owned()];
        head.extend((1..=PLACES).map(|place| format!("{place}.")));
        head.push("of".into());
        blocks.push(Block::Heading(2, heading(data, &sets)));
        blocks.push(Block::Table(Table { head, rows: rows.collect() }));
    }
    if blocks.is_empty() {
        blocks.push(Block::Text(
            "No two runs share data, splits and a metric: there is nothing to rank.".into(),
        ));
    }
    blocks
}

/// Name and sizes of a data set, and where others have the same, the first of its files that none of them has.
fn heading(set: DataSet<'_>, sets: &[DataSet<'_>]) -> String {
    let (data, files) = set;
    let others: Vec<_> = sets.iter().filter(|other| other.0 == data && **other != set).collect();
    let is_own = |(name, sum): &(&String, &String)| {
        others.iter().all(|(_, other)| other.get(*name) != Some(*sum))
    };
    match files.iter().find(is_own).filter(|_| !others.is_empty()) {
        Some((name, sum)) => format!("{data}, {name} {}", sum.get(..8).unwrap_or(sum)),
        None => data.into(),
    }
}

fn row(about: String, entries: &[(&Run, &Line)]) -> Row {
    let mut ranked = entries.to_vec();
    ranked.sort_by(|(_, a), (_, b)| mean(&a.base).total_cmp(&mean(&b.base)));
    let line = ranked[0].1;
    if line.better == Better::Higher {
        ranked.reverse();
    }
    let place = |(run, line): &(&Run, &Line)| {
        format!("{}: {}", run.key, with_deviation(mean(&line.base), deviation(&line.base)))
    };
    let mut cells = vec![format!("{}{}{about}", line.metric, arrow(line.better))];
    cells.extend(ranked.iter().take(PLACES).map(place));
    cells.resize(PLACES + 1, String::new());
    cells.push(entries.len().to_string());
    Row { mark: Mark::Plain, cells }
}
