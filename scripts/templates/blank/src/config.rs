//! The configuration of a run, and its checks.

use serde::{Deserialize, Serialize};
use shared::{
    data::{Binarise, DataConfig},
    metrics::EvaluateConfig,
    nn::Activation,
    paper::RunConfig,
    ranges::at_least_one,
    train::TrainConfig,
};

/// The configuration of a run of this paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of all noise.
    pub seed: u64,
    /// `[data]`.
    pub data: DataConfig,
    /// `[model]`.
    pub model: ModelConfig,
    /// `[train]`.
    pub train: TrainConfig,
    /// `[evaluate]`.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
}

/// `[model]`: encoder and decoder, mirror images of each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Width of the code z.
    #[serde(deserialize_with = "at_least_one")]
    pub latent: usize,
    /// Width of the hidden layer between x and z.
    #[serde(deserialize_with = "at_least_one")]
    pub hidden: usize,
    /// What the hidden layer applies.
    pub activation: Activation,
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
        let grey = (self.data.binarise == Binarise::None).then(|| {
            "[data] binarise = \"none\": on grey pixels the Bernoulli likelihood of this model is not a \
             probability"
                .into()
        });
        grey.or_else(|| self.train.problem()).or_else(|| self.evaluate.problem())
    }
}
