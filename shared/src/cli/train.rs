use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use anyhow::{Error, Result, anyhow, bail};
use burn::backend::Autodiff;
use clap::Args;

use super::{
    Stop,
    configuration::{ConfigurationArgs, Difference, Resolved, identity, last_epochs},
    demand::Purpose,
    evaluate::{Evaluated, finish, measure},
    integrity::{is_finished, prepare_to_continue},
    model::{Loaded, check, load, place_of, refuse},
    options::Common,
    own_data,
    paper::{Paper, RunConfig},
    pictures, seeds,
    shell::quoted,
    trackers::Log,
};
use crate::{
    backend::Backend,
    data::Splits,
    device::{Device, on_device},
    files::sha256,
    interrupt,
    noise::Noise,
    progress,
    reading::Places,
    run::{
        NAME_LETTERS, REPLACED, Record, RunData, RunError, RunFolder, Trackers, TrainingEnd,
        is_name,
    },
    train::{FitReport, Interrupted, Session, can_continue, forget_snapshots, has_checkpoint},
    trained::{OnDevice, Trained},
    weights::{self, BURN_WEIGHTS},
};

#[derive(Args, Clone, Debug)]
pub(super) struct TrainArgs {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgs,
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    pub(super) common: Common,
    /// Resume the run from its newest checkpoint; epochs, schedule and the like may change.
    #[arg(long, conflicts_with = "force")]
    pub(super) resume: bool,
    /// A run for each of these seeds, one after another, in OUT/seedN/PAPER/NAME; --resume goes on
    /// where they stopped.
    #[arg(long, value_delimiter = ',', value_name = "S,...", conflicts_with = "seed")]
    pub(super) seeds: Vec<u64>,
    /// Train nothing: check options, configuration and data, and print the configuration in full.
    #[arg(long, conflicts_with_all = ["resume", "force", "seeds"])]
    check: bool,
    /// Draw reconstructions of the same images after these epochs, fractions allowed.
    #[arg(long, value_delimiter = ',', value_name = "E,F,...")]
    snapshot_epochs: Vec<f64>,
    /// Send the figures of every epoch to a tracker too: `tensorboard --logdir RUN` shows them, or a
    /// server of MLflow, or GitLab.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "TRACKER,...")]
    log: Vec<Log>,
}

/// Where a new run goes.
#[derive(Args, Clone, Debug)]
pub(super) struct TargetArgs {
    /// Name of the run (default: that of the configuration).
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Folder of all runs; this run is in PAPER/NAME below it.
    #[arg(long, default_value = "runs", value_name = "FOLDER")]
    pub(super) out: PathBuf,
    /// Replace a run of the same name, once this one has a model.
    #[arg(long)]
    pub(super) force: bool,
}

impl TargetArgs {
    /// The run's folder, for a run named `default` unless another name was given.
    pub(super) fn folder(&self, paper: &str, default: &str) -> Result<PathBuf> {
        if let Some(name) = &self.name {
            refuse_name(name)?;
        } else if !is_name(default) {
            bail!(
                "--config: the file's name, {default:?}, cannot name the run: add --name, of {NAME_LETTERS}"
            );
        }
        Ok(self.out.join(paper).join(self.name.as_deref().unwrap_or(default)))
    }

    /// The error with what these options can do about a folder that cannot be used.
    pub(super) fn advised(error: Error) -> Error {
        advised(error, "--name or --out", "--force replaces it, --name starts another")
    }
}

/// The same of all options of `train`.
pub(super) fn advised_to_train(error: impl Into<Error>) -> Error {
    let of_a_run = "--resume continues it, --force replaces it, --name starts another";
    advised(error.into(), "--name or --out", of_a_run)
}

/// The error with what a command can do about a folder that cannot be used: by `options` it is given another, and
/// `of_a_run` is for one that holds a run.
fn advised(error: Error, options: &str, of_a_run: &str) -> Error {
    let advice = match error.downcast_ref() {
        Some(RunError::Exists(_)) => format!(": {of_a_run}"),
        Some(RunError::NotARun(_) | RunError::Missing(_)) => format!(" with {options}"),
        Some(RunError::Busy(_)) => format!(", or name another folder with {options}"),
        _ => return error,
    };
    anyhow!("{error}{advice}")
}

