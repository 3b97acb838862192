//! Which tables there are, and which files are the user's.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shared::{data::DataConfig, reading::Mistake};

/// `[data.csv]`: a table of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvFiles {
    /// What its columns are: a TOML file, see [`Schema`](crate::Schema).
    pub schema: PathBuf,
    /// The files, read one after another.
    pub files: Vec<PathBuf>,
}

impl CsvFiles {
    pub(super) const SECTION: &str = "csv";

    /// Those a configuration names.
    ///
    /// # Errors
    /// A section of another form.
    pub(super) fn of(config: &DataConfig) -> Result<Option<Self>, Mistake> {
        config.own(Self::SECTION)
    }
}

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
