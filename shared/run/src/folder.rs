use std::{
    collections::BTreeMap,
    fs::{self, DirEntry},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use anyhow::{Context, Result, anyhow};
use files::{
    CHECKSUMS, Checksums, Damage, json,
    reading::{Places, from_table, syntax},
    temporary_folder,
};
use serde::{Serialize, de::DeserializeOwned};
use weights::{BURN_WEIGHTS, DESCRIPTION, NamedTensor, WEIGHTS, description, tensor_bytes};

use super::{
    Record, RunData,
    lock::{LOCK, RunLock},
    replaced::{REPLACED, REPLACING, finish, forget, is_torn, restore, set_aside},
};
use crate::metric::Metric;

/// Folder of a run's checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";
/// File of a checkpoint that identifies its run: [`RunFolder::identity`].
pub const OWNER: &str = "run.json";
/// Prefix of a folder that is not complete yet.
pub const UNFINISHED: &str = ".writing-";

/// What a run consists of, in its folder or that of a phase. Pictures and tables that a command draws are made again
/// instead, and a tracker's thread writes its own file: no checksum of these would hold.
const STATE: [&str; 9] = [
    RunFolder::CONFIG,
    RunData::FILE,
    RunFolder::RECORD,
    RunFolder::OTHER_RECORD,
    RunFolder::METRICS,
    RunFolder::LATENTS,
    DESCRIPTION,
    BURN_WEIGHTS,
    WEIGHTS,
];

/// How the names of pictures and tables end that commands draw.
const DRAWN: [&str; 7] = [".png", ".svg", ".gif", ".csv", ".npz", ".txt", ".html"];

/// Why a run's folder cannot be used. What may be done about it is by options that only some commands have: they add
/// them.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder exists already.
    #[error("{0} holds a run already")]
    Exists(PathBuf),
    /// What is there would be lost, and is not a run.
    #[error(
        "{0} is not empty and holds no run: it is left alone; empty it, or name another folder"
    )]
    NotARun(PathBuf),
    /// There is nothing.
    #[error("{0} holds no run (no config.toml): train one first, or name another folder")]
    Missing(PathBuf),
    /// Whether there is something cannot be seen.
    #[error("cannot look into {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// It is no longer there.
    #[error("{0} was moved or removed while its run went on: nothing more is written there")]
    Gone(PathBuf),
    /// It is being written to.
    #[error("{0} is in use: another process trains or evaluates this run; wait for it to end")]
    Busy(PathBuf),
    /// It is in the cache, unpacked.
    #[error("{0} is a bundle, and no command writes into one: {ADVICE}")]
    Bundle(String),
    /// The same for a file that may be written elsewhere.
    #[error(
        "{0} is a bundle, and no command writes into one: name the file to write with --to, or {ADVICE}"
    )]
    BundleWithoutTo(String),
}

/// What to do instead of writing into a bundle.
const ADVICE: &str = "make a run of it with `cargo xtask bundle --unpack FILE --out runs` and name its folder with --run";

/// The folder of one run: what is written there carries a checksum, and one process writes at a time.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
    writing: Arc<Mutex<Writing>>,
    /// The bundle it was unpacked from, if it is never written to.
    bundle: Option<String>,
}

/// Whether and how the run is being written to; one for its folder and those of its phases.
#[derive(Debug)]
struct Writing {
    /// The folder of the whole run.
    root: PathBuf,
    lock: Option<RunLock>,
    continued: Option<Continued>,
    /// Identity of the run, carried by its checkpoints.
    identity: Option<String>,
}

impl Writing {
    /// Something is written: the lock's file stays.
    fn used(&mut self) {
        if let Some(lock) = &mut self.lock {
            lock.used();
        }
    }
}

/// Work to do before the first change of a resumed run.
#[derive(Debug)]
struct Continued {
    config: String,
    stale: Vec<&'static str>,
}

