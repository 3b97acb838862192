//! Music of the user's: a folder of MIDI files, or the piano rolls of a MATLAB or JSON file.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    chords::on_piano,
    jsb,
    known::{Keys, Known, PIANO, fitted},
    mat, midi,
    split::{Named, Purpose, cut, read_named},
};
use shared::{
    counted,
    data::{
        AtPath, DataConfig, DataError, DataKind, FetchOptions, Preparation, Source, Splits, Steps,
        all_told, at_key, has_ending, name_and_sha256, name_of,
    },
    progress,
    reading::Mistake,
};

/// `[data.music]`: music of the user's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MusicFiles {
    /// A folder of MIDI files, a piece each, or for questions to a model one of them; or a `.mat` file with the cells `traindata`, `validdata` and
    /// `testdata` of T x 88 zeros and ones; or a `.json` file in the form of `jsb`, with `train`, `valid`
    /// and `test`.
    pub path: PathBuf,
    /// Quarter notes a step, of MIDI files.
    #[serde(default = "quarter")]
    pub beats: f64,
    /// Pieces of more steps are cut into parts of so many.
    #[serde(default = "longest")]
    pub longest: usize,
}

fn quarter() -> f64 {
    1.0
}

fn longest() -> usize {
    200
}

/// Quarter notes a step of a configuration's chords: one where it does not say.
///
/// # Errors
/// A section of another form.
pub fn beats_of(data: &DataConfig) -> Result<f64, DataError> {
    Ok(data.own::<MusicFiles>(Music::NAME)?.map_or_else(quarter, |music| music.beats))
}

/// The set.
#[derive(Debug)]
pub(crate) struct Music;

/// Fewer pieces have no three splits worth the name.
const FEWEST: usize = 3;

impl Music {
    /// Its name, and that of its section of `[data]`.
    const NAME: &str = "music";
}

impl Source for Music {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn about(&self) -> &'static str {
        "Sequences of chords: music of yours, as `[data.music]` says; `--data PATH` names it"
    }

    fn examples(&self) -> DataKind {
        DataKind::Sequences
    }

    fn steps(&self) -> Steps {
        Steps::Chords
    }

    fn own_keys(&self) -> &'static [&'static str] {
        &[Self::NAME]
    }

    fn check(&self, config: &DataConfig) -> Result<(), Mistake> {
        let Some(music) = config.own::<MusicFiles>(Self::NAME)? else { return Ok(()) };
        if !(0.01..=64.0).contains(&music.beats) {
            let problem = format!("{}: quarter notes a step, 0.01 to 64", music.beats);
            return Err(Mistake::in_data(Self::NAME, "beats", problem));
        }
        if music.longest == 0 {
            return Err(Mistake::in_data(Self::NAME, "longest", "0: at least 1 step".into()));
        }
        Ok(())
    }

    fn at_path(&self, path: &Path) -> Option<AtPath> {
        let is_music = ["mat", "json"].iter().any(|ending| has_ending(path, ending))
            || path.is_file() && is_midi(path);
        let has_midi = || pieces(path).is_ok_and(|pieces| !pieces.is_empty());
        (is_music || path.is_dir() && has_midi()).then(|| at_key("data.music.path", path))
    }

    fn is_split_by_seed(&self) -> bool {
        true
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        _: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        music(config, options, Purpose::Fit)
    }

    fn read_for(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: &Preparation,
    ) -> Result<Splits, DataError> {
        fitted::<Keys>(known, Known::KEYS, "chords")?;
        music(config, options, Purpose::Ask)
    }
}

fn music(
    config: &DataConfig,
    options: &FetchOptions,
    purpose: Purpose,
) -> Result<Splits, DataError> {
    let wanted = "a folder of MIDI files, or a file of piano rolls or chords";
    let music: MusicFiles = config.named(Music::NAME, wanted, "FOLDER, FILE.mat or FILE.json")?;
    let path = options.locate(&music.path);
    let wrong = |reason: String| DataError::Format { path: path.clone(), reason };
    let (parts, left_out, files) = if path.is_dir() || is_midi(&path) {
        let Played { pieces, left_out, files } = played(&path, &music).map_err(wrong)?;
        purpose.check(pieces.len(), FEWEST, ["MIDI file", "MIDI files"]).map_err(wrong)?;
        (purpose.dealt(pieces, config.split_seed.unwrap_or(1)), left_out, files)
    } else {
        if config.split_seed.is_some() {
            return Err(DataError::Config("split_seed: the file has splits of its own".into()));
        }
        let bytes = read_named(&path)?;
        let is_json = has_ending(&path, "json");
        let read = if is_json { jsb::parse(&bytes) } else { mat::parse(&bytes) };
        let parts = read.and_then(|splits| purpose.of_three(splits));
        (parts.map_err(wrong)?, 0, [name_and_sha256(&music.path, &bytes)].into())
    };
    let parts = parts.map(|pieces| cut(pieces, music.longest));
    progress::line(&format!(
        "{}: {} sequences of chords, {} steps{}",
        path.display(),
        parts.all().count(),
        parts.all().map(Vec::len).sum::<usize>(),
        left_out_in_words(left_out)
    ));
    on_piano((parts, files), config)
}

