use std::{collections::BTreeMap, path::Path};

use anyhow::{Result, bail};
use data::Identity;
use serde::{Deserialize, Serialize};

use crate::{EvaluateConfig, metric::Metric};

/// `record.json`: what was run and what came of it.
///
/// Everything but `machine` is a function of the configuration, the data and the code, and equal between runs of the same
/// seed on the same kind of device; unless [`TrainingRecord::had_other_settings`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this format.
    pub schema: u32,
    /// The paper's crate.
    pub paper: String,
    /// Name of the run.
    pub name: String,
    /// Version of the code.
    pub code: String,
    /// Backend the numbers were computed with.
    pub backend: String,
    /// Seed of all noise.
    pub seed: u64,
    /// sha256 of the resolved configuration.
    pub config_sha256: String,
    /// The resolved configuration.
    pub config: serde_json::Value,
    /// How it was evaluated; as configured unless `evaluate` was told otherwise.
    pub evaluate: EvaluateConfig,
    /// The data.
    pub data: DataRecord,
    /// The model.
    pub model: ModelRecord,
    /// The training, where there was any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingRecord>,
    /// The metrics, by name.
    pub metrics: BTreeMap<String, Metric>,
    /// Where and how fast: differs from run to run.
    pub machine: Machine,
}

/// The data of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataRecord {
    /// The data set.
    pub name: String,
    /// sha256 of each uncompressed file; empty for generated data.
    pub sha256: BTreeMap<String, String>,
    /// Examples in the training split.
    pub train: usize,
    /// Examples in the validation split.
    pub valid: usize,
    /// Examples in the test split.
    pub test: usize,
    /// The data the model was fitted to, if it was evaluated on these on purpose although they are
    /// others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<Identity>,
}

/// The model of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Width of an input.
    pub input: usize,
    /// Width of the code.
    pub latent: usize,
    /// Fitted numbers.
    pub parameters: usize,
}

/// How a run was trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// Epochs done.
    pub epochs: usize,
    /// Epoch whose weights are the result.
    pub chosen_epoch: usize,
    /// True if the validation loss ended the run.
    pub stopped_early: bool,
    /// True if steps before a `--resume` had other learning rates or another bound of the gradients than the configuration
    /// gives them, or went beyond its patience.
    #[serde(default, alias = "had_other_rates", skip_serializing_if = "std::ops::Not::not")]
    pub had_other_settings: bool,
    /// Training terms of the chosen epoch, nats per example.
    pub train: BTreeMap<String, f64>,
    /// Validation terms of the chosen epoch, nats per example.
    pub valid: BTreeMap<String, f64>,
}

/// Where a run was computed and how long it took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Device as chosen.
    pub device: String,
    /// Processor.
    pub processor: String,
    /// Threads.
    pub threads: usize,
    /// Seconds of fitting.
    pub fit_seconds: f64,
    /// Training examples a second, validation included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples_per_second: Option<f64>,
    /// Seconds of evaluation.
    pub evaluate_seconds: f64,
}

impl Record {
    /// Version of the format this code writes.
    pub const SCHEMA: u32 = 1;

    /// True if it was evaluated as configured, so that its metrics can be compared with those of other runs of its kind.
    pub fn is_as_configured(&self) -> bool {
        serde_json::to_value(&self.evaluate)
            .is_ok_and(|evaluate| self.config.get("evaluate") == Some(&evaluate))
    }

    /// [`TrainingRecord::had_other_settings`]; false of a closed form.
    pub fn had_other_settings(&self) -> bool {
        self.training.as_ref().is_some_and(|training| training.had_other_settings)
    }

    /// Refuses to compare or keep the record of the run in `folder` if it is of something else than its configuration.
    ///
    /// # Errors
    /// If it was evaluated, or its first steps were done, otherwise than configured.
    pub fn refuse_incomparable(&self, folder: &Path) -> Result<()> {
        self.refuse_other_evaluation(folder)?;
        self.refuse_two_settings(folder)
    }

    /// Refuses the record of the run in `folder` if its first steps had other settings than it says.
    ///
    /// # Errors
    /// If they had.
    pub fn refuse_two_settings(&self, folder: &Path) -> Result<()> {
        if self.had_other_settings() {
            bail!(
                "{} was trained in parts, the first by another schedule, clip_norm or patience than its configuration gives: train it \
                 again from the start with --force",
                folder.display()
            );
        }
        Ok(())
    }

    /// Refuses the record of the run in `folder` if it was evaluated otherwise than configured.
    ///
    /// # Errors
    /// If it was.
    pub fn refuse_other_evaluation(&self, folder: &Path) -> Result<()> {
        if !self.is_as_configured() {
            bail!(
                "{} was evaluated otherwise than configured: run evaluate without --samples and --images",
                folder.display()
            );
        }
        Ok(())
    }
}

/// The processor's name, where the system tells.
pub fn processor() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}
