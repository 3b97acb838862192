//! What a step of a sequence is.

use shared::data::{DataConfig, DataKind};

use crate::{lines::Text, names::Names, pen::Pen, series::Series, sources};

/// What the steps of a data set's sequences are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// Rows of an image.
    Rows,
    /// Chords.
    Chords,
    /// Movements of a pen.
    Pen,
    /// Symbols of a text.
    Symbols,
    /// Numbers, one for each column of a series.
    Numbers,
}

impl Steps {
    /// Those of the set a configuration names.
    pub fn of(data: &DataConfig) -> Self {
        let source = shared::data::source_of(&sources(), &data.name);
        match (source.map(|source| source.examples()), &*data.name) {
            (Some(DataKind::Images), _) => Self::Rows,
            (_, Pen::NAME) => Self::Pen,
            (_, Series::NAME) => Self::Numbers,
            (_, Text::NAME | Names::NAME) => Self::Symbols,
            _ => Self::Chords,
        }
    }
}
