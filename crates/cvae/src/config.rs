//! The configuration of a run, and its checks.

use serde::{Deserialize, Serialize};
use shared::{
    data::{Binarise, DataConfig},
    likelihood::LikelihoodKind,
    metrics::EvaluateConfig,
    nn::{Activation, Init},
    paper::RunConfig,
    ranges::{at_least_one, share},
    train::TrainConfig,
};

use crate::conditioning::Conditioning;

/// The configuration of a run of this paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of all random numbers.
    pub seed: u64,
    /// `[data]`.
    pub data: DataConfig,
    /// `[conditioning]`.
    pub conditioning: Conditioning,
    /// `[model]`.
    pub model: ModelConfig,
    /// `[objective]`.
    pub objective: ObjectiveConfig,
    /// `[train]`.
    pub train: TrainConfig,
    /// `[predictor]`: training of the baseline whose prediction a conditional prior sees; it is trained first
    /// and then fixed. Without this section the prior sees only the condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictor: Option<TrainConfig>,
    /// `[evaluate]`.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
}

/// `[model]`: every network has the same hidden layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Width of the code z.
    #[serde(deserialize_with = "at_least_one")]
    pub latent: usize,
    /// Widths of the hidden layers, from the input on.
    #[serde(deserialize_with = "at_least_one")]
    pub hidden: Vec<usize>,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Initial weights.
    #[serde(default)]
    pub init: Init,
    /// The prior p(z|c).
    pub prior: Prior,
    /// Whether the generation network sees the condition beside z, or only z.
    pub generation_sees_condition: bool,
    /// Score grey pixels by their cross-entropy, which is not a likelihood; needs `binarise = "none"`.
    #[serde(default)]
    pub grey_targets: bool,
    /// Distribution of a pixel: Bernoulli, or logistic for grey levels and colour.
    #[serde(default, skip_serializing_if = "LikelihoodKind::is_bernoulli")]
    pub likelihood: LikelihoodKind,
}

/// The prior of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Prior {
    /// N(0, I), independent of the condition.
    Standard,
    /// A network that maps the condition to a Gaussian.
    Conditional,
}

/// `[objective]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum ObjectiveConfig {
    /// The baseline: a network from c to x, without z.
    Nn,
    /// Gaussian stochastic neural network: z from the prior, in training too.
    Gsnn,
    /// The conditional variational bound.
    Cvae,
    /// alpha of the bound, 1 - alpha of the GSNN's objective.
    Hybrid {
        /// Weight of the bound.
        #[serde(deserialize_with = "share")]
        alpha: f64,
    },
}

impl Config {
    /// Training of the baseline below the prior: N(0, I) sees no prediction, and `nn` has no prior.
    pub(crate) fn below_prior(&self) -> Option<&TrainConfig> {
        let has_prior = self.objective != ObjectiveConfig::Nn;
        let sees = has_prior && self.model.prior == Prior::Conditional;
        self.predictor.as_ref().filter(|_| sees)
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
        let is_grey = self.data.binarise == Binarise::None;
        let problem = if model.hidden.is_empty() {
            Some("[model] hidden: one width or more".into())
        } else if model.likelihood == LikelihoodKind::Gaussian {
            Some(
                "[model] likelihood = \"gaussian\": \"bernoulli\", or \"logistic\" for grey levels and colour"
                    .into(),
            )
        } else if model.likelihood == LikelihoodKind::Logistic
            && !matches!(self.conditioning, Conditioning::Label { .. })
        {
            Some("[model] likelihood = \"logistic\" needs [conditioning] kind = \"label\"".into())
        } else if model.likelihood == LikelihoodKind::Logistic && (!is_grey || model.grey_targets) {
            Some(
                "[model] likelihood = \"logistic\" needs binarise = \"none\" and no grey_targets: it is a \
                 probability of 256 levels"
                    .into(),
            )
        } else if model.likelihood == LikelihoodKind::Bernoulli && is_grey != model.grey_targets {
            Some(
                "[model] grey_targets = true and [data] binarise = \"none\" go together: on grey \
                 pixels a cross-entropy is not a likelihood, so it has to be asked for"
                    .into(),
            )
        } else if self.objective == ObjectiveConfig::Gsnn && model.prior == Prior::Standard {
            Some("[objective] kind = \"gsnn\" needs [model] prior = \"conditional\"".into())
        } else if self.predictor.is_some()
            && !matches!(self.conditioning, Conditioning::Quadrants { .. })
        {
            Some("[predictor] is for [conditioning] kind = \"quadrants\"".into())
        } else {
            None
        };
        problem
            .or_else(|| self.train.problem())
            .or_else(|| self.predictor.as_ref()?.problem_in("predictor"))
            .or_else(|| self.evaluate.problem())
    }
}
