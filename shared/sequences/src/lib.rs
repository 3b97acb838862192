//! Sequences: chords, drawings and text; bounds on their likelihood by step; piano rolls.

mod archive;
mod catalogue;
mod chords;
mod evaluate;
mod jsb;
mod known;
mod lines;
mod mat;
mod midi;
mod music;
mod names;
mod npz;
mod pen;
mod pickle;
mod rolls;
mod series;
mod series_csv;
mod series_npz;
mod split;
mod steps;
mod strokes;
mod text;
mod tunes;

/// Readers of single files, for fuzzing.
#[doc(hidden)]
pub mod readers {
    pub use super::{
        jsb::parse as jsb,
        mat::parse as mat,
        midi::parse as midi,
        names::census,
        series::Table,
        series_csv::parse as series_csv,
        series_npz::parse as series_npz,
        strokes::{drawings, parse as strokes},
        text::parse as text,
    };
}

pub use catalogue::CATALOGUE;
pub use known::{Column, Keys, Known, PIANO};
pub use lines::TextFile;
pub use music::{MusicFiles, beats_of};
pub use pen::PenFile;
pub use rolls::{Roll, rolls};
pub use series::SeriesFile;
pub use shared::data::Steps;
pub use steps::steps_of;
pub use text::{TextLevel, Vocabulary};

use anyhow::Result;
use chords::ChordSet;
use shared::{
    data::{DataKind, IMAGE_SOURCES, Source},
    kind::Kind,
    metrics::{Evaluating, Evaluation},
};

/// Sequences of steps; images too, as sequences of their rows.
#[derive(Clone, Copy, Debug)]
pub struct SequenceData;

impl Kind for SequenceData {
    fn examples(&self) -> DataKind {
        DataKind::Sequences
    }

    fn sources(&self) -> Vec<&'static dyn Source> {
        sources()
    }

    fn evaluate(&self, of: &Evaluating<'_>) -> Result<Evaluation> {
        evaluate::evaluate(of)
    }
}

/// Sets of sequences, and those of images. What reads any path comes last.
fn sources() -> Vec<&'static dyn Source> {
    const OWN: [&dyn Source; 7] = [
        &ChordSet::Jsb,
        &ChordSet::Tunes,
        &names::Names,
        &music::Music,
        &series::Series,
        &pen::Pen,
        &lines::Text,
    ];
    [&OWN, IMAGE_SOURCES].concat()
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
