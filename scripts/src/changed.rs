//! Which variants a branch touches: the folders of `crates/` it changes, or whose records under `results/`, or all of
//! them if it changes what every variant stands on; and the pipeline that trains them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, bail};

use shared::run::write_atomic;

use crate::{
    papers::{folder_name, manifests},
    workspace,
};

/// Beginnings of paths that concern every variant.
const SHARED: [&str; 8] =
    ["shared/", "scripts/", "tests/", ".cargo/", ".ci/", ".config/", ".gitlab-ci.yml", "Cargo."];

#[derive(clap::Args)]
pub(super) struct Args {
    /// Branch or commit to compare with, for instance origin/main; from where this branch left it.
    /// Without it, every variant counts as changed.
    #[arg(long, value_name = "REF")]
    base: Option<String>,
    /// Write GitLab's child pipeline that trains and compares them.
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let root = workspace();
    let variants = match &args.base {
        Some(base) => changed(&root, base)?,
        None => variants(&root)?,
    };
    if let Some(file) = &args.pipeline {
        write_atomic(file, pipeline(&root, &variants)?.as_bytes())?;
    }
    for variant in variants {
        shared::print_line!("{variant}");
    }
    Ok(())
}

/// Child pipeline, with a place for the papers.
const TEMPLATE: &str = "scripts/ci/train.yml";
const PLACE: &str = "[PAPERS]";

/// A pipeline must have a job.
const NOTHING: &str = "nothing:\n  script:\n    - echo no paper is touched, nothing to train\n";

/// The child pipeline that trains these variants.
fn pipeline(root: &Path, variants: &BTreeSet<String>) -> Result<String> {
    if variants.is_empty() {
        return Ok(NOTHING.into());
    }
    let path = root.join(TEMPLATE);
    let template = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    if template.matches(PLACE).count() != 1 {
        bail!("{}: {PLACE} must stand there once, for the papers", path.display());
    }
    let list: Vec<&str> = variants.iter().map(String::as_str).collect();
    Ok(template.replace(PLACE, &format!("[{}]", list.join(", "))))
}

/// Every variant: the crates in `crates/`.
fn variants(root: &Path) -> Result<BTreeSet<String>> {
    Ok(manifests(root)?.iter().map(|manifest| folder_name(manifest)).collect())
}

/// The variants that differ from where this branch left `base`, in commits or in the working tree.
fn changed(root: &Path, base: &str) -> Result<BTreeSet<String>> {
    let fork = git(root, &["merge-base", "--end-of-options", base, "HEAD"]).with_context(|| {
        format!(
            "cannot find where this branch left {base}: fetch it with its history \
             (git fetch origin, in CI GIT_DEPTH: 0)"
        )
    })?;
    let mut paths =
        git(root, &["diff", "--name-only", "--no-renames", "-z", fork.trim_end(), "--"])?;
    // A diff does not have files that were not yet added.
    paths += &git(root, &["ls-files", "--others", "--exclude-standard", "--full-name", "-z"])?;
    let mut variants = variants(root)?;
    let paths: Vec<&str> = paths.split_terminator('\0').collect();
    if !paths.iter().any(|path| SHARED.iter().any(|shared| path.starts_with(shared))) {
        variants.retain(|name| {
            // Records are of a training that can be done again.
            let folders = ["crates", "results"].map(|folder| format!("{folder}/{name}/"));
            paths.iter().any(|path| folders.iter().any(|folder| path.starts_with(folder)))
        });
    }
    Ok(variants)
}

