//! What a person sees of a training run.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, ProgressBar};

use super::{EpochLine, objective::PER_LATENT};
use crate::progress;

/// Between two plain lines inside an epoch.
const LINE_EVERY: Duration = Duration::from_secs(20);
/// Epochs in the curve of the live display.
const CURVE: usize = 24;

/// A live bar in a terminal, plain lines with rate and time left elsewhere.
pub(super) struct Display {
    bar: ProgressBar,
    started: Instant,
    first: u64,
    total: u64,
    pace: Pace,
    epochs: usize,
    losses: Vec<f64>,
    /// What is trained on.
    examples: &'static str,
}

/// How much there is to do.
pub(super) struct Work {
    /// What the examples are called.
    pub examples: &'static str,
    /// How many of them an earlier session has seen.
    pub done: u64,
    /// How often one is seen in all.
    pub total: u64,
    pub epochs: usize,
}

impl Display {
    /// A display of this work, with the losses of the epochs before.
    pub(super) fn new(paper: &str, work: &Work, losses: Vec<f64>) -> Self {
        let Work { examples, done, total, epochs } = *work;
        let bar = progress::steps(paper, total, examples);
        bar.set_position(done);
        bar.reset_eta();
        let now = Instant::now();
        let pace = Pace { line: now, epoch: now };
        Self { bar, started: now, first: done, total, pace, epochs, losses, examples }
    }

    fn rate(&self, seen: u64) -> f64 {
        (seen - self.first) as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }

    fn left(&self, seen: u64) -> HumanDuration {
        let seconds = (self.total - seen.min(self.total)) as f64 / self.rate(seen).max(1e-9);
        HumanDuration(Duration::from_secs_f64(seconds.min(1e9)))
    }

    /// After a step of epoch `epoch` (from 0), `seen` examples into the run.
    pub(super) fn step(
        &mut self,
        epoch: usize,
        seen: u64,
        means: impl Fn() -> BTreeMap<String, f64>,
    ) {
        self.bar.set_position(seen);
        if progress::is_terminal() {
            if self.pace.line.elapsed() > Duration::from_millis(250) {
                self.pace.line = Instant::now();
                self.bar.set_message(format!(
                    "epoch {}/{} {} {}",
                    epoch + 1,
                    self.epochs,
                    terms(&means()),
                    sparkline(&self.losses)
                ));
            }
        } else if self.pace.is_step_due(Instant::now()) {
            progress::line(&format!(
                "epoch {}/{}: {} ({:.0} {}/s, {} left)",
                epoch + 1,
                self.epochs,
                terms(&means()),
                self.rate(seen),
                self.examples,
                self.left(seen)
            ));
        }
    }

    /// After a whole epoch.
    pub(super) fn epoch(&mut self, line: &EpochLine, seen: u64, best: bool) {
        self.losses.extend(line.valid.get("loss").copied());
        let text = format!(
            "epoch {}/{}: train {} | valid {}{} ({:.0} {}/s, {} left)",
            line.epoch,
            self.epochs,
            terms(&line.train),
            terms(&line.valid),
            if best { " *" } else { "" },
            self.rate(seen),
            self.examples,
            self.left(seen)
        );
        // A long run in a log needs no line for every short epoch.
        let always = progress::is_terminal() || self.epochs <= 100 || line.epoch == self.epochs;
        if self.pace.is_epoch_due(Instant::now(), always) {
            self.bar.suspend(|| progress::line(&text));
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// When the lines of a log are due.
struct Pace {
    /// The last line.
    line: Instant,
    /// The end of the last epoch.
    epoch: Instant,
}

impl Pace {
    /// Inside a long epoch; every line at the end of one also has the validation.
    fn is_step_due(&mut self, now: Instant) -> bool {
        let is_due = now - self.line > LINE_EVERY && now - self.epoch > LINE_EVERY;
        self.line = if is_due { now } else { self.line };
        is_due
    }

    /// At the end of an epoch.
    fn is_epoch_due(&mut self, now: Instant, always: bool) -> bool {
        let is_due = always || now - self.line > LINE_EVERY || now - self.epoch > LINE_EVERY;
        self.line = if is_due { now } else { self.line };
        self.epoch = now;
        is_due
    }
}

/// Means by name, the loss first; at the start of an epoch there are none.
fn terms(means: &BTreeMap<String, f64>) -> String {
    let loss = means.get("loss").map(|&loss| format!("loss {}", short(loss)));
    let mut parts: Vec<String> = loss.into_iter().collect();
    parts.extend(
        means
            .iter()
            .filter(|(name, _)| *name != "loss" && !name.starts_with(PER_LATENT))
            .map(|(name, v)| format!("{name} {}", short(*v))),
    );
    parts.join(" ")
}

/// Nats need two digits, shares four.
fn short(value: f64) -> String {
    let digits = if value.abs() < 1.0 { 4 } else { 2 };
    format!("{value:.digits$}")
}

/// The last validation losses as a tiny curve.
fn sparkline(losses: &[f64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let recent = &losses[losses.len().saturating_sub(CURVE)..];
    let low = recent.iter().copied().fold(f64::MAX, f64::min);
    let high = recent.iter().copied().fold(f64::MIN, f64::max);
    recent
        .iter()
        .map(|&loss| {
            let height = if high > low { (loss - low) / (high - low) * 7.0 } else { 0.0 };
            BARS[(height.round() as usize).min(7)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_epochs_of_a_long_run_are_seen_with_their_validation() {
        let start = Instant::now();
        // Lines inside epochs of so many seconds, a step a second, and at their ends.
        let lines = |epoch: u64, seconds: u64| {
            let mut pace = Pace { line: start, epoch: start };
            let (mut steps, mut epochs) = (0, 0);
            for second in 1..=seconds {
                let now = start + Duration::from_secs(second);
                steps += usize::from(pace.is_step_due(now));
                epochs += usize::from(second % epoch == 0 && pace.is_epoch_due(now, false));
            }
            (steps, epochs)
        };
        assert_eq!(lines(6, 600), (0, 25));
        // Each epoch of 35 seconds has its line, whatever came inside it.
        assert_eq!(lines(35, 350), (10, 10));
        // In an epoch of two minutes there are lines too.
        assert_eq!(lines(120, 120), (5, 1));
    }

    #[test]
    fn an_epoch_without_a_step_has_no_loss() {
        assert_eq!(terms(&BTreeMap::new()), "");
        assert_eq!(terms(&BTreeMap::from([("loss".into(), 2.5)])), "loss 2.50");
    }

    #[test]
    fn the_curve_falls_when_the_loss_falls() {
        assert_eq!(sparkline(&[8.0, 4.0, 1.0]), "█▄▁");
        assert_eq!(sparkline(&[]), "");
    }
}
