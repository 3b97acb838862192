//! `train --seeds`: the same training with several seeds, one after another.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use super::{
    Stop,
    configuration::{Difference, Resolved, differences},
    integrity::is_finished,
    own_data::to_fit,
    paper::Paper,
    table::over,
    train::{TrainArgs, advised_to_train, one, resumed},
};
use crate::{
    progress,
    run::{CHECKSUMS, REPLACED, Record, RunData, RunFolder},
    train::has_checkpoint,
};

/// Trains a run for each seed, and prints what they have in common.
pub(super) fn all<P: Paper>(args: &TrainArgs) -> Result<()> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = args.seeds.iter().find(|seed| !seen.insert(**seed)) {
        bail!("--seeds: {twice} is given twice");
    }
    let runs = args.seeds.iter().map(|&seed| of_seed::<P>(args, seed));
    let mut runs = runs.collect::<Result<Vec<_>>>()?;
    for (run, folder) in &mut runs {
        run.resume &= is_begun(folder);
        // Before the first is trained for an hour.
        if !run.resume {
            RunFolder::planned(folder.clone(), run.target.force).map_err(advised_to_train)?;
        }
    }
    refuse_others::<P>(&runs)?;
    let done = runs.iter().map(|(run, folder)| finished::<P>(run, folder));
    let done = done.collect::<Result<Vec<_>>>()?;
    refuse_other_backends(args, &runs, &done)?;
    let unfinished = runs.iter().zip(&done).filter(|(_, done)| done.is_none());
    for ((_, folder), _) in unfinished.filter(|((run, _), _)| run.resume) {
        RunFolder::open(folder.clone())?.lock()?;
    }
    if args.target.force {
        set_aside::<P>(&mut runs)?;
    }
    let mut records = Vec::new();
    for (index, done) in done.into_iter().enumerate() {
        let (run, folder) = &runs[index];
        if let Some(record) = done {
            progress::line(&format!("{} is finished", folder.display()));
            records.push(record);
            continue;
        }
        let aside = folder.join(REPLACED);
        let old = aside.is_dir().then(|| checksums_of(&aside));
        let advice = "stopped; the same command with --resume goes on, without --force";
        records.extend(one::<P>(run, Some(advice)).inspect_err(|error| {
            let is_interrupted = matches!(error.downcast_ref(), Some(Stop::Interrupted(_)));
            if args.target.force && !is_interrupted {
                give_back_or_keep::<P>(&mut runs, index, old);
            }
        })?);
    }
    let differs = |other: &&Record| other.had_other_settings() != records[0].had_other_settings();
    if let Some(record) = records.iter().find(differs) {
        bail!(
            "some were trained in parts, by two schedules, clip_norms or patiences, and others by one (seed {} and \
             seed {}): no mean over both; --force trains all again",
            records[0].seed,
            record.seed
        );
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

/// Refuses finished runs of another backend than that of the others, which would have other bits.
fn refuse_other_backends(
    args: &TrainArgs,
    runs: &[(TrainArgs, PathBuf)],
    done: &[Option<Record>],
) -> Result<()> {
    let finished =
        || runs.iter().zip(done).filter_map(|(run, done)| Some((&run.1, done.as_ref()?)));
    let wanted = match finished().next() {
        Some((_, first)) if finished().count() == done.len() => first.backend.clone(),
        _ => args.common.device()?.backend().to_owned(),
    };
    if let Some((folder, record)) = finished().find(|(_, record)| record.backend != wanted) {
        bail!(
            "--seeds: {} is of {} and others of {wanted}, and a mean is of runs that differ in their seed alone; \
             give the same --device, or another --name",
            folder.display(),
            record.backend
        );
    }
    Ok(())
}

/// A run of one seed, with its configuration.
struct SeedRun<'a, C> {
    args: &'a TrainArgs,
    folder: &'a Path,
    begun: Option<RunFolder>,
    resolved: Resolved<C>,
    /// What it keeps of its data, if it was fitted to some.
    data: Option<RunData>,
}

impl<'a, C> SeedRun<'a, C> {
    fn of<P: Paper<Config = C>>((args, folder): &'a (TrainArgs, PathBuf)) -> Result<Self> {
        let begun = args.resume.then(|| RunFolder::open(folder.clone())).transpose()?;
        let resolved = match &begun {
            Some(begun) => resumed::<P>(&args.configuration, begun)?,
            None => args.configuration.resolve::<P>()?,
        };
        let data = begun.as_ref().map(RunData::read).transpose()?.flatten();
        Ok(Self { args, folder, begun, resolved, data })
    }
}