/// Refuses a `--name` that would lead out of the folder of all runs.
///
/// # Errors
/// The option, and what it may be made of.
pub fn refuse_name(name: &str) -> Result<()> {
    if !is_name(name) {
        bail!("--name {name:?}: use {NAME_LETTERS}");
    }
    Ok(())
}

/// `train`.
pub(super) fn train<P: Paper>(args: &TrainArgs) -> Result<()> {
    if args.seeds.is_empty() { one::<P>(args, None).map(drop) } else { seeds::all::<P>(args) }
}

/// One run; its record, unless it was only checked. What goes on after an interruption is its own command, or as
/// `advice` says.
pub(super) fn one<P: Paper>(args: &TrainArgs, advice: Option<&str>) -> Result<Option<Record>> {
    if let Some(bad) = args.snapshot_epochs.iter().find(|e| !(**e > 0.0 && e.is_finite())) {
        bail!("--snapshot-epochs {bad}: epochs are positive numbers");
    }
    let started = SystemTime::now();
    let device = args.common.device()?;
    let trackers = Log::open(&args.log, P::NAME)?;
    // Everything that can be wrong with the options is found before a folder is touched.
    let path = args.target.folder(P::NAME, &args.configuration.name::<P>())?;
    let begun = args.resume.then(|| RunFolder::open(path.clone())).transpose();
    let begun = begun.map_err(advised_to_train)?;
    let resolved = match &begun {
        Some(run) => {
            run.lock()?;
            resumed::<P>(&args.configuration, run)?
        }
        None => args.configuration.resolve::<P>()?,
    };
    if begun.is_some() {
        let is_named = args.target.name.is_some();
        match args.configuration.departures::<P>(&resolved, is_named) {
            Ok(found) => {
                for Difference { key, values: [own, file] } in found {
                    progress::line(&format!(
                        "--config: {key} is {file} there; the run keeps its own, {own}"
                    ));
                }
            }
            Err(error) => {
                progress::line(&format!("{error:#}; the run keeps its own configuration"));
            }
        }
    }
    let weights_of = |run: &RunFolder| sha256(&run.read(weights::WEIGHTS).ok()?[..]).ok();
    let weights_before = begun.as_ref().and_then(weights_of);
    let Resolved { config, text, base, places } = resolved;
    if !args.snapshot_epochs.is_empty()
        && let Some(reason) = P::cannot("snapshots", &config)
    {
        return Err(Stop::Cannot(format!("--snapshot-epochs: {reason}")).into());
    }
    if let Some(epochs) = last_epochs::<P>(&config)
        && let Some(late) = args.snapshot_epochs.iter().find(|late| **late > epochs as f64)
    {
        bail!("--snapshot-epochs {late}: the fit ends after {epochs} epochs");
    }
    let common = args.common.starting_in(base);
    let other_data = "a fit goes on with its own data only: name their folder with --data-dir, or start \
                      another run with --name";
    let (data, kept) = own_data::to_fit::<P>(begun.as_ref(), &config, &common, other_data)?;
    check::<P>(&config, &data, device, Purpose::Fit, &places)?;
    if args.check {
        if let Err(reason) = RunFolder::planned(path, false).map_err(advised_to_train) {
            progress::line(&format!("the configuration is right, but {reason:#}"));
        }
        crate::print_text!("{text}");
        return Ok(None);
    }
    let (run, goes_on) = match begun {
        Some(run) if lacks_its_record::<P>(&run, &config, &text) => {
            progress::line(&format!(
                "{} is fitted and was not evaluated, or its record is damaged: that is all that is left",
                run.path().display()
            ));
            let weights = run.file(weights::WEIGHTS);
            let model = load::<P>(&config, data.train.shape(), device, &weights)?;
            let again = Evaluated::Again(config.evaluate().clone());
            let loaded = Loaded::<P>::with_data(run, config, data, model, device);
            return concluded(&loaded, again, &FitReport::default(), &trackers).map(Some);
        }
        Some(run) => {
            identify::<P>(&run, &text, kept.as_ref())?;
            let goes_on = prepare_to_continue(&run, text, device.backend())?;
            (run, goes_on)
        }
        None => {
            let run = RunFolder::create(path, &text, args.target.force);
            let run = run.map_err(advised_to_train)?;
            if run.file(REPLACED).is_dir() {
                progress::line(&format!(
                    "--force: the run that was there is in {} until this one has a model",
                    run.file(REPLACED).display()
                ));
            }
            identify::<P>(&run, &text, kept.as_ref())?;
            (run, false)
        }
    };
    kept.iter().try_for_each(|kept| kept.write(&run))?;
    if args.resume && !goes_on {
        // Pictures of an attempt that left no checkpoint.
        forget_snapshots(&run)?;
    }
    progress::line(&format!(
        "{}: {} of {} ({} training, {} validation, {} test examples), device {device}, seed {}, in {}",
        P::NAME,
        match (args.resume, goes_on) {
            (true, true) => "continuing a fit",
            (true, false) => "no checkpoint yet, so from the start, a fit",
            _ => "fit",
        },
        config.data().name,
        data.train.len(),
        data.valid.len(),
        data.test.len(),
        config.seed(),
        run.path().display()
    ));
    let fitting = on_interrupt()?;
    let fitted = fit_run::<P>(
        &config,
        &data,
        &run,
        device,
        args.resume,
        Shown { snapshot_epochs: args.snapshot_epochs.clone(), trackers: trackers.clone() },
        fitting.stops.clone(),
    );
    let continued_by = || {
        if let Some(advice) = advice {
            return advice.to_owned();
        }
        let mut again = format!("{} --device {device}", place_of::<P>(run.path()));
        let recorded = || RunData::read(&run).ok()??.folder;
        if let Some(folder) = args.common.data_dir.clone().or_else(recorded) {
            again.push_str(&format!(" --data-dir {}", quoted(&folder.to_string_lossy())));
        }
        if !args.snapshot_epochs.is_empty() {
            let epochs: Vec<String> = args.snapshot_epochs.iter().map(f64::to_string).collect();
            again.push_str(&format!(" --snapshot-epochs {}", epochs.join(",")));
        }
        again.push_str(&Log::option(&args.log));
        format!("stopped; continue with: {} train --resume{again}", P::NAME)
    };
    let (model, report) = fitted.map_err(|error| {
        let is_interrupted = error.is::<Interrupted>();
        let end = if is_interrupted { TrainingEnd::Interrupted } else { TrainingEnd::Failed };
        trackers.end(&run, end);
        if !can_continue(&run, device.backend()).unwrap_or(true) {
            give_back(&run, ": --force makes another attempt, --resume goes on with that run");
        }
        resumable(error, continued_by)
    })?;
    // From here on there is no step to finish: Ctrl-C ends the program at once.
    fitting
        .is_over(continued_by())
        .inspect_err(|_| trackers.end(&run, TrainingEnd::Interrupted))?;
    // A paper that knows what it does not use has said so before.
    if report.epochs == 0 && args.configuration.epochs.is_some() && P::unused(&config).is_empty() {
        progress::line(
            "--epochs: without effect, nothing in this configuration is fitted in epochs",
        );
    }
    let loaded = Loaded::<P>::with_data(run, config, data, model, device);
    let record = concluded(&loaded, Evaluated::After(&report), &report, &trackers)?;
    if report.had_other_settings {
        progress::line(
            "its first steps had other learning rates, another clip_norm or more patience than this configuration gives them: \
             the record says so, and is neither kept nor compared",
        );
    }
    let older = loaded.run.drawn_before(started);
    if !older.is_empty() && weights_before != weights_of(&loaded.run) {
        progress::line(&format!(
            "of the model before this fit; run their commands again: {}",
            older.join("  ")
        ));
    }
    Ok(Some(record))
}

