//! One fit as a process: what it says, and how it ended.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result};
use files::write_atomic;
use terminal::interrupt::PassedOn;

/// Exit code of a program after Ctrl-C.
pub(crate) const INTERRUPTED: i32 = 130;

/// A fit that is to be started, or continued.
#[derive(Debug)]
pub struct Process {
    /// What it is called in a line.
    pub title: String,
    /// The program's name, with which it begins the line that says why it failed.
    pub program: String,
    /// The program with its options.
    pub command: Command,
    /// What it says. The file with the ending `failed` has its last words, if it failed.
    pub log: PathBuf,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The fit is finished.
    Done,
    /// The reason.
    Failed(String),
    /// By Ctrl-C.
    Stopped,
}

impl Process {
    /// Runs it to its end; what it says is appended to its log.
    ///
    /// # Errors
    /// If the log cannot be written, or the program not be run at all.
    pub fn to_the_end(mut self) -> Result<Ended> {
        let open = || -> std::io::Result<File> {
            fs::create_dir_all(self.log.parent().unwrap_or(&self.log))?;
            OpenOptions::new().create(true).append(true).open(&self.log)
        };
        let mut log = open().with_context(|| format!("cannot write {}", self.log.display()))?;
        let failed = self.log.with_extension("failed");
        let _ = fs::remove_file(&failed);
        let _ = writeln!(log, "{:?}", self.command);
        let begins = log.metadata().map_or(0, |data| data.len());
        let [out, err] = [log.try_clone()?, log];
        let cannot_run = || format!("cannot run {}", self.program);
        let command = self.command.stdin(Stdio::null()).stdout(out).stderr(err);
        let mut child = command.spawn().with_context(cannot_run)?;
        let passed_on = PassedOn::to(child.id());
        let status = child.wait().with_context(cannot_run)?;
        drop(passed_on);
        if status.success() {
            return Ok(Ended::Done);
        }
        if status.code() == Some(INTERRUPTED) {
            return Ok(Ended::Stopped);
        }
        let said = fs::read(&self.log).unwrap_or_default();
        let said = said.get(begins as usize..).unwrap_or_default();
        let said = self.reason(&String::from_utf8_lossy(said), status);
        write_atomic(&failed, format!("{said}\n").as_bytes())?;
        Ok(Ended::Failed(said))
    }

    fn reason(&self, said: &str, status: ExitStatus) -> String {
        let said = last_words(said, &self.program);
        match status.code() {
            Some(_) if !said.is_empty() => said,
            // Killed: what it said last is no reason.
            _ => format!("ended by {status}; the last line: {said}"),
        }
    }
}

/// The line in which a program of this name says why it failed.
#[must_use]
pub fn last_words(said: &str, program: &str) -> String {
    let own = format!("{program}: ");
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
