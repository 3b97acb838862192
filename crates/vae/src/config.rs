//! The configuration of a run, and its checks.

use serde::{Deserialize, Serialize};
use shared::{
    data::{Binarise, DataConfig},
    likelihood::LikelihoodKind,
    metrics::EvaluateConfig,
    nn::{Activation, Init},
    paper::RunConfig,
    ranges::{at_least_one, not_negative},
    train::TrainConfig,
};

/// The configuration of a run of this paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of all random numbers.
    pub seed: u64,
    /// `[data]`.
    pub data: DataConfig,
    /// `[model]`.
    pub model: ModelConfig,
    /// `[objective]`.
    #[serde(default)]
    pub objective: ObjectiveConfig,
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
    /// Widths of the hidden layers between x and z.
    #[serde(deserialize_with = "at_least_one")]
    pub hidden: Vec<usize>,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Distribution of a pixel.
    #[serde(default)]
    pub likelihood: LikelihoodKind,
    /// Initial weights.
    #[serde(default)]
    pub init: Init,
    /// Start the output bias at the log-odds of the mean training image (Burda et al. 2016).
    #[serde(default)]
    pub output_bias_from_data: bool,
}

/// `[objective]`: the bound that is maximised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectiveConfig {
    /// The bound.
    pub bound: Bound,
    /// Samples of z per example: L of the ELBO, k of IWAE.
    #[serde(deserialize_with = "at_least_one")]
    pub samples: usize,
    /// Epochs over which the weight of the KL rises from 0 to 1.
    #[serde(deserialize_with = "not_negative")]
    pub kl_warmup_epochs: f64,
    /// Free bits: nats of KL per latent, averaged over a batch, below which the KL is not penalised.
    #[serde(deserialize_with = "not_negative")]
    pub free_bits: f64,
}

/// A bound on log p(x).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The evidence lower bound.
    #[default]
    Elbo,
    /// The importance-weighted bound.
    Iwae,
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self { bound: Bound::Elbo, samples: 1, kl_warmup_epochs: 0.0, free_bits: 0.0 }
    }
}

impl ObjectiveConfig {
    fn problem(&self) -> Option<String> {
        let Self { bound, kl_warmup_epochs, free_bits, .. } = *self;
        (bound == Bound::Iwae && (kl_warmup_epochs > 0.0 || free_bits > 0.0)).then(|| {
            "[objective] the importance-weighted bound has no KL term: kl_warmup_epochs and free_bits need \
             bound = \"elbo\""
                .into()
        })
    }
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
        let model = &self.model;
        let problem = if model.likelihood == LikelihoodKind::Bernoulli
            && self.data.binarise == Binarise::None
        {
            Some(
                "[data] binarise = \"none\" needs likelihood = \"logistic\" or likelihood = \"gaussian\": on \
                 grey pixels a Bernoulli is not a probability and its ELBO is not a bound"
                    .into(),
            )
        } else if model.likelihood != LikelihoodKind::Bernoulli && self.data.binarise.is_binary() {
            Some(
                "[model] likelihood = \"logistic\" or \"gaussian\" needs binarise = \"none\": it is of grey \
                 levels, not of black and white"
                    .into(),
            )
        } else if model.output_bias_from_data && model.likelihood != LikelihoodKind::Bernoulli {
            Some("[model] output_bias_from_data is for likelihood = \"bernoulli\"".into())
        } else {
            None
        };
        problem
            .or_else(|| self.objective.problem())
            .or_else(|| self.train.problem())
            .or_else(|| self.evaluate.problem())
    }
}
