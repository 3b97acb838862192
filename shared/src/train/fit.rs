use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use anyhow::{Result, bail};
use burn::module::AutodiffModule;

use super::{
    EpochLine, Keep, Moment, Objective, Optimiser, TrainConfig,
    checkpoint::{Checkpoints, Progress},
    display::Display,
    history::TermSums,
    labels::{Headed, JointObjective, LABEL_HEAD, Labels},
    snapshot::Snapshots,
    step::{Found, descend},
};
use crate::{
    autoencoder::Autoencoder,
    backend::{AutodiffBackend, Backend},
    data::{BatchMaker, Binarise, Splits},
    modules::weights_of,
    noise::{Noise, Stream},
    progress,
    run::RunFolder,
    weights::tensor_bytes,
};

/// Examples in a validation batch; a fixed number, so that sums do not depend on the training
/// batch.
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
    /// The run's folder.
    pub run: RunFolder,
    /// Continue from the newest checkpoint, if there is one.
    pub resume: bool,
    /// Epochs to take snapshots after.
    pub snapshot_epochs: Vec<f64>,
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
    let Session { noise, device, .. } = session;
    let steps = data.train.len().div_ceil(config.batch_size);
    let snapshots = Snapshots::new(&session.snapshot_epochs, steps, &data.valid);
    let watch = |steps: usize, headed: &Headed<B, M>| {
        snapshots.take::<B::InnerBackend, M::InnerModule>(
            steps,
            || headed.model.valid(),
            device,
            &session.run,
        )
    };
    let labels = match config.labels {
        Some(labels) => {
            refuse_told(&model, data, device)?;
            Some(Labels::new(labels, data, binarise, *noise)?)
        }
        None => None,
    };
    let headed = Headed::new(model, labels.as_ref(), device);
    let objective = JointObjective { objective, labels };
    let (Headed { model, head }, report) =
        fit_watched(headed, &objective, data, binarise, config, session, watch)?;
    for epoch in snapshots.missing(&session.run) {
        progress::line(&format!(
            "--snapshot-epochs {epoch}: not taken, training ended after epoch {}",
            report.epochs
        ));
    }
    if let Some(head) = &head {
        session.run.write(LABEL_HEAD, &tensor_bytes(&weights_of(head))?)?;
    }
    Ok((model, report))
}

/// A code made with the label in hand has no need to tell it.
fn refuse_told<B: Backend, M: Autoencoder<B>>(
    model: &M,
    data: &Splits,
    device: &B::Device,
) -> Result<()> {
    let one =
        BatchMaker::<B>::new(data.valid.clone(), Binarise::None, Noise::new(0), device.clone())
            .batch(&[0], 0);
    if model.condition(&one.x, &one.labels).is_some() {
        bail!("[train.labels] is for models that are told nothing besides x; this one is");
    }
    Ok(())
}

