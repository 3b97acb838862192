//! `cargo xtask site`: the course, the papers' pages and the explorers of runs as a static site that loads nothing
//! from elsewhere and opens from a file too. Tables are written anew from the records, code is read from the sources.

mod blocks;
mod check;
mod excerpt;
mod explorers;
pub(crate) mod highlight;
mod layout;
mod links;
mod markdown;
mod math;
mod pages;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use walkdir::WalkDir;

use crate::{
    build::target,
    readme::{self, written},
    results::records,
    workspace,
};
use markdown::{Rendered, Site};
use pages::Page;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder of the site, replaced as a whole; default: target/site.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Folder of runs whose explorer pages become part of it; default: runs.
    #[arg(long)]
    runs: Option<PathBuf>,
    /// Address at which files of the repository are read, such as https://HOST/PROJECT/-/blob/main; default: links
    /// to them become plain text.
    #[arg(long, value_name = "URL")]
    repository: Option<String>,
}

/// True if a folder is a site that was written before: no other is replaced.
fn is_site(folder: &Path) -> bool {
    let index = fs::read_to_string(folder.join(layout::INDEX));
    index.is_ok_and(|text| text.starts_with(layout::INDEX_BEGINS))
}

pub(super) fn run(args: &Args) -> Result<()> {
    let root = workspace();
    let out = args.out.clone().unwrap_or_else(|| root.join("target/site"));
    let runs = args.runs.clone().unwrap_or_else(|| root.join("runs"));
    if args.runs.is_some() && !runs.is_dir() {
        bail!("--runs {}: no such folder", runs.display());
    }
    let named = || format!("--out {}", out.display());
    if out.exists() && fs::read_dir(&out).with_context(named)?.next().is_some() && !is_site(&out) {
        bail!("--out {}: not a site; name a new or an empty folder", out.display());
    }
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    // Beside its place, so that it gets there by a rename.
    let new = tempfile::Builder::new().prefix(".site-").tempdir_in(parent)?;
    let folder = new.path().join("site");
    let summary = write(&root, &runs, args.repository.as_deref(), &folder)?;
    let old = new.path().join("old");
    let was_there = out.exists();
    if was_there {
        fs::rename(&out, &old).with_context(named)?;
    }
    if let Err(error) = fs::rename(&folder, &out) {
        if was_there {
            fs::rename(&old, &out).with_context(named)?;
        }
        return Err(error).with_context(named);
    }
    shared::print_line!("{summary}\nwritten: {}", out.join("index.html").display());
    Ok(())
}

/// Writes the site and checks it; says what it has and what it lacks.
fn write(root: &Path, runs: &Path, repository: Option<&str>, out: &Path) -> Result<String> {
    let pages = pages::pages(root)?;
    let records = records(&root.join("results"))?;
    let mut site = Site {
        root,
        links: links::Links::new(root, &pages, repository),
        explorers: explorers::explorers(runs)?,
        pictures: BTreeSet::new(),
    };
    let (mut texts, mut bodies): (Vec<String>, Vec<Rendered>) = (Vec::new(), Vec::new());
    let with_tables = readme::pages()?;
    for page in &pages {
        let text = match with_tables.contains(&root.join(&page.source)) {
            true => written(&page.text, &records).with_context(|| page.source.clone())?,
            false => page.text.clone(),
        };
        bodies.push(site.rendered(page, &text).with_context(|| page.source.clone())?);
        texts.push(text);
    }
    let rustdoc = rustdoc(root, out)?;
    for (page, body) in pages.iter().zip(&bodies) {
        store(&out.join(&page.site), layout::page(page, &pages, body, &rustdoc).as_bytes())?;
    }
    for (name, bytes) in layout::ASSETS {
        store(&out.join(name), bytes)?;
    }
    let texts = pages.iter().zip(texts.iter().map(String::as_str));
    store(&out.join(layout::INDEX), layout::search_index(texts)?.as_bytes())?;
    for picture in &site.pictures {
        copy(&root.join(picture), &out.join(links::picture_site(picture)))?;
    }
    for explorer in &site.explorers {
        copy(&explorer.file, &out.join(&explorer.site))?;
    }
    check::check(out, |file| source(&pages, file))?;
    Ok(summary(&pages, &site, &rustdoc))
}

fn summary(pages: &[Page], site: &Site<'_>, rustdoc: &[String]) -> String {
    let explorers = match site.explorers.len() {
        0 => {
            "no explorer page of a run (train leaves one in the run's folder, --runs names another)"
                .into()
        }
        1 => "1 explorer page".to_owned(),
        count => format!("{count} explorer pages"),
    };
    let rustdoc = match rustdoc.len() {
        0 => "no rustdoc (cargo doc --workspace --no-deps writes it)".into(),
        count => format!("rustdoc of {count} crates"),
    };
    format!("{} pages, {} pictures, {explorers}, {rustdoc}", pages.len(), site.pictures.len())
}

/// The file that a page of the site is written from.
fn source(pages: &[Page], site: &str) -> String {
    let page = pages.iter().find(|page| page.site == site);
    page.map_or_else(|| format!("{site} of the site"), |page| page.source.clone())
}

/// Copies what `cargo doc` has written, and names its crates of this workspace.
fn rustdoc(root: &Path, out: &Path) -> Result<Vec<String>> {
    let documentation = target(root).join("doc");
    let mut crates = Vec::new();
    for folder in ["shared", "shared/*", "crates/*"] {
        let parent = root.join(folder.trim_end_matches('*'));
        let folders = match folder.ends_with('*') {
            true => fs::read_dir(parent)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?,
            false => vec![parent],
        };
        let names = folders.iter().filter(|folder| folder.join("Cargo.toml").is_file());
        let names = names.filter_map(|folder| Some(folder.file_name()?.to_string_lossy()));
        crates.extend(names.map(|name| name.replace('-', "_")));
    }
    crates.retain(|name| documentation.join(name).join("index.html").is_file());
    crates.sort();
    if crates.is_empty() {
        return Ok(crates);
    }
    for entry in WalkDir::new(&documentation) {
        let entry = entry?;
        let inside = entry.path().strip_prefix(&documentation).unwrap_or(entry.path());
        // Cargo's own lock lies there too.
        if entry.file_type().is_file() && entry.file_name() != ".lock" {
            copy(entry.path(), &out.join(check::RUSTDOC).join(inside))?;
        }
    }
    Ok(crates)
}

fn store(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, bytes)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    store(to, &bytes)
}
