//! One input given to a reader, and what came of it.

use std::{
    fmt, fs,
    path::Path,
    time::{Duration, Instant},
};

use super::{Change, Input, Target};
use shared::{
    allocation::peak_of,
    panics::{Panic, caught},
};

/// Bytes of memory that a reader may take whatever the file: buffers, tables of an unpacker.
const FLOOR: usize = 16 << 20;
/// Where a reader that runs wild is stopped, together with the program.
const CEILING: usize = 2 << 30;
/// A file of a quarter of a megabyte takes longer only if its reader tries everything with everything.
/// Generous, since tests run unoptimised on machines that do other work.
const SLOW: Duration = Duration::from_secs(3);

/// Which law an input breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The reader panics.
    Panic,
    /// The reader ends the program.
    Abort,
    /// The reader does not come to an end.
    Endless,
    /// More time than the file can justify.
    Slow,
    /// More memory than the file can justify.
    Memory,
    /// Damage is taken for content although there is a checksum.
    Undetected,
    /// A whole file is refused.
    Refused,
    /// An error that says nothing.
    Error,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panic => "panic",
            Self::Abort => "abort",
            Self::Endless => "endless",
            Self::Slow => "slow",
            Self::Memory => "memory",
            Self::Undetected => "undetected",
            Self::Refused => "refused",
            Self::Error => "error",
        })
    }
}

/// A law that an input breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which law.
    pub kind: Kind,
    /// Where in the code, if that is known: findings of one kind at one place are the same.
    pub place: String,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, place, what } = self;
        if place.is_empty() {
            write!(f, "{kind}: {what}")
        } else {
            write!(f, "{kind} at {place}: {what}")
        }
    }
}

/// Tries inputs on one target, in a folder of its own.
#[derive(Debug)]
pub struct Attempt<'a> {
    target: &'a Target,
    folder: &'a Path,
    /// Digests of the target's whole files.
    whole: Vec<Option<u64>>,
}

impl<'a> Attempt<'a> {
    /// For this target; `folder` is empty and stays so.
    pub fn new(target: &'a Target, seeds: &[Vec<u8>], folder: &'a Path) -> Self {
        let mut attempt = Self { target, folder, whole: Vec::new() };
        let digest = |bytes: &Vec<u8>| attempt.read(bytes).ok().and_then(|(read, ..)| read.ok());
        attempt.whole = seeds.iter().map(digest).collect();
        attempt
    }

    /// Gives an input to the reader: true if it was accepted, or what is wrong with the reader.
    ///
    /// # Errors
    /// The law that the input breaks.
    pub fn with(&self, input: &Input) -> Result<bool, Finding> {
        let (read, peak, mut time) = self.read(&input.bytes)?;
        // Another program may have had the processor.
        for _ in 0..2 {
            if time > SLOW {
                time = time.min(self.read(&input.bytes)?.2);
            }
        }
        let finding = |kind, what| Err(Finding { kind, place: String::new(), what });
        let size = input.bytes.len();
        if time > SLOW {
            return finding(Kind::Slow, format!("{:.1} s for {size} bytes", time.as_secs_f64()));
        }
        if peak > FLOOR + self.target.memory * size {
            return finding(
                Kind::Memory,
                format!("{peak} bytes of memory for {size} bytes of file"),
            );
        }
        match read {
            Ok(digest) if self.target.has_checksum && input.change == Change::Damage => {
                if self.whole.get(input.seed) == Some(&Some(digest)) {
                    return Ok(true);
                }
                finding(Kind::Undetected, "damaged content is taken for whole".into())
            }
            Ok(_) => Ok(true),
            Err(error) if input.change == Change::None => finding(Kind::Refused, error),
            Err(error) if error.trim().is_empty() => finding(Kind::Error, "it says nothing".into()),
            Err(_) => Ok(false),
        }
    }

    /// What the reader says, the most memory it took, and how long it took.
    fn read(&self, bytes: &[u8]) -> Result<(Result<u64, String>, usize, Duration), Finding> {
        let path = self.folder.join(self.target.file);
        let missing = |error: std::io::Error| Finding {
            kind: Kind::Error,
            place: String::new(),
            what: format!("{} cannot be used: {error}", path.display()),
        };
        fs::write(&path, bytes).map_err(missing)?;
        let started = Instant::now();
        let (outcome, peak) = peak_of(CEILING, || caught(|| (self.target.read)(&path)));
        let time = started.elapsed();
        fs::remove_file(&path).map_err(missing)?;
        match outcome {
            Ok(read) => Ok((read, peak, time)),
            Err(Panic { place, what }) => Err(Finding { kind: Kind::Panic, place, what }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(read: fn(&Path) -> Result<u64, String>, has_checksum: bool) -> Result<bool, Kind> {
        let target = Target { read, has_checksum, memory: 1, ..Target::BYTES };
        let folder = tempfile::tempdir().unwrap();
        let attempt = Attempt::new(&target, &[b"whole".to_vec()], folder.path());
        let input = Input { bytes: b"damaged".to_vec(), seed: 0, change: Change::Damage };
        attempt.with(&input).map_err(|finding| finding.kind)
    }

    #[test]
    fn each_law_is_watched() {
        assert_eq!(with(|_| Err("line 1 is wrong".into()), true), Ok(false));
        assert_eq!(with(|_| Ok(1), true), Ok(true));
        assert_eq!(with(|path| Ok(fs::read(path).map_or(0, |b| b.len() as u64)), false), Ok(true));
        assert_eq!(
            with(|path| Ok(fs::read(path).map_or(0, |b| b.len() as u64)), true),
            Err(Kind::Undetected)
        );
        assert_eq!(with(|_| panic!("no"), false), Err(Kind::Panic));
        let greedy = |_: &Path| Ok(std::hint::black_box(vec![0u8; FLOOR + 100]).len() as u64);
        assert_eq!(with(greedy, false), Err(Kind::Memory));
        assert_eq!(with(|_| Err(String::new()), false), Err(Kind::Error));
    }
}
