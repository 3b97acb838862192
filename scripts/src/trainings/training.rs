//! One training: its options, its folder, and the process that does it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use shared::{
    processes::{self, Process},
    run::{CHECKPOINTS, RunFolder},
};

use super::program::{file_name, with_cache};

/// A run that is to be there.
#[derive(Clone, Debug)]
pub(crate) struct Training {
    pub(crate) paper: String,
    /// Name of the run.
    pub(crate) name: String,
    pub(crate) seed: u64,
    /// Options of `train` besides name, seed and folder.
    pub(crate) options: Vec<String>,
    /// Folder of the runs of its seed.
    pub(crate) out: PathBuf,
    /// What it says.
    pub(crate) log: PathBuf,
}

/// How trainings are run.
pub(crate) struct How<'a> {
    /// Folder of the programs.
    pub(crate) programs: &'a Path,
    pub(crate) threads: usize,
    pub(crate) device: Option<&'a str>,
    pub(crate) cache: Option<&'a Path>,
}

impl Training {
    /// Folder of the run.
    pub(crate) fn folder(&self) -> PathBuf {
        self.out.join(&self.paper).join(&self.name)
    }

    /// What it is called in a line.
    pub(crate) fn title(&self) -> String {
        format!("{} {}, seed {}", self.paper, self.name, self.seed)
    }

    /// The file of its last words, if it failed.
    pub(crate) fn failed(&self) -> PathBuf {
        self.log.with_extension("failed")
    }

    /// The process that does it: from the start, or from its newest checkpoint.
    pub(crate) fn process(&self, how: &How<'_>) -> Process {
        let command = self.command(how);
        Process { title: self.title(), program: self.paper.clone(), command, log: self.log.clone() }
    }

    fn command(&self, how: &How<'_>) -> Command {
        let folder = self.folder();
        let mut command =
            with_cache(Command::new(how.programs.join(file_name(&self.paper))), how.cache);
        command.args(["--threads", &how.threads.to_string(), "train"]).args(&self.options);
        if let Some(device) = how.device {
            command.args(["--device", device]);
        }
        command.args(["--seed", &self.seed.to_string(), "--name", &self.name]);
        command.arg("--out").arg(&self.out);
        // What has a checkpoint goes on; what has none has lost nothing.
        if folder.join(CHECKPOINTS).is_dir() {
            command.arg("--resume");
        } else if folder.join(RunFolder::CONFIG).is_file() {
            command.arg("--force");
        }
        command
    }
}

/// Does these trainings, `jobs` at a time, each to its end.
///
/// # Errors
/// As [`processes::all`].
pub(crate) fn here(trainings: &[Training], jobs: usize, how: &How<'_>) -> Result<()> {
    let processes = trainings.iter().map(|training| training.process(how)).collect();
    processes::all(processes, jobs, how.threads)
}
