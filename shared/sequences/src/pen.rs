//! Drawings of the user's, as movements of a pen.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    known::{Known, fitted, knowing},
    npz,
    split::{Parts, Purpose, read_named},
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
    if let Some((drawing, x)) = beyond(&parts, scale) {
        return Err(wrong(format!(
            "{drawing}: its offset {x:e} cannot be divided by the training drawings' standard deviation \
             {deviation:e}: correct it, or give the drawings in another unit"
        )));
    }
    let numbers = |drawings: &[Drawing]| {
        let scaled = |&[x, y, lifted]: &[f32; 3]| [x * scale, y * scale, lifted];
        let rows: Vec<Vec<f32>> =
            drawings.iter().map(|steps| steps.iter().flat_map(scaled).collect()).collect();
        Sequences::of_numbers(3, &rows)
    };
    let files = [name_and_sha256(&pen.file, &bytes)].into();
    let splits = parts.splits(numbers, files, config)?;
    Ok(knowing(splits, Known { offset_deviation: Some(deviation), ..Known::default() }))
}

/// The steps of a drawing: offsets, and whether the pen is lifted after them.
type Drawing = Vec<[f32; 3]>;

/// The first offset that `scale` takes out of single precision, with the name of its drawing.
fn beyond(parts: &Parts<Drawing>, scale: f32) -> Option<(&str, f32)> {
    let drawings = [&parts.train, &parts.valid, &parts.test].into_iter().flatten();
    let mut offsets = drawings.flat_map(|(name, drawing)| {
        drawing.iter().flat_map(move |&[x, y, _]| [(name.as_str(), x), (name.as_str(), y)])
    });
    offsets.find(|(_, x)| !(x * scale).is_finite())
}

#[cfg(test)]
mod tests {
    use shared::data::Binarise;

    use super::*;
    use crate::{SequenceData, strokes::tests::file};

    /// An archive whose drawings of training, validation and test have a step each with these two offsets.
    fn loaded(offsets: [[f32; 2]; 3]) -> Result<Splits, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drawings.npz");
        std::fs::write(&path, file(offsets.map(|[x, y]| [x, y, 1.0]))).unwrap();
        let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
        let config =
            DataConfig::new(Pen::NAME, Binarise::None).with(Pen::NAME, PenFile { file: path });
        shared::kind::load(&SequenceData, &config, &options, None)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn offsets_are_in_units_of_the_training_drawings_deviation() {
        let splits = loaded([[3.0, -1.0], [6.0, 2.0], [0.0, 1.0]]).unwrap();
        let found = [&splits.train, &splits.valid, &splits.test]
            .map(|split| split.grey(&[0]).iter().copied().collect::<Vec<f32>>());
        assert_eq!(found, [vec![1.5, -0.5, 1.0], vec![3.0, 1.0, 1.0], vec![0.0, 0.5, 1.0]]);
    }

    #[test]
    fn what_that_unit_takes_out_of_single_precision_is_named() {
        for (offsets, part) in [
            ([[1e-3, -1e-3], [1.0, 0.0], [0.0, 3e38]], "test[0]: its offset 3e38 cannot"),
            ([[1e-40, -1e-40], [0.0, 0.0], [0.0, 0.0]], "train[0]: its offset"),
        ] {
            let told = loaded(offsets).unwrap_err();
            assert!(told.contains(part) && told.contains("standard deviation"), "{told}");
        }
        assert!(loaded([[0.0, 0.0]; 3]).unwrap_err().contains("nothing to learn"));
    }
}
