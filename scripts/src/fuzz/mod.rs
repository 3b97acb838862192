//! `cargo xtask fuzz`: every reader against damaged and made-up files, for as long as one likes.
//!
//! The readers run in a process of their own, which says before each input what its number is. So an
//! input that ends the process, or that it does not come back from, is known and a finding like others,
//! and the work goes on behind it.

mod report;
mod supervise;
mod worker;

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use fuzzing::{Attempt, Change, Input, Target};

use crate::workspace;

#[derive(clap::Args)]
pub(super) struct Args {
    /// How long, shared among the readers.
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    minutes: f64,
    /// Only these readers; may be repeated.
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Another seed gives other inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Give one file to the reader that --target names, and say what comes of it.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Folder for inputs that break a law; target/fuzz if left out.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// List the readers.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    worker: worker::WorkerArgs,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let targets = chosen(&args.target)?;
    if args.list {
        targets.iter().for_each(|target| shared::print_line!("{}", target.name));
        return Ok(());
    }
    if let Some(input) = &args.input {
        return repeat(&targets, input);
    }
    if args.worker.is_wanted() {
        return worker::run(&targets, args.seed, &args.worker);
    }
    let time = Duration::try_from_secs_f64(args.minutes * 60.0)
        .ok()
        .filter(|time| !time.is_zero())
        .with_context(|| format!("--minutes {}: a positive number of minutes", args.minutes))?;
    let out = args.out.clone().unwrap_or_else(|| workspace().join("target/fuzz"));
    let outcomes = supervise::all(&targets, args.seed, time, &out)?;
    shared::print_text!("{}", report::table(&outcomes));
    match outcomes.iter().map(|outcome| outcome.findings.len()).sum() {
        0 => Ok(()),
        1 => bail!("one finding; its input is in {}", out.display()),
        findings => bail!("{findings} findings; their inputs are in {}", out.display()),
    }
}

/// The readers of `shared` and our own.
fn targets() -> Vec<Target> {
    let mut targets = fuzzing::targets();
    targets.extend([crate::compare::FUZZ]);
    targets
}

fn chosen(names: &[String]) -> Result<Vec<Target>> {
    let all = targets();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|target| target.name != **name))
    {
        let known: Vec<&str> = all.iter().map(|target| target.name).collect();
        bail!("--target {unknown}: there are {}", known.join(", "));
    }
    Ok(all
        .into_iter()
        .filter(|target| names.is_empty() || names.iter().any(|name| name == target.name))
        .collect())
}

/// One file, once more.
fn repeat(targets: &[Target], file: &std::path::Path) -> Result<()> {
    let [target] = targets else {
        bail!("--input {}: name its reader with --target", file.display())
    };
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let folder = tempfile::tempdir()?;
    let attempt = Attempt::new(target, &[], folder.path());
    let outcome = attempt.with(&Input { bytes, seed: 0, change: Change::Edit });
    match outcome {
        Ok(true) => shared::print_line!("{}: accepted", target.name),
        Ok(false) => shared::print_line!("{}: refused, as it should be", target.name),
        Err(finding) => bail!("{}: {finding}", target.name),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
