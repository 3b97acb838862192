//! Sets of chords on the keys of a piano.

use std::collections::BTreeMap;

use super::{
    catalogue::JSB,
    jsb,
    known::{Keys, Known, PIANO, knowing},
    piano_keys,
    split::{Parts, read},
    tunes::tunes,
};
use shared::data::{
    DataConfig, DataError, DataKind, DataSet, FetchOptions, Preparation, Sequences, Source,
    SourceFile, Splits, Steps, fetch, published,
};

/// Chords of one set by split, and its files.
pub(super) type Chords = (Parts<Vec<Vec<u8>>>, BTreeMap<String, String>);

/// A set of chords.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ChordSet {
    /// Boulanger-Lewandowski, Bengio & Vincent 2012.
    Jsb,
    /// Generated.
    Tunes,
}

impl ChordSet {
    fn published(self) -> Option<&'static DataSet> {
        match self {
            Self::Jsb => Some(&JSB),
            Self::Tunes => None,
        }
    }
}

impl Source for ChordSet {
    fn name(&self) -> &'static str {
        self.published().map_or("tunes", |set| set.name)
    }

    fn about(&self) -> &'static str {
        match self {
            Self::Jsb => {
                "Sequences of chords: 382 chorales by J. S. Bach, a step a quarter note, in the \
                 published split"
            }
            Self::Tunes => {
                "Sequences of chords: generated tunes in two voices, 300: needs no download; for tests \
                 and first steps"
            }
        }
    }

    fn examples(&self) -> DataKind {
        DataKind::Sequences
    }

    fn steps(&self) -> Steps {
        Steps::Chords
    }

    fn files(&self, _: &DataConfig) -> Vec<SourceFile> {
        let files = |set: &'static DataSet| SourceFile::named(set.name, set.names());
        self.published().map(files).unwrap_or_default()
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        _: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        let chords = match self {
            Self::Jsb => chorales(options)?,
            Self::Tunes => {
                let [pool, test] = tunes();
                let valid = pool.len() / 6;
                (Parts::published(pool, test, valid), BTreeMap::new())
            }
        };
        on_piano(chords, config)
    }
}

/// Chords as keys of a piano that are struck.
pub(super) fn on_piano(chords: Chords, config: &DataConfig) -> Result<Splits, DataError> {
    let (parts, files) = chords;
    let (lowest, keys) = PIANO;
    let on_keys = |chords: &[Vec<Vec<u8>>]| {
        let rows: Vec<Vec<f32>> =
            chords.iter().map(|steps| piano_keys(steps, lowest, keys)).collect();
        Sequences::of_numbers(keys, &rows)
    };
    let splits = parts.splits(on_keys, files, config)?;
    Ok(knowing(splits, Known { keys: Some(Keys { lowest, count: keys }), ..Known::default() }))
}

fn chorales(options: &FetchOptions) -> Result<Chords, DataError> {
    let set = &JSB;
    let path = fetch(set, options)?.remove(0);
    let [mut pool, valid, test] = jsb::parse(&read(&path)?).map_err(|reason| {
        let reason = format!("{reason}; delete it to have it fetched anew");
        DataError::Format { path: path.clone(), reason }
    })?;
    let count = valid.len();
    pool.extend(valid);
    Ok((Parts::published(pool, test, count), published(set)))
}
