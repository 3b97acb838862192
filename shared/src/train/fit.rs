use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use anyhow::{Result, bail};
use burn::module::AutodiffModule;
use optimisation::averaged;

use super::{
    EpochLine, Keep, Moment, Objective, Optimiser, TrainConfig,
    checkpoint::{Checkpoints, Progress, Resumed, StepSettings},
    display::{Display, Work},
    history::TermSums,
    snapshot::Snapshots,
    step::{StepTerms, descend},
};
use crate::{
    autoencoder::Autoencoder,
    backend::{AutodiffBackend, Backend},
    data::{BatchMaker, Binarise, Splits, batches_of},
    noise::{Noise, Stream},
    progress,
    run::{FitBegin, REPLACED, RunFolder, Trackers},
};

/// Examples in a validation batch; a fixed number, so that sums do not depend on the training
/// batch, unless the objective does.
const VALIDATION_BATCH: usize = 500;

/// What a fit works with besides model, objective and data.
#[derive(Clone, Debug)]
pub struct Session<B: Backend> {
    /// Name of the paper, for display.
    pub paper: &'static str,
    /// The run's randomness.
    pub noise: Noise,
    /// Where tensors live.
    pub device: B::Device,
    /// Name of the backend, as on the command line.
    pub backend: &'static str,
    /// Section of the configuration with the fit's settings, for messages.
    pub section: &'static str,
    /// Section of the run's last fit, whose settings `--resume` takes.
    pub last: Option<&'static str>,
    /// The run's folder.
    pub run: RunFolder,
    /// Continue from the newest checkpoint, if there is one.
    pub resume: bool,
    /// Epochs to take snapshots after.
    pub snapshot_epochs: Vec<f64>,
    /// What the figures of every epoch go to.
    pub trackers: Trackers,
    /// Set by Ctrl-C: finish the step, save, stop.
    pub interrupt: Arc<AtomicBool>,
}

/// Ctrl-C ended a fit after a step; its checkpoint is written and the run can be resumed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the fit was interrupted and can be resumed")]
pub struct Interrupted;

/// How a fit went.
#[derive(Clone, Debug, Default)]
pub struct FitReport {
    /// Epochs done; 0 for a closed form.
    pub epochs: usize,
    /// Epoch whose weights are the result.
    pub chosen_epoch: usize,
    /// True if the validation loss ended the run.
    pub stopped_early: bool,
    /// True if steps before a `--resume` had other learning rates or another bound of the gradients than the configuration
    /// gives them now, or went beyond its patience.
    pub had_other_settings: bool,
    /// Figures of every epoch.
    pub lines: Vec<EpochLine>,
    /// Seconds of fitting, over all sessions of the run.
    pub seconds: f64,
    /// Training examples looked at.
    pub examples: u64,
}

impl FitReport {
    /// The report of this phase and a later one; epochs and terms are those of the later.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        Self {
            seconds: self.seconds + later.seconds,
            examples: self.examples + later.examples,
            ..later
        }
    }
}

/// Fits `model` by stochastic gradient descent on the mean loss of each batch; the fitted model, and how
/// the fit went.
///
/// Order, binarisation and posterior noise of an epoch depend on the seed, the epoch and the
/// example alone; validation always uses the noise of epoch 0, so that its figures are comparable
/// between epochs.
///
/// # Errors
/// [`Interrupted`] after Ctrl-C; a term that is not finite, named with the step and the last good
/// checkpoint; files that cannot be written or read.
pub fn fit<B, M, O>(
    model: M,
    objective: &O,
    data: &Splits,
    binarise: Binarise,
    config: &TrainConfig,
    session: &Session<B>,
) -> Result<(M::InnerModule, FitReport)>
where
    B: AutodiffBackend,
    M: AutodiffModule<B> + Autoencoder<B>,
    M::InnerModule: Autoencoder<B::InnerBackend>,
    O: Objective<B, M> + Objective<B::InnerBackend, M::InnerModule>,
{
    let device = &session.device;
    let steps = config.examples(data.train.len()).div_ceil(config.batch_size);
    let snapshots = Snapshots::new(&session.snapshot_epochs, steps, &data.valid, session.paper);
    let watch = |steps: usize, model: &M| {
        snapshots.take::<B::InnerBackend, M::InnerModule>(
            steps,
            || model.valid(),
            device,
            &session.run,
        )
    };
    let (model, report) = fit_watched(model, objective, data, binarise, config, session, watch)?;
    for epoch in snapshots.missing(&session.run) {
        let why = if epoch > report.epochs as f64 {
            format!("training ended after epoch {}", report.epochs)
        } else {
            "it was over before the run was continued".into()
        };
        progress::line(&format!("--snapshot-epochs {epoch}: not taken, {why}"));
    }
    Ok((model, report))
}

