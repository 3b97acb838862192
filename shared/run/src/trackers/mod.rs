//! Where the figures of a training go while it goes on, beside the run's own folder: `train --log`.
//!
//! A tracker may be slow, full or gone. It says so once and never stops or slows a training.

mod mlflow;
mod tensorboard;

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;

pub use self::{
    mlflow::{Mlflow, MlflowSettings},
    tensorboard::TensorBoard,
};
use super::{EpochLine, RunFolder};

/// Takes the figures of a training, which may have several fits, one after another.
pub trait Tracker: Debug + Send {
    /// A fit begins or goes on.
    fn begin(&mut self, fit: &FitBegin<'_>);

    /// The figures of the fit's next epoch.
    fn epoch(&mut self, line: &EpochLine);

    /// The training is over; its files are in `run`.
    fn end(&mut self, run: &RunFolder, end: TrainingEnd) {
        let _ = (run, end);
    }
}

/// A fit at its begin.
#[derive(Clone, Copy, Debug)]
pub struct FitBegin<'a> {
    /// The run's folder, or that of the phase.
    pub folder: &'a RunFolder,
    /// What an earlier session did of it.
    pub lines: &'a [EpochLine],
    /// True if no epoch will follow.
    pub is_over: bool,
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainingEnd {
    /// With a record.
    Finished,
    /// By Ctrl-C.
    Interrupted,
    /// With an error.
    Failed,
}

/// All trackers of a training; clones are the same trackers.
#[derive(Clone, Debug, Default)]
pub struct Trackers(Arc<Mutex<Vec<Box<dyn Tracker>>>>);

impl Trackers {
    /// These trackers.
    pub fn new(trackers: Vec<Box<dyn Tracker>>) -> Self {
        Self(Arc::new(Mutex::new(trackers)))
    }

    /// A fit begins or goes on.
    ///
    /// # Errors
    /// If the run cannot be changed.
    pub fn begin(&self, fit: &FitBegin<'_>) -> Result<()> {
        let mut trackers = self.all();
        if !trackers.is_empty() && !fit.is_over {
            fit.folder.begin_change()?;
        }
        trackers.iter_mut().for_each(|tracker| tracker.begin(fit));
        Ok(())
    }

    /// The figures of the fit's next epoch.
    pub fn epoch(&self, line: &EpochLine) {
        self.all().iter_mut().for_each(|tracker| tracker.epoch(line));
    }

    /// The training is over.
    pub fn end(&self, run: &RunFolder, end: TrainingEnd) {
        self.all().iter_mut().for_each(|tracker| tracker.end(run, end));
    }

    fn all(&self) -> MutexGuard<'_, Vec<Box<dyn Tracker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
