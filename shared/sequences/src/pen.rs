//! Drawings of the user's, as movements of a pen.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    known::{Known, knowing},
    split::{read_named, split},
    strokes,
};
use shared::{
    data::{
        AtPath, DataConfig, DataError, DataKind, FetchOptions, Preparation, Sequences, Source,
        Splits, at_key, name_and_sha256,
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

    fn own_keys(&self) -> &'static [&'static str] {
        &[Self::NAME]
    }

    fn check(&self, config: &DataConfig) -> Result<(), Mistake> {
        config.own::<PenFile>(Self::NAME).map(drop)
    }

    fn at_path(&self, path: &Path) -> Option<AtPath> {
        path.extension()?.eq_ignore_ascii_case("npz").then(|| at_key("data.pen.file", path))
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        pen(config, options, known)
    }
}

/// Offsets in units of their standard deviation over the training drawings (Ha & Eck 2018, section
/// 3.1), or in the unit that is `known`, the pen as it is.
fn pen(
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<&Preparation>,
) -> Result<Splits, DataError> {
    let Some(pen) = config.own::<PenFile>(Pen::NAME)? else {
        return Err(DataError::Config(
            "name = \"pen\" needs a file of drawings: --set data.pen.file=sheep.npz".into(),
        ));
    };
    let path = options.locate(&pen.file);
    let bytes = read_named(&path)?;
    let [mut pool, valid, test] = strokes::parse(&bytes)
        .map_err(|reason| DataError::Format { path: path.clone(), reason })?;
    if let Some(split) = ["training", "validation", "test"]
        .into_iter()
        .zip([&pool, &valid, &test])
        .find_map(|(name, part)| part.is_empty().then_some(name))
    {
        let reason = format!("it has no {split} drawing");
        return Err(DataError::Format { path: path.clone(), reason });
    }
    let offsets = || pool.iter().flatten().flat_map(|step| step[..2].iter().map(|&d| f64::from(d)));
    let count = offsets().count().max(1) as f64;
    let mean = offsets().sum::<f64>() / count;
    let own = (offsets().map(|d| (d - mean).powi(2)).sum::<f64>() / count).sqrt();
    let deviation = known.and_then(|known| known.own(Known::OFFSET_DEVIATION)).unwrap_or(own);
    if !(deviation > 0.0) {
        let reason = "no training drawing moves the pen: there is nothing to learn".into();
        return Err(DataError::Format { path: path.clone(), reason });
    }
    let scale = (1.0 / deviation) as f32;
    let held_out = valid.len();
    pool.extend(valid);
    let numbers = |drawings: Vec<Vec<[f32; 3]>>| {
        let scaled = |[x, y, lifted]: [f32; 3]| [x * scale, y * scale, lifted];
        let rows: Vec<Vec<f32>> = drawings
            .into_iter()
            .map(|steps| steps.into_iter().flat_map(scaled).collect())
            .collect();
        Sequences::of_numbers(3, &rows)
    };
    let files = [name_and_sha256(&pen.file, &bytes)].into();
    let splits = split(numbers(pool), numbers(test), held_out, files, config)?;
    Ok(knowing(splits, Known { offset_deviation: Some(deviation), ..Known::default() }))
}
