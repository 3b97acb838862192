//! Bach's four-part chorales out of the package music21, for those who cannot get the published split:
//! zipped MusicXML in a wheel, which is a zip archive too.

use std::{collections::HashSet, fs, path::Path};

use super::{archive::Archive, catalogue::BACH, chords::Chords, musicxml, split::dealt};
use shared::{
    data::{DataError, FetchOptions, fetch, published},
    progress,
};

const FOLDER: &str = "music21/corpus/bach/";
/// Voices of a chorale.
const VOICES: usize = 4;
/// Bytes of a zipped chorale; they have some thousand.
const LARGEST: u64 = 1 << 24;
/// A piece of less is an excerpt.
const SHORTEST: usize = 8;

/// The chorales by name in an order drawn once, a fifth each for validation and test.
pub(super) fn load(options: &FetchOptions) -> Result<Chords, DataError> {
    let set = &BACH;
    let path = fetch(set, options)?.remove(0);
    progress::line(&format!("bach: reading the chorales of {}", path.display()));
    let chorales = read(&path).map_err(|reason| {
        let reason = format!("{reason}; delete it to have it fetched again");
        DataError::Format { path: path.clone(), reason }
    })?;
    let held_out = chorales.len() / 5;
    let (pool, test) = dealt(&chorales, held_out, 1);
    Ok((pool, test, held_out, published(set)))
}

/// Chords by quarter note of every four-part piece.
pub fn read(wheel: &Path) -> Result<Vec<Vec<Vec<u8>>>, String> {
    let bytes = fs::read(wheel).map_err(|e| e.to_string())?;
    let mut archive = Archive::open(&bytes, "wheel")?;
    let mut names: Vec<String> = archive
        .names()
        .filter(|name| name.starts_with(FOLDER) && name.ends_with(".mxl"))
        .map(String::from)
        .collect();
    names.sort_unstable();
    let (mut chorales, mut known) = (Vec::new(), HashSet::new());
    for name in names {
        let bytes = archive.member(&name, LARGEST)?;
        let about = |reason: String| format!("{name}: {reason}");
        if musicxml::parts(&bytes).map_err(about)? != VOICES {
            continue;
        }
        let chords = musicxml::chords_by_quarter(&bytes).map_err(about)?;
        // Some stand there twice, and would be in two splits.
        if chords.len() >= SHORTEST && known.insert(chords.clone()) {
            chorales.push(chords);
        }
    }
    Ok(chorales)
}
