//! The runs of a sweep in its folder: where each is, and how far it is.

use std::{fs, path::PathBuf};

use anyhow::{Result, bail};
use shared::run::{Record, RunFolder};
use toml::Table;

use super::plan::Plan;
use crate::trainings::{Today, Training, differs};

/// How far a run is.
#[derive(Debug)]
pub(super) enum State {
    Finished(Box<Record>),
    /// It ended with an error; its last words.
    Failed(String),
    /// Interrupted, or under way.
    Begun,
    New,
}

/// A sweep in its folder.
pub(super) struct Runs {
    pub(super) plan: Plan,
    pub(super) folder: PathBuf,
}

impl Runs {
    /// A run as a training.
    pub(super) fn training(&self, index: usize) -> Training {
        let (cell, seed) = self.plan.run(index);
        let cell = &self.plan.cells[cell];
        Training {
            paper: self.plan.sweep.paper.clone(),
            name: cell.name.clone(),
            seed,
            options: self.plan.options(cell),
            out: self.folder.join(format!("seed{seed}")),
            log: self.folder.join("logs").join(format!("seed{seed}-{}.log", cell.name)),
        }
    }

    /// Folder of a run.
    pub(super) fn run(&self, index: usize) -> PathBuf {
        self.training(index).folder()
    }

    /// The record of a run, if it is finished.
    ///
    /// # Errors
    /// If it was evaluated otherwise than configured.
    pub(super) fn record(&self, index: usize) -> Result<Option<Record>> {
        let folder = self.run(index);
        let opened = RunFolder::open(folder.clone()).ok();
        let Some(record) = opened.and_then(|run| run.record().ok()?) else { return Ok(None) };
        record.refuse_incomparable(&folder)?;
        Ok(Some(record))
    }

    /// How far a run is, whose configuration is this but for the seed.
    ///
    /// # Errors
    /// If its folder holds another run, one on other data, or one evaluated otherwise than configured.
    pub(super) fn state(
        &self,
        index: usize,
        configuration: &Table,
        today: &mut Today,
    ) -> Result<State> {
        let training = self.training(index);
        let folder = training.folder();
        let failed = || match fs::read_to_string(training.failed()) {
            Ok(said) => State::Failed(said.trim().to_owned()),
            Err(_) => State::Begun,
        };
        let Ok(opened) = RunFolder::open(folder.clone()) else {
            return Ok(match failed() {
                State::Begun => State::New,
                failed => failed,
            });
        };
        // What is damaged is the program's to judge.
        let Ok(text) = opened.config_text() else { return Ok(failed()) };
        if let Some(difference) = differs(&folder, &text, configuration, training.seed)? {
            bail!(
                "{} is of another configuration: {difference}; remove it, or choose another --name",
                folder.display()
            );
        }
        let Ok(Some(record)) = opened.record() else { return Ok(failed()) };
        record.refuse_incomparable(&folder)?;
        if let Some(difference) = today.difference(&opened, &record, &self.plan.sweep.options)? {
            bail!(
                "{} was fitted to other data: {difference}; remove it, or choose another --name",
                folder.display()
            );
        }
        Ok(State::Finished(Box::new(record)))
    }
}
