//! What a paper's crate provides.

use std::path::PathBuf;

use anyhow::Result;
use serde::{Serialize, de::DeserializeOwned};

use super::Loaded;
use crate::{
    autoencoder::Autoencoder,
    backend::{AutodiffBackend, Backend},
    data::{DataConfig, PixelShape, Splits},
    kind::{Images, Kind},
    memory::Needs,
    metrics::EvaluateConfig,
    noise::Noise,
    train::{FitReport, Session},
};

/// Keys of the evaluation that say how log p(x) is estimated, where a model's is.
pub const ESTIMATE: &[&str] =
    &["evaluate.nll_samples", "evaluate.nll_images", "evaluate.prior_samples"];

/// These keys with one reason, as [`Paper::unused`] has them.
pub fn unused_because(keys: &[&'static str], reason: &str) -> Vec<(&'static str, String)> {
    keys.iter().map(|key| (*key, reason.to_owned())).collect()
}

/// One paper: how its model is configured, built and fitted. All commands follow from it.
pub trait Paper: Sized + 'static {
    /// Name of the crate and the program.
    const NAME: &'static str;
    /// One line for `--help`.
    const ABOUT: &'static str;
    /// Authors, title, venue, year.
    const CITATION: &'static str;
    /// Configurations that come with the program, `(name, TOML)`; the first is the default.
    const PRESETS: &'static [(&'static str, &'static str)];

    /// What its examples are, where they come from and what is asked of a model of them.
    const KIND: &'static dyn Kind = &Images;

    /// Sections that say how a phase of the fit descends, in their order: what `--epochs` and
    /// `--batch-size` set, in each of them that a configuration has. None where the fit is a closed form.
    const PHASES: &'static [&'static str] = &["train"];
    /// Whose passes over the training split `--epochs` counts, for its help, where the fit has several
    /// phases.
    const EPOCHS: &'static str = "";

    /// The whole configuration of a run.
    type Config: RunConfig;
    /// The model.
    type Model<B: Backend>: Autoencoder<B> + Sync;

    /// An unfitted model for inputs of this shape.
    fn build<B: Backend>(
        config: &Self::Config,
        shape: PixelShape,
        noise: Noise,
        device: &B::Device,
    ) -> Self::Model<B>;

    /// Fits a model to the training split; the fitted model, and how the fit went.
    ///
    /// # Errors
    /// [`Interrupted`](crate::train::Interrupted) after Ctrl-C; if the fit breaks down or files cannot be
    /// written.
    fn fit<B: AutodiffBackend>(
        config: &Self::Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Self::Model<B::InnerBackend>, FitReport)>;

    /// What a training step holds beside one pass of an example through all layers.
    ///
    /// Models too large for the machine are refused by it before anything is made; `examples` are those
    /// of the training split.
    fn needs(_config: &Self::Config, _shape: PixelShape, _examples: usize) -> Needs {
        Needs::default()
    }

    /// What is wrong with the configuration for inputs of this shape, if anything.
    fn problem(_config: &Self::Config, _shape: PixelShape) -> Option<String> {
        None
    }

    /// The same for these data, found before anything is fitted or written.
    fn problem_with(_config: &Self::Config, _data: &Splits) -> Option<String> {
        None
    }

    /// Sections and keys, dotted, that a run of this configuration does not use, each with the reason: an
    /// option that sets nothing else is said to have no effect.
    fn unused(_config: &Self::Config) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What helps against a collapsed posterior in this configuration, beginning with the option; `None`
    /// where the KL is near zero by design.
    fn against_collapse(_config: &Self::Config) -> Option<String> {
        None
    }

    /// Draws what only this paper has to show of a fresh run; the files.
    ///
    /// # Errors
    /// If they cannot be written.
    fn pictures(_run: &Loaded<Self>) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    /// Why this model cannot do a shared command, or take "snapshots" in training, if it cannot.
    fn cannot(_command: &str, _config: &Self::Config) -> Option<String> {
        None
    }
}

/// A run's configuration: the sections every paper has.
pub trait RunConfig: Clone + Serialize + DeserializeOwned {
    /// Seed of all noise.
    fn seed(&self) -> u64;
    /// `[data]`.
    fn data(&self) -> &DataConfig;
    /// `[evaluate]`.
    fn evaluate(&self) -> &EvaluateConfig;
    /// What is wrong with the values, if anything, beginning with the section.
    fn problem(&self) -> Option<String>;
}
