use serde::{Deserialize, Serialize};

use super::{OptimiserConfig, Schedule};

/// `[train]` of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training split; left out where the schedule fixes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Examples in a step.
    pub batch_size: usize,
    /// Learning rate over the run.
    pub schedule: Schedule,
    /// Update rule.
    pub optimiser: OptimiserConfig,
    /// Scale the gradient down to this global Euclidean norm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Decay of an exponential moving average of the weights, which is validated, chosen and kept in
    /// place of them; left out, there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// Stop after this many epochs without a better validation loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Which epoch's weights are the result.
    #[serde(default)]
    pub keep: Keep,
    /// Write a checkpoint every so many epochs.
    #[serde(default = "one")]
    pub checkpoint_every: usize,
    /// Keep this many of the last checkpoints, besides the best.
    #[serde(default = "two")]
    pub keep_checkpoints: usize,
}

/// Which epoch's weights are the result of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Those with the least validation loss.
    #[default]
    Best,
    /// The last ones.
    Last,
}

fn one() -> usize {
    1
}

fn two() -> usize {
    2
}

impl TrainConfig {
    /// Number of epochs, whoever fixes it.
    pub fn total_epochs(&self) -> usize {
        self.schedule.epochs().or(self.epochs).unwrap_or(0)
    }

    /// What is wrong with the numbers, if anything.
    pub fn problem(&self) -> Option<String> {
        if let Some(problem) = self.schedule.problem() {
            return Some(format!("[train.schedule] {problem}"));
        }
        if let Some(problem) = self.optimiser.problem() {
            return Some(format!("[train.optimiser] {problem}"));
        }
        let problem = match (self.epochs, self.schedule.epochs()) {
            (None, None) => Some("epochs is missing".into()),
            (Some(epochs), Some(fixed)) if epochs != fixed => {
                Some(format!("epochs = {epochs}, but the schedule fixes {fixed}: leave it out"))
            }
            (Some(0), _) => Some("epochs = 0: at least 1".into()),
            _ if self.batch_size == 0 => Some("batch_size = 0: at least 1".into()),
            _ if self.checkpoint_every == 0 => Some("checkpoint_every = 0: at least 1".into()),
            _ if self.keep_checkpoints == 0 => Some("keep_checkpoints = 0: at least 1".into()),
            _ if self.patience == Some(0) => {
                Some("patience = 0: at least 1, or leave it out".into())
            }
            _ => self
                .clip_norm
                .filter(|norm| !(*norm > 0.0 && norm.is_finite()))
                .map(|norm| format!("clip_norm = {norm}: a finite number above 0"))
                .or_else(|| {
                    self.average.filter(|decay| !(*decay > 0.0 && *decay < 1.0)).map(|decay| {
                        format!("average = {decay}: a number above 0 and below 1, or leave it out")
                    })
                }),
        };
        problem.map(|problem| format!("[train] {problem}"))
    }
}
