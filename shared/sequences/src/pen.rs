//! Drawings of the user's, as movements of a pen.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    known::{Known, fitted, knowing},
    npz,
    split::{Purpose, read_named},
    strokes,
};
use shared::{
    data::{
        AtPath, DataConfig, DataError, DataKind, FetchOptions, Preparation, Sequences, Source,
        Splits, Steps, at_key, name_and_sha256,
    },
    reading::Mistake,
};

/// `[data.pen]`: drawings of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PenFile {
    /// A stroke-3 archive in the form of sketch-rnn (Ha & Eck 2018): an npz with the arrays `train`,
    /// `valid` and `test` of sequences of (dx, dy, pen lifted after this point).
    pub file: PathBuf,
}

/// The set.
#[derive(Debug)]
pub(crate) struct Pen;

impl Pen {
    /// Its name, and that of its section of `[data]`.
    pub(crate) const NAME: &str = "pen";
}

impl Source for Pen {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn about(&self) -> &'static str {
        "Sequences of pen movements: drawings of yours, as `[data.pen]` says"
    }

    fn examples(&self) -> DataKind {
        DataKind::Sequences
    }

    fn steps(&self) -> Steps {
        Steps::Pen
    }

    fn own_keys(&self) -> &'static [&'static str] {
        &[Self::NAME]
    }

    fn check(&self, config: &DataConfig) -> Result<(), Mistake> {
        config.own::<PenFile>(Self::NAME).map(drop)
    }

    /// An npz whose arrays are called as the three splits are. One of which nothing is known is refused here, where
    /// all that it may be can be told.
    fn at_path(&self, path: &Path) -> Option<AtPath> {
        match npz::drawings(path) {
            Some(Ok(())) => Some(at_key("data.pen.file", path)),
            Some(Err(reason)) => Some(Err(reason)),
            None => npz::nothing_known(path).map(Err),
        }
    }

    fn at_named_path(&self, path: &Path) -> Option<AtPath> {
        npz::is_one(path).then(|| at_key("data.pen.file", path))
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        let known = known.and_then(|known| known.own(Known::OFFSET_DEVIATION));
        pen(config, options, known, Purpose::Fit)
    }

    fn read_for(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: &Preparation,
    ) -> Result<Splits, DataError> {
        let known = fitted(known, Known::OFFSET_DEVIATION, "drawings")?;
        pen(config, options, Some(known), Purpose::Ask)
    }
}

/// Offsets in units of their standard deviation over the training drawings (Ha & Eck 2018, section
/// 3.1), or in the unit that is `known`, the pen as it is.
fn pen(
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<f64>,
    purpose: Purpose,
) -> Result<Splits, DataError> {
    let wanted = "a file of drawings in the form of sketch-rnn";
    let pen: PenFile = config.named(Pen::NAME, wanted, "FILE.npz")?;
    let path = options.locate(&pen.file);
    let wrong = |reason: String| DataError::Format { path: path.clone(), reason };
    let bytes = read_named(&path)?;
    let drawings = strokes::parse(&bytes).map_err(wrong)?;
    let parts = purpose.of_three(drawings).map_err(wrong)?;
    let offsets = || {
        let steps = parts.train.iter().flat_map(|(_, drawing)| drawing);
        steps.flat_map(|step| step[..2].iter().map(|&d| f64::from(d)))
    };
    let count = offsets().count().max(1) as f64;
    let mean = offsets().sum::<f64>() / count;
    let own = (offsets().map(|d| (d - mean).powi(2)).sum::<f64>() / count).sqrt();
    let deviation = known.unwrap_or(own);
    if !(deviation > 0.0) {
        let reason = "no training drawing moves the pen: there is nothing to learn";
        return Err(wrong(reason.into()));
    }
    let scale = (1.0 / deviation) as f32;
    let numbers = |drawings: &[Vec<[f32; 3]>]| {
        let scaled = |&[x, y, lifted]: &[f32; 3]| [x * scale, y * scale, lifted];
        let rows: Vec<Vec<f32>> =
            drawings.iter().map(|steps| steps.iter().flat_map(scaled).collect()).collect();
        Sequences::of_numbers(3, &rows)
    };
    let files = [name_and_sha256(&pen.file, &bytes)].into();
    let splits = parts.splits(numbers, files, config)?;
    Ok(knowing(splits, Known { offset_deviation: Some(deviation), ..Known::default() }))
}