fn git(root: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("git");
    let Output { status, stdout, stderr } =
        command.current_dir(root).args(arguments).output().context("cannot run git")?;
    if !status.success() {
        let said = String::from_utf8_lossy(&stderr).trim().to_owned();
        bail!(
            "git {}: {}",
            arguments.join(" "),
            if said.is_empty() { "nothing found" } else { &said }
        );
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with two variants on main, and a branch from it.
    fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        run_git(root, &["init", "--quiet", "--initial-branch", "main"]);
        for file in ["crates/a/Cargo.toml", "crates/ab/Cargo.toml", "shared/lib.rs", "README.md"] {
            write(root, file, "old");
        }
        commit(root);
        run_git(root, &["switch", "--quiet", "--create", "branch"]);
        folder
    }

    fn run_git(root: &Path, arguments: &[&str]) {
        let person = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
        git(root, &[&person, arguments].concat()).unwrap();
    }

    fn commit(root: &Path) {
        run_git(root, &["add", "--all"]);
        run_git(root, &["commit", "--quiet", "--message", "change"]);
    }

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The variants of a branch that changes `files`.
    fn after(files: &[&str]) -> Vec<String> {
        let folder = repository();
        files.iter().for_each(|file| write(folder.path(), file, "new"));
        commit(folder.path());
        changed(folder.path(), "main").unwrap().into_iter().collect()
    }

    #[test]
    fn a_variant_alone_is_that_variant_and_what_all_stand_on_is_all() {
        assert_eq!(after(&["crates/a/src/model.rs"]), ["a"]);
        assert_eq!(after(&["crates/ab/src/model.rs", "README.md"]), ["ab"]);
        assert_eq!(after(&["README.md", "docs/a.md"]), [""; 0]);
        assert_eq!(after(&["crates/c/Cargo.toml"]), ["c"]);
        assert_eq!(after(&["results/ab/quick-seed1.json", "results/a.json"]), ["ab"]);
        for file in ["shared/lib.rs", "Cargo.lock", "scripts/a.rs", "tests/a.rs", ".gitlab-ci.yml"]
        {
            assert_eq!(after(&[file]), ["a", "ab"], "{file}");
        }
    }

    #[test]
    fn what_main_did_since_is_not_the_branch_s_and_what_is_not_committed_is() {
        let folder = repository();
        let root = folder.path();
        run_git(root, &["switch", "--quiet", "main"]);
        write(root, "crates/a/src/model.rs", "of main");
        commit(root);
        run_git(root, &["switch", "--quiet", "branch"]);
        write(root, "crates/ab/Cargo.toml", "not committed");
        assert_eq!(changed(root, "main").unwrap().into_iter().collect::<Vec<_>>(), ["ab"]);
    }

    #[test]
    fn a_variant_that_was_moved_is_its_new_name() {
        let folder = repository();
        run_git(folder.path(), &["mv", "crates/a", "crates/c"]);
        commit(folder.path());
        assert_eq!(changed(folder.path(), "main").unwrap().into_iter().collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn an_unknown_base_is_explained() {
        let folder = repository();
        let said = format!("{:#}", changed(folder.path(), "no-such").unwrap_err());
        assert!(said.contains("no-such") && said.contains("git fetch"), "{said}");
    }

    #[test]
    fn the_pipeline_finds_every_variant_and_those_of_a_branch() {
        let root = workspace();
        let listed = |text: &str| -> BTreeSet<String> {
            let line = text.lines().find_map(|line| line.trim().strip_prefix("- VARIANT: ["));
            line.unwrap().strip_suffix(']').unwrap().split(", ").map(str::to_owned).collect()
        };
        let all = variants(&root).unwrap();
        assert_eq!(listed(&pipeline(&root, &all).unwrap()), all);
        // One that was added a moment ago: nothing lists it.
        let new = BTreeSet::from(["my-paper".to_owned()]);
        assert_eq!(listed(&pipeline(&root, &new).unwrap()), new);
        assert_eq!(pipeline(&root, &BTreeSet::new()).unwrap(), NOTHING);
    }

    #[test]
    fn a_template_without_a_place_for_papers_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), TEMPLATE, "train: {}");
        let said = pipeline(folder.path(), &BTreeSet::from(["a".into()])).unwrap_err().to_string();
        assert!(said.contains("train.yml") && said.contains(PLACE), "{said}");
    }
}
