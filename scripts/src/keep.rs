use std::{fs, path::PathBuf};

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
}

pub(super) fn run(args: &Args) -> Result<()> {
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
    let copy = |from: PathBuf, to: PathBuf| -> Result<()> {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        println!("{}", to.display());
        Ok(())
    };
    copy(folder.file(RunFolder::RECORD), workspace().join("results").join(format!("{name}.json")))?;
    for picture in &args.pictures {
        let target = format!("{}-{}-{picture}", record.paper, record.name);
        copy(folder.file(picture), workspace().join("docs/pictures").join(target))?;
    }
    Ok(())
}
