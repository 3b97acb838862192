//! The configuration of a run, and its checks.

use serde::{Deserialize, Serialize};
use shared::{
    data::{Binarise, DataConfig},
    metrics::EvaluateConfig,
    nn::Init,
    paper::RunConfig,
    ranges::{at_least, at_least_one, classes, not_negative, share},
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
    #[serde(deserialize_with = "at_least_one")]
    pub count: usize,
    /// Labelled images in a step; all if there are fewer.
    #[serde(deserialize_with = "at_least::<2, _, _>")]
    pub batch: usize,
    /// Classes of the data set.
    #[serde(deserialize_with = "classes")]
    pub classes: usize,
}

/// `[network]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Widths of the hidden layers, the lowest first.
    #[serde(deserialize_with = "at_least_one")]
    pub hidden: Vec<usize>,
    /// Standard deviation of the noise added to each normalised layer, and to the input but for `input_noise`.
    #[serde(deserialize_with = "not_negative")]
    pub noise: f32,
    /// Standard deviation of the noise added to the input, where it has one of its own.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "not_negative")]
    pub input_noise: Option<f32>,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self { hidden: vec![1000, 500, 250, 250, 250], noise: 0.3, input_noise: None }
    }
}

/// `[ladder]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LadderConfig {
    /// Weight of the denoising cost of each layer, from the pixels to the classes.
    #[serde(deserialize_with = "not_negative")]
    pub costs: Vec<f32>,
    /// a_10 of every unit before training, which is v(u), the share of the noisy value in the first estimate: 0 in the
    /// authors' program, where each layer is first estimated from above alone. Without the key 1, a copy.
    #[serde(deserialize_with = "share", skip_serializing_if = "is_copy")]
    pub a10: f32,
}

impl Default for LadderConfig {
    fn default() -> Self {
        Self { costs: vec![1000.0, 10.0, 0.1, 0.1, 0.1, 0.1, 0.1], a10: 1.0 }
    }
}

/// Records of runs before the key was there have no other start.
fn is_copy(&a10: &f32) -> bool {
    a10 == 1.0
}

/// `[reconstruction]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReconstructionConfig {
    /// Weight of a nat of reconstruction beside a nat of -log p(label).
    #[serde(deserialize_with = "not_negative")]
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
    #[serde(deserialize_with = "at_least_one")]
    pub latent: usize,
    /// Widths of the hidden layers of encoder and decoder, from the image on; softplus.
    #[serde(deserialize_with = "at_least_one")]
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
    #[serde(deserialize_with = "at_least_one")]
    pub latent: usize,
    /// Widths of the hidden layers of all three networks, from the image on; softplus.
    #[serde(deserialize_with = "at_least_one")]
    pub hidden: Vec<usize>,
    /// Weight of -log q(y|x) for each training image: alpha is this times their number (equation 9).
    #[serde(deserialize_with = "not_negative")]
    pub alpha: f64,
    /// Weight of the mean of L(x, y) over the labelled images; without it their share of all images, as in
    /// equation 8.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "not_negative")]
    pub labelled: Option<f64>,
    /// Initial weights.
    pub init: Init,
}

impl Default for M2Config {
    fn default() -> Self {
        Self {
            latent: 50,
            hidden: vec![500],
            alpha: 0.1,
            labelled: None,
            init: Init::Normal { std: 0.001 },
        }
    }
}

impl Config {
    /// Layers of the network above the pixels.
    pub fn layers(&self) -> usize {
        self.network.hidden.len() + 1
    }

    fn labels_problem(&self) -> Option<String> {
        let LabelsConfig { count, classes, .. } = self.labels;
        (count < classes).then(|| {
            format!("[labels] count = {count}: at least one label for each of {classes} classes")
        })
    }

    fn layers_problem(&self) -> Option<String> {
        let sections =
            [("network", &self.network.hidden), ("m1", &self.m1.hidden), ("m2", &self.m2.hidden)];
        if let Some((section, _)) = sections.iter().find(|(_, hidden)| hidden.is_empty()) {
            return Some(format!("[{section}] hidden: one width or more"));
        }
        let (costs, wanted) = (self.ladder.costs.len(), self.layers() + 1);
        (self.model.kind == Kind::Ladder && costs != wanted).then(|| {
            format!(
                "[ladder] costs: {costs} numbers, but the pixels, {} hidden layers and the classes are {wanted}",
                self.network.hidden.len()
            )
        })
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
        // The statistics of a denoised network are those of all images, in batches of its last phase.
        let afterwards = (kind == Kind::Denoising).then_some(("train", &self.train));
        let mut normalised = self.normalised_phases().chain(afterwards);
        let (section, _) = normalised.find(|(_, phase)| phase.batch_size < 2)?;
        Some(format!("[{section}] batch_size = 1: at least 2, since one image has no variance"))
    }

    /// The phases whose batches of unlabelled images are normalised by their own statistics.
    fn normalised_phases(&self) -> impl Iterator<Item = (&'static str, &TrainConfig)> {
        let kind = self.model.kind;
        let train = matches!(kind, Kind::Reconstruction | Kind::Ladder);
        let pretraining = self.pretraining.as_ref().filter(|_| kind == Kind::Denoising);
        let train = train.then_some(("train", &self.train));
        train.into_iter().chain(pretraining.map(|phase| ("pretraining", phase)))
    }

    /// What is wrong with the batches of an epoch over `images` training images: a last one of a single image has
    /// no variance to be normalised by, and the cost of a ladder is divided by it.
    pub(crate) fn batches_problem(&self, images: usize) -> Option<String> {
        let last = |phase: &TrainConfig| phase.examples(images) % phase.batch_size;
        let (section, phase) = self.normalised_phases().find(|(_, phase)| last(phase) == 1)?;
        Some(format!(
            "[{section}] batch_size = {}: the last batch of {} images is a single one, which has no variance; \
             take another size",
            phase.batch_size,
            phase.examples(images)
        ))
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
            .or_else(|| self.layers_problem())
            .or_else(|| self.train.problem())
            .or_else(|| self.pretraining.as_ref()?.problem_in("pretraining"))
            .or_else(|| self.phases_problem())
            .or(binarised)
            .or_else(|| self.evaluate.problem())
    }
}
