//! Putting a crate into the workspace and taking it out again: wholly or not at all.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};

use super::{
    name::Name,
    template::{File, MARK},
};
use crate::readme::papers;

/// Edition that rustfmt reads.
const EDITION: &str = "2024";
const FINGERPRINT: &str = "fingerprint = ";

/// Writes a crate with its entries elsewhere.
pub(super) fn add(root: &Path, name: &Name, files: &[File]) -> Result<()> {
    let draft = draft(root)?;
    let folder = draft.path().join(&name.kebab);
    for File { path, text } in files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let sources = files.iter().map(|file| &file.path).filter(|path| path.ends_with(".rs"));
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", EDITION, "--config-path"]).arg(root);
    succeed(rustfmt.args(sources.map(|path| folder.join(path))), "rustup component add rustfmt")?;
    let manifest = folder.join("Cargo.toml");
    let mark = format!("{MARK}\n{FINGERPRINT}\"{}\"", fingerprint(&folder)?);
    let marked = fs::read_to_string(&manifest)?.replacen(MARK, &mark, 1);
    fs::write(&manifest, marked)?;
    move_with_entries(root, &folder, &home(root, name))
}

/// Removes a crate that [`add`] wrote, with its entries elsewhere.
pub(super) fn remove(root: &Path, name: &Name, force: bool) -> Result<()> {
    let folder = home(root, name);
    let manifest = folder.join("Cargo.toml");
    if folder.is_symlink() || !manifest.is_file() {
        bail!("there is no crate crates/{name}");
    }
    let text = fs::read_to_string(&manifest)?;
    let table: toml::Table =
        toml::from_str(&text).with_context(|| manifest.display().to_string())?;
    let mark =
        || table.get("package")?.get("metadata")?.get("new-paper")?.get("fingerprint")?.as_str();
    let Some(mark) = mark() else {
        bail!("crates/{name} was not made by new-paper: remove it by hand if you mean to");
    };
    if !force && mark != fingerprint(&folder)? {
        bail!(
            "crates/{name} has been changed since it was made: --force removes it with the changes"
        );
    }
    let draft = draft(root)?;
    let moved = move_with_entries(root, &folder, &draft.path().join(&name.kebab));
    if moved.is_err() && !folder.exists() {
        // It could not be put back and must not go with the draft.
        return moved.context(format!("the crate is in {}", draft.keep().display()));
    }
    moved
}

fn home(root: &Path, name: &Name) -> PathBuf {
    root.join("crates").join(&name.kebab)
}

/// A folder on the same file system, so that a crate comes and goes by one renaming.
fn draft(root: &Path) -> Result<tempfile::TempDir> {
    let made = tempfile::Builder::new().prefix(".new-paper-").tempdir_in(root);
    made.with_context(|| format!("cannot write into {}", root.display()))
}

/// Moves a crate into the workspace or out of it, and brings README.md and Cargo.lock up to date;
/// after an error everything is as it was.
fn move_with_entries(root: &Path, from: &Path, to: &Path) -> Result<()> {
    let read = |file: &str| -> Result<(PathBuf, Vec<u8>)> {
        let path = root.join(file);
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        Ok((path, bytes))
    };
    let before = [read("README.md")?, read("Cargo.lock")?];
    fs::rename(from, to).with_context(|| format!("cannot write {}", to.display()))?;
    let Err(error) = papers::write(root).and_then(|()| lock(root)) else { return Ok(()) };
    let mut undone = fs::rename(to, from);
    for (path, bytes) in before {
        undone = undone.and(fs::write(path, bytes));
    }
    Err(match undone {
        Ok(()) => error.context("nothing was changed"),
        Err(why) => error.context(format!("and what was begun could not be undone ({why})")),
    })
}

/// Brings the workspace's own entries of Cargo.lock up to date; others stay as they are.
fn lock(root: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut update = Command::new(cargo);
    update.args(["update", "--workspace", "--offline", "--quiet"]).current_dir(root);
    succeed(&mut update, "see why with cargo update --workspace --offline")
}

fn succeed(command: &mut Command, advice: &str) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {program}: {advice}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(anyhow!("{}", said.trim()).context(format!("{program} failed: {advice}")))
}

/// A digest of the folder's files but for the line that it stands in.
fn fingerprint(folder: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    for path in files_under(folder)? {
        let bytes = fs::read(folder.join(&path))?;
        let lines = bytes.split_inclusive(|&byte| byte == b'\n');
        let kept = lines.filter(|line| !line.starts_with(FINGERPRINT.as_bytes()));
        digest.update(format!("{path}\0"));
        kept.for_each(|line| digest.update(line));
        digest.update([0]);
    }
    Ok(hex::encode(&digest.finalize()[..8]))
}

/// All files of a folder and of those in it, in order, with `/` between folders.
pub(super) fn files_under(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            let below = files_under(&entry.path())?;
            found.extend(below.into_iter().map(|path| format!("{name}/{path}")));
        } else {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}
