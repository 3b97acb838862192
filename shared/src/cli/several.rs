//! Commands that need several runs: one after another in their own process, or several at a time, each in one.

use std::{path::PathBuf, process::Command, sync::OnceLock, time::Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{Stop, integrity::is_finished, options::refuse_zero};
use crate::{
    counted,
    processes::{self, Process, Stopped},
    progress,
    run::RunFolder,
};

/// What `--threads` says, which each process is told too.
pub(super) static THREADS: OnceLock<usize> = OnceLock::new();

/// How the runs of a command are fitted.
#[derive(Args, Clone, Debug)]
pub struct Several {
    /// Runs at a time, each in a process of its own with its share of the cores, or as many threads as
    /// --threads says; what it says is in a log beside its folder.
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Fits the run of this number alone: what --jobs starts.
    #[arg(long, value_name = "I", hide = true)]
    index: Option<usize>,
}

/// A run that a command needs.
pub struct Planned<C> {
    /// What it is called in a line.
    pub title: String,
    /// Its folder.
    pub path: PathBuf,
    /// What it is fitted by.
    pub config: C,
    /// True if it begins with what an earlier one learned.
    pub builds_on_another: bool,
}

impl Several {
    /// Does `fit` for each of these runs in their order; it fits the run, or loads it if it is finished, and says in
    /// a line what it found. With several at a time, those that are not finished are fitted ahead by processes that
    /// call the same command, and `fit` finds them finished.
    ///
    /// `None` in such a process: there is nothing to do with one run alone.
    ///
    /// # Errors
    /// As `fit`; those that failed in their processes, with the reason of each.
    pub fn each<C, R>(
        &self,
        runs: &[Planned<C>],
        mut fit: impl FnMut(&Planned<C>) -> Result<(R, String)>,
    ) -> Result<Option<Vec<R>>> {
        refuse_zero("--jobs", Some(self.jobs))?;
        if let Some(index) = self.index {
            let Some(run) = runs.get(index) else {
                bail!("--index {index}: there are {}", counted(runs.len(), "run"));
            };
            progress::line(&fit(run)?.1);
            return Ok(None);
        }
        if self.jobs > 1 {
            self.ahead(runs)?;
        }
        let begun = Instant::now();
        let mut found = Vec::with_capacity(runs.len());
        for run in runs {
            let (result, said) = fit(run)?;
            found.push(result);
            let rate = processes::rate(found.len(), runs.len(), begun.elapsed());
            progress::line(&format!("{}: {said} ({rate})", run.title));
        }
        Ok(Some(found))
    }

    /// Fits those that are not finished in processes of their own, and what builds on others after these.
    fn ahead<C>(&self, runs: &[Planned<C>]) -> Result<()> {
        for is_second in [false, true] {
            let round = runs.iter().enumerate().filter(|run| run.1.builds_on_another == is_second);
            let left: Vec<_> = round.filter(|(_, run)| !is_done(run)).collect();
            if left.is_empty() {
                continue;
            }
            let share = || processes::threads(left.len(), self.jobs);
            let threads = THREADS.get().copied().unwrap_or_else(share);
            let left = left.into_iter().map(|(index, run)| process(index, run, threads));
            processes::all(left.collect::<Result<_>>()?, self.jobs, threads).map_err(|error| {
                match error.downcast_ref::<Stopped>() {
                    Some(stopped) => Stop::Interrupted(stopped.to_string()).into(),
                    None => error,
                }
            })?;
        }
        Ok(())
    }
}

/// This program, called as it was, for one run.
fn process<C>(index: usize, run: &Planned<C>, threads: usize) -> Result<Process> {
    let program = std::env::current_exe().context("this program's file is not found")?;
    let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).args(["--index", &index.to_string()]);
    command.env("RAYON_NUM_THREADS", threads.to_string());
    let mut log = run.path.clone().into_os_string();
    log.push(".log");
    Ok(Process { title: run.title.clone(), program: name, command, log: log.into() })
}

/// True if the run is fitted.
fn is_done<C>(run: &Planned<C>) -> bool {
    RunFolder::open(run.path.clone()).is_ok_and(|run| is_finished(&run))
}
