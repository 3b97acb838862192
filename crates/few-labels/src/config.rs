//! The configuration of a run, and its checks.

use serde::{Deserialize, Serialize};
use shared::{
    data::{Binarise, DataConfig},
    metrics::EvaluateConfig,
    nn::Init,
    paper::RunConfig,
    train::{Keep, TrainConfig},
};

/// The configuration of a run of this paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of all random numbers, and with them of the labelled images.
    pub seed: u64,
    /// `[data]`.
    pub data: DataConfig,
    /// `[model]`.
    pub model: ModelConfig,
    /// `[labels]`.
    pub labels: LabelsConfig,
    /// `[network]`: the perceptron of `supervised`, `reconstruction`, `denoising` and `ladder`.
    #[serde(default)]
    pub network: NetworkConfig,
    /// `[ladder]`.
    #[serde(default)]
    pub ladder: LadderConfig,
    /// `[reconstruction]`.
    #[serde(default)]
    pub reconstruction: ReconstructionConfig,
    /// `[m1]`: the variational autoencoder of `m1` and `m1-m2`.
    #[serde(default)]
    pub m1: M1Config,
    /// `[m2]`: the model of image and class of `m2` and `m1-m2`.
    #[serde(default)]
    pub m2: M2Config,
    /// `[pretraining]`: the first phase, without labels, of `denoising`, `m1` and `m1-m2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<TrainConfig>,
    /// `[train]`: the phase that sees labels.
    pub train: TrainConfig,
    /// `[evaluate]`.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
}

/// `[model]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Which model.
    pub kind: Kind,
}

/// A model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Output the label.
    Supervised,
    /// Output the label and reproduce the input by a decoder on the code.
    Reconstruction,
    /// First restore noisy inputs, then output the label.
    Denoising,
    /// Output the label and denoise the input, or every layer (Rasmus et al. 2015).
    Ladder,
    /// A classifier on the codes of a variational autoencoder (Kingma et al. 2014, section 2.1).
    M1,
    /// The class as a latent variable (section 2.2).
    M2,
    /// M2 on the codes of M1 (section 2.3).
    #[serde(rename = "m1-m2")]
    M1M2,
}

impl Kind {
    /// True for the models that are a perceptron with batch normalisation.
    pub fn is_network(self) -> bool {
        matches!(self, Self::Supervised | Self::Reconstruction | Self::Denoising | Self::Ladder)
    }

    /// True for the models whose fit has a first phase without labels.
    pub fn has_pretraining(self) -> bool {
        matches!(self, Self::Denoising | Self::M1 | Self::M1M2)
    }
}

/// `[labels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelsConfig {
    /// Training images whose label is known, an equal share of every class. A draw is a part of each larger draw
    /// of the same seed.
    pub count: usize,
    /// Labelled images in a step; all if there are fewer.
    pub batch: usize,
    /// Classes of the data set.
    pub classes: usize,
}

/// `[network]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Widths of the hidden layers, the lowest first.
    pub hidden: Vec<usize>,
    /// Standard deviation of the noise added to the input and to each normalised layer.
    pub noise: f32,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self { hidden: vec![1000, 500, 250, 250, 250], noise: 0.3 }
    }
}

/// `[ladder]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LadderConfig {
    /// Weight of the denoising cost of each layer, from the pixels to the classes.
    pub costs: Vec<f32>,
}

impl Default for LadderConfig {
    fn default() -> Self {
        Self { costs: vec![1000.0, 10.0, 0.1, 0.1, 0.1, 0.1, 0.1] }
    }
}

/// `[reconstruction]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReconstructionConfig {
    /// Weight of a nat of reconstruction beside a nat of -log p(label).
    pub weight: f64,
}

impl Default for ReconstructionConfig {
    fn default() -> Self {
        Self { weight: 1.0 }
    }
}

/// `[m1]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct M1Config {
    /// Width of the code.
    pub latent: usize,
    /// Widths of the hidden layers of encoder and decoder, from the image on; softplus.
    pub hidden: Vec<usize>,
    /// Initial weights.
    pub init: Init,
}

impl Default for M1Config {
    fn default() -> Self {
        Self { latent: 50, hidden: vec![600, 600], init: Init::Normal { std: 0.001 } }
    }
}

/// `[m2]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct M2Config {
    /// Width of z.
    pub latent: usize,
    /// Widths of the hidden layers of all three networks, from the image on; softplus.
    pub hidden: Vec<usize>,
    /// Weight of -log q(y|x) for each training image: alpha is this times their number (equation 9).
    pub alpha: f64,
    /// Initial weights.
    pub init: Init,
}

