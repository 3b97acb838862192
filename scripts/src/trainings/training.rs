//! One training: its command, what it says, and how it ended.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result};
use shared::run::{CHECKPOINTS, RunFolder, write_atomic};

use super::program::{file_name, with_cache};

/// Exit code of a training after Ctrl-C.
const INTERRUPTED: i32 = 130;

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

/// How a training ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ended {
    Done,
    Failed(String),
    /// By Ctrl-C.
    Stopped,
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

    /// Runs it to its end: from the start, or from its newest checkpoint.
    ///
    /// # Errors
    /// If the program cannot be run at all.
    pub(crate) fn to_the_end(&self, how: &How<'_>) -> Result<Ended> {
        let open = || -> std::io::Result<File> {
            fs::create_dir_all(self.log.parent().unwrap_or(&self.log))?;
            OpenOptions::new().create(true).append(true).open(&self.log)
        };
        let file = open().with_context(|| format!("cannot write {}", self.log.display()))?;
        let _ = fs::remove_file(self.failed());
        let mut command = self.command(how, &file)?;
        let begins = file.metadata().map_or(0, |data| data.len());
        let status = command.status();
        let status = status.with_context(|| format!("cannot run {}", self.paper))?;
        if status.success() {
            return Ok(Ended::Done);
        }
        if status.code() == Some(INTERRUPTED) {
            return Ok(Ended::Stopped);
        }
        let said = fs::read(&self.log).unwrap_or_default();
        let said = said.get(begins as usize..).unwrap_or_default();
        let said = self.reason(&String::from_utf8_lossy(said), status);
        write_atomic(&self.failed(), format!("{said}\n").as_bytes())?;
        Ok(Ended::Failed(said))
    }

    fn reason(&self, said: &str, status: ExitStatus) -> String {
        let said = last_words(said, &self.paper);
        match status.code() {
            Some(_) if !said.is_empty() => said,
            // Killed: what it said last is no reason.
            _ => format!("ended by {status}; the last line: {said}"),
        }
    }

    fn command(&self, how: &How<'_>, mut log: &File) -> Result<Command> {
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
        let _ = writeln!(log, "{command:?}");
        let [out, err] = [log.try_clone(), log.try_clone()];
        command.stdin(Stdio::null()).stdout(out?).stderr(err?);
        Ok(command)
    }
}

/// The line in which a program says why it failed.
pub(crate) fn last_words(said: &str, paper: &str) -> String {
    let own = format!("{paper}: ");
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    // clap's reason comes first, and advice after it.
    let reason = lines().rev().find_map(|line| line.strip_prefix(&own));
    let reason = reason.or_else(|| lines().find_map(|line| line.strip_prefix("error: ")));
    reason.or_else(|| lines().next_back()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found_in_what_a_program_says() {
        for (said, reason) in [
            ("epoch 1\nvae: --set a=1: a: no such key\n", "--set a=1: a: no such key"),
            ("error: unexpected argument '--foo' found\n\nUsage: vae\n", "unexpected argument"),
            ("vae: fit of segments\nepoch 3\n", "fit of segments"),
            ("epoch 3\n\n", "epoch 3"),
            ("", ""),
        ] {
            let found = last_words(said, "vae");
            assert!(found.starts_with(reason), "{found}");
        }
    }
}