/// [`fit`] for any model, with `watch` called after every step with the steps done and the model that
/// would be validated then.
///
/// # Errors
/// As [`fit`], and those of `watch`.
pub(crate) fn fit_watched<B, M, O>(
    model: M,
    objective: &O,
    data: &Splits,
    binarise: Binarise,
    config: &TrainConfig,
    session: &Session<B>,
    watch: impl Fn(usize, &M) -> Result<()>,
) -> Result<(M::InnerModule, FitReport)>
where
    B: AutodiffBackend,
    M: AutodiffModule<B>,
    O: Objective<B, M> + Objective<B::InnerBackend, M::InnerModule>,
{
    let Session { noise, device, run, .. } = session;
    let train = BatchMaker::<B>::new(data.train.clone(), binarise, *noise, device.clone());
    let valid =
        BatchMaker::<B::InnerBackend>::new(data.valid.clone(), binarise, *noise, device.clone());
    let split = data.train.len();
    let examples = config.examples(split);
    let steps = examples.div_ceil(config.batch_size);
    let epochs = config.total_epochs();
    let checkpoints = Checkpoints::new(run, config.keep_checkpoints);

    let fresh = || Resumed {
        model: model.clone(),
        average: config.average.map(|_| model.clone()),
        optimiser: Optimiser::new(&config.optimiser),
        progress: Progress { backend: session.backend.into(), ..Progress::default() },
    };
    let mut state = fresh();
    if session.resume {
        let needs_best = config.keep == Keep::Best;
        match checkpoints.load(fresh, needs_best, session.backend, device)? {
            Some(restored) => state = restored,
            // Some epoch was finished once: its checkpoints are gone.
            None if run.file(RunFolder::METRICS).is_file() => progress::line(&format!(
                "{} has no checkpoint left: this fit begins from the start",
                run.path().display()
            )),
            None => {}
        }
    }
    drop(model);
    let Resumed { mut model, mut average, mut optimiser, mut progress } = state;
    if progress.epoch > epochs || (progress.epoch == epochs && progress.step > 0) {
        bail!(
            "{}.epochs = {epochs}: {} epochs{} are fitted already; --name starts another run",
            session.section,
            progress.epoch,
            if progress.step > 0 { " and a part" } else { "" }
        );
    }
    // An epoch that has begun is finished first: weights within it are those of none.
    let has_stopped = |progress: &Progress| {
        progress.step == 0 && config.patience.is_some_and(|patience| progress.stale >= patience)
    };
    let is_over = |progress: &Progress| progress.epoch >= epochs || has_stopped(progress);
    let seen = |progress: &Progress| {
        (progress.epoch * examples + (progress.step * config.batch_size).min(examples)) as u64
    };
    let mut display = Display::new(
        session.paper,
        &Work {
            examples: data.train.examples(),
            done: seen(&progress),
            total: (epochs * examples) as u64,
            epochs,
        },
        progress.lines.iter().filter_map(|line| line.valid.get("loss").copied()).collect(),
    );
    let (lines, is_over_now) = (&progress.lines[..], is_over(&progress));
    session.trackers.begin(&FitBegin { folder: run, lines, is_over: is_over_now })?;
    // Only `--resume` changes them, of a fit that was over too: here once, and not in the loop.
    progress.has_changed |= progress.settings.is_some_and(|last| {
        let is_under_way = progress.step > 0;
        last.clip_norm != config.clip_norm
            || is_under_way && differ(last.rate, config.schedule.rate(progress.epoch, epochs))
    });
    let before = progress.seconds;
    let started = Instant::now();

    while !is_over(&progress) {
        let epoch = progress.epoch;
        progress.most_stale = progress.most_stale.max(progress.stale);
        let rate = config.schedule.rate(epoch, epochs);
        progress.settings = Some(StepSettings { rate, clip_norm: config.clip_norm });
        let order = noise.permutation(Stream::Shuffle, epoch as u64 + 1, split);
        let mut unread = Unread { found: None };
        while progress.step < steps {
            let start = progress.step * config.batch_size;
            let indices = &order[start..examples.min(start + config.batch_size)];
            let batch = train.batch(indices, epoch as u64 + 1);
            let at = Moment { epochs: epoch as f64 + progress.step as f64 / steps as f64 };
            let found;
            (model, found) =
                descend(model, &mut optimiser, objective, &batch, at, rate, config.clip_norm);
            progress.step += 1;
            let stops = session.interrupt.load(Ordering::Relaxed) && progress.step < steps;
            let mut broken = unread.read(&mut progress.sums);
            unread.found = Some((found, progress.step));
            if stops || progress.step == steps {
                broken = broken.or_else(|| unread.read(&mut progress.sums));
            }
            if let Some((term, step)) = broken {
                display.finish();
                let at_step = Step { epoch, step, steps, rate };
                bail!("{}", blown_up(&term, at_step, session, checkpoints.newest()));
            }
            display.step(epoch, seen(&progress), || progress.sums.means());
            let done = epoch * steps + progress.step;
            if let Some(decay) = config.average {
                average = average.map(|average| averaged(average, &model, decay, done as u64));
            }
            watch(done, average.as_ref().unwrap_or(&model))?;
            if stops {
                progress.seconds = before + started.elapsed().as_secs_f64();
                checkpoints.save(&model, average.as_ref(), &optimiser, &progress, true)?;
                display.finish();
                return Err(Interrupted.into());
            }
        }
        let at = Moment { epochs: (epoch + 1) as f64 };
        let shown = average.as_ref().unwrap_or(&model);
        let figures = match validate(&shown.valid(), objective, &valid, at, config.batch_size) {
            Ok(figures) => figures,
            Err(term) => {
                display.finish();
                let (term, last) =
                    (format!("validation {term}"), Step { epoch, step: steps, steps, rate });
                bail!("{}", blown_up(&term, last, session, checkpoints.newest()));
            }
        };
        let line = EpochLine {
            epoch: epoch + 1,
            rate,
            train: progress.sums.means(),
            valid: figures.means(),
        };
        progress.epoch += 1;
        progress.step = 0;
        progress.sums = TermSums::default();
        let settled = Objective::<B, M>::is_settled(objective, shown, at);
        let criterion = line.valid[Objective::<B, M>::criterion(objective)];
        let is_best = settled && progress.best.is_none_or(|(_, best)| criterion < best);
        if is_best {
            progress.best = Some((progress.epoch, criterion));
            progress.stale = 0;
            checkpoints.save_best(shown, progress.epoch)?;
        } else if settled {
            progress.stale += 1;
        }
        display.epoch(&line, seen(&progress), is_best);
        session.trackers.epoch(&line);
        progress.lines.push(line);
        progress.seconds = before + started.elapsed().as_secs_f64();
        let ends = is_over(&progress);
        let interrupted = session.interrupt.load(Ordering::Relaxed);
        if ends || interrupted || progress.epoch.is_multiple_of(config.checkpoint_every) {
            let is_last = ends || interrupted;
            checkpoints.save(&model, average.as_ref(), &optimiser, &progress, is_last)?;
            write_lines(run, &progress.lines)?;
        }
        if interrupted && !ends {
            display.finish();
            return Err(Interrupted.into());
        }
    }
    display.finish();
    model = average.unwrap_or(model);
    let chosen_epoch = match (config.keep, progress.best) {
        (Keep::Best, Some((epoch, _))) if epoch != progress.epoch => {
            model = checkpoints.load_best(&model, epoch, device)?;
            epoch
        }
        (Keep::Best, None) if progress.epoch > 0 => {
            crate::progress::line(
                "the objective was still warming up when training ended: no epoch is the best, the \
                 last is kept; train longer or warm up faster",
            );
            progress.epoch
        }
        _ => progress.epoch,
    };
    // A program killed at its last epoch has not written that one's figures.
    write_lines(run, &progress.lines)?;
    // By a patience that --resume made smaller the fit would have stopped before.
    let went_beyond = config.patience.is_some_and(|patience| progress.most_stale >= patience);
    let report = FitReport {
        epochs: progress.epoch,
        chosen_epoch,
        stopped_early: has_stopped(&progress) && progress.epoch < epochs,
        had_other_settings: progress.has_changed
            || went_beyond
            || has_other_rates(&progress.lines, config, epochs),
        seconds: progress.seconds,
        examples: (progress.epoch * examples) as u64,
        lines: progress.lines,
    };
    Ok((model.valid(), report))
}

