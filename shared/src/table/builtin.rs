//! The two tables the papers use.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Schema, TableError};
use crate::data::{ADULT, DataError, DataSet, FetchOptions, GERMAN, fetch};

/// A table by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableName {
    /// Income above 50,000 dollars; sensitive: sex. 45,222 people without missing values.
    Adult,
    /// Credit worth giving; sensitive: older than 25. 1,000 people.
    German,
}

impl TableName {
    /// What its columns are.
    ///
    /// # Errors
    /// Never with the schemas that come with this program.
    pub fn schema(self) -> Result<Schema, TableError> {
        Schema::from_toml(match self {
            Self::Adult => include_str!("adult.toml"),
            Self::German => include_str!("german.toml"),
        })
    }

    /// Its files, fetched if need be.
    ///
    /// # Errors
    /// If they cannot be had.
    pub fn files(self, options: &FetchOptions) -> Result<Vec<PathBuf>, DataError> {
        fetch(self.set(), options)
    }

    fn set(self) -> &'static DataSet {
        match self {
            Self::Adult => &ADULT,
            Self::German => &GERMAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Encoder, read};

    /// The files if they were fetched before: tests use no network.
    fn table(name: TableName) -> Option<crate::table::Table> {
        let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
        let Ok(files) = name.files(&options) else {
            eprintln!("skipped: the files of {name:?} are not in the cache");
            return None;
        };
        Some(read(&name.schema().unwrap(), &files).unwrap())
    }

    #[test]
    fn both_schemas_are_without_contradiction() {
        assert_eq!(TableName::Adult.schema().unwrap().columns.len(), 15);
        assert_eq!(TableName::German.schema().unwrap().columns.len(), 21);
    }

    #[test]
    fn adult_has_its_published_counts() {
        let Some(adult) = table(TableName::Adult) else { return };
        assert_eq!((adult.len(), adult.dropped), (45_222, 3620));
        let ones = |values: &[u8]| values.iter().filter(|v| **v == 1).count();
        assert_eq!((ones(&adult.targets), ones(&adult.groups)), (11_208, 30_527));
        let all: Vec<usize> = (0..adult.len()).collect();
        let encoder = Encoder::fit(&adult, &all).unwrap();
        assert_eq!(encoder.encode(&adult, &all[..10]).unseen, 0);
        assert!(!encoder.names().iter().any(|n| n.starts_with("sex") || n.starts_with("income")));
    }

    #[test]
    fn german_has_its_published_counts() {
        let Some(german) = table(TableName::German) else { return };
        let ones = |values: &[u8]| values.iter().filter(|v| **v == 1).count();
        assert_eq!((german.len(), ones(&german.targets), ones(&german.groups)), (1000, 700, 810));
    }
}