impl RunFolder {
    /// Name of the resolved configuration.
    pub const CONFIG: &str = "config.toml";
    /// Name of the record.
    pub const RECORD: &str = "record.json";
    /// Name of the record of an evaluation on other data than the run's.
    pub const OTHER_RECORD: &str = "record-other-data.json";
    /// Name of the figures of every epoch.
    pub const METRICS: &str = "metrics.jsonl";
    /// Name of the picture of all snapshots.
    pub const STRIP: &str = "snapshots.png";
    /// Name of the table of latents.
    pub const LATENTS: &str = "latents.csv";

    /// A new, empty folder with the resolved configuration in it, locked.
    ///
    /// # Errors
    /// If there is a run already and `force` is not set, or anything else; with `force`, if
    /// another process writes into that run.
    pub fn create(path: PathBuf, config: &str, force: bool) -> Result<Self> {
        let run = Self::planned(path, force)?;
        run.make(config, force)?;
        Ok(run)
    }

    /// The folder of a run that is not made yet: nothing is changed, and what is there stays until [`Self::make`]. A
    /// run that a killed process left in two parts is put together.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn planned(path: PathBuf, force: bool) -> Result<Self> {
        let run = Self::at(path);
        if is_torn(&run.path) {
            run.lock()?;
        }
        refuse_occupied(&run.path, force)?;
        if run.path.is_dir() {
            run.lock()?;
        }
        Ok(run)
    }

    /// Makes a [planned](Self::planned) folder, with the resolved configuration in it, locked. A run that is there is put
    /// aside until this one [has weights](Self::write_weights).
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn make(&self, config: &str, force: bool) -> Result<()> {
        let Self { path, .. } = self;
        fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        self.lock()?;
        // Now that nobody else can make a run of it.
        refuse_occupied(path, force)?;
        set_aside(path).with_context(|| format!("cannot replace {}", path.display()))?;
        self.locked_by(RunLock::take)?.used();
        Checksums::write_file(path, Self::CONFIG, config.as_bytes())
    }

    /// Puts the run back that was there before, in place of one that came to nothing; false if there was none.
    ///
    /// # Errors
    /// If files cannot be moved.
    pub fn restore_replaced(&self) -> Result<bool> {
        restore(&self.path).with_context(|| {
            format!("{} has the run that was there", self.path.join(REPLACED).display())
        })
    }

    /// The folder of a run that was started, for reading until something is written. One that a killed process left in
    /// two parts is put together.
    ///
    /// # Errors
    /// If there is none, or the folder cannot be read.
    pub fn open(path: PathBuf) -> Result<Self, RunError> {
        if is_torn(&path)
            && let Err(error) = put_together(&path)
        {
            return Err(RunError::Unreadable(path, io::Error::other(format!("{error:#}"))));
        }
        match fs::metadata(path.join(Self::CONFIG)) {
            Ok(file) if file.is_file() => Ok(Self::at(path)),
            Err(error)
                if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Err(RunError::Unreadable(path, error))
            }
            _ => Err(RunError::Missing(path)),
        }
    }

    /// The same for one that was unpacked from a bundle, which the user knows by this name: nothing is written
    /// into it.
    pub(crate) fn open_bundle(path: PathBuf, bundle: String) -> Result<Self, RunError> {
        Ok(Self { bundle: Some(bundle), ..Self::open(path)? })
    }

    /// True if it is never written to.
    pub fn is_bundle(&self) -> bool {
        self.bundle.is_some()
    }

    fn at(path: PathBuf) -> Self {
        let writing = Writing { root: path.clone(), lock: None, continued: None, identity: None };
        Self { path, writing: Arc::new(Mutex::new(writing)), bundle: None }
    }

    /// Sets the identity of the run. Each checkpoint carries it; one that carries another is not
    /// used.
    pub fn identify(&self, identity: String) {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner).identity = Some(identity);
    }

    /// The identity set by [`Self::identify`].
    pub fn identity(&self) -> Option<String> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner).identity.clone()
    }

    /// Keeps other processes from writing into the run as long as this folder or a clone of it lives;
    /// every change does so.
    ///
    /// # Errors
    /// [`RunError::Busy`] if another process writes there.
    pub fn lock(&self) -> Result<()> {
        self.locked_by(RunLock::take).map(drop)
    }

    /// The same, after waiting for another process to end.
    ///
    /// # Errors
    /// If the folder cannot be locked.
    pub fn wait(&self) -> Result<()> {
        self.locked_by(RunLock::wait).map(drop)
    }

    fn locked_by(
        &self,
        take: impl FnOnce(&Path) -> Result<RunLock>,
    ) -> Result<MutexGuard<'_, Writing>> {
        if let Some(bundle) = &self.bundle {
            return Err(RunError::Bundle(bundle.clone()).into());
        }
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if writing.lock.is_none() {
            let lock = take(&writing.root)?;
            finish_moves(&writing.root)?;
            writing.lock = Some(lock);
        }
        Ok(writing)
    }

    /// From now on, the first change of this run also writes the new configuration. It removes the files `stale`,
    /// which could be mistaken for new ones, and what a process that was killed had not written whole. Until then, a
    /// run that cannot be resumed stays as it is.
    ///
    /// # Errors
    /// As [`Self::lock`].
    pub fn continue_with(&self, config: String, stale: Vec<&'static str>) -> Result<()> {
        self.locked_by(RunLock::take)?.continued = Some(Continued { config, stale });
        Ok(())
    }

    /// To be called before anything in the folder is changed, by whatever does not write through
    /// [`Self::write`].
    ///
    /// # Errors
    /// As [`Self::lock`], if the folder was moved or removed, and if files cannot be written.
    pub fn begin_change(&self) -> Result<()> {
        let mut writing = self.locked_by(RunLock::take)?;
        if !writing.root.join(Self::CONFIG).is_file() {
            // What is written now would make a folder that is no run.
            return Err(RunError::Gone(writing.root.clone()).into());
        }
        writing.used();
        if let Some(Continued { config, stale }) = writing.continued.take() {
            Checksums::remove_files(&writing.root, &stale)?;
            remove_unfinished(&writing.root);
            write_listed(&writing.root, Self::CONFIG, config.as_bytes())?;
        }
        Ok(())
    }

    /// Writes a file of the run with its checksum.
    ///
    /// # Errors
    /// If another process writes into the run, or the file cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.begin_change()?;
        write_listed(&self.path, name, bytes)
    }

    /// Writes weights and a description of the architecture; the weights last, since they make the run finished.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_weights(
        &self,
        tensors: &[NamedTensor],
        paper: &str,
        citation: &str,
        config: &serde_json::Value,
    ) -> Result<()> {
        self.write_json(DESCRIPTION, &description(tensors, paper, citation, config))?;
        self.write(WEIGHTS, &tensor_bytes(tensors)?)?;
        forget(&self.path)
            .with_context(|| format!("cannot remove {}", self.path.join(REPLACED).display()))
    }

    /// Writes a value as indented JSON, with its checksum.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        self.write(name, json(&self.file(name), value)?.as_bytes())
    }

    /// Content of a file of the run, which must be as it was written; in a run without checksums,
    /// whatever it is.
    ///
    /// # Errors
    /// A file that cannot be read or was changed.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Damage> {
        match Checksums::read(&self.path)? {
            Some(checksums) => checksums.checked(&self.path, name),
            None => fs::read(self.file(name))
                .map_err(|error| Damage::Unreadable { path: self.file(name), error }),
        }
    }

    /// True if the file is there, whole or damaged, or has been.
    ///
    /// # Errors
    /// Checksums that are damaged.
    pub fn has(&self, name: &str) -> Result<bool, Damage> {
        let checksums = Checksums::read(&self.path)?;
        Ok(checksums.map_or_else(|| self.file(name).is_file(), |checksums| checksums.has(name)))
    }

    /// Every file of the run's state that is not as it was written. A run without checksums has none; that it has
    /// no checksums is said.
    ///
    /// # Errors
    /// Checksums that are themselves damaged.
    pub fn damaged(&self) -> Result<Vec<Damage>, Damage> {
        let Some(checksums) = Checksums::read(&self.path)? else {
            say_unchecked(&self.path);
            return Ok(Vec::new());
        };
        let damage = |name| checksums.checked(&self.path, name).err();
        // Earlier versions listed the tables of other commands too.
        let listed = checksums.names().filter(|name| STATE.contains(name));
        Ok(listed.filter_map(damage).collect())
    }

    /// The folder inside this one for one phase of a fit that has several; made with its first file.
    pub fn phase(&self, name: &str) -> Self {
        Self { path: self.path.join(CHECKPOINTS).join(name), ..self.clone() }
    }

    /// Takes a phase over from `other`, whose fit so far is the same.
    ///
    /// # Errors
    /// If it cannot be copied.
    pub fn copy_phase(&self, other: &Self, name: &str) -> Result<()> {
        self.begin_change()?;
        let (from, to) = (other.phase(name).path, self.phase(name).path);
        let copy = || -> std::io::Result<()> {
            let folder = to.parent().unwrap_or(&to);
            fs::create_dir_all(folder)?;
            let work = temporary_folder(folder, UNFINISHED)?;
            copy_folder(&from, work.path())?;
            share_checkpoints(work.path())?;
            fs::rename(work.path(), &to)?;
            // Renamed away: nothing is left to clean up.
            let _ = work.keep();
            Ok(())
        };
        copy().with_context(|| format!("cannot copy {}", from.display()))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the whole run, of which this may be a phase.
    pub fn root(&self) -> PathBuf {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner).root.clone()
    }

    /// The name of the phase, unless this is the folder of the whole run.
    pub fn phase_name(&self) -> Option<String> {
        let name = self.path.file_name()?.to_string_lossy().into_owned();
        (self.root() != self.path).then_some(name)
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A file in it that is not of its state, such as a picture, to be written.
    ///
    /// # Errors
    /// If nothing is written into the run; the advice is `--to`.
    pub fn new_file(&self, name: &str) -> Result<PathBuf, RunError> {
        match &self.bundle {
            Some(bundle) => Err(RunError::BundleWithoutTo(bundle.clone())),
            None => Ok(self.file(name)),
        }
    }

    /// Names of the pictures and tables that were last written before `time`, in order: a fit that has gone on since does
    /// not draw them again.
    pub fn drawn_before(&self, time: SystemTime) -> Vec<String> {
        let is_older = |entry: &DirEntry| {
            let modified = entry.metadata().and_then(|file| file.modified());
            modified.is_ok_and(|modified| modified < time)
        };
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(is_older)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !STATE.contains(&name.as_str()))
            .filter(|name| DRAWN.iter().any(|ending| name.ends_with(ending)))
            .collect();
        names.sort();
        names
    }

    /// Text of the run's configuration.
    ///
    /// # Errors
    /// If it cannot be read or was edited.
    pub fn config_text(&self) -> Result<String> {
        let bytes = self.read(Self::CONFIG).map_err(|damage| match damage {
            Damage::Changed { .. } => anyhow!(
                "{damage}: undo the change; to train with other values, `train --config FILE --name \
                 ANOTHER` makes another run of this file"
            ),
            damage => damage.into(),
        })?;
        String::from_utf8(bytes)
            .with_context(|| format!("{} is not UTF-8", self.file(Self::CONFIG).display()))
    }

    /// The run's configuration.
    ///
    /// # Errors
    /// If it cannot be read, was edited or belongs to another paper.
    pub fn config<C: DeserializeOwned + Serialize>(&self) -> Result<C> {
        let path = self.file(Self::CONFIG);
        let text = self.config_text()?;
        let not = || {
            let place = path.display();
            format!(
                "{place} is not a configuration of this paper; is it the run of another program?"
            )
        };
        let name = Self::CONFIG;
        let table = toml::from_str(&text)
            .map_err(|e| anyhow!(syntax(name, &text, &e)))
            .with_context(not)?;
        let places = Places::new(name, text);
        from_table(&table).map_err(|mistake| anyhow!(places.message(&mistake))).with_context(not)
    }

    /// The run's record, if it was evaluated.
    ///
    /// # Errors
    /// If it cannot be read or was changed.
    pub fn record(&self) -> Result<Option<Record>> {
        let bytes = match self.read(Self::RECORD) {
            Ok(bytes) => bytes,
            Err(Damage::Missing { .. }) => return Ok(None),
            Err(Damage::Unreadable { error, .. }) if error.kind() == ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(damage) => return Err(damage.into()),
        };
        let record = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is not a record", self.file(Self::RECORD).display()))?;
        Ok(Some(record))
    }

    /// Adds metrics that a command of its own found to the run's record, if it has one.
    ///
    /// # Errors
    /// If another process writes into the run, or the record cannot be read or written.
    pub fn add_metrics(&self, metrics: BTreeMap<String, Metric>) -> Result<()> {
        self.lock()?;
        let Some(mut record) = self.record()? else { return Ok(()) };
        record.metrics.extend(metrics);
        self.write_json(Self::RECORD, &record)
    }
}