/// [`fit`] for any model, with `watch` called after every step with the steps done.
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
    let examples = data.train.len();
    let steps = examples.div_ceil(config.batch_size);
    let epochs = config.total_epochs();
    let checkpoints = Checkpoints::new(run, config.keep_checkpoints);

    let mut model = model;
    let mut optimiser = Optimiser::new(&config.optimiser);
    let mut progress = Progress { backend: session.backend.into(), ..Progress::default() };
    if session.resume {
        let needs_best = config.keep == Keep::Best;
        let fresh = || Optimiser::new(&config.optimiser);
        match checkpoints.load(&model, fresh, needs_best, session.backend, device)? {
            Some(restored) => (model, optimiser, progress) = restored,
            // Some epoch was finished once: its checkpoints are gone.
            None if run.file(RunFolder::METRICS).is_file() => progress::line(&format!(
                "{} has no checkpoint left: this fit begins from the start",
                run.path().display()
            )),
            None => {}
        }
    }
    let has_stopped =
        |progress: &Progress| config.patience.is_some_and(|patience| progress.stale >= patience);
    let seen = |progress: &Progress| {
        (progress.epoch * examples + (progress.step * config.batch_size).min(examples)) as u64
    };
    let mut display = Display::new(
        session.paper,
        seen(&progress),
        (epochs * examples) as u64,
        epochs,
        progress.lines.iter().filter_map(|line| line.valid.get("loss").copied()).collect(),
    );
    let before = progress.seconds;
    let started = Instant::now();

    while progress.epoch < epochs && !has_stopped(&progress) {
        let epoch = progress.epoch;
        let rate = config.schedule.rate(epoch, epochs);
        let order = noise.permutation(Stream::Shuffle, epoch as u64 + 1, examples);
        while progress.step < steps {
            let start = progress.step * config.batch_size;
            let indices = &order[start..examples.min(start + config.batch_size)];
            let batch = train.batch(indices, epoch as u64 + 1);
            let at = Moment { epochs: epoch as f64 + progress.step as f64 / steps as f64 };
            let found;
            (model, found) =
                descend(model, &mut optimiser, objective, &batch, at, rate, config.clip_norm);
            progress.step += 1;
            // Read after the update is queued, so that a GPU does not wait for the host.
            if let Some(term) = progress.sums.add(&found.names, &found.read()) {
                display.finish();
                bail!(
                    "{}",
                    blown_up(&term, epoch, progress.step, steps, rate, checkpoints.newest())
                );
            }
            display.step(epoch, seen(&progress), || progress.sums.means());
            watch(epoch * steps + progress.step, &model)?;
            if session.interrupt.load(Ordering::Relaxed) && progress.step < steps {
                progress.seconds = before + started.elapsed().as_secs_f64();
                checkpoints.save(&model, &optimiser, &progress)?;
                display.finish();
                return Err(Interrupted.into());
            }
        }
        let at = Moment { epochs: (epoch + 1) as f64 };
        let figures = validate(&model.valid(), objective, &valid, at);
        let line = EpochLine {
            epoch: epoch + 1,
            rate,
            train: progress.sums.means(),
            valid: figures.means(),
        };
        let loss = line.valid["loss"];
        if !loss.is_finite() {
            display.finish();
            bail!(
                "{}",
                blown_up("validation loss", epoch, steps, steps, rate, checkpoints.newest())
            );
        }
        progress.epoch += 1;
        progress.step = 0;
        progress.sums = TermSums::default();
        let settled = Objective::<B, M>::is_settled(objective, &model, at);
        let criterion = line.valid[Objective::<B, M>::criterion(objective)];
        let is_best = settled && progress.best.is_none_or(|(_, best)| criterion < best);
        if is_best {
            progress.best = Some((progress.epoch, criterion));
            progress.stale = 0;
            checkpoints.save_best(&model, progress.epoch)?;
        } else if settled {
            progress.stale += 1;
        }
        display.epoch(&line, seen(&progress), is_best);
        progress.lines.push(line);
        progress.seconds = before + started.elapsed().as_secs_f64();
        let ends = progress.epoch == epochs || has_stopped(&progress);
        let interrupted = session.interrupt.load(Ordering::Relaxed);
        if ends || interrupted || progress.epoch.is_multiple_of(config.checkpoint_every) {
            checkpoints.save(&model, &optimiser, &progress)?;
            write_lines(run, &progress.lines)?;
        }
        if interrupted && !ends {
            display.finish();
            return Err(Interrupted.into());
        }
    }
    display.finish();
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
    let report = FitReport {
        epochs: progress.epoch,
        chosen_epoch,
        stopped_early: has_stopped(&progress),
        seconds: progress.seconds,
        examples: (progress.epoch * examples) as u64,
        lines: progress.lines,
    };
    Ok((model.valid(), report))
}

/// Term sums over the whole split.
fn validate<B: Backend, M, O: Objective<B, M>>(
    model: &M,
    objective: &O,
    batches: &BatchMaker<B>,
    at: Moment,
) -> TermSums {
    let mut sums = TermSums::default();
    let all: Vec<usize> = (0..batches.split().len()).collect();
    for indices in all.chunks(VALIDATION_BATCH) {
        let found = Found::of(&objective.terms(model, &batches.batch(indices, 0), at));
        sums.add(&found.names, &found.read());
    }
    sums
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

fn blown_up(
    term: &str,
    epoch: usize,
    step: usize,
    steps: usize,
    rate: f64,
    checkpoint: Option<std::path::PathBuf>,
) -> String {
    let last = match checkpoint {
        Some(path) => format!("the last good checkpoint is {}", path.display()),
        None => "there is no checkpoint yet, and --resume begins from the start".into(),
    };
    format!(
        "{term} is not finite in epoch {}, step {step} of {steps} (learning rate {rate}): {last}; a \
         smaller train.schedule.rate or train.clip_norm usually helps, and --resume takes both by --set",
        epoch + 1
    )
}
