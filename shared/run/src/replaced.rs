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
pub const REPLACING: &str = ".replacing";

/// Moves all of a run's folder aside but its lock, the configuration last: without it, what is left would be nobody's.
/// What a fit has left that ended before it had a model, or before it began, is removed instead.
pub(super) fn set_aside(folder: &Path) -> Result<()> {
    let (aside, moving) = (folder.join(REPLACED), folder.join(REPLACING));
    let has_model = folder.join(WEIGHTS).exists();
    if !is_run(folder) || (aside.exists() && !has_model) {
        return entries(folder)?.iter().try_for_each(remove);
    }
    forget(folder)?;
    fs::create_dir_all(&moving)?;
    for entry in entries(folder)? {
        fs::rename(entry.path(), moving.join(entry.file_name()))?;
    }
    fs::rename(moving, aside)
}

/// Moves it back in place of the fit; false if there is none.
pub(super) fn restore(folder: &Path) -> Result<bool> {
    let aside = folder.join(REPLACED);
    if !is_run(&aside) {
        return Ok(false);
    }
    entries(folder)?.iter().try_for_each(remove)?;
    put_back(&aside, folder)?;
    Ok(true)
}

/// Removes it, the configuration first: what is left without one is on its way out.
pub(super) fn forget(folder: &Path) -> Result<()> {
    let aside = folder.join(REPLACED);
    if is_run(&aside) {
        fs::remove_file(aside.join(RunFolder::CONFIG))?;
    }
    if aside.exists() { fs::remove_dir_all(aside) } else { Ok(()) }
}

/// True if a process was killed while it moved a run aside or back, and has left a part of it in each place.
pub(super) fn is_torn(folder: &Path) -> bool {
    let [aside, moving] = [REPLACED, REPLACING].map(|name| folder.join(name));
    if is_run(folder) { moving.exists() } else { is_run(&aside) || is_run(&moving) }
}

/// Ends what such a process had begun, before anything else is written: the old run is back in its place, or gone if
/// the new one has a model.
pub(super) fn finish(folder: &Path) -> Result<()> {
    let (aside, moving) = (folder.join(REPLACED), folder.join(REPLACING));
    if moving.exists() {
        put_back(&moving, folder)?;
    }
    if is_run(&aside) && !is_run(folder) {
        put_back(&aside, folder)
    } else if !is_run(&aside) || folder.join(WEIGHTS).exists() {
        forget(folder)
    } else {
        Ok(())
    }
}

/// Moves what is in a folder of a run back into it, the configuration last. What has another of its name there was
/// replaced since, and is removed.
fn put_back(aside: &Path, folder: &Path) -> Result<()> {
    for entry in entries(aside)? {
        let place = folder.join(entry.file_name());
        if place.exists() {
            remove(&entry)?;
        } else {
            fs::rename(entry.path(), place)?;
        }
    }
    fs::remove_dir(aside)
}

fn is_run(folder: &Path) -> bool {
    folder.join(RunFolder::CONFIG).is_file()
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

    /// Moves these files of a run into a folder in it, as far as a process came that was killed.
    fn moved(run: &Path, to: &str, files: &[&str]) {
        fs::create_dir(run.join(to)).unwrap();
        files.iter().for_each(|file| fs::rename(run.join(file), run.join(to).join(file)).unwrap());
    }

    /// Leaves a run in this state, in which both `--resume` and `--force` must find it whole.
    fn is_whole_after(state: impl Fn(&Path)) {
        for force in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("run");
            let old = run(&path, &["old", "older", WEIGHTS]);
            old.phase("layer-1").write("metrics.jsonl", b"").unwrap();
            drop(old);
            let before = names(&path);
            state(&path);
            if force {
                let new = run(&path, &["new"]);
                assert_eq!(names(&path.join(REPLACED)), before);
                assert!(new.restore_replaced().unwrap());
            } else {
                RunFolder::open(path.clone()).unwrap().lock().unwrap();
            }
            assert_eq!(names(&path), before, "with --force: {force}");
            assert!(!path.join(REPLACED).exists() && !path.join(REPLACING).exists());
        }
    }

    #[test]
    fn a_move_that_was_killed_half_way_is_finished() {
        // On the way aside: some files, then all of them.
        let some = ["checkpoints", "old", "SHA256SUMS"];
        is_whole_after(|path| moved(path, REPLACING, &some));
        let all = |path: &Path, to: &str| {
            let names = names(path);
            moved(path, to, &names.iter().map(String::as_str).collect::<Vec<_>>());
        };
        is_whole_after(|path| all(path, REPLACING));
        // On the way back: none so far, some, and all of them.
        is_whole_after(|path| all(path, REPLACED));
        is_whole_after(|path| moved(path, REPLACED, &["config.toml", "old"]));
        is_whole_after(|path| moved(path, REPLACED, &[]));
        // Earlier versions went on with what was left.
        is_whole_after(|path| {
            moved(path, REPLACING, &some);
            fs::create_dir_all(path.join("checkpoints/layer-2")).unwrap();
        });
    }

    #[test]
    fn an_unfinished_run_that_was_put_back_is_not_taken_for_the_fit_that_replaced_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        drop(run(&path, &["old"]));
        let before = names(&path);
        moved(&path, REPLACED, &[]);
        let _new = run(&path, &["new"]);
        assert_eq!(names(&path.join(REPLACED)), before);
    }

    #[test]
    fn a_run_that_was_to_go_is_gone_once_the_new_one_with_its_model_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        drop(run(&path, &["old", WEIGHTS]));
        // Killed between its weights and the end of the old run.
        drop(run(&path, &["new", WEIGHTS]));
        assert!(path.join(REPLACED).join("old").exists());
        RunFolder::open(path.clone()).unwrap().lock().unwrap();
        assert!(!path.join(REPLACED).exists() && path.join("new").exists());
    }
}
