//! How a command treats a run that is damaged, unfinished or in use.

use anyhow::{Result, bail};

use super::model::place_of;
use super::paper::Paper;
use crate::{
    progress,
    run::{Damage, RunData, RunFolder},
    train::{can_continue, has_checkpoint},
    weights::{BURN_WEIGHTS, DESCRIPTION, WEIGHTS},
};

/// Files written at the end of a training; older ones could be mistaken for new.
const OUTPUTS: [&str; 6] = [
    RunFolder::RECORD,
    RunFolder::OTHER_RECORD,
    RunFolder::LATENTS,
    WEIGHTS,
    BURN_WEIGHTS,
    DESCRIPTION,
];

/// Files on which no other file depends, and what to do about them in a run that has a checkpoint, and in one without.
const REWRITTEN: [(&str, [&str; 2]); 6] = [
    (RunFolder::RECORD, [RESUME, EVALUATE]),
    (RunFolder::OTHER_RECORD, [EVALUATE_OTHER; 2]),
    (RunFolder::LATENTS, [EVALUATE; 2]),
    (BURN_WEIGHTS, [RESUME, WITHOUT_CHECKPOINT]),
    (DESCRIPTION, [RESUME, WITHOUT_CHECKPOINT]),
    (RunFolder::METRICS, [RESUME, WITHOUT_CHECKPOINT]),
];

const EVALUATE: &str = "evaluate rewrites it";
const EVALUATE_OTHER: &str =
    "evaluate with --on or --other-data, as before, rewrites it, or delete it";

/// Rewrites what a training leaves, in a run that has a checkpoint.
const RESUME: &str = "train --resume rewrites it";

/// What to do in a run without: one fitted in closed form, imported or unpacked.
const WITHOUT_CHECKPOINT: &str = "the run has no checkpoint to rewrite it from: put it back from a copy, unpack or \
                                  import the run again, or train it again with --force";

/// Refuses a run whose model is missing or damaged; reports other damage.
pub(super) fn refuse_unusable<P: Paper>(run: &RunFolder) -> Result<()> {
    for damage in damaged(run)? {
        let name = damage.name();
        let has_checkpoint = has_checkpoint(run);
        match REWRITTEN.iter().find(|(file, _)| *file == name) {
            Some((_, [with, without])) => {
                let advice = if has_checkpoint { with } else { without };
                progress::line(&format!("{damage}; {advice}"));
            }
            None if OUTPUTS.contains(&name.as_str()) && has_checkpoint => {
                bail!("{damage}: {} rewrites it", resume_command::<P>(run))
            }
            None if OUTPUTS.contains(&name.as_str()) => bail!("{damage}: {WITHOUT_CHECKPOINT}"),
            None => refuse_beyond_repair(&damage)?,
        }
    }
    if !run.has(WEIGHTS)? {
        bail!(
            "{} has no weights yet: its training did not finish; continue it with {}",
            run.path().display(),
            resume_command::<P>(run)
        );
    }
    Ok(())
}

/// Refuses a run that has a checkpoint and no record, or a damaged one: what a record says of the training, the fit
/// alone knows.
pub(super) fn refuse_without_record<P: Paper>(run: &RunFolder) -> Result<()> {
    if !has_checkpoint(run) || matches!(run.record(), Ok(Some(_))) {
        return Ok(());
    }
    // Commands like `search` make runs without a record, which then have one by `evaluate` alone.
    let had_one = || {
        run.damaged().is_ok_and(|all| all.iter().any(|damage| damage.name() == RunFolder::RECORD))
    };
    if place_of::<P>(run.path()).is_empty() && !had_one() {
        return Ok(());
    }
    bail!(
        "{}: it is missing or damaged, and what it says of the training the fit alone knows: {} writes it",
        run.file(RunFolder::RECORD).display(),
        resume_command::<P>(run)
    )
}

/// What is damaged in a run. The record of an evaluation on other data may be deleted: nothing needs it, and those data
/// may be gone.
fn damaged(run: &RunFolder) -> Result<Vec<Damage>> {
    let mut found = run.damaged()?;
    found.retain(|damage| {
        !matches!(damage, Damage::Missing { .. }) || damage.name() != RunFolder::OTHER_RECORD
    });
    Ok(found)
}

/// True if the run has a model that is as it was written.
pub(super) fn is_finished(run: &RunFolder) -> bool {
    run.read(WEIGHTS).is_ok()
}

/// Prepares a run to resume with this configuration, without changing anything yet; false if it has
/// no checkpoint and starts over.
///
/// # Errors
/// If it cannot be resumed.
pub(super) fn prepare_to_continue(run: &RunFolder, config: String, backend: &str) -> Result<bool> {
    run.lock()?;
    let goes_on = can_continue(run, backend)?;
    // Begun from the start, it would be another model under the same name.
    if !goes_on && run.has(WEIGHTS)? {
        match run.read(WEIGHTS) {
            Ok(_) => bail!(
                "{} is finished and has no checkpoint to continue from: --force trains it again, --name \
                 starts another run",
                run.path().display()
            ),
            Err(damage) => bail!("{damage}: {WITHOUT_CHECKPOINT}"),
        }
    }
    for damage in damaged(run)? {
        let name = damage.name();
        if !OUTPUTS.contains(&name.as_str()) && name != RunFolder::METRICS {
            refuse_beyond_repair(&damage)?;
            continue;
        }
        if matches!(damage, Damage::Unreadable { .. }) {
            bail!("{damage}: move it away, and it is rewritten");
        }
        if name != RunFolder::OTHER_RECORD {
            progress::line(&format!("{damage}: the end of this training rewrites it"));
        }
    }
    if run.file(RunFolder::OTHER_RECORD).is_file() {
        progress::line(&format!(
            "{} goes when this training writes into the run; evaluate with --on or --other-data, as before, writes it \
             again",
            RunFolder::OTHER_RECORD
        ));
    }
    run.continue_with(config, OUTPUTS.to_vec())?;
    Ok(goes_on)
}

/// Refuses damage that no command repairs; `data.json` may have been deleted.
fn refuse_beyond_repair(damage: &Damage) -> Result<()> {
    if damage.name() != RunData::FILE {
        bail!("{damage}: put it back from a copy, or train the run again with --force");
    }
    match damage {
        Damage::Missing { .. } => {
            progress::line(&format!("{damage}: the run's data can only be checked by its record"))
        }
        damage => bail!("{damage}; {}", RunData::ADVICE),
    }
    Ok(())
}

/// The command line that resumes a run in this folder, where it is one of `train`.
fn resume_command<P: Paper>(run: &RunFolder) -> String {
    match place_of::<P>(run.path()).as_str() {
        "" => "the command that made it".into(),
        place => format!("{} train --resume{place}", P::NAME),
    }
}