/// True for a run that was fitted as this configuration says, not in epochs, and has no record, or a damaged one: there
/// is no checkpoint to go on from, and nothing to fit.
fn lacks_its_record<P: Paper>(run: &RunFolder, config: &P::Config, text: &str) -> bool {
    let is_unchanged = || run.config_text().is_ok_and(|own| own == text);
    let is_in_epochs = has_checkpoint(run) || run.file(RunFolder::METRICS).exists();
    let lacks_it = || match run.record() {
        Ok(record) => record.is_none(),
        // An unpacked run has no checkpoints either.
        Err(_) => last_epochs::<P>(config).is_none(),
    };
    !is_in_epochs && is_finished(run) && is_unchanged() && lacks_it()
}

/// What follows a fit: the record and the pictures, shown.
fn concluded<P: Paper>(
    loaded: &Loaded<P>,
    evaluated: Evaluated<'_>,
    report: &FitReport,
    trackers: &Trackers,
) -> Result<Record> {
    let (record, drawn) = measured_and_drawn(loaded, evaluated, report)
        .inspect_err(|_| trackers.end(&loaded.run, TrainingEnd::Failed))?;
    crate::print_line!(
        "\npictures and record in {}:\n  {}",
        loaded.run.path().display(),
        drawn.join("  ")
    );
    // Last, because a slow tracker takes its time.
    trackers.end(&loaded.run, TrainingEnd::Finished);
    Ok(record)
}

