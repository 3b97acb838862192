use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use super::{Metric, Record, write_atomic, write_json};

/// Why a run's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is something already.
    #[error(
        "{0} holds a run already: --resume continues it, --force replaces it, --name starts another"
    )]
    Exists(PathBuf),
    /// `--force` would delete something that is no run.
    #[error("{0} is not empty and holds no run: it is left alone; choose another --name or --out")]
    NotARun(PathBuf),
    /// Nothing there.
    #[error("{0} holds no run (no config.toml): train one first, or name its folder with --run")]
    Missing(PathBuf),
}

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
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

    /// A new, empty folder with the resolved configuration in it.
    ///
    /// # Errors
    /// If there is a run already and `force` is not set, or anything else there.
    pub fn create(path: PathBuf, config: &str, force: bool) -> Result<Self> {
        let occupied = path.exists()
            && fs::read_dir(&path)
                .with_context(|| format!("cannot look into {}", path.display()))?
                .next()
                .is_some();
        if occupied {
            if !path.join(Self::CONFIG).is_file() {
                return Err(RunError::NotARun(path).into());
            }
            if !force {
                return Err(RunError::Exists(path).into());
            }
            fs::remove_dir_all(&path)
                .with_context(|| format!("cannot replace {}", path.display()))?;
        }
        write_atomic(&path.join(Self::CONFIG), config.as_bytes())?;
        Ok(Self { path })
    }

    /// The folder of a run that was started.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(path: PathBuf) -> Result<Self, RunError> {
        if path.join(Self::CONFIG).is_file() {
            Ok(Self { path })
        } else {
            Err(RunError::Missing(path))
        }
    }

    /// A folder inside this one for one phase of a fit that has several; made if need be.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn phase(&self, name: &str) -> Result<Self> {
        let path = self.path.join(crate::train::CHECKPOINTS).join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path })
    }

    /// Takes a phase over from `other`, whose fit so far is the same.
    ///
    /// # Errors
    /// If it cannot be copied.
    pub fn copy_phase(&self, other: &Self, name: &str) -> Result<()> {
        let (from, to) = (other.phase(name)?, self.phase(name)?);
        copy_folder(&from.path, &to.path)
            .with_context(|| format!("cannot copy {}", from.path.display()))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The run's configuration.
    ///
    /// # Errors
    /// If it cannot be read or belongs to another paper.
    pub fn config<C: DeserializeOwned>(&self) -> Result<C> {
        let path = self.file(Self::CONFIG);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text)
            .with_context(|| format!("{} is not a configuration of this paper", path.display()))
    }

    /// The run's record, if it was evaluated.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn record(&self) -> Result<Option<Record>> {
        let path = self.file(Self::RECORD);
        if !path.is_file() {
            return Ok(None);
        }
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let record = serde_json::from_str(&text)
            .with_context(|| format!("{} is not a record", path.display()))?;
        Ok(Some(record))
    }

    /// Adds metrics that a command of its own found to the run's record, if it has one.
    ///
    /// # Errors
    /// If the record cannot be read or written.
    pub fn add_metrics(&self, metrics: BTreeMap<String, Metric>) -> Result<()> {
        let Some(mut record) = self.record()? else { return Ok(()) };
        record.metrics.extend(metrics);
        write_json(&self.file(Self::RECORD), &record)
    }
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
        assert!(message.contains("--resume") && message.contains("--force"), "{message}");
        assert_eq!(fs::read_to_string(path.join("config.toml")).unwrap(), "a = 1\n");
        RunFolder::create(path.clone(), "a = 2\n", true).unwrap();
        assert_eq!(fs::read_to_string(path.join("config.toml")).unwrap(), "a = 2\n");

        let thesis = folder.path().join("thesis");
        fs::create_dir(&thesis).unwrap();
        fs::write(thesis.join("chapter1.tex"), "years of work").unwrap();
        assert!(RunFolder::create(thesis.clone(), "", true).is_err());
        assert!(thesis.join("chapter1.tex").is_file());
    }
}
