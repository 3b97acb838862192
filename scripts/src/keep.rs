use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use shared::run::RunFolder;

use crate::workspace;

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
}

pub(super) fn run(args: &Args) -> Result<()> {
    if let Some(summary) = &args.summary {
        return keep_summary(args, summary);
    }
    let folder = RunFolder::open(args.run.clone())?;
    let Some(record) = folder.record()? else {
        bail!("{} has no record: evaluate it first", args.run.display());
    };
    if record.config.get("evaluate") != Some(&serde_json::to_value(&record.evaluate)?) {
        bail!(
            "{} was evaluated otherwise than configured: run evaluate without --samples and --images",
            args.run.display()
        );
    }
    let name = format!("{}-{}-seed{}", record.paper, record.name, record.seed);
    copy(folder.file(RunFolder::RECORD), workspace().join("results").join(format!("{name}.json")))?;
    for picture in &args.pictures {
        let target = format!("{}-{}-{picture}", record.paper, record.name);
        copy(folder.file(picture), workspace().join("docs/pictures").join(target))?;
    }
    Ok(())
}

/// Keeps PAPER/NAME/SUMMARY.json as results/PAPER-NAME.json, a picture SUMMARY.png by the same name, and
/// others as PAPER-NAME-PICTURE.
fn keep_summary(args: &Args, summary: &str) -> Result<()> {
    let folder = args.run.canonicalize().with_context(|| args.run.display().to_string())?;
    let part = |path: Option<&Path>| {
        path.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
    };
    let name = format!("{}-{}", part(folder.parent()), part(Some(&folder)));
    let results = workspace().join("results").join(format!("{name}.json"));
    copy(folder.join(summary), results)?;
    for picture in &args.pictures {
        // frontier.png of frontier.json needs no name of its own.
        let is_only = Path::new(picture).file_stem() == Path::new(summary).file_stem();
        let target = if is_only { format!("{name}.png") } else { format!("{name}-{picture}") };
        copy(folder.join(picture), workspace().join("docs/pictures").join(target))?;
    }
    Ok(())
}

fn copy(from: PathBuf, to: PathBuf) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    println!("{}", to.display());
    Ok(())
}
