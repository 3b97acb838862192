//! The configuration of a run, and its checks.

use serde::{Deserialize, Serialize};
use shared::{data::DataConfig, metrics::EvaluateConfig, paper::RunConfig, ranges::at_least_one};

/// The configuration of a run of this paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of all random numbers: only pictures and label subsets use them.
    pub seed: u64,
    /// `[data]`.
    pub data: DataConfig,
    /// `[model]`.
    pub model: ModelConfig,
    /// `[evaluate]`.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
}

/// `[model]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Number of components kept.
    #[serde(deserialize_with = "at_least_one")]
    pub latent: usize,
    /// Scale every code to unit variance over the training split.
    #[serde(default)]
    pub whiten: bool,
}

impl RunConfig for Config {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn data(&self) -> &DataConfig {
        &self.data
    }

    fn evaluate(&self) -> &EvaluateConfig {
        &self.evaluate
    }

    fn problem(&self) -> Option<String> {
        self.evaluate.problem()
    }
}
