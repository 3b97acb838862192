//! Kinds of data: images, and what other crates add to them.

use anyhow::Result;

use crate::{
    data::{
        self, DataConfig, DataError, DataKind, FetchOptions, IMAGE_SOURCES, Preparation, Source,
        Splits,
    },
    metrics::{Evaluating, Evaluation},
    noise::Noise,
    reading::Mistake,
    trained::Trained,
};

/// A kind of data: the examples of a paper, their source, and the metrics of a model of them.
///
/// `shared` has [`Images`]. Tables, sequences and images with known factors are crates of their own, and
/// so may the next kind be: nothing here depends on them. The defaults are those of images.
pub trait Kind: Sync {
    /// Name of the examples, for messages.
    fn examples(&self) -> DataKind {
        DataKind::Images
    }

    /// The data sets of this kind, in the order of `--help`.
    fn sources(&self) -> Vec<&'static dyn Source> {
        IMAGE_SOURCES.to_vec()
    }

    /// All metrics of `evaluate` on the test split.
    ///
    /// # Errors
    /// If a metric cannot be computed.
    fn evaluate(&self, of: &Evaluating<'_>) -> Result<Evaluation> {
        of.images()
    }

    /// True if `[evaluate.disentanglement]` is about such data.
    fn has_factors(&self) -> bool {
        false
    }

    /// What each latent of a model follows, for people, where the factors of the data are known,
    /// `[latent]`; empty otherwise.
    fn follows(&self, _model: &dyn Trained, _data: &Splits, _noise: Noise) -> Vec<Option<String>> {
        Vec::new()
    }
}

impl dyn Kind + '_ {
    /// The data set a configuration names.
    ///
    /// # Errors
    /// As [`data::configured`].
    pub fn source(&self, config: &DataConfig) -> Result<&'static dyn Source, Mistake> {
        data::configured(&self.sources(), config)
    }
}

/// Loads data of this kind, as [`data::load`] does those of a list of data sets.
///
/// # Errors
/// As there.
pub fn load(
    kind: &dyn Kind,
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<&Preparation>,
) -> Result<Splits, DataError> {
    data::load(&kind.sources(), config, options, known)
}

/// Images, grey or coloured.
#[derive(Clone, Copy, Debug)]
pub struct Images;

impl Kind for Images {}

impl Images {
    /// Loads a set of images in its own splits.
    ///
    /// # Errors
    /// As [`load`].
    pub fn load(config: &DataConfig, options: &FetchOptions) -> Result<Splits, DataError> {
        load(&Self, config, options, None)
    }
}
