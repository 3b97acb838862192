//! The configuration of a run, and its checks.

use serde::{Deserialize, Serialize};
use shared::{
    data::{Binarise, DataConfig},
    metrics::EvaluateConfig,
    paper::RunConfig,
    ranges::{at_least_one, not_negative, positive, share_above_zero},
    train::TrainConfig,
};

/// The configuration of a run of these papers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of all random numbers except the split's, which is `data.split_seed`.
    pub seed: u64,
    /// `[data]`.
    pub data: DataConfig,
    /// `[model]`.
    pub model: ModelConfig,
    /// `[lfr]`.
    #[serde(default)]
    pub lfr: LfrConfig,
    /// `[vfae]`.
    #[serde(default)]
    pub vfae: VfaeConfig,
    /// `[logistic]`.
    #[serde(default)]
    pub logistic: LogisticConfig,
    /// `[reduction]`.
    #[serde(default)]
    pub reduction: ReductionConfig,
    /// `[train]`: how the variational models are trained.
    pub train: TrainConfig,
    /// `[evaluate]`.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
}

/// `[model]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Kind of model.
    pub kind: Kind,
    /// Width of the code: prototypes of `lfr`, z1 of `vfae`, z of `vae`, components of `pca`, of which
    /// those beyond the directions that the training rows vary along are 0. The code of the others is the
    /// features themselves.
    #[serde(deserialize_with = "at_least_one")]
    pub latent: usize,
}

/// A model of either paper, or a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Prototypes (Zemel et al. 2013).
    Lfr,
    /// Variational fair autoencoder (Louizos et al. 2016).
    Vfae,
    /// Baseline: logistic regression on all features, including the sensitive one.
    Raw,
    /// Baseline: the same without the sensitive attribute.
    WithoutS,
    /// Baseline: the same with a penalty on discrimination.
    Regularised,
    /// Baseline: the randomised classifier of a reduction (Agarwal et al. 2018) on all columns, s among them as both
    /// papers' models have it.
    Reduction,
    /// Baseline: the same without the sensitive attribute.
    ReductionWithoutS,
    /// Baseline: logistic regression on principal components.
    Pca,
    /// Baseline: logistic regression on the codes of a plain VAE, fitted without target and
    /// sensitive attribute.
    Vae,
}

impl Kind {
    /// Every kind, in the order in which they are listed.
    pub const ALL: [Self; 9] = [
        Self::Raw,
        Self::WithoutS,
        Self::Regularised,
        Self::Reduction,
        Self::ReductionWithoutS,
        Self::Pca,
        Self::Vae,
        Self::Lfr,
        Self::Vfae,
    ];

    /// Its name in `--model`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lfr => "lfr",
            Self::Vfae => "vfae",
            Self::Raw => "raw",
            Self::WithoutS => "without-s",
            Self::Regularised => "regularised",
            Self::Reduction => "reduction",
            Self::ReductionWithoutS => "reduction-without-s",
            Self::Pca => "pca",
            Self::Vae => "vae",
        }
    }

    /// True for models trained by gradient steps.
    pub fn is_variational(self) -> bool {
        matches!(self, Self::Vfae | Self::Vae)
    }

    /// True for the reduction, with s or without.
    pub fn is_reduction(self) -> bool {
        matches!(self, Self::Reduction | Self::ReductionWithoutS)
    }
}

/// `[lfr]`: L = A_x L_x + A_y L_y + A_z L_z (Zemel et al. 2013, equation 5), L_x and L_y as means
/// over people.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LfrConfig {
    /// A_x, weight of the reconstruction.
    #[serde(deserialize_with = "not_negative")]
    pub a_x: f64,
    /// A_y, weight of the prediction.
    #[serde(deserialize_with = "not_negative")]
    pub a_y: f64,
    /// A_z, weight of parity.
    #[serde(deserialize_with = "not_negative")]
    pub a_z: f64,
    /// Random restarts, of which the best is kept.
    #[serde(deserialize_with = "at_least_one")]
    pub restarts: usize,
    /// Steps of L-BFGS from each, at most.
    #[serde(deserialize_with = "at_least_one")]
    pub iterations: u64,
}

