//! The explorer pages of runs, which become part of the site.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use shared::run::Record;
use walkdir::WalkDir;

use crate::compare::records::is_put_aside;

/// A run's `explore.html`.
#[derive(Debug)]
pub(super) struct Explorer {
    pub paper: String,
    /// The run's folder under that of all runs.
    pub run: String,
    /// The file.
    pub file: PathBuf,
    /// Its file in the site.
    pub site: String,
}

impl Explorer {
    /// True if the run is called as this preset is, which names a run that has no name of its own.
    pub(super) fn is_of(&self, preset: &str) -> bool {
        self.run.rsplit('/').next() == Some(preset)
    }
}

/// The explorers of all runs under a folder, by paper and run; none if there is no such folder.
///
/// # Errors
/// If the folder cannot be read.
pub(super) fn explorers(runs: &Path) -> Result<Vec<Explorer>> {
    let mut found = Vec::new();
    if !runs.exists() {
        return Ok(found);
    }
    let walk = WalkDir::new(runs).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| !is_put_aside(entry)) {
        let entry = entry.with_context(|| format!("cannot read {}", runs.display()))?;
        if entry.file_name() != "explore.html" {
            continue;
        }
        let file = entry.into_path();
        let folder = file.parent().unwrap_or(runs);
        let inside = folder.strip_prefix(runs).unwrap_or(folder);
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        let (run, site) = (parts.join("/"), format!("explore/{}.html", parts.join("-")));
        if let Some(other) = found.iter().find(|other: &&Explorer| other.site == site) {
            bail!(
                "{}: the runs {run} and {} would have one page; rename one of them",
                runs.display(),
                other.run
            );
        }
        let paper = paper(folder).unwrap_or_default();
        found.push(Explorer { paper, run, file, site });
    }
    found.sort_by(|a, b| (&a.paper, &a.run).cmp(&(&b.paper, &b.run)));
    Ok(found)
}

/// The paper of a run: its record names it; before that is written, the folder of the paper's runs.
fn paper(run: &Path) -> Option<String> {
    let record = fs::read(run.join("record.json")).ok();
    let record = record.and_then(|text| serde_json::from_slice::<Record>(&text).ok());
    match record {
        Some(record) => Some(record.paper),
        None => Some(run.parent()?.file_name()?.to_string_lossy().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use shared::run::{REPLACED, REPLACING};

    use super::*;

    #[test]
    fn a_run_that_was_replaced_is_not_published() {
        let runs = tempfile::tempdir().unwrap();
        for folder in ["", REPLACED, REPLACING] {
            let folder = runs.path().join("vae/quick").join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("explore.html"), "a page").unwrap();
        }
        let found = explorers(runs.path()).unwrap();
        let sites: Vec<&str> = found.iter().map(|explorer| explorer.site.as_str()).collect();
        assert_eq!(sites, ["explore/vae-quick.html"]);
    }
}
