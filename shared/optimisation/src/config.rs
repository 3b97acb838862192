use ranges::{at_least_one, positive, proper_share};
use serde::{Deserialize, Serialize};

use super::{OptimiserConfig, Schedule};

/// `[train]` of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Epochs; left out where the schedule fixes them. An epoch is a pass over the training split, or over
    /// [`Self::epoch_examples`] of it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "at_least_one")]
    pub epochs: Option<usize>,
    /// Examples of an epoch, others in each, drawn without replacement; left out, all of the training
    /// split. For sets so large that one pass is a whole training.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "at_least_one")]
    pub epoch_examples: Option<usize>,
    /// Examples in a step.
    #[serde(deserialize_with = "at_least_one")]
    pub batch_size: usize,
    /// Learning rate over the run.
    pub schedule: Schedule,
    /// Update rule.
    pub optimiser: OptimiserConfig,
    /// Scale the gradient down to this global Euclidean norm.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    pub clip_norm: Option<f64>,
    /// Decay of an exponential moving average of the weights, which is validated, chosen and kept in
    /// place of them; left out, there is none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "proper_share")]
    pub average: Option<f64>,
    /// Stop after this many epochs without a better value of the objective's criterion on the validation split: its loss,
    /// or the classification error where a classifier is fitted. Epochs of a warm-up do not count.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "at_least_one")]
    pub patience: Option<usize>,
    /// Which epoch's weights are the result.
    #[serde(default)]
    pub keep: Keep,
    /// Write a checkpoint every so many epochs.
    #[serde(default = "one", deserialize_with = "at_least_one")]
    pub checkpoint_every: usize,
    /// Keep this many of the last checkpoints, besides the best.
    #[serde(default = "two", deserialize_with = "at_least_one")]
    pub keep_checkpoints: usize,
}

/// Which epoch's weights are the result of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Those with the least criterion on the validation split, as `patience` has it.
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

    /// Examples of an epoch on a training split of this many.
    pub fn examples(&self, split: usize) -> usize {
        self.epoch_examples.map_or(split, |examples| examples.min(split))
    }

    /// What is wrong with the settings for a training split of this many examples, if anything.
    pub fn problem_with(&self, split: usize) -> Option<String> {
        let examples = self.epoch_examples.filter(|&examples| examples > split)?;
        Some(format!("epoch_examples = {examples}: there are {split} training examples"))
    }

    /// What is wrong between the settings, if anything.
    pub fn problem(&self) -> Option<String> {
        self.problem_in("train")
    }

    /// The same of a phase with a section of its own.
    pub fn problem_in(&self, section: &str) -> Option<String> {
        if let Some(problem) = self.schedule.problem() {
            return Some(format!("[{section}.schedule] {problem}"));
        }
        let problem = match (self.epochs, self.schedule.epochs()) {
            (None, None) => Some("epochs is missing".into()),
            (Some(epochs), Some(fixed)) if epochs != fixed => {
                Some(format!("epochs = {epochs}, but the schedule fixes {fixed}: leave it out"))
            }
            _ => None,
        };
        problem.map(|problem| format!("[{section}] {problem}"))
    }
}
