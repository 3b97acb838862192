//! `new-paper`: a crate for another paper, a copy of one that is here under another name, and its removal.
//! Besides `crates/NAME` it writes a line of the README's table and an entry of Cargo.lock; everything else
//! finds crates by itself.

mod name;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow, bail};

use crate::{build::cargo, papers, workspace};
use name::{Name, renamed};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Name of the crate and its program, in kebab-case.
    name: String,
    /// The paper whose crate it begins as a copy of; `blank` is a plain autoencoder, as small as can be.
    #[arg(long, required_unless_present = "remove")]
    from: Option<String>,
    /// Title of the paper.
    #[arg(long, default_value = "TODO: title")]
    title: String,
    /// Its authors, for instance "D. P. Kingma, M. Welling".
    #[arg(long, default_value = "TODO: authors")]
    authors: String,
    /// Take a crate that this command made out of the workspace, into target/removed.
    #[arg(long, conflicts_with_all = ["from", "title", "authors"])]
    remove: bool,
}

/// Heads the table in which a manifest says which crate it was copied from.
const MARK: &str = "[package.metadata.new-paper]";

pub(super) fn run(args: &Args) -> Result<()> {
    run_in(&workspace(), args)
}

fn run_in(root: &Path, args: &Args) -> Result<()> {
    let name = Name::parse(&args.name)?;
    let home = root.join("crates").join(&name.kebab);
    let Some(from) = &args.from else {
        let manifest = fs::read_to_string(home.join("Cargo.toml"));
        let manifest = manifest.with_context(|| format!("there is no crate crates/{name}"))?;
        if !manifest.contains(MARK) {
            bail!("crates/{name} was not made by new-paper: remove it by hand if you mean to");
        }
        let removed = root.join("target/removed");
        fs::create_dir_all(&removed)?;
        let place = (0..).map(|n| removed.join(format!("{name}-{n}"))).find(|path| !path.exists());
        let place = place.context("no place under target/removed")?;
        move_with_entries(root, &home, &place)?;
        shared::print_line!("removed crates/{name} and its lines; it is in {}", place.display());
        return Ok(());
    };
    for (option, text) in [("--title", &args.title), ("--authors", &args.authors)] {
        if text.trim().is_empty() || text.contains(char::is_control) {
            bail!("{option}: one line of text");
        }
    }
    name.check_free(root)?;
    let source = match from.as_str() {
        "blank" => root.join("scripts/templates/blank"),
        paper => root.join("crates").join(paper),
    };
    if !source.join("Cargo.toml").is_file() {
        bail!("--from {from}: blank, or the name of a crate under crates");
    }
    // On the same file system, so that the crate comes by one renaming.
    let draft = tempfile::Builder::new().prefix(".new-paper-").tempdir_in(root)?;
    let folder = draft.path().join(&name.kebab);
    // Names have another order in lists of imports.
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024", "--config-path"]).arg(root);
    for (path, text) in copied(root, &source, &Name::known(from), &name, args)? {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        if path.extension().is_some_and(|ending| ending == "rs") {
            rustfmt.arg(path);
        }
    }
    succeed(&mut rustfmt, "rustup component add rustfmt")?;
    move_with_entries(root, &folder, &home)?;
    shared::print_line!(
        "wrote crates/{name} and its lines in README.md and Cargo.lock\n\
         try it: cargo run --release -p {name} -- train\n\
         then: CONTRIBUTING.md, \"Add a paper\""
    );
    Ok(())
}

/// The files of the new crate, path and text: those of the source under the new name, and a page to be written.
fn copied(
    root: &Path,
    source: &Path,
    from: &Name,
    to: &Name,
    args: &Args,
) -> Result<Vec<(String, String)>> {
    let Args { title, authors, .. } = args;
    let mut files = Vec::new();
    let mut modules = Vec::new();
    // What the source's paper claims is not what the new one does.
    let is_own = |path: &String| !["README.md", "claims.toml"].contains(&path.as_str());
    for path in files_under(source)?.into_iter().filter(is_own) {
        let file = source.join(&path);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let text = renamed(&path, &text, from, to);
        let text = match path.as_str() {
            "Cargo.toml" => manifest(&text, from, args),
            "src/lib.rs" => library(&text, args),
            _ if path.starts_with("configs/") => Ok(preset(&path, &text)),
            _ => Ok(text),
        };
        let changed = || format!("{} has changed its form: new-paper copies it", file.display());
        files.push((path.clone(), text.with_context(changed)?));
        modules.extend(path.strip_prefix("src/").map(str::to_owned));
    }
    modules.retain(|path| !path.contains('/') && !["lib.rs", "main.rs"].contains(&path.as_str()));
    let row =
        |path: &String| format!("| [`{path}`](src/{path}) | TODO: its sections and equations |");
    let rows: Vec<String> = modules.iter().map(row).collect();
    let page = fs::read_to_string(root.join("scripts/templates/page.md"))?
        .replace("{name}", &to.kebab)
        .replace("{files}", &rows.join("\n"))
        .replace("{citation}", &format!("{authors}: *{title}*, TODO: venue and year."))
        .replace("{title}", title);
    files.push(("README.md".into(), page));
    Ok(files)
}

