//! Any server that speaks MLflow's REST interface: MLflow's own, or GitLab with its model experiments.
//!
//! The training only puts figures into a list. A thread sends them, as many at once as have gathered, and tries again
//! later what fails; what it cannot send in time, a resumed training sends.

mod client;
mod remote;
mod sender;
mod settings;

use anyhow::Result;
use terminal::progress;

use self::{remote::Remote, sender::Sender};
use super::{FitBegin, Tracker, TrainingEnd};
use crate::{EpochLine, RunFolder};

pub use settings::MlflowSettings;

/// A run on a server, which a resumed training continues.
#[derive(Debug)]
pub struct Mlflow {
    settings: MlflowSettings,
    sender: Option<Sender>,
    /// What the names of the figures begin with: the phase.
    prefix: String,
}

impl Mlflow {
    /// A tracker with these settings; nothing is asked of it before the training begins.
    pub fn new(settings: MlflowSettings) -> Self {
        Self { settings, sender: None, prefix: String::new() }
    }

    /// The tracker that the environment names.
    ///
    /// # Errors
    /// If it names none.
    pub fn from_env(paper: &str) -> Result<Self> {
        MlflowSettings::read(|name| std::env::var(name).ok(), paper).map(Self::new)
    }

    fn sender(&mut self, run: &RunFolder) -> &Sender {
        let settings = &self.settings;
        self.sender.get_or_insert_with(|| Sender::start(Remote::new(settings.clone(), run)))
    }
}

impl Tracker for Mlflow {
    fn begin(&mut self, fit: &FitBegin<'_>) {
        self.prefix = fit.folder.phase_name().map_or(String::new(), |phase| format!("{phase}/"));
        let prefix = self.prefix.clone();
        let sender = self.sender(fit.folder);
        fit.lines.iter().for_each(|line| sender.add(&prefix, line, true));
    }

    fn epoch(&mut self, line: &EpochLine) {
        if let Some(sender) = &self.sender {
            sender.add(&self.prefix, line, false);
        }
    }

    fn end(&mut self, run: &RunFolder, end: TrainingEnd) {
        let wait = self.settings.end;
        if !self.sender(run).end(end, wait) {
            progress::line(&format!(
                "--log mlflow: the tracker has not taken everything within {} s; it stays in the run's \
                 folder, and `train --resume --log mlflow` sends what is missing",
                wait.as_secs_f32()
            ));
        }
        self.sender = None;
    }
}