/// True if an epoch was trained by another learning rate than the schedule of `epochs` gives it.
fn has_other_rates(lines: &[EpochLine], config: &TrainConfig, epochs: usize) -> bool {
    lines.iter().any(|line| differ(line.rate, config.schedule.rate(line.epoch - 1, epochs)))
}

/// Whether two learning rates differ by more than rounding.
fn differ(one: f64, other: f64) -> bool {
    (one - other).abs() > 1e-9 * other.abs()
}

/// Term sums over the whole split, in which no example is a batch of its own; the name of a term that is not finite, if
/// there is one.
fn validate<B: Backend, M, O: Objective<B, M>>(
    model: &M,
    objective: &O,
    batches: &BatchMaker<B>,
    at: Moment,
    batch_size: usize,
) -> Result<TermSums, String> {
    let mut sums = TermSums::default();
    let all: Vec<usize> = (0..batches.split().len()).collect();
    let size = if objective.depends_on_batch(model) { batch_size } else { VALIDATION_BATCH };
    for indices in batches_of(&all, size) {
        let found = StepTerms::of(&objective.terms(model, &batches.batch(indices, 0), at));
        if let Some(term) = sums.add(&found.names, &found.read()) {
            return Err(term);
        }
    }
    Ok(sums)
}

/// What a step found, and its number: read when the next one is queued, so that a GPU does not wait for the host.
struct Unread<B: Backend> {
    found: Option<(StepTerms<B>, usize)>,
}

