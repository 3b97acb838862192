//! The configuration of a run, and its checks.

use serde::{Deserialize, Serialize};
use shared::{data::DataConfig, metrics::EvaluateConfig, paper::RunConfig, ranges::at_least_one};

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of what is drawn.
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
    /// How the code holds the pixels.
    pub kind: Kind,
    /// Numbers in the code.
    #[serde(deserialize_with = "at_least_one")]
    pub latent: usize,
}

/// How the code holds the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// As they are.
    Copied,
    /// Twelve in the digits of each number.
    Packed,
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
