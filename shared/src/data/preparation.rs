//! What a model must know of its data to be used without them.

use serde::{Deserialize, Serialize};

use super::{PixelShape, Splits, Vocabulary};
use crate::table::Encoder;

/// What a run keeps of its data, so that commands that need no example work where the files are gone,
/// and so that other data can be read as the training data were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// Height and width of an example; of sequences, the steps of the longest and the width of a step.
    pub shape: PixelShape,
    /// Classes of the training split, in order.
    pub classes: Vec<u8>,
    /// Steps of a training sequence on average, or the rows of an image; at least 1.
    pub steps: usize,
    /// The keys chords are played on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Keys>,
    /// Standard deviation of the offsets of the training drawings, by which all are divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_deviation: Option<f64>,
    /// The symbols of a text, by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<Vocabulary>,
    /// The columns of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableColumns>,
}

/// A range of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// MIDI number of the lowest.
    pub lowest: u8,
    /// How many there are.
    pub count: usize,
}

/// The columns of an encoded table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableColumns {
    /// Names of the features: a column, or `column=value`.
    pub features: Vec<String>,
    /// True for features that are 0 or 1.
    pub binary: Vec<bool>,
    /// What makes a member of the sensitive group, for people.
    pub sensitive: String,
    /// How rows become numbers, by the statistics of the training split; a generated table consists of
    /// numbers already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Encoder>,
}

impl Preparation {
    /// That of these splits.
    pub fn of(data: &Splits) -> Self {
        let train = &data.train;
        let mut classes = train.labels();
        classes.sort_unstable();
        classes.dedup();
        let steps: usize = (0..train.len()).map(|index| train.steps(index)).sum();
        Self {
            shape: train.shape(),
            classes,
            steps: (steps / train.len().max(1)).max(1),
            keys: data.keys,
            offset_deviation: data.offset_deviation,
            vocabulary: data.vocabulary.as_deref().cloned(),
            table: data.people.as_ref().map(|people| TableColumns {
                features: people.features.clone(),
                binary: people.binary.clone(),
                sensitive: people.sensitive.clone(),
                encoder: people.encoder.clone(),
            }),
        }
    }

    /// Why a model of these data cannot be used on `other` data, if it cannot.
    pub fn problem(&self, other: &Splits) -> Option<String> {
        let (own, found) = (self.shape, other.train.shape());
        // Sequences may be of any length.
        let fits = if other.train.is_sequences() { own.width == found.width } else { own == found };
        (!fits).then(|| {
            format!(
                "the model is for examples of {} x {}, and these have {} x {}",
                own.height, own.width, found.height, found.width
            )
        })
    }
}