/// Puts together a run that a killed process left in two parts, unless another process may be moving it.
fn put_together(folder: &Path) -> Result<()> {
    match RunLock::take(folder) {
        Ok(lock) if lock.is_held() => finish_moves(folder),
        Err(error) if !matches!(error.downcast_ref(), Some(RunError::Busy(_))) => Err(error),
        _ => Ok(()),
    }
}

fn finish_moves(folder: &Path) -> Result<()> {
    finish(folder)
        .with_context(|| format!("{} was half moved and cannot be put back", folder.display()))
}

/// Writes a file with its checksum. A folder of an earlier version, which has no checksums, gets those of its state
/// first.
fn write_listed(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    if Checksums::read(folder)?.is_none() {
        let mut found = Checksums::default();
        for own in STATE.into_iter().filter(|own| folder.join(own).is_file()) {
            let path = folder.join(own);
            let content =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            found.add(own, &content);
        }
        // The first file of a run comes before its list.
        if found != Checksums::default() {
            found.write(folder)?;
        }
    }
    Checksums::write_file(folder, name, bytes)
}

/// Reports that nothing in `folder` can be checked.
pub fn say_unchecked(folder: &Path) {
    terminal::progress::line(&format!(
        "{} has no {CHECKSUMS} (an earlier version wrote it, or the list was deleted): its files are \
         taken as they are",
        folder.display()
    ));
}