/// The record and the names of the pictures. The record comes last, so that a fit that was killed while it drew is not
/// finished; what only cannot be drawn costs no record.
fn measured_and_drawn<P: Paper>(
    loaded: &Loaded<P>,
    evaluated: Evaluated<'_>,
    report: &FitReport,
) -> Result<(Record, Vec<String>)> {
    let found = measure(loaded, evaluated)?;
    crate::print_text!("{}", found.text);
    let drawn = pictures::all(loaded, report);
    found.write(loaded)?;
    Ok((found.record, drawn?))
}

/// The configuration of a run to be resumed, changed by these options.
pub(super) fn resumed<P: Paper>(
    options: &ConfigurationArgs,
    run: &RunFolder,
) -> Result<Resolved<P::Config>> {
    let base = RunData::read(run)?.and_then(|kept| kept.base).unwrap_or_default();
    options.resume::<P>(&run.config_text()?, base)
}

/// Distinguishes the checkpoints of a run from those of other runs of the same architecture; `fresh` is what it is
/// to keep of its data, if it keeps nothing yet. Runs of earlier versions are not distinguished.
fn identify<P: Paper>(run: &RunFolder, text: &str, fresh: Option<&RunData>) -> Result<()> {
    let kept = if fresh.is_some() { None } else { RunData::read(run)? };
    if let Some(data) = fresh.or(kept.as_ref()) {
        run.identify(identity::<P>(text, &data.identity)?);
    }
    Ok(())
}

/// Refuses configurations that [`fitted`] would refuse, before the first of them is fitted. All use one
/// data set, whose first split is checked.
///
/// # Errors
/// If a value is wrong, or a model does not fit into memory.
pub fn check_all<'a, P: Paper>(
    configs: impl IntoIterator<Item = &'a P::Config>,
    common: &Common,
) -> Result<()> {
    let device = common.device()?;
    let mut data = None;
    for config in configs {
        if data.is_none() {
            let options = own_data::fetch_options::<P>(config.data(), common, None)?;
            data = Some(own_data::load_data::<P>(config, &options, None)?);
        }
        if let Some(data) = &data {
            refuse::<P>(config, data, device, Purpose::Fit, &places_of_several())?;
        }
    }
    Ok(())
}

/// Where a command that makes several configurations of its options has the keys of one from.
fn places_of_several() -> Places {
    Places::new("the options of this command", "")
}