impl Default for M2Config {
    fn default() -> Self {
        Self { latent: 50, hidden: vec![500], alpha: 0.1, init: Init::Normal { std: 0.001 } }
    }
}

fn widths(section: &str, hidden: &[usize]) -> Option<String> {
    (hidden.is_empty() || hidden.contains(&0))
        .then(|| format!("[{section}] hidden: one width or more, none of them 0"))
}

fn weight(section: &str, key: &str, value: f64) -> Option<String> {
    (!(value >= 0.0 && value.is_finite()))
        .then(|| format!("[{section}] {key} = {value}: a finite number, 0 or more"))
}

impl Config {
    /// Layers of the network above the pixels.
    pub fn layers(&self) -> usize {
        self.network.hidden.len() + 1
    }

    fn labels_problem(&self) -> Option<String> {
        let LabelsConfig { count, batch, classes } = self.labels;
        let problem = if !(2..=256).contains(&classes) {
            format!("classes = {classes}: 2 to 256")
        } else if count < classes {
            format!("count = {count}: at least one label for each of {classes} classes")
        } else if batch < 2 {
            format!("batch = {batch}: at least 2, since a batch of one has no variance")
        } else {
            return None;
        };
        Some(format!("[labels] {problem}"))
    }

    fn sections_problem(&self) -> Option<String> {
        let Self { network, ladder, m1, m2, .. } = self;
        let costs = &ladder.costs;
        let wrong_cost = costs.iter().find_map(|&cost| weight("ladder", "costs", cost.into()));
        let ladder_length = || {
            let wanted = self.layers() + 1;
            (self.model.kind == Kind::Ladder && costs.len() != wanted).then(|| {
                format!(
                    "[ladder] costs: {} numbers, but the pixels, {} hidden layers and the classes are {wanted}",
                    costs.len(),
                    network.hidden.len()
                )
            })
        };
        widths("network", &network.hidden)
            .or_else(|| weight("network", "noise", network.noise.into()))
            .or(wrong_cost)
            .or_else(ladder_length)
            .or_else(|| weight("reconstruction", "weight", self.reconstruction.weight))
            .or_else(|| widths("m1", &m1.hidden))
            .or_else(|| (m1.latent == 0).then(|| "[m1] latent = 0: at least 1".into()))
            .or_else(|| m1.init.problem().map(|problem| format!("[m1] {problem}")))
            .or_else(|| widths("m2", &m2.hidden))
            .or_else(|| (m2.latent == 0).then(|| "[m2] latent = 0: at least 1".into()))
            .or_else(|| weight("m2", "alpha", m2.alpha))
            .or_else(|| m2.init.problem().map(|problem| format!("[m2] {problem}")))
    }

    fn phases_problem(&self) -> Option<String> {
        let kind = self.model.kind;
        if kind.has_pretraining() && self.pretraining.is_none() {
            return Some("[model] kind: this model needs a [pretraining] section".into());
        }
        if self.train.keep == Keep::Best || self.train.patience.is_some() {
            return Some(
                "[train] keep = \"best\" and patience would choose by the validation labels, and only \
                 [labels] are known: keep = \"last\", without patience"
                    .into(),
            );
        }
        if kind.is_network() && self.train.batch_size < 2 {
            return Some(
                "[train] batch_size = 1: at least 2, since one image has no variance".into(),
            );
        }
        None
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
        let is_binary = self.data.binarise.is_binary();
        let kind = self.model.kind;
        let binarised = match (kind.is_network(), is_binary) {
            (true, _) if matches!(self.data.binarise, Binarise::Dynamic | Binarise::Static) => Some(
                "[data] binarise = \"none\" or \"threshold\" for this model: random pixels would be noise of \
                 their own"
                    .into(),
            ),
            (false, false) => Some(
                "[data] binarise = \"none\": the likelihood of this model is of black and white pixels, \
                 binarise = \"dynamic\""
                    .into(),
            ),
            _ => None,
        };
        self.labels_problem()
            .or_else(|| self.sections_problem())
            .or_else(|| self.train.problem())
            .or_else(|| {
                let problem = self.pretraining.as_ref()?.problem()?;
                Some(problem.replacen("[train", "[pretraining", 1))
            })
            .or_else(|| self.phases_problem())
            .or(binarised)
            .or_else(|| self.evaluate.problem())
    }
}