impl<B: Backend> Unread<B> {
    /// Adds it to the sums; the name of a term that is not finite, if there is one, with the step.
    fn read(&mut self, sums: &mut TermSums) -> Option<(String, usize)> {
        let (found, step) = self.found.take()?;
        Some((sums.add(&found.names, &found.read())?, step))
    }
}

fn write_lines(run: &RunFolder, lines: &[EpochLine]) -> Result<()> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    // What is as it should be is left alone: a later phase may yet refuse to continue.
    if run.read(RunFolder::METRICS).is_ok_and(|bytes| bytes == text.as_bytes()) {
        return Ok(());
    }
    run.write(RunFolder::METRICS, text.as_bytes())
}

/// Where a fit is.
struct Step {
    epoch: usize,
    step: usize,
    steps: usize,
    rate: f64,
}

fn blown_up<B: Backend>(
    term: &str,
    Step { epoch, step, steps, rate }: Step,
    Session { section, last, run, .. }: &Session<B>,
    checkpoint: Option<std::path::PathBuf>,
) -> String {
    // The run that was there comes back, and --resume would go on with that.
    let replaces = run.phase_name().is_none() && run.file(REPLACED).is_dir();
    let (state, by) = match (last, checkpoint) {
        (Some(last), None) if last == section && replaces => {
            ("there is no checkpoint yet".into(), ", by --set and with --force again")
        }
        (Some(last), Some(path)) if last == section => (
            format!("the last good checkpoint is {}", path.display()),
            ", and --resume takes both by --set",
        ),
        (Some(last), None) if last == section => (
            "there is no checkpoint yet, and --resume begins from the start".into(),
            ", and --resume takes both by --set",
        ),
        (Some(_), _) => (
            "this fit is not the run's last, whose settings alone --resume can change".into(),
            ", and --name starts another run",
        ),
        (None, _) => ("--resume cannot change the settings of this fit".into(), ""),
    };
    format!(
        "{term} is not finite in epoch {}, step {step} of {steps} (learning rate {rate}): {state}; a \
         smaller {section}.schedule.rate or {section}.clip_norm usually helps{by}",
        epoch + 1
    )
}

#[cfg(test)]
mod tests {
    use burn::{backend::Autodiff, tensor::Tensor};

