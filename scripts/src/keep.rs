use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use shared::run::{Record, RunFolder, write_atomic};

use crate::{compare::stale::between, workspace};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder of the run, for instance runs/vae/quick.
    run: PathBuf,
    /// Pictures to keep too, for instance samples.png.
    #[arg(long, value_delimiter = ',')]
    pictures: Vec<String>,
    /// The folder is no run but holds several, with this summary of them, for instance
    /// frontier.json.
    #[arg(long, value_name = "FILE")]
    summary: Option<String>,
    /// Keep the record in place of one of another experiment too.
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let copies = match &args.summary {
        Some(summary) => summary_copies(args, summary)?,
        None => run_copies(args)?,
    };
    say(&keep(&copies, &workspace(), args.replace)?);
    Ok(())
}

/// Keeps the records of these runs, or of none if one cannot be kept; with `replace` also in place of records of other
/// experiments.
pub(super) fn all(runs: impl Iterator<Item = PathBuf>, replace: bool) -> Result<()> {
    let copies =
        runs.map(|run| run_copies(&Args { run, pictures: Vec::new(), summary: None, replace }));
    let copies: Vec<Copy> = copies.collect::<Result<Vec<_>>>()?.concat();
    say(&keep(&copies, &workspace(), replace)?);
    Ok(())
}

fn say(files: &[PathBuf]) {
    files.iter().for_each(|file| shared::print_line!("{}", file.display()));
}

/// A file, and where it is kept in the workspace.
type Copy = (PathBuf, String);

/// The record of a run as results/PAPER/NAME-seedN.json, and its pictures.
fn run_copies(args: &Args) -> Result<Vec<Copy>> {
    let folder = RunFolder::open(args.run.clone())?;
    let Some(record) = folder.record()? else {
        bail!("{} has no record: `train --resume` of its program writes it", args.run.display());
    };
    record.refuse_incomparable(&args.run)?;
    let name = format!("{}-{}", record.paper, record.name);
    let kept = format!("results/{}/{}-seed{}.json", record.paper, record.name, record.seed);
    let pictures = args.pictures.iter();
    let pictures =
        pictures.map(|picture| (folder.file(picture), format!("docs/pictures/{name}-{picture}")));
    Ok([(folder.file(RunFolder::RECORD), kept)].into_iter().chain(pictures).collect())
}

/// PAPER/NAME/SUMMARY.json as results/PAPER/NAME.json, a picture SUMMARY.png as PAPER-NAME.png, and others as
/// PAPER-NAME-PICTURE.
fn summary_copies(args: &Args, summary: &str) -> Result<Vec<Copy>> {
    let folder = args.run.canonicalize().with_context(|| args.run.display().to_string())?;
    let part = |path: Option<&Path>| {
        path.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
    };
    let (paper, name) = (part(folder.parent()), part(Some(&folder)));
    let mut copies = vec![(folder.join(summary), format!("results/{paper}/{name}.json"))];
    let name = format!("{paper}-{name}");
    for picture in &args.pictures {
        // frontier.png of frontier.json needs no name of its own.
        let is_only = Path::new(picture).file_stem() == Path::new(summary).file_stem();
        let target = if is_only { format!("{name}.png") } else { format!("{name}-{picture}") };
        copies.push((folder.join(picture), format!("docs/pictures/{target}")));
    }
    Ok(copies)
}

/// Writes the copies under `root`, or none if one cannot be read or would replace another experiment unasked; the files
/// written.
fn keep(copies: &[Copy], root: &Path, replace: bool) -> Result<Vec<PathBuf>> {
    let read = |(from, to): &Copy| -> Result<(PathBuf, Vec<u8>)> {
        let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        Ok((root.join(to), bytes))
    };
    let files = copies.iter().map(read).collect::<Result<Vec<_>>>()?;
    if !replace {
        files.iter().try_for_each(|(to, bytes)| refuse_another(to, bytes))?;
    }
    for (to, bytes) in &files {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        write_atomic(to, bytes)?;
    }
    Ok(files.into_iter().map(|(to, _)| to).collect())
}

