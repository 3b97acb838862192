//! The configuration of a run, and its checks.

use serde::{Deserialize, Serialize};
use shared::{
    data::{Binarise, DataConfig},
    likelihood::LikelihoodKind,
    metrics::EvaluateConfig,
    nn::{Activation, Init},
    paper::RunConfig,
    ranges::{at_least_one, between},
    train::TrainConfig,
};

use crate::objectives::ObjectiveConfig;

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
    /// `[objective]`: the loss.
    pub objective: ObjectiveConfig,
    /// `[train]`.
    pub train: TrainConfig,
    /// `[evaluate]`.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
}

/// The kind of encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The networks, trained by the objective.
    #[default]
    Vae,
    /// The same networks at their initial weights.
    Untrained,
    /// Principal components.
    Pca,
    /// The pixels themselves.
    Pixels,
}

impl Kind {
    /// Its name in `--model`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vae => "vae",
            Self::Untrained => "untrained",
            Self::Pca => "pca",
            Self::Pixels => "pixels",
        }
    }

    /// True for the networks.
    pub fn has_networks(self) -> bool {
        matches!(self, Self::Vae | Self::Untrained)
    }
}

/// The layers between x and z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Dense layers alone (Higgins et al. 2017, table 1, the row of dSprites).
    #[default]
    Dense,
    /// Convolutions of 4 x 4 with stride 2 below the dense layers (Burgess et al. 2018).
    Convolutional,
}

/// `[model]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The kind of encoder.
    #[serde(default)]
    pub kind: Kind,
    /// Width of the code z; unused where the code is the pixels.
    #[serde(deserialize_with = "between::<1, 1024, _, _>")]
    pub latent: usize,
    /// The layers between x and z.
    #[serde(default)]
    pub network: Network,
    /// Channels of the convolutions, from the image up; the decoder's mirror them.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "at_least_one")]
    pub channels: Vec<usize>,
    /// Widths of the encoder's dense layers.
    #[serde(deserialize_with = "at_least_one")]
    pub encoder: Vec<usize>,
    /// Widths of the decoder's.
    #[serde(deserialize_with = "at_least_one")]
    pub decoder: Vec<usize>,
    /// Activation of the encoder's layers.
    pub encoder_activation: Activation,
    /// Activation of the decoder's layers.
    pub decoder_activation: Activation,
    /// Initial weights.
    #[serde(default)]
    pub init: Init,
    /// Distribution of a pixel: Bernoulli, or logistic for grey levels and colour.
    #[serde(default, skip_serializing_if = "LikelihoodKind::is_bernoulli")]
    pub likelihood: LikelihoodKind,
}

impl ModelConfig {
    fn problem(&self) -> Option<String> {
        let convolutional = self.network == Network::Convolutional;
        let problem = if convolutional && self.channels.is_empty() {
            "network = \"convolutional\" needs channels"
        } else if !convolutional && !self.channels.is_empty() {
            "channels are for network = \"convolutional\""
        } else if self.likelihood == LikelihoodKind::Gaussian {
            "likelihood = \"gaussian\": \"bernoulli\", or \"logistic\" for grey levels and colour"
        } else {
            return None;
        };
        Some(format!("[model] {problem}"))
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
        let are_levels = self.data.binarise == Binarise::None;
        let has_levels = self.model.likelihood == LikelihoodKind::Logistic;
        let likelihood = match (are_levels, has_levels) {
            (true, false) => Some(
                "[data] binarise = \"none\" needs likelihood = \"logistic\": on grey pixels a Bernoulli is not \
                 a probability and its ELBO is not a bound",
            ),
            (false, true) => Some(
                "[model] likelihood = \"logistic\" needs binarise = \"none\": it is a probability of 256 levels",
            ),
            _ => None,
        };
        let likelihood = likelihood.filter(|_| self.model.kind.has_networks());
        self.model
            .problem()
            .or_else(|| likelihood.map(str::to_owned))
            .or_else(|| self.objective.problem())
            .or_else(|| self.train.problem())
            .or_else(|| self.evaluate.problem())
    }
}
