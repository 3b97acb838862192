//! What a configuration may say.

use serde::{Deserialize, Serialize};
use shared::{
    data::{Binarise, DataConfig},
    metrics::EvaluateConfig,
    nn::{Activation, Init},
    paper::RunConfig,
    train::TrainConfig,
};

/// A run of this paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BetaConfig {
    /// Seed of all noise.
    pub seed: u64,
    /// `[data]`.
    pub data: DataConfig,
    /// `[model]`.
    pub model: ModelConfig,
    /// `[objective]`.
    pub objective: ObjectiveConfig,
    /// `[train]`.
    pub train: TrainConfig,
    /// `[evaluate]`.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
}

/// What makes the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The networks, trained by the objective.
    #[default]
    Vae,
    /// The same networks as they were drawn.
    Untrained,
    /// Principal components.
    Pca,
    /// The pixels themselves.
    Pixels,
}

impl Kind {
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
    /// What makes the code.
    #[serde(default)]
    pub kind: Kind,
    /// Width of the code z; not looked at where the code is the pixels.
    pub latent: usize,
    /// The layers between x and z.
    #[serde(default)]
    pub network: Network,
    /// Channels of the convolutions, from the image up; the decoder's mirror them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<usize>,
    /// Widths of the encoder's dense layers.
    pub encoder: Vec<usize>,
    /// Widths of the decoder's.
    pub decoder: Vec<usize>,
    /// What the encoder's layers apply.
    pub encoder_activation: Activation,
    /// What the decoder's layers apply.
    pub decoder_activation: Activation,
    /// Initial weights.
    #[serde(default)]
    pub init: Init,
}

/// `[objective]`: what is minimised; see [`crate::objective`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum ObjectiveConfig {
    /// Higgins et al. 2017.
    Beta {
        /// Weight of the KL; 1 is the VAE.
        beta: f64,
    },
    /// Burgess et al. 2018.
    Capacity {
        /// Weight of the distance of the KL from the capacity C.
        gamma: f64,
        /// C at the end, nats.
        capacity: f64,
        /// Epochs over which C rises from 0.
        epochs: f64,
    },
    /// Chen et al. 2018, beta-TCVAE.
    Tc {
        /// Weight of the mutual information of x and z.
        #[serde(default = "one")]
        alpha: f64,
        /// Weight of the total correlation of the latents.
        beta: f64,
        /// Weight of the dimension-wise KL.
        #[serde(default = "one")]
        gamma: f64,
    },
    /// Kim & Mnih 2018, FactorVAE.
    Factor {
        /// Weight of the total correlation, as the discriminator sees it.
        gamma: f64,
        /// Widths of the discriminator's hidden layers.
        discriminator: Vec<usize>,
    },
}

fn one() -> f64 {
    1.0
}

impl ObjectiveConfig {
    /// Name on the command line and in configurations.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Beta { .. } => "beta",
            Self::Capacity { .. } => "capacity",
            Self::Tc { .. } => "tc",
            Self::Factor { .. } => "factor",
        }
    }

    /// The weight a sweep varies: beta, or gamma where the paper calls it so.
    pub fn strength(&self) -> f64 {
        match self {
            Self::Beta { beta } | Self::Tc { beta, .. } => *beta,
            Self::Capacity { gamma, .. } | Self::Factor { gamma, .. } => *gamma,
        }
    }

    fn problem(&self) -> Option<String> {
        let weights: &[(&str, f64)] = match self {
            Self::Beta { beta } => &[("beta", *beta)],
            Self::Capacity { gamma, capacity, epochs } => {
                &[("gamma", *gamma), ("capacity", *capacity), ("epochs", *epochs)]
            }
            Self::Tc { alpha, beta, gamma } => {
                &[("alpha", *alpha), ("beta", *beta), ("gamma", *gamma)]
            }
            Self::Factor { gamma, discriminator } => {
                if discriminator.is_empty() || discriminator.contains(&0) {
                    return Some(
                        "[objective] discriminator: at least one hidden layer, none of width 0"
                            .into(),
                    );
                }
                &[("gamma", *gamma)]
            }
        };
        weights
            .iter()
            .find(|(_, value)| !(*value >= 0.0 && value.is_finite()))
            .map(|(name, value)| format!("[objective] {name} = {value}: a number of at least 0"))
    }
}

impl ModelConfig {
    fn problem(&self) -> Option<String> {
        let convolutional = self.network == Network::Convolutional;
        let problem = if self.latent == 0 {
            "latent = 0: at least 1"
        } else if self.latent > 1024 {
            "latent: at most 1024"
        } else if [&self.encoder, &self.decoder].iter().any(|widths| widths.contains(&0)) {
            "encoder or decoder has a layer of width 0"
        } else if convolutional && (self.channels.is_empty() || self.channels.contains(&0)) {
            "network = \"convolutional\" needs channels, none of them 0"
        } else if !convolutional && !self.channels.is_empty() {
            "channels are for network = \"convolutional\""
        } else if let Some(problem) = self.init.problem() {
            return Some(format!("[model] {problem}"));
        } else {
            return None;
        };
        Some(format!("[model] {problem}"))
    }
}

impl RunConfig for BetaConfig {
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
        let grey = self.model.kind.has_networks() && self.data.binarise == Binarise::None;
        self.model
            .problem()
            .or_else(|| {
                grey.then(|| {
                    "[data] binarise = \"none\": on grey pixels a Bernoulli is no probability and \
                     its ELBO no bound"
                        .into()
                })
            })
            .or_else(|| self.objective.problem())
            .or_else(|| self.train.problem())
            .or_else(|| self.evaluate.problem())
    }
}
