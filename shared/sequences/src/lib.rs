//! Sequences: chords, drawings and text; bounds on their likelihood by step; piano rolls.

mod archive;
mod bach;
mod catalogue;
mod evaluate;
mod jsb;
mod load;
mod musicxml;
mod mxl;
mod numpy;
mod pickle;
mod rolls;
mod strokes;
mod text;
mod tunes;

/// Readers of single files, for fuzzing.
#[doc(hidden)]
pub mod readers {
    pub use super::{
        bach::read as bach,
        jsb::parse as jsb,
        musicxml::{chords_by_quarter, parts},
        strokes::{drawings, parse as strokes},
        text::parse as text,
    };
}

pub use catalogue::CATALOGUE;
pub use load::{Keys, Known, PIANO};
pub use rolls::{Roll, rolls};
pub use text::Vocabulary;

use anyhow::Result;
use shared::{
    data::{DataConfig, DataError, DataKind, DataName, FetchOptions, Preparation, Splits, name_of},
    kind::{Images, Kind},
    metrics::{Evaluating, Evaluation},
};

/// Sequences of steps; images too, as sequences of their rows.
#[derive(Clone, Copy, Debug)]
pub struct SequenceData;

impl Kind for SequenceData {
    fn examples(&self) -> DataKind {
        DataKind::Sequences
    }

    fn files(&self, config: &DataConfig) -> Vec<String> {
        match config.name {
            DataName::Jsb => catalogue::JSB.names(),
            DataName::Bach => catalogue::BACH.names(),
            DataName::Pen => config.pen.iter().filter_map(|pen| name_of(&pen.file)).collect(),
            DataName::Text => config.text.iter().filter_map(|text| name_of(&text.file)).collect(),
            _ => Images.files(config),
        }
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        match config.name.kind() {
            DataKind::Sequences => load::load(config, options, known),
            _ => Images.read(config, options, known),
        }
    }

    fn evaluate(&self, of: &Evaluating<'_>) -> Result<Evaluation> {
        evaluate::evaluate(of)
    }
}

/// A sequence of chords on so many keys: 1 where a key is struck.
fn piano_keys(steps: &[Vec<u8>], lowest: u8, keys: usize) -> Vec<f32> {
    let mut values = vec![0.0; steps.len() * keys];
    for (row, notes) in values.chunks_mut(keys).zip(steps) {
        for note in notes {
            row[usize::from(note - lowest)] = 1.0;
        }
    }
    values
}