/// The run of this configuration in this folder: fitted, resumed if it was interrupted, or loaded if it
/// is finished.
///
/// For commands that need several runs; a second Ctrl-C ends them at once.
///
/// # Errors
/// If the folder holds a run of another configuration, and as fitting does.
pub fn fitted<P: Paper>(config: P::Config, path: PathBuf, common: &Common) -> Result<Loaded<P>> {
    Ok(fitted_with_report(config, path, common)?.0)
}

/// The same with the report of the fit, if it was not finished before.
fn fitted_with_report<P: Paper>(
    config: P::Config,
    path: PathBuf,
    common: &Common,
) -> Result<(Loaded<P>, Option<FitReport>)> {
    let device = common.device()?;
    let begun = path.join(RunFolder::CONFIG).is_file();
    let old = begun.then(|| RunFolder::open(path.clone())).transpose()?;
    let text = toml::to_string(&config)?;
    if let Some(run) = &old
        && toml::to_string(&run.config::<P::Config>()?)? != text
    {
        bail!(
            "{} holds a run of another configuration: remove it or choose another --out",
            path.display()
        );
    }
    let advice = "remove it or choose another --out; if its own data lie elsewhere, name their \
                  folder with --data-dir";
    let (data, kept) = own_data::to_fit::<P>(old.as_ref(), &config, common, advice)?;
    check::<P>(&config, &data, device, Purpose::Fit, &places_of_several())?;
    let run = match old {
        Some(run) => run,
        None => {
            let run = RunFolder::create(path, &text, false);
            run.map_err(|error| advised(error, "--out", "choose another --out"))?
        }
    };
    identify::<P>(&run, &text, kept.as_ref())?;
    kept.iter().try_for_each(|kept| kept.write(&run))?;
    let (model, report) = if is_finished(&run) {
        let weights = run.file(weights::WEIGHTS);
        (load::<P>(&config, data.train.shape(), device, &weights)?, None)
    } else {
        if begun {
            prepare_to_continue(&run, text, device.backend())?;
        }
        progress::line(&format!("{}: fitting {}", P::NAME, run.path().display()));
        let (model, report) = fit_one_of_several::<P>(&config, &data, &run, device, begun)?;
        (model, Some(report))
    };
    Ok((Loaded::with_data(run, config, data, model, device), report))
}

/// The run of this configuration with its record: fitted as by [`fitted`] and evaluated if it is not yet.
///
/// # Errors
/// As [`fitted`], and as evaluating does.
pub fn recorded<P: Paper>(
    config: P::Config,
    path: PathBuf,
    common: &Common,
) -> Result<(Loaded<P>, Record)> {
    let (loaded, report) = fitted_with_report::<P>(config, path, common)?;
    match loaded.run.record() {
        Ok(Some(record)) if record.is_as_configured() => return Ok((loaded, record)),
        Ok(Some(_)) => {
            progress::line(&format!(
                "{} was evaluated otherwise than configured: it is evaluated again",
                loaded.run.path().display()
            ));
            loaded.run.lock()?;
            let again = Evaluated::Again(loaded.config.evaluate().clone());
            let record = finish(&loaded, again)?.1;
            return Ok((loaded, record));
        }
        Ok(None) => {}
        Err(error) => progress::line(&format!("{error:#}: it is rewritten")),
    }
    loaded.run.lock()?;
    let report = match report {
        Some(report) => report,
        // Killed between fit and record: the last checkpoint knows how the fit went.
        None => {
            let Loaded { run, config, device, .. } = &loaded;
            fit_one_of_several::<P>(config, loaded.data()?, run, *device, true)?.1
        }
    };
    let record = measured_and_drawn(&loaded, Evaluated::After(&report), &report)?.0;
    Ok((loaded, record))
}

/// Puts back what a fit was to replace that came to nothing, and says so.
pub(super) fn give_back(run: &RunFolder, advice: &str) {
    match run.restore_replaced() {
        Ok(true) => progress::line(&format!(
            "{} has the run again that was there before{advice}",
            run.path().display()
        )),
        Ok(false) => {}
        Err(reason) => progress::line(&format!("{reason:#}")),
    }
}

