//! The configuration of a run, and its checks.

use sequences::{Steps, steps_of};
use serde::{Deserialize, Serialize};
use shared::{
    data::DataConfig,
    metrics::EvaluateConfig,
    nn::{Activation, Cell, Init},
    paper::RunConfig,
    ranges::{at_least_one, not_negative, share, share_below_one},
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

/// Kind of model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A latent at each step, with a prior conditional on the past (section 3).
    #[default]
    Vrnn,
    /// The same with the prior N(0, I) at each step (section 4, VRNN-I).
    VrnnI,
    /// No latents: the recurrent network alone (section 2.1).
    Rnn,
    /// One latent for a whole sequence, z ~ N(0, I) (Bowman et al. 2016).
    Sentence,
}

/// `[model]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Kind of model.
    #[serde(default)]
    pub kind: Kind,
    /// The recurrent cell.
    #[serde(default)]
    pub cell: Cell,
    /// Width of z_t, of `sentence` that of z; not used by `rnn`.
    pub latent: usize,
    /// Width of h_t.
    #[serde(deserialize_with = "at_least_one")]
    pub hidden: usize,
    /// Widths of the layers of each feature extractor: phi_x, phi_z, phi_enc, phi_prior, phi_dec.
    #[serde(deserialize_with = "at_least_one")]
    pub features: Vec<usize>,
    /// Activation of their layers.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// Distribution of a step.
    #[serde(default)]
    pub output: OutputConfig,
    /// Of `sentence`: probability that a step of training is hidden from the decoder, which then depends on
    /// z more (Bowman et al. 2016). With 1 it sees no step, in evaluation neither.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "share")]
    pub word_dropout: f64,
    /// Initial weights.
    #[serde(default)]
    pub init: Init,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

fn relu() -> Activation {
    Activation::Relu
}

/// p(x_t | z_t, before).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum OutputConfig {
    /// Independent Bernoulli elements: black and white pixels, keys of a piano.
    #[default]
    Bernoulli,
    /// Independent Gaussian elements.
    Gaussian,
    /// Pen movements: a mixture of correlated Gaussians over the offset, and a Bernoulli for the pen
    /// (Graves 2013, section 5.1).
    Pen {
        /// Components of the mixture.
        #[serde(deserialize_with = "at_least_one")]
        components: usize,
    },
    /// One of several symbols.
    Categorical,
}

/// Which lower bound on log p(x) is maximised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The paper's, with the KL in closed form (equation 11).
    #[default]
    Elbo,
    /// The importance-weighted bound of several particles (Burda et al. 2016).
    Iwae,
    /// The filtering bound, whose particles are resampled (Maddison et al. 2017).
    Fivo,
}

/// Particles whose effective number, which is 1 at least, can be below half.
const LEAST_RESAMPLED: usize = 3;

impl Bound {
    /// Particles it needs at least, where it has any.
    fn least(self) -> usize {
        if self == Self::Fivo { LEAST_RESAMPLED } else { 1 }
    }

    #[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
    fn is_elbo(&self) -> bool {
        *self == Self::Elbo
    }
}

/// `[objective]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectiveConfig {
    /// The bound.
    #[serde(skip_serializing_if = "Bound::is_elbo")]
    pub bound: Bound,
    /// Particles of `iwae` and `fivo`, at least 3 of the latter.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "at_least_one")]
    pub particles: Option<usize>,
    /// Epochs over which the weight of the KL rises to 1.
    #[serde(deserialize_with = "not_negative")]
    pub kl_warmup_epochs: f64,
    /// Its initial value.
    #[serde(deserialize_with = "share")]
    pub kl_warmup_from: f64,
    /// Of `sentence`: nats of KL per latent, averaged over a batch, below which the KL is not penalised
    /// (Kingma et al. 2016).
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "not_negative")]
    pub free_bits: f64,
    /// Truncated back-propagation: gradients stop every this many steps. Without it they flow through
    /// the whole sequence.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "at_least_one")]
    pub truncate: Option<usize>,
    /// Probability of hiding an input element from the recurrence and the encoder in training; the
    /// prediction target stays whole.
    #[serde(deserialize_with = "share_below_one")]
    pub drop_inputs: f64,
}

impl ObjectiveConfig {
    fn problem(&self, kind: Kind) -> Option<String> {
        let Self { kl_warmup_epochs, kl_warmup_from, free_bits, truncate, .. } = *self;
        let has_particles = !self.bound.is_elbo();
        let problem = if has_particles != self.particles.is_some() {
            "bound = \"iwae\" and \"fivo\" need particles, and \"elbo\" has none".into()
        } else if let Some(few) = self.particles.filter(|&count| count < self.bound.least()) {
            format!(
                "particles = {few}: the effective number of so few is never below half, so bound = \"fivo\" would \
                 resample none: at least {LEAST_RESAMPLED}, or bound = \"iwae\""
            )
        } else if has_particles && !matches!(kind, Kind::Vrnn | Kind::VrnnI) {
            "bound: particles are latents by step, of model.kind = \"vrnn\" or \"vrnn-i\"".into()
        } else if has_particles && kl_warmup_epochs > 0.0 {
            format!(
                "kl_warmup_epochs = {kl_warmup_epochs}: particles have no KL to weigh, only bound = \"elbo\" has"
            )
        } else if kind == Kind::Rnn && kl_warmup_epochs > 0.0 {
            format!("kl_warmup_epochs = {kl_warmup_epochs}: model.kind = \"rnn\" has no KL")
        } else if kl_warmup_from != 0.0 && kl_warmup_epochs == 0.0 {
            format!("kl_warmup_from = {kl_warmup_from} needs kl_warmup_epochs above 0")
        } else if free_bits > 0.0 && kind != Kind::Sentence {
            format!("free_bits = {free_bits}: only for model.kind = \"sentence\"")
        } else if kind == Kind::Sentence && truncate.is_some() {
            "truncate: model.kind = \"sentence\" has one code, whose gradient needs all steps"
                .into()
        } else {
            return None;
        };
        Some(format!("[objective] {problem}"))
    }
}

impl ModelConfig {
    fn problem(&self, data: &DataConfig) -> Option<String> {
        let wanted = match steps_of(data) {
            Steps::Pen => "pen",
            Steps::Symbols => "categorical",
            Steps::Numbers => "gaussian",
            Steps::Rows if !data.binarise.is_binary() => "gaussian",
            Steps::Rows | Steps::Chords => "bernoulli",
        };
        let found = match self.output {
            OutputConfig::Bernoulli => "bernoulli",
            OutputConfig::Gaussian => "gaussian",
            OutputConfig::Pen { .. } => "pen",
            OutputConfig::Categorical => "categorical",
        };
        let problem = if self.latent == 0 && self.kind != Kind::Rnn {
            "latent = 0: at least 1, or kind = \"rnn\"".into()
        } else if self.word_dropout > 0.0 && self.kind != Kind::Sentence {
            format!("word_dropout = {}: only for kind = \"sentence\"", self.word_dropout)
        } else if wanted != found {
            // A configuration for such steps.
            let preset = match steps_of(data) {
                Steps::Rows => "mnist-rows",
                Steps::Chords => "jsb",
                Steps::Pen => "pen",
                Steps::Symbols => "text",
                Steps::Numbers => "series",
            };
            let name = &data.name;
            format!(
                "output.kind = \"{found}\": {name}, as configured, needs \"{wanted}\", as in --config {preset}"
            )
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
        self.model
            .problem(&self.data)
            .or_else(|| self.objective.problem(self.model.kind))
            .or_else(|| self.train.problem())
            .or_else(|| self.evaluate.problem())
    }
}
