//! The table of papers in the README: a line for each crate, from `[package.metadata.variant]` of its
//! manifest and the records under results/, in the order of the papers' years.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, de::DeserializeOwned};

use shared::run::write_atomic;

use crate::{
    blocks::filled,
    cells::{RunMetric, column, refuse_gaps, value},
    results::{Records, records},
    workspace,
};

/// `[package.metadata.variant]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    /// Authors and year, of each paper.
    paper: String,
    /// What a reader learns from the crate, in a line.
    shows: String,
    /// The number that sums it up.
    headline: RunMetric,
}

/// The metric that sums a paper up, as its manifest says.
pub(crate) fn headline(paper: &str) -> Result<String> {
    let manifest = workspace().join("crates").join(paper).join("Cargo.toml");
    Ok(metadata::<Variant>(&manifest, "variant")?.headline.metric)
}

/// Writes the table into the README of the workspace at `root`, and nothing else.
pub(crate) fn write(root: &Path) -> Result<()> {
    let page = root.join("README.md");
    let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
    let new = with_papers(&text, root, &records(&root.join("results"))?)?;
    write_atomic(&page, new.as_bytes())
}

/// The page with its table of papers, if it has one.
pub(crate) fn with_papers(page: &str, root: &Path, records: &Records) -> Result<String> {
    filled(page, "papers", |_| table(root, records))
}

fn table(root: &Path, records: &Records) -> Result<String> {
    let mut papers = Vec::new();
    for manifest in manifests(root)? {
        let name = folder_name(&manifest);
        let variant: Variant = metadata(&manifest, "variant")?;
        let measured = measured(&name, &variant.headline, records)
            .with_context(|| format!("{}, headline", manifest.display()))?;
        papers.push((year(&variant.paper), name, variant, measured));
    }
    papers.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let mut text = String::from("| crate | paper | shows | measured |\n|---|---|---|---|\n");
    for (_, name, Variant { paper, shows, .. }, measured) in papers {
        let [paper, shows] = [paper, shows].map(|cell| cell.replace('|', "\\|"));
        writeln!(text, "| [`{name}`](crates/{name}) | {paper} | {shows} | {measured} |")?;
    }
    Ok(text)
}

/// Names of the papers' crates, in the order of the table.
pub(crate) fn in_order(root: &Path) -> Result<Vec<String>> {
    let mut papers = Vec::new();
    for manifest in manifests(root)? {
        let variant: Variant = metadata(&manifest, "variant")?;
        papers.push((year(&variant.paper), folder_name(&manifest)));
    }
    papers.sort();
    Ok(papers.into_iter().map(|(_, name)| name).collect())
}

/// Manifests of the papers' crates.
pub(crate) fn manifests(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = root.join("crates");
    let entries =
        fs::read_dir(&folder).with_context(|| format!("cannot look into {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        found.push(entry?.path().join("Cargo.toml"));
    }
    found.retain(|manifest| manifest.is_file());
    Ok(found)
}

/// Name of the crate of a manifest: that of its folder.
pub(crate) fn folder_name(manifest: &Path) -> String {
    let folder = manifest.parent().and_then(Path::file_name).unwrap_or_default();
    folder.to_string_lossy().into_owned()
}

/// What `[package.metadata.KEY]` of a manifest says.
pub(crate) fn metadata<T: DeserializeOwned>(manifest: &Path, key: &str) -> Result<T> {
    let read = || -> Result<T> {
        let manifest: toml::Table = toml::from_str(&fs::read_to_string(manifest)?)?;
        let entry = ["package", "metadata", key]
            .iter()
            .try_fold(&toml::Value::Table(manifest), |table, key| table.get(key))
            .cloned()
            .with_context(|| format!("no [package.metadata.{key}]"))?;
        Ok(entry.try_into()?)
    };
    read().with_context(|| {
        format!(
            "{}: write [package.metadata.{key}] as crates/vae/Cargo.toml has it",
            manifest.display()
        )
    })
}

/// The first year that is named; papers without one come last.
fn year(paper: &str) -> u32 {
    let words = paper.split(|c: char| !c.is_ascii_digit()).filter(|word| word.len() == 4);
    words.filter_map(|word| word.parse().ok()).next().unwrap_or(u32::MAX)
}

fn measured(name: &str, headline: &RunMetric, records: &Records) -> Result<String> {
    let RunMetric { run, metric } = headline;
    let of_paper: Vec<&str> = records
        .values()
        .filter_map(|runs| runs.first())
        .filter(|record| record.paper == name)
        .map(|record| record.name.as_str())
        .collect();
    if of_paper.is_empty() {
        return Ok("no record yet".into());
    }
    let Some(runs) = records.get(&format!("{name}-{run}")) else {
        bail!("results/ has no record of the run {run}; there are {}", of_paper.join(", "));
    };
    refuse_gaps(run, runs, metric)?;
    let value = value(runs, metric);
    if value == "-" {
        bail!("no record of the run {run} has the metric {metric}");
    }
    Ok(format!("`{run}`: {} {value}", column(runs.first(), metric)))
}