fn manifest(text: &str, from: &Name, Args { title, authors, .. }: &Args) -> Result<String> {
    let metric = text.lines().find_map(|line| line.split_once("metric = ")?.1.split('"').nth(1));
    let metric = metric.context("no metric in the headline")?;
    let string = |text: &str| toml::Value::from(text).to_string();
    let mut text = without_mark(text);
    for (key, value) in [
        ("description", string(title)),
        ("paper", string(&format!("{authors}, TODO: year"))),
        ("shows", string("TODO: what a reader learns from it, in a line")),
        (
            "headline",
            format!("{{ run = \"quick\", metric = \"{metric}\" }}\n\n{MARK}\nfrom = \"{from}\""),
        ),
    ] {
        let beginning = format!("{key} = ");
        let line = text.lines().find(|line| line.starts_with(&beginning));
        let line = line.with_context(|| format!("no line '{beginning}...'"))?.to_owned();
        text = text.replacen(&line, &format!("{beginning}{value}"), 1);
    }
    Ok(text)
}

/// The manifest without the table that says which crate it was copied from.
fn without_mark(text: &str) -> String {
    let mut is_within = false;
    let is_kept = |line: &&str| {
        let is_next = is_within && (line.is_empty() || line.starts_with("from = "));
        is_within = is_next || line.trim() == MARK;
        !is_within
    };
    text.lines().filter(is_kept).map(|line| format!("{line}\n")).collect()
}

/// The text of `lib.rs` with title and authors in its two constants, and a first line to be written.
fn library(text: &str, Args { title, authors, .. }: &Args) -> Result<String> {
    let header: usize =
        text.split_inclusive('\n').take_while(|l| l.starts_with("//! ")).map(str::len).sum();
    let mut text = format!("//! {authors}: {title}.\n{}", &text[header..]);
    for (constant, value) in
        [("ABOUT", title), ("CITATION", &format!("{authors}: {title}. TODO: venue and year."))]
    {
        let declaration = format!("const {constant}: &'static str =");
        let start = text.find(&declaration).with_context(|| format!("no {declaration}"))?;
        let start = start + declaration.len();
        let end =
            text[start..].find("\";\n").with_context(|| format!("no end of {declaration}"))?;
        text = format!("{} {value:?}{}", &text[..start], &text[start + end + 1..]);
    }
    Ok(text)
}

/// A configuration without the comment at its head: time, numbers and records there are of the source.
fn preset(path: &str, text: &str) -> String {
    let header: usize =
        text.split_inclusive('\n').take_while(|l| l.starts_with('#')).map(str::len).sum();
    let missing = match path {
        "configs/quick.toml" => "the time it takes, and the number to expect",
        _ => "what it is of, with the section of each value",
    };
    format!("# TODO: {missing}.\n{}", &text[header..])
}

/// Moves a crate into the workspace or out of it, and brings README.md and Cargo.lock up to date; after an error
/// everything is as it was.
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
    match undone {
        Ok(()) => Err(error.context("nothing was changed")),
        Err(why) => Err(error.context(format!("and what was begun could not be undone ({why})"))),
    }
}

/// Brings the workspace's own entries of Cargo.lock up to date; others stay as they are.
fn lock(root: &Path) -> Result<()> {
    let mut command = cargo();
    command.args(["update", "--workspace", "--offline", "--quiet"]).current_dir(root);
    succeed(&mut command, "see why with cargo update --workspace --offline")
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

/// All files of a folder and of those in it, in order, with `/` between folders; hidden ones are left out.
fn files_under(folder: &Path) -> Result<Vec<String>> {
    let is_hidden =
        |entry: &walkdir::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    let all = walkdir::WalkDir::new(folder).min_depth(1).sort_by_file_name().into_iter();
    let mut found = Vec::new();
    for entry in all.filter_entry(|entry| !is_hidden(entry)) {
        let entry = entry?;
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(folder)?;
            found
                .push(path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"));
        }
    }
    Ok(found)
}
