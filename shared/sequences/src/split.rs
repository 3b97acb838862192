//! Sequences of a set as its three splits, and files that a configuration names.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use shared::{
    data::{DataConfig, DataError, ExampleSet, Sequences, Splits},
    noise::{Noise, Stream},
};

/// All of `items` in an order drawn by `seed`: the last `held_out` for test, the others for training and
/// validation.
pub(crate) fn dealt<T: Clone>(items: &[T], held_out: usize, seed: u64) -> (Vec<T>, Vec<T>) {
    let order = Noise::new(seed).permutation(Stream::Split, 0, items.len());
    let mut pool: Vec<T> = order.into_iter().map(|index| items[index].clone()).collect();
    let test = pool.split_off(pool.len() - held_out);
    (pool, test)
}

/// `valid` of the pool's sequences, the last ones, are for validation.
pub(crate) fn split(
    pool: Sequences,
    test: Sequences,
    valid: usize,
    files: BTreeMap<String, String>,
    config: &DataConfig,
) -> Result<Splits, DataError> {
    let (pool, test) = (ExampleSet::sequences(pool, false), ExampleSet::sequences(test, true));
    Ok(Splits { files, ..Splits::new(Arc::new(pool), Arc::new(test), Some(valid), config)? })
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|source| DataError::unreadable(path, source))
}

/// A file the configuration names.
pub(crate) fn read_named(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|reason| DataError::Io {
        path: path.into(),
        action: "read it",
        hint: DataError::ELSEWHERE,
        reason,
    })
}
