//! Checkpoints: whole folders, written under a temporary name and renamed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use burn::module::AutodiffModule;
use serde::{Deserialize, Serialize};

use super::{
    EpochLine,
    history::TermSums,
    optimiser::{Optimiser, record_bytes, record_from},
};
use crate::{
    backend::AutodiffBackend,
    run::{RunFolder, temporary_folder, write_json},
};

/// Where a run stands; with the weights and the optimiser's state, all that is needed to continue
/// it exactly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Backend the run is computed with; another would give other bits.
    pub(super) backend: String,
    /// Whole epochs done.
    pub(super) epoch: usize,
    /// Steps done in the epoch under way.
    pub(super) step: usize,
    /// Its sums so far.
    pub(super) sums: TermSums,
    /// The best epoch so far and its validation loss.
    pub(super) best: Option<(usize, f64)>,
    /// Epochs since then.
    pub(super) stale: usize,
    /// Lines of `metrics.jsonl`.
    pub(super) lines: Vec<EpochLine>,
    /// Seconds spent training.
    pub(super) seconds: f64,
}

/// Folder of a run's checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";

const MODEL: &str = "model.mpk";
const OPTIMISER: &str = "optimiser.mpk";
const PROGRESS: &str = "progress.json";
const BEST: &str = "best-";
const UNFINISHED: &str = ".writing-";

/// What a checkpoint restores.
type Resumed<B, M> = (M, Optimiser<B, M>, Progress);

/// The checkpoints of one run.
pub(super) struct Checkpoints {
    folder: PathBuf,
    keep: usize,
}

impl Checkpoints {
    pub(super) fn new(run: &RunFolder, keep: usize) -> Self {
        let checkpoints = Self { folder: run.file(CHECKPOINTS), keep };
        // What a killed run was writing.
        for path in checkpoints.entries().filter(|path| name(path).starts_with(UNFINISHED)) {
            let _ = fs::remove_dir_all(path);
        }
        checkpoints
    }

    /// Path of the newest checkpoint.
    pub(super) fn newest(&self) -> Option<PathBuf> {
        self.list().pop()
    }

    /// Regular checkpoints, oldest first.
    fn list(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = self
            .entries()
            .filter(|path| name(path).starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        found.sort();
        found
    }

    fn entries(&self) -> impl Iterator<Item = PathBuf> {
        fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
    }

    /// Writes a checkpoint, then drops those no longer wanted.
    pub(super) fn save<B: AutodiffBackend, M: AutodiffModule<B>>(
        &self,
        model: &M,
        optimiser: &Optimiser<B, M>,
        progress: &Progress,
    ) -> Result<()> {
        let target = self.folder.join(format!("{:06}-{:07}", progress.epoch, progress.step));
        self.write(&target, |folder| {
            write(&folder.join(MODEL), &record_bytes::<B, _>(model.clone().into_record())?)?;
            write(&folder.join(OPTIMISER), &optimiser.to_bytes()?)?;
            write_json(&folder.join(PROGRESS), progress)
        })?;
        let mut kept = self.list();
        let mut old: Vec<PathBuf> = kept.drain(..kept.len().saturating_sub(self.keep)).collect();
        // A kept checkpoint may be fallen back to, with the best epoch it knows of.
        let bests: Vec<String> = kept.iter().filter_map(|path| best_of(path)).collect();
        old.extend(
            self.entries()
                .filter(|path| name(path).starts_with(BEST) && !bests.contains(&name(path))),
        );
        for path in old {
            // A leftover costs disk and nothing else.
            let _ = fs::remove_dir_all(path);
        }
        Ok(())
    }

    /// Writes the weights of the best epoch so far.
    pub(super) fn save_best<B: AutodiffBackend, M: AutodiffModule<B>>(
        &self,
        model: &M,
        epoch: usize,
    ) -> Result<()> {
        self.write(&self.folder.join(best_name(epoch)), |folder| {
            write(&folder.join(MODEL), &record_bytes::<B, _>(model.clone().into_record())?)
        })
    }

    fn write(&self, target: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot create {}", self.folder.display()))?;
        let work = temporary_folder(&self.folder, UNFINISHED)
            .with_context(|| format!("cannot write to {}", self.folder.display()))?;
        fill(work.path())?;
        if target.exists() {
            fs::remove_dir_all(target)
                .with_context(|| format!("cannot replace {}", target.display()))?;
        }
        fs::rename(work.path(), target)
            .with_context(|| format!("cannot write {}", target.display()))?;
        // Renamed away: nothing is left to clean up.
        let _ = work.keep();
        Ok(())
    }

    /// The newest checkpoint, put into a freshly built model and optimiser.
    pub(super) fn load<B: AutodiffBackend, M: AutodiffModule<B>>(
        &self,
        model: M,
        optimiser: Optimiser<B, M>,
        device: &B::Device,
    ) -> Result<Option<Resumed<B, M>>> {
        let Some(folder) = self.newest() else {
            return Ok(None);
        };
        let broken = || {
            format!(
                "checkpoint {} cannot be used; delete it to resume from the one before",
                folder.display()
            )
        };
        let progress =
            serde_json::from_slice(&read(&folder.join(PROGRESS))?).with_context(broken)?;
        let record =
            record_from::<B, M::Record>(read(&folder.join(MODEL))?, device).with_context(broken)?;
        let optimiser =
            optimiser.with_bytes(read(&folder.join(OPTIMISER))?, device).with_context(broken)?;
        Ok(Some((model.load_record(record), optimiser, progress)))
    }

    /// The weights of the best epoch, put into `model`.
    pub(super) fn load_best<B: AutodiffBackend, M: AutodiffModule<B>>(
        &self,
        model: M,
        epoch: usize,
        device: &B::Device,
    ) -> Result<M> {
        let path = self.folder.join(best_name(epoch)).join(MODEL);
        if !path.is_file() {
            bail!("{} is missing: the best epoch's weights are lost", path.display());
        }
        Ok(model.load_record(record_from::<B, M::Record>(read(&path)?, device)?))
    }
}

/// Name of the best epoch's folder that a checkpoint refers to.
fn best_of(checkpoint: &Path) -> Option<String> {
    let progress: Progress =
        serde_json::from_slice(&fs::read(checkpoint.join(PROGRESS)).ok()?).ok()?;
    progress.best.map(|(epoch, _)| best_name(epoch))
}

fn best_name(epoch: usize) -> String {
    format!("{BEST}{epoch:06}")
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