    use super::*;
    use crate::{
        backend::Flex,
        data::{Batch, DataConfig, FetchOptions},
        kind,
        likelihood::row_sums,
        modules::weights_of,
        nn::{Activation, Dense, Init, Initialiser},
        train::{OptimiserConfig, Schedule, Terms},
    };

    type B = Autodiff<Flex>;
    type Network<B> = Dense<B>;

    /// The squared error of a reconstruction in one layer.
    struct SquaredError;

    impl<B: Backend> Objective<B, Network<B>> for SquaredError {
        fn terms(&self, model: &Network<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
            let error: Tensor<B, 2> = batch.x.clone() - model.forward(batch.x.clone());
            Terms { named: Vec::new(), loss: row_sums(error.square()) }
        }
    }

    /// The same, with a criterion that is not finite once an epoch is over.
    struct NoCriterion;

    impl<B: Backend> Objective<B, Network<B>> for NoCriterion {
        fn terms(&self, model: &Network<B>, batch: &Batch<B>, at: Moment) -> Terms<B> {
            let loss = SquaredError.terms(model, batch, at).loss;
            let factor = if at.epochs < 1.0 { 1.0 } else { f64::NAN };
            Terms { named: vec![("distance", loss.clone().mul_scalar(factor))], loss }
        }

