//! The tables by name: those the papers use, a generated one, and the user's.

use std::path::{Path, PathBuf};

use shared::{
    data::{
        AtPath, DataConfig, DataError, DataKind, DataSet, FetchOptions, Preparation, Source,
        SourceFile, Splits, fetch, has_ending,
    },
    reading::Mistake,
};
use toml::Value;

use super::{
    CsvFiles, Group, Schema, TableName,
    catalogue::{ADULT, GERMAN},
    guess::{guess, written},
    people,
};

impl Source for TableName {
    fn name(&self) -> &'static str {
        match self {
            Self::Adult => "adult",
            Self::AdultAge => "adult-age",
            Self::German => "german",
            Self::People => "people",
            Self::Csv => "csv",
        }
    }

    fn about(&self) -> &'static str {
        match self {
            Self::Adult => {
                "Table: income above 50,000 dollars; sensitive: sex. 45,222 people without missing values"
            }
            Self::AdultAge => {
                "The same without the age among the features: it is a second target, older than 37"
            }
            Self::German => "Table: credit worth giving; sensitive: older than 25. 1,000 people",
            Self::People => {
                "Generated table, 2,000 people: needs no download; for tests and first steps"
            }
            Self::Csv => "A table of yours, as `[data.csv]` says",
        }
    }

    fn examples(&self) -> DataKind {
        DataKind::Tables
    }

    fn own_keys(&self) -> &'static [&'static str] {
        if *self == Self::Csv { &[CsvFiles::SECTION] } else { &[] }
    }

    fn check(&self, config: &DataConfig) -> Result<(), Mistake> {
        CsvFiles::of(config).map(drop)
    }

    /// A CSV and, beside it, its schema: a TOML file of the same name.
    fn at_path(&self, path: &Path) -> Option<AtPath> {
        let is_csv = has_ending(path, "csv");
        if *self != Self::Csv || !is_csv {
            return None;
        }
        let schema = path.with_extension("toml");
        let name = |path: &Path| Value::String(path.to_string_lossy().into_owned());
        // `> people.toml` makes an empty file before the program starts.
        let is_written = schema.metadata().is_ok_and(|file| file.is_file() && file.len() > 0);
        Some(if is_written {
            let files = Value::Array(vec![name(path)]);
            Ok(vec![("data.csv.schema", name(&schema)), ("data.csv.files", files)])
        } else {
            guess(path).and_then(|guessed| {
                // Whole, which an error is not: a table may have a hundred columns.
                shared::print_text!("{}", written(&guessed));
                Err(format!(
                    "no schema {} beside it. What is printed is a guess: correct it, save it there and call again",
                    schema.display()
                ))
            })
        })
    }

    /// Another CSV with the schema of the first: one beside it could mean something else by the same names.
    fn at_path_for(&self, path: &Path, fitted: &DataConfig) -> Option<AtPath> {
        let own = CsvFiles::of(fitted).ok().flatten().filter(|_| *self == Self::Csv);
        let Some(own) = own.filter(|_| has_ending(path, "csv")) else { return self.at_path(path) };
        let name = |path: &Path| Value::String(path.to_string_lossy().into_owned());
        let files = Value::Array(vec![name(path)]);
        Some(Ok(vec![("data.csv.schema", name(&own.schema)), ("data.csv.files", files)]))
    }

    fn is_split_by_seed(&self) -> bool {
        true
    }

    fn files(&self, config: &DataConfig) -> Vec<SourceFile> {
        match self {
            // The two tables of Adult are one set of files.
            Self::Adult | Self::AdultAge => SourceFile::named(ADULT.name, ADULT.names()),
            Self::German => SourceFile::named(GERMAN.name, GERMAN.names()),
            Self::People | Self::Csv => {
                SourceFile::in_sections(self.name(), self.own_keys(), config)
            }
        }
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        people::splits(*self, config, options, known)
    }

    fn read_for(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: &Preparation,
    ) -> Result<Splits, DataError> {
        people::whole(*self, config, options, known)
    }
}

/// What is known of a published table: its schema, its entry in the catalogue, its files.
pub(super) type Published = (Schema, &'static DataSet, Vec<PathBuf>);

/// The median age of the complete rows of Adult.
const OLDER_THAN: f64 = 37.0;

impl TableName {
    /// What its columns are and where its files lie, fetched if need be, if it is published.
    ///
    /// # Errors
    /// If the files are not available.
    pub(super) fn published(self, options: &FetchOptions) -> Result<Option<Published>, DataError> {
        let (schema, set) = match self {
            Self::Adult | Self::AdultAge => (include_str!("adult.toml"), &ADULT),
            Self::German => (include_str!("german.toml"), &GERMAN),
            Self::People | Self::Csv => return Ok(None),
        };
        let mut schema = Schema::from_toml(schema)?;
        if self == Self::AdultAge {
            let older = Group { column: "age".into(), values: vec![], above: Some(OLDER_THAN) };
            schema.transfer = Some(older);
        }
        Ok(Some((schema, set, fetch(set, options)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoder, read};

    /// The files if they were fetched before: tests use no network.
    fn table(name: TableName) -> Option<crate::Table> {
        let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
        let Ok(Some((schema, _, files))) = name.published(&options) else {
            eprintln!("skipped: the files of {name:?} are not in the cache");
            return None;
        };
        Some(read(&schema, &files).unwrap())
    }

    #[test]
    fn both_schemas_are_without_contradiction() {
        let columns = |text| Schema::from_toml(text).unwrap().columns.len();
        assert_eq!(columns(include_str!("adult.toml")), 15);
        assert_eq!(columns(include_str!("german.toml")), 21);
    }

    #[test]
    fn adult_has_its_published_counts() {
        let Some(adult) = table(TableName::Adult) else { return };
        assert_eq!((adult.len(), adult.dropped), (45_222, 3620));
        let ones = |values: &[u8]| values.iter().filter(|v| **v == 1).count();
        assert_eq!((ones(&adult.targets), ones(&adult.groups)), (11_208, 30_527));
        let all: Vec<usize> = (0..adult.len()).collect();
        let encoder = Encoder::fit(&adult, &all).unwrap();
        assert_eq!(encoder.encode(&adult, &all[..10]).unwrap().unseen, [].into());
        assert!(!encoder.names().iter().any(|n| n.starts_with("sex") || n.starts_with("income")));
    }

    #[test]
    fn german_has_its_published_counts() {
        let Some(german) = table(TableName::German) else { return };
        let ones = |values: &[u8]| values.iter().filter(|v| **v == 1).count();
        assert_eq!((german.len(), ones(&german.targets), ones(&german.groups)), (1000, 700, 810));
    }
}
