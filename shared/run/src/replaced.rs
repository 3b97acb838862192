//! A run in whose place another is trained: it is kept aside until the new one has a model.

use std::{
    fs::{self, DirEntry},
    io::Result,
    path::Path,
};

use weights::WEIGHTS;

use super::{folder::RunFolder, lock::LOCK};

/// Where it is, in the folder of the run.
pub const REPLACED: &str = ".replaced";
/// The same before it is whole.
pub(super) const REPLACING: &str = ".replacing";

/// Moves all of a run's folder aside but its lock, the configuration last: without it, what is left would be nobody's.
/// What a fit has left that ended before it had a model is removed instead.
pub(super) fn set_aside(folder: &Path) -> Result<()> {
    let (aside, moving) = (folder.join(REPLACED), folder.join(REPLACING));
    if aside.exists() && !folder.join(WEIGHTS).exists() {
        return entries(folder)?.iter().try_for_each(remove);
    }
    forget(folder)?;
    let entries = entries(folder)?;
    if entries.is_empty() && !moving.exists() {
        return Ok(());
    }
    fs::create_dir_all(&moving)?;
    for entry in entries {
        fs::rename(entry.path(), moving.join(entry.file_name()))?;
    }
    fs::rename(moving, aside)
}

/// Moves it back in place of the fit; false if there is none.
pub(super) fn restore(folder: &Path) -> Result<bool> {
    let aside = folder.join(REPLACED);
    if !aside.exists() {
        return Ok(false);
    }
    entries(folder)?.iter().try_for_each(remove)?;
    for entry in entries(&aside)? {
        fs::rename(entry.path(), folder.join(entry.file_name()))?;
    }
    fs::remove_dir(aside)?;
    Ok(true)
}

/// Removes it.
pub(super) fn forget(folder: &Path) -> Result<()> {
    let aside = folder.join(REPLACED);
    if aside.exists() { fs::remove_dir_all(aside) } else { Ok(()) }
}

/// What is in a run's folder, the configuration last.
fn entries(folder: &Path) -> Result<Vec<DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>>>()?;
    let is_kept = |name: &str| [LOCK, REPLACED, REPLACING].contains(&name);
    entries.retain(|entry| !entry.file_name().to_str().is_some_and(is_kept));
    entries.sort_by_key(|entry| entry.file_name() == RunFolder::CONFIG);
    Ok(entries)
}

fn remove(entry: &DirEntry) -> Result<()> {
    if entry.file_type()?.is_dir() {
        fs::remove_dir_all(entry.path())
    } else {
        fs::remove_file(entry.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(folder: &Path, files: &[&str]) -> RunFolder {
        let run = RunFolder::create(folder.into(), files[0], true).unwrap();
        files.iter().for_each(|name| run.write(name, name.as_bytes()).unwrap());
        run
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: &DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<String> = entries(folder).unwrap().iter().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_run_is_replaced_once_the_new_one_has_a_model_and_comes_back_if_it_gets_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        drop(run(&path, &["old", WEIGHTS]));
        let before = names(&path);
        // Two fits that come to nothing.
        drop(run(&path, &["first"]));
        let second = run(&path, &["second"]);
        assert!(!path.join("first").exists() && !path.join("old").exists());
        assert!(second.restore_replaced().unwrap());
        assert_eq!((names(&path), path.join(REPLACED).exists()), (before, false));
        assert!(!second.restore_replaced().unwrap());
        drop(second);
        // One that ends.
        let third = run(&path, &["third"]);
        third.write_weights(&[], "vae", "", &serde_json::Value::Null).unwrap();
        assert!(path.join("third").exists() && !path.join(REPLACED).exists());
    }

    #[test]
    fn a_move_that_was_killed_half_way_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        drop(run(&path, &["old", "older", WEIGHTS]));
        let before = names(&path);
        fs::create_dir(path.join(REPLACING)).unwrap();
        fs::rename(path.join("old"), path.join(REPLACING).join("old")).unwrap();
        let new = run(&path, &["new"]);
        assert_eq!(names(&path.join(REPLACED)), before);
        assert!(new.restore_replaced().unwrap());
        assert_eq!(names(&path), before);
    }
}