impl Default for LfrConfig {
    fn default() -> Self {
        Self { a_x: 0.01, a_y: 1.0, a_z: 1.0, restarts: 3, iterations: 1000 }
    }
}

/// `[vfae]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VfaeConfig {
    /// Widths of the hidden layers of each network.
    #[serde(deserialize_with = "at_least_one")]
    pub hidden: Vec<usize>,
    /// Width of z2.
    #[serde(deserialize_with = "at_least_one")]
    pub upper: usize,
    /// Weight of log q(y|z1) (alpha).
    #[serde(deserialize_with = "not_negative")]
    pub prediction: f64,
    /// Weight of the maximum mean discrepancy per person (beta over the batch size).
    #[serde(deserialize_with = "not_negative")]
    pub mmd: f64,
    /// Its estimate from a batch.
    pub estimate: Estimate,
    /// Random features of its kernel (D).
    #[serde(deserialize_with = "at_least_one")]
    pub features: usize,
    /// The kernel's gamma: exp(-|a - b|^2 / (2 gamma)), over the width of z1.
    #[serde(deserialize_with = "positive")]
    pub bandwidth: f64,
    /// Fraction of the training rows that are labelled; the others are used without their target.
    #[serde(deserialize_with = "share_above_zero")]
    pub labelled: f64,
}

impl Default for VfaeConfig {
    fn default() -> Self {
        Self {
            hidden: vec![100],
            upper: 50,
            prediction: 1.0,
            mmd: 1.0,
            estimate: Estimate::Unbiased,
            features: 500,
            bandwidth: 1.0,
            labelled: 1.0,
        }
    }
}

/// How the discrepancy is estimated from the people of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimate {
    /// Nobody is compared with itself: 0 on average where the groups' codes are equally distributed.
    Unbiased,
    /// The squared distance of the means, as printed in the paper. Of codes that are equally distributed it is
    /// v (1 / n_0 + 1 / n_1) on average, with the features' variance v < 1: up to 0.045 in a batch of 100 people of
    /// Adult, 0.028 for v = 0.625, that of 50 codes from N(0, I).
    Biased,
}

/// `[reduction]`: demographic parity by exponentiated gradient (Agarwal et al. 2018, algorithm 1). Its learner is the
/// logistic regression of `[logistic]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReductionConfig {
    /// epsilon: how far E\[h|s\] may be from E\[h\] in either group, on the training rows.
    #[serde(deserialize_with = "not_negative")]
    pub bound: f64,
    /// B: the largest sum of the multipliers, the price at which a violation is no longer worth an error.
    #[serde(deserialize_with = "positive")]
    pub multiplier: f64,
    /// eta times B: the size of a step of the multipliers' exponents.
    #[serde(deserialize_with = "positive")]
    pub rate: f64,
    /// nu: the duality gap at which the game ends.
    #[serde(deserialize_with = "positive")]
    pub tolerance: f64,
    /// Steps at most.
    #[serde(deserialize_with = "at_least_one")]
    pub iterations: usize,
}

impl Default for ReductionConfig {
    fn default() -> Self {
        Self { bound: 0.01, multiplier: 100.0, rate: 2.0, tolerance: 1e-4, iterations: 20 }
    }
}

/// `[logistic]`: the classifier of the baselines, and what a reduction learns with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogisticConfig {
    /// L2 penalty on its weights, of standardised codes. `regularised` has it on weights of the rows as they are, and
    /// twice as strong: on one weight a feature, where a softmax of two classes has two that share it.
    #[serde(deserialize_with = "not_negative")]
    pub penalty: f64,
    /// Weight of the squared discrimination, for `regularised`.
    #[serde(deserialize_with = "not_negative")]
    pub fairness: f64,
}

impl Default for LogisticConfig {
    fn default() -> Self {
        Self { penalty: 1e-4, fairness: 10.0 }
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
        if self.data.binarise != Binarise::None {
            return Some("[data] binarise = \"none\": a table has no pixels".into());
        }
        self.train.problem().or_else(|| self.evaluate.problem())
    }
}