/// The program's final error after a failed fit: after Ctrl-C, how to resume the run.
fn resumable(error: anyhow::Error, advice: impl FnOnce() -> String) -> anyhow::Error {
    if error.is::<Interrupted>() { Stop::Interrupted(advice()).into() } else { error }
}

type Fitted = (Box<dyn Trained>, FitReport);

/// What is shown of a fit while it goes on.
#[derive(Default)]
struct Shown {
    snapshot_epochs: Vec<f64>,
    trackers: Trackers,
}

/// Fits a model into a run's folder and saves it.
fn fit_run<P: Paper>(
    config: &P::Config,
    data: &Splits,
    run: &RunFolder,
    device: Device,
    resume: bool,
    shown: Shown,
    interrupt: Arc<AtomicBool>,
) -> Result<Fitted> {
    let last = P::last_phase(config);
    let (model, report) = on_device!(device, |B, handle| fit::<P, B>(
        config,
        data,
        Session {
            paper: P::NAME,
            noise: Noise::new(config.seed()),
            device: handle,
            backend: device.backend(),
            // What is fitted in a folder of its own says whose settings it has.
            section: last.unwrap_or("train"),
            last,
            run: run.clone(),
            resume,
            snapshot_epochs: shown.snapshot_epochs,
            trackers: shown.trackers,
            interrupt,
        }
    ))?;
    let config = serde_json::to_value(config)?;
    run.write(BURN_WEIGHTS, &model.burn_record()?)?;
    run.write_weights(&model.weights(), P::NAME, P::CITATION, &config)?;
    Ok((model, report))
}

/// The same for a command that needs several fits, and continues by being called again.
fn fit_one_of_several<P: Paper>(
    config: &P::Config,
    data: &Splits,
    run: &RunFolder,
    device: Device,
    resume: bool,
) -> Result<Fitted> {
    let advice = || "stopped; the same command continues".to_owned();
    let fitting = on_interrupt()?;
    let stops = fitting.stops.clone();
    let fitted = fit_run::<P>(config, data, run, device, resume, Shown::default(), stops)
        .map_err(|error| resumable(error, advice))?;
    fitting.is_over(advice())?;
    Ok(fitted)
}

fn fit<P: Paper, B: Backend>(
    config: &P::Config,
    data: &Splits,
    session: Session<Autodiff<B>>,
) -> Result<Fitted>
where
    B::Device: Sync,
{
    let device = session.device.clone();
    let (model, report) = P::fit::<Autodiff<B>>(config, data, &session)?;
    Ok((Box::new(OnDevice::new(model, device)), report))
}

/// What Ctrl-C does: while a model is fitted, the first stops it after a step; otherwise, as the second does, it
/// ends the program at once.
#[derive(Clone, Default)]
struct Fitting {
    /// Set by the first Ctrl-C.
    stops: Arc<AtomicBool>,
    /// None while a model is fitted; then how to go on from there.
    advice: Arc<Mutex<Option<String>>>,
}

impl Fitting {
    fn advice(&self) -> MutexGuard<'_, Option<String>> {
        self.advice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fit is over; `advice` says how to go on from here.
    ///
    /// # Errors
    /// After a Ctrl-C that no step has seen.
    fn is_over(&self, advice: String) -> Result<()> {
        *self.advice() = Some(advice.clone());
        if self.stops.load(Ordering::Relaxed) {
            return Err(Stop::Interrupted(advice).into());
        }
        Ok(())
    }
}

/// A fit begins.
fn on_interrupt() -> Result<Fitting> {
    let fitting = Fitting::default();
    let under_way = fitting.clone();
    interrupt::on_interrupt(move || {
        let again = under_way.stops.swap(true, Ordering::Relaxed);
        let advice = under_way.advice();
        match advice.as_deref() {
            Some(advice) => progress::line(advice),
            None if again => {}
            None => return progress::line("stopping after this step; Ctrl-C again stops at once"),
        }
        std::process::exit(i32::from(super::INTERRUPTED));
    })?;
    Ok(fitting)
}
