//! Every reader against damaged and made-up files: `cargo xtask fuzz`.
//!
//! A [`Target`] is a reader, whole files of its format made by the code itself, and the words of the
//! format. An input is a function of target, seed and number: one of those files, damaged as a disk
//! does it or changed as somebody would who knows the format. The laws, whatever the input: no panic,
//! no abort, memory and time in proportion to the file, an error that can be read, and no damage taken
//! for the content of a file that has a checksum.
//!
//! A new reader gets a target in [`targets`], and is then tested by `cargo test` and `cargo xtask fuzz`.

mod archives;
mod attempt;
mod images;
#[cfg(feature = "flex")]
mod models;
mod mutate;
mod own_images;
mod runs;
mod sequences;
mod tables;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use rand::RngExt;
use sha2::{Digest, Sha256};

pub use attempt::{Attempt, Finding, Kind};
use mutate::Material;
pub use runs::record;
use shared::noise::{Noise, Stream};

/// A reader that is tested with made-up files.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Name of the file it reads, since some readers look at it.
    pub file: &'static str,
    /// Whole files of the format.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of the format.
    pub words: &'static [&'static str],
    /// True if the format is text.
    pub is_text: bool,
    /// True if the format has a checksum of all that matters, so that damage must show.
    pub has_checksum: bool,
    /// Bytes of memory that a byte of the file may take, beyond what every reader may.
    pub memory: usize,
    /// Reads a file, alone in its folder: a digest of what it holds, or the error's text.
    pub read: fn(&Path) -> Result<u64, String>,
}

/// A changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Which of the target's whole files it was made of.
    pub seed: usize,
    /// What was done to that file.
    pub change: Change,
}

/// What was done to a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It was damaged as a disk or a transfer does it.
    Damage,
    /// It was changed as somebody would who knows the format.
    Edit,
}

impl Target {
    /// A target of a format of bytes without a checksum.
    pub const BYTES: Self = Self {
        name: "",
        file: "input",
        seeds: Vec::new,
        words: &[],
        is_text: false,
        has_checksum: false,
        memory: 128,
        read: |_| Ok(0),
    };

    /// The same for text.
    pub const TEXT: Self = Self { is_text: true, ..Self::BYTES };

    /// The same for a zip archive, whose directory takes more in memory than in the file.
    const ZIPPED: Self = Self { memory: 1024, has_checksum: true, ..Self::BYTES };

    /// Input `number` of the stream with this seed; `seeds` are the target's whole files. The first
    /// inputs are those files as they are.
    pub fn input(&self, seeds: &[Vec<u8>], seed: u64, number: u64) -> Input {
        if let Some(bytes) = usize::try_from(number).ok().and_then(|number| seeds.get(number)) {
            return Input { bytes: bytes.clone(), seed: number as usize, change: Change::None };
        }
        let mut random = Noise::new(seed).generator(Stream::Corrupt, self.key(), number);
        let chosen = mutate::below(&mut random, seeds.len());
        let mut bytes = seeds[chosen].clone();
        let change = if random.random_range(0..3) == 0 { Change::Damage } else { Change::Edit };
        let material = Material { seeds, words: self.words, is_text: self.is_text };
        for _ in 0..1u32 << random.random_range(0..4) {
            if change == Change::Damage {
                mutate::damage(&mut random, &mut bytes);
            } else {
                mutate::edit(&mut random, &mut bytes, &material);
            }
        }
        Input { bytes, seed: chosen, change }
    }

    /// A number for the name, so that no two targets get the same changes.
    fn key(&self) -> u64 {
        let digest = Sha256::digest(self.name);
        digest.iter().take(8).fold(0, |key, &byte| key << 8 | u64::from(byte))
    }
}

/// All targets of this crate.
pub fn targets() -> Vec<Target> {
    #[cfg(feature = "flex")]
    let models = models::TARGETS;
    #[cfg(not(feature = "flex"))]
    let models = &[];
    [
        images::TARGETS,
        own_images::TARGETS,
        sequences::TARGETS,
        tables::TARGETS,
        archives::TARGETS,
        runs::TARGETS,
        models,
    ]
    .concat()
}

/// The digest of what was read, and an error as people see it.
fn outcome<T: Hash, E: std::fmt::Display>(read: Result<T, E>) -> Result<u64, String> {
    read.map(|content| hashed(&content)).map_err(|error| format!("{error:#}"))
}

fn hashed(content: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

/// The bytes of a file, for readers that are given them.
fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
