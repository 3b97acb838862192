//! Event files that TensorBoard reads: `train --log tensorboard`.
//!
//! A file is a row of records, length, checksum, event, checksum; an event is a protocol buffer (event.proto and
//! summary.proto of TensorFlow). A tracker that cannot write says so once and never stops a training.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use files::Message;
use terminal::progress;

use super::{EpochLine, FitBegin, RunFolder, Tracker};

/// The folder of a run that holds its event files; each phase of a fit has a folder in it.
const EVENTS: &str = "tensorboard";

/// Event files in the run's folder.
#[derive(Debug, Default)]
pub struct TensorBoard(Option<Events>);

impl Tracker for TensorBoard {
    fn begin(&mut self, fit: &FitBegin<'_>) {
        let epochs = fit.lines.last().map_or(0, |line| line.epoch);
        self.0 = (!fit.is_over).then(|| Events::begin(fit.folder, epochs));
    }

    fn epoch(&mut self, line: &EpochLine) {
        if let Some(events) = &mut self.0 {
            events.epoch(line);
        }
    }
}

/// The events of one fit; nothing after the first that could not be written.
#[derive(Debug)]
struct Events {
    file: Option<File>,
    folder: PathBuf,
    strip: PathBuf,
    /// When the strip of snapshots was last written.
    drawn: Option<SystemTime>,
}

impl Events {
    /// A new file in the run's folder for what comes after `epochs` whole epochs. Of earlier sessions, the
    /// epochs that are fitted again are forgotten.
    fn begin(run: &RunFolder, epochs: usize) -> Self {
        let strip = run.file(RunFolder::STRIP);
        let (folder, root) = place(run);
        let file = created(&folder);
        let mut events = Self { drawn: modified(&strip), strip, file: None, folder };
        match file {
            Ok(file) => events.file = Some(file),
            Err(error) => events.stop(&error),
        }
        // Every file begins so.
        events.write(event(0).text(3, "brain.Event:2"));
        // A session starts: what has this step or a later one is purged.
        let start = Message::default().whole(1, 1);
        events.write(event(epochs as i64 + 1).message(7, &start));
        // A fit may go on with other epochs or another rate.
        if let Ok(config) = fs::read_to_string(root.join(RunFolder::CONFIG)) {
            events.write(event(epochs as i64 + 1).message(5, &text("config", &config)));
        }
        events
    }

    /// The figures of an epoch, and the strip of snapshots if there is a new one.
    fn epoch(&mut self, line: &EpochLine) {
        let mut summary = Message::default();
        for (tag, value) in line.scalars() {
            summary = summary.message(1, &scalar(&tag, value));
        }
        let drawn = modified(&self.strip);
        if drawn != self.drawn
            && let Ok(png) = fs::read(&self.strip)
        {
            summary = summary.message(1, &picture("snapshots", &png));
            self.drawn = drawn;
        }
        self.write(event(line.epoch as i64).message(5, &summary));
    }

    fn write(&mut self, event: Message) {
        let Some(file) = &mut self.file else { return };
        let written = file.write_all(&record(&event.into_bytes())).and_then(|()| file.flush());
        if let Err(error) = written {
            self.stop(&error);
        }
    }

    fn stop(&mut self, error: &io::Error) {
        self.file = None;
        let folder = self.folder.display();
        progress::line(&format!(
            "--log tensorboard: {folder}: {error}; training goes on without it"
        ));
    }
}

/// Where the events of a run, or of one of its phases, go; and the run's own folder.
fn place(run: &RunFolder) -> (PathBuf, PathBuf) {
    let root = run.root();
    let events = root.join(EVENTS);
    (run.phase_name().map_or(events.clone(), |phase| events.join(phase)), root)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// A new file; files are read in the order of their names.
fn created(folder: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let seconds = now() as u64;
    let name = |number: u32| folder.join(format!("events.out.tfevents.{seconds}.{number:03}"));
    let path = (0..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0));
    OpenOptions::new().create_new(true).append(true).open(path)
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// An event of a step, without its content.
fn event(step: i64) -> Message {
    Message::default().double(1, now()).whole(2, step)
}

fn scalar(tag: &str, value: f64) -> Message {
    Message::default().text(1, tag).float(2, value as f32)
}

/// A value that is shown as text; a TOML file as code.
fn text(tag: &str, toml: &str) -> Message {
    /// What a tensor of strings is called.
    const STRING: i64 = 7;
    let one = Message::default().whole(1, 1);
    let shape = Message::default().message(2, &one);
    let shown = format!("```toml\n{toml}\n```");
    let tensor = Message::default().whole(1, STRING).message(2, &shape).text(8, &shown);
    let metadata = Message::default().message(1, &Message::default().text(1, "text"));
    let value = Message::default().text(1, tag).message(8, &tensor).message(9, &metadata);
    Message::default().message(1, &value)
}

/// A PNG file.
fn picture(tag: &str, png: &[u8]) -> Message {
    let length = |at: usize| {
        let bytes = png.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        i64::from(bytes.map_or(0, u32::from_be_bytes))
    };
    let (width, height) = (length(16), length(20));
    let image = Message::default().whole(1, height).whole(2, width).whole(3, 3).bytes(4, png);
    Message::default().text(1, tag).message(4, &image)
}

/// An event as it stands in a file.
fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked(crc32c(&length)).to_le_bytes());
    record.extend(event);
    record.extend(masked(crc32c(event)).to_le_bytes());
    record
}

/// The cyclic redundancy check with Castagnoli's polynomial.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}

/// A checksum of checksums would be weak: TensorFlow's files have it rotated and shifted.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_check_is_castagnolis() {
        // RFC 3720, B.4, and the usual string of digits.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    fn line(epoch: usize) -> EpochLine {
        let loss = BTreeMap::from([("loss".to_owned(), 1.5)]);
        EpochLine { epoch, rate: 0.1, train: loss.clone(), valid: loss }
    }

    /// Records of all files in the order of their names, each checked.
    fn events(run: &RunFolder) -> Vec<Vec<u8>> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(run.file(EVENTS)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let mut events = Vec::new();
        for file in files {
            let bytes = fs::read(file).unwrap();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
                let event = rest[12..12 + length].to_vec();
                assert_eq!(rest[..16 + length], record(&event));
                events.push(event);
                rest = &rest[16 + length..];
            }
        }
        events
    }

    #[test]
    fn a_continued_fit_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(folder.path().join("run"), "seed = 1\n", false).unwrap();
        let mut first = Events::begin(&run, 0);
        first.epoch(&line(1));
        first.epoch(&line(2));
        Events::begin(&run, 1).epoch(&line(2));
        // Version, start and configuration; then the epochs.
        assert_eq!(events(&run).len(), 3 + 2 + 3 + 1);
    }

    #[test]
    fn a_tracker_that_cannot_write_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(folder.path().join("run"), "seed = 1\n", false).unwrap();
        fs::write(run.file(EVENTS), "a file, no folder").unwrap();
        Events::begin(&run, 0).epoch(&line(1));
        assert_eq!(fs::read_to_string(run.file(EVENTS)).unwrap(), "a file, no folder");
    }
}
