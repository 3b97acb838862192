//! `train --seeds`: the same training with several seeds, one after another.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use super::{
    Stop,
    integrity::is_finished,
    paper::Paper,
    table::over,
    train::{TrainArgs, one},
};
use crate::{
    progress,
    run::{Record, RunData, RunError, RunFolder},
};

/// Trains a run for each seed, and prints what they have in common.
pub(super) fn all<P: Paper>(args: &TrainArgs) -> Result<()> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = args.seeds.iter().find(|seed| !seen.insert(**seed)) {
        bail!("--seeds: {twice} stands there twice");
    }
    let runs = args.seeds.iter().map(|&seed| of_seed::<P>(args, seed));
    let runs = runs.collect::<Result<Vec<_>>>()?;
    // Before the first is trained for an hour.
    if !args.resume && !args.target.force {
        let begun = runs.iter().find(|(_, folder)| is_begun(folder));
        if let Some((_, folder)) = begun {
            return Err(RunError::Exists(folder.clone()).into());
        }
    }
    let mut records = Vec::new();
    for (mut run, folder) in runs {
        run.resume &= is_begun(&folder);
        let record = match finished::<P>(&run, &folder)? {
            Some(record) => {
                progress::line(&format!("{} is finished", folder.display()));
                Some(record)
            }
            None => one::<P>(&run).map_err(|error| match error.downcast_ref::<Stop>() {
                Some(Stop::Interrupted(_)) => {
                    let advice = "stopped; the same command with --resume goes on, without --force";
                    Stop::Interrupted(advice.into()).into()
                }
                _ => error,
            })?,
        };
        records.extend(record);
    }
    let seeds: Vec<String> = args.seeds.iter().map(u64::to_string).collect();
    let name = args.configuration.name::<P>();
    let name = args.target.name.as_ref().unwrap_or(&name);
    crate::print_line!(
        "\n{} {name}, seeds {}: mean and standard deviation",
        P::NAME,
        seeds.join(", ")
    );
    crate::print_text!("{}", over(&records));
    Ok(())
}

/// The options of one seed, and the folder of its run.
fn of_seed<P: Paper>(args: &TrainArgs, seed: u64) -> Result<(TrainArgs, PathBuf)> {
    let mut run = args.clone();
    run.seeds.clear();
    run.configuration.seed = Some(seed);
    run.target.out = args.target.out.join(format!("seed{seed}"));
    let folder = run.target.folder(P::NAME, &run.configuration.name::<P>())?;
    Ok((run, folder))
}

fn is_begun(folder: &Path) -> bool {
    folder.join(RunFolder::CONFIG).is_file()
}

/// The record of a run that is to be resumed, if there is nothing left to do.
fn finished<P: Paper>(run: &TrainArgs, folder: &Path) -> Result<Option<Record>> {
    if !run.resume {
        return Ok(None);
    }
    let opened = RunFolder::open(folder.into())?;
    let text = opened.config_text()?;
    let base = RunData::read(&opened)?.and_then(|kept| kept.base).unwrap_or_default();
    let wanted = run.configuration.resume::<P>(&text, base)?.text;
    let is_done = wanted == text && is_finished(&opened);
    // A damaged record is written again.
    Ok(if is_done { opened.record().unwrap_or_default() } else { None })
}
