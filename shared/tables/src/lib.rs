//! Tables of people: typed columns, a target, a sensitive attribute; read from CSV by a schema,
//! encoded as numbers by the statistics of the training split alone.

mod builtin;
mod catalogue;
mod encode;
mod evaluate;
mod fairness;
mod forest;
mod guess;
mod people;
mod read;
mod schema;
mod table_name;

pub use catalogue::CATALOGUE;
pub use encode::{Encoded, Encoder};
pub use evaluate::{fairness, probabilities, probe_fairness};
pub use fairness::{Fairness, FairnessError, Neighbours, OwnNeighbour, Predictions, majority};
pub use forest::ForestProbe;
pub use people::{People, SecondTarget, TableColumns};
pub use read::{Cell, Table, read};
pub use schema::{Column, Group, Kind, Missing, Schema, Target};
pub use table_name::CsvFiles;

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::bail;
use ndarray::Axis;
use shared::{
    data::{DataConfig, DataError, DataKind, FetchOptions, Source, Split, Splits},
    kind::Kind as DataIs,
    metrics::{Evaluating, Evaluation, encode_split, refuse_broken},
    progress,
    reading::one_line,
    run::Metric,
};

use table_name::TableName;

/// Rows about people, with a target and a sensitive attribute.
///
/// A row is an input one pixel high, its label the target, its last column the sensitive attribute.
#[derive(Clone, Copy, Debug)]
pub struct Tables;

impl DataIs for Tables {
    fn examples(&self) -> DataKind {
        DataKind::Tables
    }

    fn sources(&self) -> Vec<&'static dyn Source> {
        const SOURCES: [&dyn Source; 5] = [
            &TableName::Adult,
            &TableName::AdultAge,
            &TableName::German,
            &TableName::People,
            &TableName::Csv,
        ];
        SOURCES.to_vec()
    }

    fn evaluate(&self, of: &Evaluating<'_>) -> anyhow::Result<Evaluation> {
        if let Some(lacking) =
            of.data.known().and_then(|people: &People| people.without_target.as_deref())
        {
            bail!("{lacking}: evaluate needs every row's target; predict needs none");
        }
        let (mut metrics, kl_per_latent) = of.bounds();
        let (mut found, codes) = of.reconstructions();
        // Columns are no probabilities.
        found.remove("reconstruction_bce");
        say_what_is_given(&mut found);
        metrics.extend(found);
        let (found, statistics) = of.codes(&codes);
        metrics.extend(found);
        refuse_broken(&metrics, Some(&codes))?;
        progress::line("evaluating: probes");
        let subsets = of.subsets();
        let all: Vec<usize> = (0..of.data.train.len()).collect();
        let train = encode_split(of.model, &of.data.train, &all);
        metrics.extend(evaluate::people(of, [&train, &codes])?);
        let chosen = train.mean.select(Axis(0), &subsets.chosen);
        metrics.extend(of.probes(&subsets, &chosen, &codes)?);
        Ok(Evaluation { metrics, codes: Some(statistics), kl_per_latent })
    }
}

/// Says of errors of a reconstruction, which are means over all columns, that one of these is not restored from a code.
fn say_what_is_given(metrics: &mut BTreeMap<String, Metric>) {
    let given = "; the sensitive column, which is given, counts as one without error";
    for (_, metric) in metrics.iter_mut().filter(|(name, _)| name.starts_with("reconstruction_")) {
        metric.about.push_str(given);
    }
}

/// Loads a table as its three splits.
///
/// # Errors
/// As [`shared::kind::load`].
pub fn load(config: &DataConfig, options: &FetchOptions) -> Result<Splits, DataError> {
    shared::kind::load(&Tables, config, options, None)
}

/// 1 for members of the sensitive group: the last column of a row.
pub fn groups(split: &Split) -> Vec<u8> {
    let rows = split.all_grey();
    rows.rows().into_iter().map(|row| u8::from(row.last().is_some_and(|s| *s > 0.5))).collect()
}

impl From<TableError> for DataError {
    fn from(error: TableError) -> Self {
        Self::Kind(Box::new(error))
    }
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The schema contradicts itself.
    #[error("schema: {0}")]
    Schema(String),
    /// A text file cannot be read.
    #[error(transparent)]
    Text(#[from] shared::reading::ReadError),
    /// A file cannot be read.
    #[error("{path}: cannot read it: {}", one_line(reason))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A value is not what the schema promises.
    #[error("{path}, line {line}, column '{}': {}", one_line(column), one_line(reason))]
    Value {
        /// The file.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// A row has too few or too many fields.
    #[error("{path}, line {line}: {found} fields, the schema has {expected} columns")]
    Width {
        /// The file.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// Fields found.
        found: usize,
        /// Columns of the schema.
        expected: usize,
    },
    /// A column of the schema is not in the header.
    #[error("{path}: no column '{}' in the header: {}", one_line(column), one_line(header))]
    Missing {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The header.
        header: String,
    },
    /// There is nothing to learn, or nothing to compare.
    #[error("{}", one_line(.0))]
    Degenerate(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::run::Better;

    #[test]
    fn errors_of_reconstructions_tell_that_s_is_among_the_columns() {
        let metric = || Metric {
            value: 0.5,
            standard_error: None,
            unit: "per feature".into(),
            better: Better::Lower,
            about: "mean squared error".into(),
        };
        let names = ["reconstruction_mse", "reconstruction_gap", "test_error"];
        let mut metrics = BTreeMap::from(names.map(|name| (name.to_owned(), metric())));
        say_what_is_given(&mut metrics);
        let tells = |name: &str| metrics[name].about.contains("the sensitive column");
        assert_eq!(names.map(tells), [true, true, false]);
        assert!(metrics.values().all(|metric| metric.value == 0.5));
    }
}