/// Refuses to write a record in place of one of another experiment. What is no record, or a damaged one, is of none.
fn refuse_another(to: &Path, bytes: &[u8]) -> Result<()> {
    let record = |bytes: &[u8]| serde_json::from_slice::<Record>(bytes).ok();
    let old = fs::read(to).ok().and_then(|bytes| record(&bytes));
    let (Some(old), Some(new)) = (old, record(bytes)) else { return Ok(()) };
    let differences = between(&old, &new);
    if !differences.is_empty() {
        bail!(
            "{} is of another experiment: {}; a run of another --name has a place of its own, and --replace replaces it",
            to.display(),
            differences.join(", ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// A run with a picture, made of a record that the project keeps; its folder and record.
    fn made(at: &Path) -> (Args, Value) {
        let record = fs::read(workspace().join("results/vae/quick-seed2.json")).unwrap();
        let run = at.join("any/name");
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join(RunFolder::CONFIG), "seed = 2\n").unwrap();
        fs::write(run.join(RunFolder::RECORD), &record).unwrap();
        fs::write(run.join("samples.png"), "a picture").unwrap();
        let pictures = vec!["samples.png".into()];
        let args = Args { run, pictures, summary: None, replace: false };
        (args, serde_json::from_slice(&record).unwrap())
    }

    fn said(result: Result<Vec<Copy>>) -> String {
        format!("{:#}", result.unwrap_err())
    }

    #[test]
    fn a_record_is_kept_by_what_it_says_of_itself() {
        let scratch = tempfile::tempdir().unwrap();
        let (args, record) = made(scratch.path());
        let root = scratch.path().join("workspace");
        let files = keep(&run_copies(&args).unwrap(), &root, false).unwrap();
        let expected = ["results/vae/quick-seed2.json", "docs/pictures/vae-quick-samples.png"];
        assert_eq!(files, expected.map(|file| root.join(file)));
        let kept: Value = serde_json::from_slice(&fs::read(&files[0]).unwrap()).unwrap();
        assert_eq!(kept, record);
        assert_eq!(fs::read(&files[1]).unwrap(), b"a picture");
    }

    #[test]
    fn what_does_not_say_what_its_configuration_says_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let (args, mut record) = made(scratch.path());
        let file = args.run.join(RunFolder::RECORD);
        record["evaluate"]["nll_samples"] = 3.into();
        fs::write(&file, record.to_string()).unwrap();
        assert!(said(run_copies(&args)).contains("was evaluated otherwise than configured"));
        fs::remove_file(&file).unwrap();
        assert!(said(run_copies(&args)).contains("has no record"));
        fs::remove_file(args.run.join(RunFolder::CONFIG)).unwrap();
        let missing = said(run_copies(&args));
        assert!(missing.contains("any/name") && !missing.contains("--"), "{missing}");
    }

    #[test]
    fn a_record_of_another_experiment_is_replaced_on_purpose_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let (args, mut record) = made(scratch.path());
        let root = scratch.path().join("workspace");
        let mut kept = |change: fn(&mut Value), replace: bool| {
            change(&mut record);
            fs::write(args.run.join(RunFolder::RECORD), record.to_string()).unwrap();
            keep(&run_copies(&args).unwrap(), &root, replace)
        };
        let file = kept(|_| (), false).unwrap().remove(0);
        let read = || serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap();
        // Trained again, by other code.
        let again = |record: &mut Value| {
            record["metrics"]["nll"]["value"] = 7.5.into();
            record["code"] = "0.0.1".into();
        };
        kept(again, false).unwrap();
        assert_eq!(read()["metrics"]["nll"]["value"], 7.5);
        let before = read();
        let other = |record: &mut Value| record["config"]["train"]["epochs"] = 5.into();
        let said = kept(other, false).unwrap_err().to_string();
        for part in ["quick-seed2.json", "config train.epochs: ", " → 5", "--replace"] {
            assert!(said.contains(part), "no {part} in {said}");
        }
        assert_eq!(read(), before);
        kept(|_| (), true).unwrap();
        assert_eq!(read()["config"]["train"]["epochs"], 5);
    }

    #[test]
    fn nothing_is_written_if_a_picture_is_missing() {
        let scratch = tempfile::tempdir().unwrap();
        let (mut args, _) = made(scratch.path());
        args.pictures.push("simples.png".into());
        let root = scratch.path().join("workspace");
        let error = keep(&run_copies(&args).unwrap(), &root, false).unwrap_err();
        assert!(format!("{error:#}").contains("simples.png"), "{error:#}");
        assert!(!root.exists());
    }

    #[test]
    fn a_summary_has_the_name_of_its_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let run = scratch.path().join("fair-repr/frontier-adult");
        fs::create_dir_all(&run).unwrap();
        let pictures = vec!["frontier.png".to_owned(), "parts.png".to_owned()];
        let args = Args { run, pictures, summary: Some("frontier.json".into()), replace: false };
        let copies = summary_copies(&args, "frontier.json").unwrap();
        let kept: Vec<&str> = copies.iter().map(|(_, to)| to.as_str()).collect();
        let expected = [
            "results/fair-repr/frontier-adult.json",
            "docs/pictures/fair-repr-frontier-adult.png",
            "docs/pictures/fair-repr-frontier-adult-parts.png",
        ];
        assert_eq!(kept, expected);
    }
}
