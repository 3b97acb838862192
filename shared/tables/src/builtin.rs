//! The two tables the papers use.

use std::path::PathBuf;

use shared::data::{DataError, DataSet, FetchOptions, fetch};

use super::{
    Group, Schema,
    catalogue::{ADULT, GERMAN},
};

/// A table by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableName {
    /// UCI Adult.
    Adult,
    /// The same with the age as a second target.
    AdultAge,
    /// UCI German credit.
    German,
    /// Generated.
    People,
    /// The user's.
    Csv,
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
        assert_eq!(encoder.encode(&adult, &all[..10]).unwrap().unseen, 0);
        assert!(!encoder.names().iter().any(|n| n.starts_with("sex") || n.starts_with("income")));
    }

    #[test]
    fn german_has_its_published_counts() {
        let Some(german) = table(TableName::German) else { return };
        let ones = |values: &[u8]| values.iter().filter(|v| **v == 1).count();
        assert_eq!((german.len(), ones(&german.targets), ones(&german.groups)), (1000, 700, 810));
    }
}
