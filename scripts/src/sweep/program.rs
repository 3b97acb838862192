//! What the paper's program makes of every cell, asked before anything starts.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, bail};
use shared::{progress, reading::did_you_mean};
use toml::Table;

use super::plan::Plan;
use crate::{
    papers::{folder_name, manifests},
    trainings::checked,
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
        let (of, sweep) = (&plan.cells[cell], &plan.sweep);
        let (text, table) =
            checked(program, &sweep.paper, &plan.options(of), sweep.seeds[0], cache)
                .with_context(|| of.name.clone())?;
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
