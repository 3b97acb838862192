//! What is known of sequences besides their steps.

use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::text::Vocabulary;
use shared::data::{DataError, Knowledge, Preparation, Splits};

/// The keys of a piano: the lowest note, and their number.
pub const PIANO: (u8, usize) = (21, 88);

/// A range of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// MIDI number of the lowest.
    pub lowest: u8,
    /// How many there are.
    pub count: usize,
}

/// A numeric column of series, and what its numbers are measured by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Mean over the training steps.
    pub mean: f64,
    /// Standard deviation over the training steps.
    pub deviation: f64,
}

impl Column {
    /// A number in units of the deviation, from the mean.
    pub(crate) fn standardised(&self, x: f64) -> f32 {
        ((x - self.mean) / self.deviation) as f32
    }

    /// Such a number in the unit of the file.
    pub fn original(&self, x: f32) -> f64 {
        f64::from(x) * self.deviation + self.mean
    }
}

/// What is known of sequences besides their steps.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The keys chords are played on.
    pub keys: Option<Keys>,
    /// Standard deviation of the offsets of the training drawings, by which all are divided.
    pub offset_deviation: Option<f64>,
    /// The columns of series.
    pub columns: Option<Vec<Column>>,
    /// The symbols of a text, by number.
    pub vocabulary: Option<Vocabulary>,
}

impl Known {
    pub(crate) const KEYS: &str = "keys";
    pub(crate) const OFFSET_DEVIATION: &str = "offset_deviation";
    pub(crate) const COLUMNS: &str = "columns";
    pub(crate) const VOCABULARY: &str = "vocabulary";

    /// What a run kept.
    pub fn of(preparation: &Preparation) -> Self {
        Self {
            keys: preparation.own(Self::KEYS),
            offset_deviation: preparation.own(Self::OFFSET_DEVIATION),
            columns: preparation.own(Self::COLUMNS),
            vocabulary: preparation.own(Self::VOCABULARY),
        }
    }
}

impl Knowledge for Known {
    fn kept(&self) -> Map<String, Value> {
        // What consists of numbers and strings always has a JSON.
        let value = |value: Option<Value>, name: &str| Some((name.to_owned(), value?));
        [
            value(self.keys.map(|keys| serde_json::to_value(keys).unwrap_or_default()), Self::KEYS),
            value(self.offset_deviation.map(Value::from), Self::OFFSET_DEVIATION),
            value(
                self.columns.as_ref().map(|c| serde_json::to_value(c).unwrap_or_default()),
                Self::COLUMNS,
            ),
            value(
                self.vocabulary.as_ref().map(|v| serde_json::to_value(v).unwrap_or_default()),
                Self::VOCABULARY,
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What a model was fitted to, which questions to it are read by.
///
/// # Errors
/// If it was fitted to data of another form; `what` these are called.
pub(crate) fn fitted<T: DeserializeOwned>(
    known: &Preparation,
    name: &str,
    what: &str,
) -> Result<T, DataError> {
    let other = || {
        DataError::Kind(format!("these are {what}, and the run was fitted to other data").into())
    };
    known.own(name).ok_or_else(other)
}

/// The same splits, of which this is known.
pub(crate) fn knowing(splits: Splits, known: Known) -> Splits {
    Splits { known: Some(Arc::new(known)), ..splits }
}
