//! What the paper's program makes of every cell, asked before anything starts.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, anyhow, bail};
use shared::{processes::last_words, progress, reading::did_you_mean};
use toml::{Table, Value};

use super::plan::Plan;
use crate::{
    readme::papers::{folder_name, manifests},
    trainings::with_cache,
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

/// A configuration with this seed.
pub(super) fn seeded(configuration: &Table, seed: u64) -> Table {
    let mut table = configuration.clone();
    table.insert("seed".into(), Value::Integer(seed as i64));
    table
}