/// The end of the line about what was read: how many notes no key of a piano has, if there are such.
fn left_out_in_words(notes: usize) -> String {
    if notes == 0 {
        return String::new();
    }
    format!("; {} outside of the piano's {} keys left out", counted(notes, "note"), PIANO.1)
}

fn is_midi(path: &Path) -> bool {
    let name = name_of(path).unwrap_or_default().to_lowercase();
    (name.ends_with(".mid") || name.ends_with(".midi")) && !name.starts_with('.')
}

/// The MIDI files of a folder, in the order of names.
fn pieces(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_midi(&path) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A piece with its name: its chords, step by step.
type Piece = Named<Vec<Vec<u8>>>;

/// What MIDI files have.
struct Played {
    pieces: Vec<Piece>,
    /// Notes that no key of a piano has.
    left_out: usize,
    /// The checksum of all files.
    files: BTreeMap<String, String>,
}

/// The pieces of a folder, or of one MIDI file.
fn played(path: &Path, music: &MusicFiles) -> Result<Played, String> {
    if !path.is_dir() {
        let bytes = fs::read(path).map_err(|error| format!("cannot read it: {error}"))?;
        let (chords, left_out) = midi::parse(&bytes, music.beats)?;
        let file = name_and_sha256(path, &bytes);
        let pieces = vec![(file.0.clone(), chords)];
        return Ok(Played { pieces, left_out, files: [file].into() });
    }
    let files = pieces(path).map_err(|error| format!("cannot look into it: {error}"))?;
    let (mut read, mut left_out) = (Vec::new(), 0);
    let (mut faults, mut digest) = (Vec::new(), Sha256::new());
    for file in &files {
        let name = name_of(file).unwrap_or_default();
        let bytes = fs::read(file).map_err(|error| error.to_string());
        digest.update(name.as_bytes());
        digest.update([0]);
        digest.update(bytes.as_deref().unwrap_or_default());
        match bytes.and_then(|bytes| midi::parse(&bytes, music.beats)) {
            Ok((chords, beyond)) => {
                read.push((name, chords));
                left_out += beyond;
            }
            Err(reason) => faults.push(format!("{name}: {reason}")),
        }
    }
    if !faults.is_empty() {
        return Err(all_told(&faults));
    }
    let name = format!("{}/", name_of(path).unwrap_or_default());
    let files = BTreeMap::from([(name, hex::encode(digest.finalize()))]);
    Ok(Played { pieces: read, left_out, files })
}

#[cfg(test)]
mod tests {
    use shared::data::Binarise;

    use super::*;
    use crate::{SequenceData, mat::tests as roll, midi::tests as song};

    fn loaded(path: &Path, beats: f64) -> Result<Splits, String> {
        let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
        let music = MusicFiles { path: path.into(), beats, longest: 8 };
        let config = DataConfig::new("music", Binarise::None).with("music", music);
        shared::kind::load(&SequenceData, &config, &options, None)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_step_is_a_quarter_where_nothing_else_is_said() {
        let config = DataConfig::new("music", Binarise::None);
        assert_eq!(beats_of(&config).unwrap(), 1.0);
        let music = MusicFiles { path: "songs".into(), beats: 0.25, longest: 8 };
        assert_eq!(beats_of(&config.with("music", music)).unwrap(), 0.25);
    }

    #[test]
    fn midi_rolls_and_json_of_the_same_chords_are_the_same() {
        let work = tempfile::tempdir().unwrap();
        fs::create_dir(work.path().join("songs")).unwrap();
        for (name, lowest) in [("40.mid", 40), ("50.MIDI", 50), ("60.mid", 60)] {
            let notes: Vec<(u32, u32, u8, u8)> = (0..10)
                .map(|step| (480 * step, 480 * (step + 1), 0, lowest + step as u8))
                .collect();
            fs::write(work.path().join("songs").join(name), song::file(&notes)).unwrap();
        }
        // As the seed deals the songs.
        let songs = loaded(&work.path().join("songs"), 1.0).unwrap();
        let [train, valid, test] = [songs.train, songs.valid, songs.test].map(|split| {
            let lowest: u8 = split.name(0).unwrap()[..2].parse().unwrap();
            (lowest..lowest + 10).map(|key| [key]).collect::<Vec<_>>()
        });
        let rolls =
            [&train, &valid, &test].map(|keys| keys.iter().map(|key| &key[..]).collect::<Vec<_>>());
        let [a, b, c] = rolls.each_ref().map(|roll| [&roll[..]]);
        fs::write(work.path().join("rolls.mat"), roll::file([&a, &b, &c], true)).unwrap();
        let json = serde_json::json!({"train": [train], "valid": [valid], "test": [test]});
        fs::write(work.path().join("chords.json"), json.to_string()).unwrap();
        let mut all = Vec::new();
        for name in ["songs", "rolls.mat", "chords.json"] {
            let splits = loaded(&work.path().join(name), 1.0).unwrap();
            // Ten steps are cut after eight.
            let lengths =
                [&splits.train, &splits.valid, &splits.test].map(shared::data::Split::len);
            assert_eq!(lengths, [2, 2, 2], "{name}");
            all.push([&splits.train, &splits.valid, &splits.test].map(|split| split.grey(&[0, 1])));
        }
        assert_eq!(all[0], all[1]);
        assert_eq!(all[0], all[2]);
        assert_eq!(all[0][0].sum(), 10.0);
    }

    #[test]
    fn a_question_takes_every_piece_by_its_name_and_one_file_is_enough() {
        let work = tempfile::tempdir().unwrap();
        let notes: Vec<(u32, u32, u8, u8)> =
            (0..10).map(|step| (480 * step, 480 * (step + 1), 0, 60 + step as u8)).collect();
        for name in ["a.mid", "b.mid", "c.mid"] {
            fs::write(work.path().join(name), song::file(&notes)).unwrap();
        }
        let known = Preparation::of(&loaded(work.path(), 1.0).unwrap());
        let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
        let names = |path: &Path, known: &Preparation| {
            let music = MusicFiles { path: path.into(), beats: 1.0, longest: 8 };
            let config = DataConfig::new("music", Binarise::None).with("music", music);
            let splits = Music.read_for(&config, &options, known)?;
            assert!(splits.train.is_empty() && splits.valid.is_empty());
            let name = |index| splits.test.name(index).unwrap_or_default().to_owned();
            Ok::<_, DataError>((0..splits.test.len()).map(name).collect::<Vec<_>>())
        };
        let one = names(&work.path().join("b.mid"), &known).unwrap();
        assert_eq!(one, ["b.mid, part 1", "b.mid, part 2"]);
        assert_eq!(names(work.path(), &known).unwrap().len(), 6);
        let other = Preparation { own: Default::default(), ..known };
        let told = names(work.path(), &other).unwrap_err().to_string();
        assert!(told.contains("these are chords, and the run was fitted to other data"), "{told}");
    }

    #[test]
    fn notes_that_no_piano_has_are_counted_over_all_files() {
        let work = tempfile::tempdir().unwrap();
        for (name, beyond) in [("a.mid", 16), ("b.mid", 109), ("c.mid", 61)] {
            let notes = [(0, 480, 0, 60), (0, 480, 1, beyond)];
            fs::write(work.path().join(name), song::file(&notes)).unwrap();
        }
        let music = MusicFiles { path: work.path().into(), beats: 1.0, longest: 8 };
        let of = |path: &Path| left_out_in_words(played(path, &music).unwrap().left_out);
        assert_eq!(of(work.path()), "; 2 notes outside of the piano's 88 keys left out");
        assert_eq!(
            of(&work.path().join("a.mid")),
            "; 1 note outside of the piano's 88 keys left out"
        );
        assert_eq!(of(&work.path().join("c.mid")), "");
    }

    #[test]
    fn what_cannot_be_played_is_told_with_every_file() {
        let work = tempfile::tempdir().unwrap();
        let told = |path: &Path| loaded(path, 1.0).unwrap_err();
        fs::write(work.path().join("one.mid"), song::file(&[(0, 480, 0, 60)])).unwrap();
        assert!(told(work.path()).contains("1 MIDI file: at least 3"));
        fs::write(work.path().join("silent.mid"), song::file(&[])).unwrap();
        fs::write(work.path().join("text.mid"), "la la la").unwrap();
        let said = told(work.path());
        assert!(
            said.contains("silent.mid: no note") && said.contains("text.mid: no MIDI"),
            "{said}"
        );
        assert!(loaded(work.path(), 0.0).unwrap_err().contains("music.beats"));
        fs::write(work.path().join("a.mat"), "no").unwrap();
        assert!(told(&work.path().join("a.mat")).contains("no MAT file of level 5"));
    }
}
