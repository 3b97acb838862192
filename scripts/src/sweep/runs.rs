//! The runs of a sweep in its folder: where each is, how far it is, and how it is run.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, anyhow, bail};
use shared::run::{CHECKPOINTS, Record, RunFolder, write_atomic};
use toml::{Table, Value};

use super::{
    plan::Plan,
    program::{seeded, with_cache},
};
use crate::validate::today::Today;

/// Exit code of a training after Ctrl-C.
const INTERRUPTED: i32 = 130;

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

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ended {
    Done,
    Failed(String),
    /// By Ctrl-C.
    Stopped,
}

/// A sweep in its folder.
pub(super) struct Runs {
    pub(super) plan: Plan,
    pub(super) folder: PathBuf,
}

/// How a run is run.
pub(super) struct How<'a> {
    pub(super) program: &'a Path,
    pub(super) threads: usize,
    pub(super) device: Option<&'a str>,
    pub(super) cache: Option<&'a Path>,
}

impl Runs {
    /// Folder of the runs of a seed.
    fn out(&self, seed: u64) -> PathBuf {
        self.folder.join(format!("seed{seed}"))
    }

    /// Folder of a run.
    pub(super) fn run(&self, index: usize) -> PathBuf {
        let (cell, seed) = self.plan.run(index);
        self.out(seed).join(&self.plan.sweep.paper).join(&self.plan.cells[cell].name)
    }

    /// What a run says.
    pub(super) fn log(&self, index: usize) -> PathBuf {
        let (cell, seed) = self.plan.run(index);
        self.folder.join("logs").join(format!("seed{seed}-{}.log", self.plan.cells[cell].name))
    }

    /// The last words of a run that failed.
    fn failed(&self, index: usize) -> PathBuf {
        self.log(index).with_extension("failed")
    }

    /// The record of a run, if it is finished.
    pub(super) fn record(&self, index: usize) -> Option<Record> {
        RunFolder::open(self.run(index)).ok()?.record().ok()?
    }

    /// How far a run is, whose configuration is this but for the seed.
    ///
    /// # Errors
    /// If its folder holds another run, or one on other data.
    pub(super) fn state(
        &self,
        index: usize,
        configuration: &Table,
        today: &mut Today,
    ) -> Result<State> {
        let folder = self.run(index);
        let failed = || match fs::read_to_string(self.failed(index)) {
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
        let found: Table = toml::from_str(&text)
            .map_err(|error| anyhow!("{}: {}", folder.display(), error.message()))?;
        let wanted = seeded(configuration, self.plan.run(index).1);
        if let Some(difference) = differing("", &found, &wanted) {
            bail!(
                "{} is of another configuration: {difference}; remove it, or choose another --name",
                folder.display()
            );
        }
        let Ok(Some(record)) = opened.record() else { return Ok(failed()) };
        if let Some(difference) = today.difference(&opened, &record, &self.plan.sweep.options)? {
            bail!(
                "{} was fitted to other data: {difference}; remove it, or choose another --name",
                folder.display()
            );
        }
        Ok(State::Finished(Box::new(record)))
    }

    /// Runs one to its end: from the start, or from its newest checkpoint.
    ///
    /// # Errors
    /// If the program cannot be run at all.
    pub(super) fn to_the_end(&self, index: usize, how: &How<'_>) -> Result<Ended> {
        let (log, failed) = (self.log(index), self.failed(index));
        let open = || -> std::io::Result<File> {
            fs::create_dir_all(log.parent().unwrap_or(&log))?;
            OpenOptions::new().create(true).append(true).open(&log)
        };
        let file = open().with_context(|| format!("cannot write {}", log.display()))?;
        let _ = fs::remove_file(&failed);
        let mut command = self.command(index, how, &file)?;
        let begins = file.metadata().map_or(0, |data| data.len());
        let status = command.status();
        let status = status.with_context(|| format!("cannot run {}", how.program.display()))?;
        if status.success() {
            return Ok(Ended::Done);
        }
        if status.code() == Some(INTERRUPTED) {
            return Ok(Ended::Stopped);
        }
        let said = fs::read(&log).unwrap_or_default();
        let said = said.get(begins as usize..).unwrap_or_default();
        let said = self.last_words(&String::from_utf8_lossy(said), status);
        write_atomic(&failed, format!("{said}\n").as_bytes())?;
        Ok(Ended::Failed(said))
    }

    fn last_words(&self, said: &str, status: ExitStatus) -> String {
        let said = last_words(said, &self.plan.sweep.paper);
        match status.code() {
            Some(_) if !said.is_empty() => said,
            // Killed: what it said last is no reason.
            _ => format!("ended by {status}; the last line: {said}"),
        }
    }

    fn command(&self, index: usize, how: &How<'_>, mut log: &File) -> Result<Command> {
        let (cell, seed) = self.plan.run(index);
        let folder = self.run(index);
        let mut command = with_cache(Command::new(how.program), how.cache);
        command.args(["--threads", &how.threads.to_string(), "train"]);
        command.args(self.plan.options(&self.plan.cells[cell]));
        if let Some(device) = how.device {
            command.args(["--device", device]);
        }
        command.args(["--seed", &seed.to_string(), "--name", &self.plan.cells[cell].name]);
        command.arg("--out").arg(self.out(seed));
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
pub(super) fn last_words(said: &str, paper: &str) -> String {
    let own = format!("{paper}: ");
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    // clap's reason comes first, and advice after it.
    let reason = lines().rev().find_map(|line| line.strip_prefix(&own));
    let reason = reason.or_else(|| lines().find_map(|line| line.strip_prefix("error: ")));
    reason.or_else(|| lines().next_back()).unwrap_or_default().to_owned()
}

/// The first key in which two configurations differ, with both values.
fn differing(prefix: &str, found: &Table, wanted: &Table) -> Option<String> {
    found.keys().chain(wanted.keys()).find_map(|key| match (found.get(key), wanted.get(key)) {
        (Some(Value::Table(found)), Some(Value::Table(wanted))) => {
            differing(&format!("{prefix}{key}."), found, wanted)
        }
        (found, wanted) if found == wanted => None,
        (found, wanted) => {
            let said =
                |value: Option<&Value>| value.map_or_else(|| "missing".into(), Value::to_string);
            Some(format!("{prefix}{key} is {}, and would be {}", said(found), said(wanted)))
        }
    })
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

    #[test]
    fn a_difference_has_its_key_and_both_values() {
        let table = |text: &str| toml::from_str::<Table>(text).unwrap();
        let old = table("seed = 1\n[train]\nepochs = 3\n[train.schedule]\nrate = 0.1\n");
        assert_eq!(differing("", &old, &old), None);
        let new = table("seed = 1\n[train]\nepochs = 3\n[train.schedule]\nrate = 0.2\n");
        let said = differing("", &old, &new).unwrap();
        assert_eq!(said, "train.schedule.rate is 0.1, and would be 0.2");
        let said = differing("", &old, &table("seed = 1\n")).unwrap();
        assert!(said.starts_with("train is ") && said.ends_with("missing"), "{said}");
    }
}