/// Refuses runs that differ in more than their seed: a mean over them would be of different models, or of models
/// of different data.
fn refuse_others<P: Paper>(runs: &[(TrainArgs, PathBuf)]) -> Result<()> {
    let runs = runs.iter().map(SeedRun::of::<P>).collect::<Result<Vec<_>>>()?;
    let Some(one) = runs.first() else { return Ok(()) };
    for other in &runs[1..] {
        let differences = differences(&one.resolved, &other.resolved)?;
        let found = differences.into_iter().find(|difference| difference.key != "seed");
        if let Some(Difference { key, values: [there, here] }) = found {
            bail!(
                "--seeds: {key} is {there} for {} and {here} for {}, but a mean is of runs that differ in \
                 their seed alone; give all the same configuration, or another --name",
                one.folder.display(),
                other.folder.display(),
            );
        }
    }
    let mut fitted = runs.iter().filter_map(|run| Some((run, &run.data.as_ref()?.identity)));
    let Some((one, identity)) = fitted.next() else { return Ok(()) };
    for (other, of_other) in fitted {
        if identity.files != of_other.files && !identity.same_contents(of_other) {
            bail!(
                "--seeds: {} and {} were fitted to different data, and a mean is of runs that differ in \
                 their seed alone",
                one.folder.display(),
                other.folder.display()
            );
        }
    }
    // Runs that are not begun are fitted to the data that are there now.
    if runs.iter().any(|run| run.data.is_none()) {
        let Resolved { config, base, .. } = &one.resolved;
        let common = one.args.common.starting_in(base.clone());
        let advice = "a mean is of runs on the same data: name their folder with --data-dir, or start \
                      other runs with --name";
        to_fit::<P>(one.begun.as_ref(), config, &common, advice)?;
    }
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

/// The list of checksums of a run, which no other run has.
fn checksums_of(folder: &Path) -> Option<Vec<u8>> {
    fs::read(folder.join(CHECKSUMS)).ok()
}

fn is_begun(folder: &Path) -> bool {
    RunFolder::open(folder.into()).is_ok()
}

/// Begins all runs of `--force` before the first is trained: after an interruption, --resume would take an old run for
/// one that this command has finished.
fn set_aside<P: Paper>(runs: &mut [(TrainArgs, PathBuf)]) -> Result<()> {
    let (mut planned, mut data) = (Vec::new(), None);
    for (run, folder) in runs.iter().filter(|(_, folder)| is_begun(folder)) {
        let Resolved { config, text, base, .. } = run.configuration.resolve::<P>()?;
        if data.is_none() {
            data = to_fit::<P>(None, &config, &run.common.starting_in(base), "")?.1;
        }
        planned.push((RunFolder::planned(folder.clone(), true)?, text));
    }
    // None is moved if one is in use.
    let begun = planned.iter().try_for_each(|(run, text)| {
        run.make(text, true)?;
        data.iter().try_for_each(|data| data.write(run))
    });
    drop(planned);
    if begun.is_err() {
        give_back(runs);
    }
    for (run, folder) in runs {
        if folder.join(REPLACED).is_dir() {
            (run.resume, run.target.force) = (true, false);
        }
    }
    begun
}

/// Puts the old runs back, of which none is trained anew yet.
fn give_back(runs: &[(TrainArgs, PathBuf)]) {
    let restore = |folder: &Path| -> Result<bool> {
        let run = RunFolder::open(folder.into())?;
        run.lock()?;
        run.restore_replaced()
    };
    for (_, folder) in runs.iter().filter(|(_, folder)| folder.join(REPLACED).is_dir()) {
        match restore(folder) {
            Ok(_) => progress::line(&format!(
                "{} has the run again that was there before",
                folder.display()
            )),
            Err(reason) => progress::line(&format!("{reason:#}")),
        }
    }
}

/// After the training of the run at `failed`: the old runs come back if nothing new was trained; else they stay aside,
/// or --resume would take them for new ones. `old` are the checksums, if it had some, of the old run in place of that
/// one, if there was one.
fn give_back_or_keep<P: Paper>(
    runs: &mut [(TrainArgs, PathBuf)],
    failed: usize,
    old: Option<Option<Vec<u8>>>,
) {
    let folder = &runs[failed].1;
    // A new run that has a model has ended the old one, and may fail only in its evaluation.
    let is_aside = folder.join(REPLACED).is_dir();
    let is_back = !is_aside && old.is_some_and(|old| checksums_of(folder) == old);
    let has_begun = || {
        RunFolder::open(folder.clone()).is_ok_and(|run| has_checkpoint(&run) || is_finished(&run))
    };
    if failed == 0 && (is_back || !has_begun()) {
        return give_back(runs);
    }
    if is_back && let Err(reason) = set_aside::<P>(&mut runs[failed..=failed]) {
        progress::line(&format!("{reason:#}"));
    }
    if runs[failed..].iter().any(|(_, folder)| folder.join(REPLACED).is_dir()) {
        progress::line(&format!(
            "the runs that were there before are in {REPLACED} of their folders until others are trained; the \
             same command with --resume goes on, without --force"
        ));
    }
}

/// The record of a run that is to be resumed, if there is nothing left to do.
fn finished<P: Paper>(run: &TrainArgs, folder: &Path) -> Result<Option<Record>> {
    if !run.resume {
        return Ok(None);
    }
    let opened = RunFolder::open(folder.into())?;
    let wanted = resumed::<P>(&run.configuration, &opened)?.text;
    let is_done = wanted == opened.config_text()? && is_finished(&opened);
    // A damaged record is written again.
    let found = if is_done { opened.record().unwrap_or_default() } else { None };
    found.iter().try_for_each(|record| record.refuse_other_evaluation(folder))?;
    Ok(found)
}
