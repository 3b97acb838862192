//! The paper's program: built once, and asked what it makes of every cell before anything starts.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, anyhow, bail};
use shared::{progress, reading::did_you_mean};
use toml::{Table, Value};

use super::{plan::Plan, runs::last_words};
use crate::{
    build,
    readme::papers::{folder_name, manifests},
    workspace,
};

/// Refuses a paper that has no crate.
pub(super) fn known(paper: &str) -> Result<()> {
    let names: Vec<String> = manifests(&workspace())?.iter().map(|m| folder_name(m)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if !names.contains(&paper) {
        bail!("there is no paper {paper}{}", did_you_mean(paper, &names));
    }
    Ok(())
}

/// The program of a paper: in a folder of programs, or built by Cargo with these features.
pub(super) fn built(paper: &str, folder: Option<&Path>, features: &[String]) -> Result<PathBuf> {
    if let Some(folder) = folder {
        let program = folder.join(file_name(paper));
        if !program.is_file() {
            bail!("--programs {}: there is no {paper}", folder.display());
        }
        return std::path::absolute(&program).with_context(|| program.display().to_string());
    }
    progress::line(&format!("building {paper}"));
    build::program(paper, features)
}

/// The file of a paper's program.
pub(super) fn file_name(paper: &str) -> String {
    format!("{paper}{}", std::env::consts::EXE_SUFFIX)
}

/// A copy of a program in `folder`: what is built later does not change a sweep that is under way.
pub(super) fn copied(program: &Path, name: &str, folder: &Path) -> Result<PathBuf> {
    let copy = folder.join(file_name(name));
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let part = folder.join(format!(".{name}-{}", std::process::id()));
        fs::copy(program, &part)?;
        fs::rename(&part, &copy)
    };
    write().with_context(|| format!("cannot copy {} to {}", program.display(), copy.display()))?;
    Ok(copy)
}

/// The configuration of each of these cells in full, for the first seed. The data are fetched on the way.
///
/// # Errors
/// The first that the program refuses, with its reason; two that are the same.
pub(super) fn configurations(
    plan: &Plan,
    cells: &[usize],
    program: &Path,
    cache: Option<&Path>,
) -> Result<BTreeMap<usize, Table>> {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = BTreeMap::new();
    let bar = progress::steps("checking", cells.len() as u64, "configurations");
    for &cell in cells {
        let text = configuration(plan, cell, program, cache)
            .with_context(|| plan.cells[cell].name.clone())?;
        let table = toml::from_str(&text)
            .map_err(|_| anyhow!("{} prints no configuration: build it again", plan.sweep.paper))?;
        if let Some(other) = known.insert(text, cell) {
            let [other, this] = [other, cell].map(|cell| &plan.cells[cell].name);
            bail!("{other} and {this} are the same configuration: leave one out");
        }
        found.insert(cell, table);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(found)
}

fn configuration(plan: &Plan, cell: usize, program: &Path, cache: Option<&Path>) -> Result<String> {
    let mut command = with_cache(Command::new(program), cache);
    command.args(["train", "--check"]).args(plan.options(&plan.cells[cell]));
    command.arg("--seed").arg(plan.sweep.seeds[0].to_string()).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        let said = last_words(&String::from_utf8_lossy(&output.stderr), &plan.sweep.paper);
        bail!("{said}");
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command with the data in this folder.
pub(super) fn with_cache(mut command: Command, cache: Option<&Path>) -> Command {
    if let Some(cache) = cache {
        command.env("AE_CACHE_DIR", cache);
    }
    command
}

/// A configuration with this seed.
pub(super) fn seeded(configuration: &Table, seed: u64) -> Table {
    let mut table = configuration.clone();
    table.insert("seed".into(), Value::Integer(seed as i64));
    table
}