        fn criterion(&self) -> &'static str {
            "distance"
        }
    }

    fn splits() -> Splits {
        let config = DataConfig::new("segments", Binarise::None);
        kind::Images::load(&config, &FetchOptions::from_env(None)).unwrap()
    }

    fn network(data: &Splits) -> Network<B> {
        let (device, width) = (Default::default(), data.train.input_dim());
        let mut init = Initialiser::new(Init::Glorot, Noise::new(1), &device);
        Dense::new(width, width, Activation::Linear, &mut init)
    }

    /// Steps so large that the weights never settle: the average is far from them.
    fn config(epochs: usize, average: Option<f64>) -> TrainConfig {
        TrainConfig {
            epochs: Some(epochs),
            epoch_examples: None,
            batch_size: 96,
            schedule: Schedule::Constant { rate: 0.01 },
            optimiser: OptimiserConfig::adam(),
            clip_norm: None,
            average,
            patience: None,
            keep: Keep::Last,
            checkpoint_every: 1,
            keep_checkpoints: 1,
        }
    }

    fn session(folder: &std::path::Path) -> Session<B> {
        let run = RunFolder::open(folder.into())
            .or_else(|_| RunFolder::create(folder.into(), "", false))
            .unwrap();
        Session {
            paper: "test",
            noise: Noise::new(3),
            device: Default::default(),
            backend: "flex",
            section: "train",
            last: Some("train"),
            run,
            resume: true,
            snapshot_epochs: Vec::new(),
            trackers: Trackers::default(),
            interrupt: Arc::default(),
        }
    }

    /// Weights that a fit in this folder comes to, and its figures.
    fn fitted(
        data: &Splits,
        config: &TrainConfig,
        session: &Session<B>,
        watch: impl Fn(usize, &Network<B>) -> Result<()>,
    ) -> Result<(Vec<f32>, Vec<EpochLine>)> {
        let (model, report) = fit_watched(
            network(data),
            &SquaredError,
            data,
            Binarise::None,
            config,
            session,
            watch,
        )?;
        Ok((values(&model), report.lines))
    }

    fn values<B: Backend>(model: &Network<B>) -> Vec<f32> {
        weights_of(model).into_iter().flat_map(|tensor| tensor.values).collect()
    }

    #[test]
    fn what_is_validated_watched_and_kept_is_the_average_and_what_learns_is_not() {
        for epoch_examples in [None, Some(500)] {
            one_epoch_is_as_by_hand(epoch_examples);
        }
    }

    fn one_epoch_is_as_by_hand(epoch_examples: Option<usize>) {
        let (data, folder) = (splits(), tempfile::tempdir().unwrap());
        let (decay, session) = (0.99, session(folder.path()));
        let config = TrainConfig { epoch_examples, ..config(1, Some(decay)) };
        let watched = std::cell::RefCell::new(Vec::new());
        let watch = |_: usize, model: &Network<B>| {
            watched.borrow_mut().push(values(model));
            Ok(())
        };
        let (found, lines) = fitted(&data, &config, &session, watch).unwrap();

        // The same epoch, by hand.
        let Session { noise, device, .. } = session;
        let train = BatchMaker::<B>::new(data.train.clone(), Binarise::None, noise, device);
        let valid = BatchMaker::<Flex>::new(data.valid.clone(), Binarise::None, noise, device);
        let mut order = noise.permutation(Stream::Shuffle, 1, data.train.len());
        order.truncate(config.examples(order.len()));
        let mut optimiser = Optimiser::new(&OptimiserConfig::adam());
        let mut model = network(&data);
        let mut average = model.clone();
        let at = Moment { epochs: 0.0 };
        for (step, indices) in order.chunks(96).enumerate() {
            let batch = train.batch(indices, 1);
            (model, _) = descend(model, &mut optimiser, &SquaredError, &batch, at, 0.01, None);
            average = averaged(average, &model, decay, step as u64 + 1);
            assert_eq!(watched.borrow()[step], values(&average), "step {step}");
        }
        assert_eq!(watched.borrow().len(), order.len().div_ceil(96));
        assert_eq!(found, values(&average));
        assert_ne!(found, values(&model));
        let valid = |model: &Network<B>| {
            validate(&model.valid(), &SquaredError, &valid, at, 96).unwrap().means()
        };
        assert_eq!(lines[0].valid, valid(&average));
        assert_ne!(lines[0].valid, valid(&model));
    }

    #[test]
    fn the_best_epoch_is_the_result_where_the_last_one_is_worse() {
        let data = splits();
        for average in [None, Some(0.5)] {
            // Epochs of one step, the last of which is too long.
            let (config, folder) = (config(3, average), tempfile::tempdir().unwrap());
            let config = TrainConfig {
                epoch_examples: Some(config.batch_size),
                optimiser: OptimiserConfig::Sgd { momentum: 0.0, weight_decay: 0.0 },
                schedule: Schedule::Exponential { rate: 0.0005, factor: 10.0 },
                keep: Keep::Best,
                ..config
            };
            let watched = std::cell::RefCell::new(Vec::new());
            let watch = |_: usize, model: &Network<B>| {
                watched.borrow_mut().push(values(model));
                Ok(())
            };
            let (model, plain, session) = (network(&data), Binarise::None, session(folder.path()));
            let (model, report) =
                fit_watched(model, &SquaredError, &data, plain, &config, &session, watch).unwrap();
            let losses: Vec<f64> = report.lines.iter().map(|line| line.valid["loss"]).collect();
            assert!(losses[0] > losses[1] && losses[1] < losses[2], "{losses:?}");
            assert_eq!((report.epochs, report.chosen_epoch), (3, 2));
            assert!(values(&model) == watched.borrow()[1], "{average:?}");
        }
    }

    #[test]
    fn a_term_that_is_not_finite_in_validation_ends_the_fit_by_name() {
        let (data, folder) = (splits(), tempfile::tempdir().unwrap());
        let (config, session) = (config(1, None), session(folder.path()));
        let watch = |_: usize, _: &Network<B>| Ok(());
        let (model, plain) = (network(&data), Binarise::None);
        let ended = fit_watched(model, &NoCriterion, &data, plain, &config, &session, watch);
        let said = ended.err().unwrap().to_string();
        assert!(said.starts_with("validation distance is not finite in epoch 1, step "), "{said}");
    }

    #[test]
    fn a_checkpoint_that_is_on_the_disk_stays_until_a_newer_one_is() {
        let (data, folder) = (splits(), tempfile::tempdir().unwrap());
        let session = session(folder.path());
        let names = || {
            let entries = std::fs::read_dir(session.run.file(crate::run::CHECKPOINTS)).into_iter();
            let names = entries.flatten().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<String> =
                names.map(|name| name.to_string_lossy().into_owned()).collect();
            names.retain(|name| name.starts_with('0'));
            names.sort();
            names
        };
        let seen = std::cell::RefCell::default();
        let watch = |_: usize, _: &Network<B>| {
            seen.replace(names());
            Ok(())
        };
        // Keeps one, and is over long before the disk is waited for again.
        fitted(&data, &config(4, None), &session, watch).unwrap();
        assert_eq!(seen.into_inner(), ["000001-0000000", "000003-0000000"]);
        assert_eq!(names(), ["000004-0000000"]);
    }

    #[test]
    fn only_the_settings_of_the_last_fit_are_said_to_be_changeable() {
        let folder = tempfile::tempdir().unwrap();
        let said = |section, last| {
            let session = Session { section, last, ..session(folder.path()) };
            blown_up("loss", Step { epoch: 0, step: 1, steps: 2, rate: 0.1 }, &session, None)
        };
        assert!(said("train", Some("train")).ends_with("--resume takes both by --set"));
        let earlier = said("pretraining", Some("train"));
        assert!(earlier.contains("a smaller pretraining.schedule.rate"), "{earlier}");
        assert!(earlier.ends_with("--name starts another run"), "{earlier}");
        assert!(said("train", None).ends_with("clip_norm usually helps"));
        // The run that was there comes back: --resume would change that one.
        std::fs::create_dir(folder.path().join(REPLACED)).unwrap();
        let replacing = said("train", Some("train"));
        assert!(replacing.contains("no checkpoint yet;"), "{replacing}");
        assert!(replacing.ends_with("by --set and with --force again"), "{replacing}");
    }

    #[test]
    fn a_fit_that_goes_on_by_another_schedule_says_so() {
        let line = |epoch, rate| {
            let (train, valid) = Default::default();
            EpochLine { epoch, rate, train, valid }
        };
        let lines = [line(1, 0.01), line(2, 0.01)];
        let constant = config(2, None);
        assert!(!has_other_rates(&lines, &constant, 2));
        let schedule = Schedule::Cosine { rate: 0.01, last: 0.0 };
        let cosine = TrainConfig { schedule, ..constant };
        assert!(has_other_rates(&lines, &cosine, 2));
        assert!(!has_other_rates(&lines[..1], &cosine, 2));
    }

    #[test]
    fn a_fit_with_an_average_resumes_to_the_same_bits_wherever_it_was_interrupted() {
        for epoch_examples in [None, Some(500)] {
            resumes_to_the_same_bits(epoch_examples);
        }
    }

    fn resumes_to_the_same_bits(epoch_examples: Option<usize>) {
        let data = splits();
        let fit = |folder: &tempfile::TempDir, epochs, until: Option<usize>| {
            let session = session(folder.path());
            let watch = |steps: usize, _: &Network<B>| {
                session.interrupt.store(until == Some(steps), Ordering::Relaxed);
                Ok(())
            };
            let config = TrainConfig { epoch_examples, ..config(epochs, Some(0.99)) };
            fitted(&data, &config, &session, watch)
        };
        let [straight, longer, stopped] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
        let wanted = fit(&straight, 4, None).unwrap();
        fit(&longer, 2, None).unwrap();
        assert!(fit(&longer, 4, None).unwrap() == wanted, "2 and 2 epochs");
        // In the middle of the second epoch.
        let steps = epoch_examples.unwrap_or(data.train.len()).div_ceil(96);
        assert!(fit(&stopped, 4, Some(steps + steps / 2)).is_err());
        assert!(fit(&stopped, 4, None).unwrap() == wanted, "interrupted");
    }

    #[test]
    fn an_epoch_that_has_begun_is_finished_or_refused_and_never_taken_for_the_one_before() {
        let data = splits();
        let fit = |folder: &tempfile::TempDir, epochs, patience, until: Option<usize>| {
            let session = session(folder.path());
            let watch = |steps: usize, _: &Network<B>| {
                session.interrupt.store(until == Some(steps), Ordering::Relaxed);
                Ok(())
            };
            let config = TrainConfig { patience, ..config(epochs, None) };
            fitted(&data, &config, &session, watch)
        };
        let [straight, stopped] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
        let steps = data.train.len().div_ceil(96);
        assert!(fit(&stopped, 4, None, Some(2 * steps + steps / 2)).is_err());
        let said = fit(&stopped, 2, None, None).unwrap_err().to_string();
        assert!(said.contains("2 epochs and a part are fitted already"), "{said}");
        // Patience that was over before it began.
        let found = fit(&stopped, 4, Some(0), None).unwrap();
        assert_eq!(found.1.len(), 3);
        assert!(found == fit(&straight, 3, None, None).unwrap());
    }
}
