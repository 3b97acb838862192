//! What a model needs of its data to be used without them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{PixelShape, Splits};

/// Stored with a run, so that commands that need no example work without the files, and so that other
/// data are read like the training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Height and width of an example; of sequences, the steps of the longest and the width of a step.
    pub shape: PixelShape,
    /// Classes of the training split, in order.
    pub classes: Vec<u8>,
    /// Steps of a training sequence on average, or the rows of an image; at least 1.
    pub steps: usize,
    /// What a kind of data knows beyond that: a vocabulary, the columns of a table.
    #[serde(flatten)]
    pub own: Map<String, Value>,
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
            own: data.known.as_ref().map(|known| known.kept()).unwrap_or_default(),
        }
    }

    /// What a kind of data keeps under this name, if it is there and of this form.
    pub fn own<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.own.get(name)?).ok()
    }

    /// Why a model of these data cannot be used on `other` data, if it cannot.
    pub fn problem(&self, other: &Splits) -> Option<String> {
        let (own, found) = (self.shape, other.train.shape());
        // Sequences may be of any length.
        let fits = if other.train.is_sequences() { own.width == found.width } else { own == found };
        (!fits).then(|| {
            let size = |shape: PixelShape| {
                let colour = if shape.is_coloured() { " in colour" } else { "" };
                let is_other = own.channels != found.channels;
                let colour = if is_other && colour.is_empty() { " in grey" } else { colour };
                format!("{} x {}{colour}", shape.height, shape.width)
            };
            format!("the model is for examples of {}, and these have {}", size(own), size(found))
        })
    }
}