/// A new run may go where nothing is, or with `force` where a run is.
fn refuse_occupied(path: &Path, force: bool) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let is_occupied = fs::read_dir(path)
        .with_context(|| format!("cannot look into {}", path.display()))?
        .any(|entry| entry.is_ok_and(|entry| !is_left_by_a_start(&entry)));
    if !is_occupied {
        return Ok(());
    }
    if !path.join(RunFolder::CONFIG).is_file() {
        return Err(RunError::NotARun(path.into()).into());
    }
    if force { Ok(()) } else { Err(RunError::Exists(path.into()).into()) }
}

/// True for what a process that was killed before it wrote the configuration leaves: its lock, a run that it was to
/// replace, and a file that was not whole yet.
fn is_left_by_a_start(entry: &DirEntry) -> bool {
    [LOCK, REPLACED, REPLACING].iter().any(|name| entry.file_name() == *name)
        || is_unfinished(entry)
}

/// True for a file that a process was killed while it wrote: see [`files::temporary_file`].
fn is_unfinished(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let temporary = name.to_str().and_then(|name| name.strip_prefix(".tmp"));
    temporary.is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
        && entry.file_type().is_ok_and(|kind| kind.is_file())
}

/// Removes such files from a run that nobody else writes into. They are in nobody's way: one that cannot be removed
/// stays.
fn remove_unfinished(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_unfinished(&entry) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes the checkpoints of a phase, in this folder, those of no run in particular: the phase is the same in
/// several.
fn share_checkpoints(phase: &Path) -> std::io::Result<()> {
    let checkpoints = fs::read_dir(phase.join(CHECKPOINTS)).into_iter().flatten();
    let paths = checkpoints.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    // One whose checksums are damaged is of no use, whosever it is.
    let is_owned = |path: &PathBuf| path.join(OWNER).is_file() && Checksums::read(path).is_ok();
    paths.filter(is_owned).try_for_each(|checkpoint| {
        Checksums::remove_files(&checkpoint, &[OWNER]).map_err(std::io::Error::other)
    })
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_never_overwritten_without_force_and_nothing_else_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        RunFolder::create(path.clone(), "a = 1\n", false).unwrap();
        let message = RunFolder::create(path.clone(), "a = 2\n", false).unwrap_err().to_string();
        assert!(message.contains("holds a run already") && !message.contains("--"), "{message}");
        assert_eq!(fs::read_to_string(path.join("config.toml")).unwrap(), "a = 1\n");
        RunFolder::create(path.clone(), "a = 2\n", true).unwrap();
        assert_eq!(fs::read_to_string(path.join("config.toml")).unwrap(), "a = 2\n");

        let thesis = folder.path().join("thesis");
        fs::create_dir(&thesis).unwrap();
        fs::write(thesis.join("chapter1.tex"), "years of work").unwrap();
        let message = RunFolder::create(thesis.clone(), "", true).unwrap_err().to_string();
        assert!(message.contains("it is left alone") && !message.contains("--"), "{message}");
        assert!(thesis.join("chapter1.tex").is_file());
        assert_eq!(fs::read_dir(&thesis).unwrap().count(), 1);
    }

    #[test]
    fn a_second_writer_is_refused_until_the_first_is_gone_and_readers_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let first = RunFolder::create(path.clone(), "a = 1\n", false).unwrap();
        let second = RunFolder::open(path.clone()).unwrap();
        let refusals = [
            second.write("record.json", b"{}"),
            second.add_metrics(BTreeMap::new()),
            second.continue_with(String::new(), Vec::new()),
            RunFolder::create(path.clone(), "a = 2\n", true).map(drop),
        ];
        for refusal in refusals {
            let message = refusal.unwrap_err().to_string();
            assert!(message.contains("in use") && !message.contains("--"), "{message}");
        }
        assert_eq!(second.config_text().unwrap(), "a = 1\n");
        let phase = first.phase("layer-1");
        drop(first);
        assert!(second.write("record.json", b"{}").is_err(), "a phase is of the run");
        drop(phase);
        second.write("record.json", b"{}").unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_read_is_not_taken_for_one_without_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let error = RunFolder::open(path.clone()).unwrap_err();
        assert!(matches!(error, RunError::Missing(_)), "{error}");
        assert!(!error.to_string().contains("--"), "{error}");
        // A link to itself, since permissions do not stop every user.
        std::os::unix::fs::symlink(&path, &path).unwrap();
        let error = RunFolder::open(path.clone()).unwrap_err();
        assert!(matches!(error, RunError::Unreadable(..)), "{error}");
        fs::write(folder.path().join("file"), "").unwrap();
        let inside = RunFolder::open(folder.path().join("file/run"));
        assert!(matches!(inside, Err(RunError::Missing(_))));
    }

    #[test]
    fn a_run_whose_folder_has_gone_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let run = RunFolder::create(path.clone(), "a = 1\n", false).unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        for written in [run.write("metrics.jsonl", b""), run.phase("layer-1").write("x", b"")] {
            assert!(written.unwrap_err().to_string().contains("moved or removed"));
        }
        assert!(!path.exists());
    }

    #[test]
    fn what_a_start_that_was_killed_left_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        fs::create_dir(&path).unwrap();
        for left in [LOCK, ".tmpAbCdEf"] {
            fs::write(path.join(left), "").unwrap();
        }
        RunFolder::create(path.clone(), "a = 1\n", false).unwrap();
        assert!(!path.join(".tmpAbCdEf").exists());
        // A folder of the user's is none of it.
        let own = folder.path().join("own");
        fs::create_dir_all(own.join(".tmpAbCdEf")).unwrap();
        assert!(RunFolder::create(own.clone(), "", false).is_err());
        assert!(own.join(".tmpAbCdEf").is_dir());
    }

    #[test]
    fn a_continued_run_is_changed_with_its_first_file_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let run = RunFolder::create(path.clone(), "epochs = 1\n", false).unwrap();
        run.write("weights.safetensors", b"old").unwrap();
        drop(run);
        let run = RunFolder::open(path.clone()).unwrap();
        run.continue_with("epochs = 2\n".into(), vec!["weights.safetensors"]).unwrap();
        assert_eq!(run.config_text().unwrap(), "epochs = 1\n");
        assert_eq!(run.read("weights.safetensors").unwrap(), b"old");
        for left in [".tmpAbCdEf", ".tmp-notes"] {
            fs::write(path.join(left), "").unwrap();
        }
        run.phase("layer-1").write("metrics.jsonl", b"").unwrap();
        assert_eq!(run.config_text().unwrap(), "epochs = 2\n");
        assert!(!path.join(".tmpAbCdEf").exists() && path.join(".tmp-notes").exists());
        assert!(!run.has("weights.safetensors").unwrap());
        assert!(run.damaged().unwrap().is_empty());
    }

    #[test]
    fn tables_from_before_a_fit_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(folder.path().join("run"), "", false).unwrap();
        run.write(RunFolder::LATENTS, b"of the state").unwrap();
        for name in ["scores.csv", "codes.npz", "mlflow.json"] {
            fs::write(run.file(name), "").unwrap();
        }
        let started = SystemTime::now() + std::time::Duration::from_secs(3600);
        assert_eq!(run.drawn_before(started), ["codes.npz", "scores.csv"]);
        assert!(run.drawn_before(SystemTime::UNIX_EPOCH).is_empty());
    }

    #[test]
    fn a_run_without_checksums_gets_those_of_its_state_and_no_other_file_damages_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for name in ["config.toml", "weights.safetensors", "codes.csv", "loss.png", "mlflow.json"] {
            fs::write(path.join(name), name).unwrap();
        }
        let run = RunFolder::open(path.into()).unwrap();
        run.write("record.json", b"{}").unwrap();
        let listed = Checksums::read(path).unwrap().unwrap();
        let names: Vec<&str> = listed.names().collect();
        assert_eq!(names, ["config.toml", "record.json", "weights.safetensors"]);
        // As earlier versions listed it.
        run.write("codes.csv", b"first").unwrap();
        fs::write(path.join("codes.csv"), "second").unwrap();
        assert!(run.damaged().unwrap().is_empty());
        fs::write(path.join("weights.safetensors"), "others").unwrap();
        assert_eq!(run.damaged().unwrap().len(), 1);
    }

    #[test]
    fn the_lock_of_an_older_run_that_was_not_changed_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.toml"), "").unwrap();
        let run = RunFolder::open(folder.path().into()).unwrap();
        run.lock().unwrap();
        assert!(RunFolder::open(folder.path().into()).unwrap().lock().is_err());
        drop(run);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
