//! Kinds of data: images, and what other crates add to them.

use anyhow::Result;

use crate::{
    data::{self, DataConfig, DataError, DataKind, FetchOptions, Preparation, Splits},
    metrics::{Evaluating, Evaluation},
    progress,
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

    /// Names of the files the configured set may be read from; none of a generated set.
    fn files(&self, config: &DataConfig) -> Vec<String> {
        data::image_files(config)
    }

    /// Loads the set a configuration names and splits it; downloads it first if need be. Use [`load`],
    /// which looks at the configuration first.
    ///
    /// # Errors
    /// A file that is not available or fails its checksum, with advice; a set of another
    /// kind.
    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        _known: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        data::images(config, options)
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
}

/// Loads data of this kind with the statistics and the vocabulary of data that are `known` already, where
/// there are such; otherwise by their own.
///
/// # Errors
/// As [`Kind::read`]; settings without effect, symbols the vocabulary does not have, columns the table
/// did not have.
pub fn load(
    kind: &dyn Kind,
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<&Preparation>,
) -> Result<Splits, DataError> {
    if let Some(problem) = config.without_effect() {
        return Err(DataError::Config(problem));
    }
    if let Some(message) = data::unused_folder(config, &kind.files(config), options) {
        progress::line(&message);
    }
    kind.read(config, options, known)
}

/// Grey images.
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
