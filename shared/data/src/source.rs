//! What a data set is.

use std::path::Path;

use files::reading::{Mistake, Problem};
use terminal::progress;
use toml::Value;

use super::{
    Binarise, DataConfig, DataError, DataKind, FetchOptions, PixelShape, Preparation, SourceFile,
    SplitName, Splits, Steps, own_files::unused_folder,
};

/// A data set. A new one is a file that implements this trait and a line in the list of its kind, for images
/// [`IMAGE_SOURCES`](crate::IMAGE_SOURCES); nothing else knows it.
pub trait Source: Sync {
    /// Its name in `[data]` and after `--data`.
    fn name(&self) -> &'static str;

    /// Another name for it, which a configuration may use too.
    fn alias(&self) -> Option<&'static str> {
        None
    }

    /// One line for `--help`.
    fn about(&self) -> &'static str;

    /// What its examples are.
    fn examples(&self) -> DataKind {
        DataKind::Images
    }

    /// What a step of its examples is.
    fn steps(&self) -> Steps {
        Steps::Rows
    }

    /// Keys and sections of `[data]` that only this set has. Of a section's keys `path`, `file`, `files`
    /// and `schema` are paths, relative to the configuration's file.
    fn own_keys(&self) -> &'static [&'static str] {
        &[]
    }

    /// What is wrong with the values of its own keys, if anything.
    ///
    /// # Errors
    /// The first mistake.
    fn check(&self, _config: &DataConfig) -> Result<(), Mistake> {
        Ok(())
    }

    /// What names data of the user's at this path, if this set reads such.
    fn at_path(&self, _path: &Path) -> Option<AtPath> {
        None
    }

    /// The same where the user names this set too: of a path that could be of another.
    fn at_named_path(&self, path: &Path) -> Option<AtPath> {
        self.at_path(path)
    }

    /// What names data of the user's at this path for a model fitted to `fitted`, whose set is meant first.
    fn at_path_for(&self, path: &Path, fitted: &DataConfig) -> Option<AtPath> {
        match fitted.name == self.name() {
            true => self.at_named_path(path),
            // What is unclear by itself may be clear to the set of the model.
            false => self.at_path(path).filter(Result::is_ok),
        }
    }

    /// True if class n is the digit n.
    fn has_digits(&self) -> bool {
        false
    }

    /// True if `split_seed` draws its splits; those of published sets are fixed.
    fn is_split_by_seed(&self) -> bool {
        false
    }

    /// The files it may be read from: by default those that its sections of `[data]` name; none if it is
    /// generated.
    fn files(&self, config: &DataConfig) -> Vec<SourceFile> {
        SourceFile::in_sections(self.name(), self.own_keys(), config)
    }

    /// What reading it is called in a message, and bytes of memory that it takes at least, in the shape of a model that was
    /// `fitted` if there is one; `None` where sizes and headers of its files do not tell.
    fn least_memory(
        &self,
        _config: &DataConfig,
        _options: &FetchOptions,
        _fitted: Option<PixelShape>,
    ) -> Option<(String, u64)> {
        None
    }

    /// Loads the set and splits it; downloads it first if need be. Call [`load`], which checks the
    /// configuration first. `known` are the statistics of the data a model was fitted to.
    ///
    /// # Errors
    /// A file that cannot be had or does not verify, named together with what to do.
    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: Option<&Preparation>,
    ) -> Result<Splits, DataError>;

    /// The whole set as the test split, for a model that was fitted to other data: in the shape, with the
    /// statistics and by the names of classes that are `known` of those.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn read_for(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: &Preparation,
    ) -> Result<Splits, DataError> {
        Ok(self.read(config, options, Some(known))?.as_test())
    }
}

/// Values of dotted keys that name data at a path, or why more is needed.
pub type AtPath = Result<Vec<(&'static str, Value)>, String>;

/// The same for a set that needs the path alone, under this key.
pub fn at_key(key: &'static str, path: &Path) -> AtPath {
    Ok(vec![(key, Value::String(path.to_string_lossy().into_owned()))])
}

/// The set of this name among `sources`.
pub fn source_of<'a>(sources: &[&'a dyn Source], name: &str) -> Option<&'a dyn Source> {
    sources.iter().copied().find(|of| of.name() == name || of.alias() == Some(name))
}

/// The set a configuration names.
///
/// # Errors
/// A name that none of `sources` has; keys the set does not have, or whose values are wrong; settings
/// that mean nothing for it.
pub fn configured<'a>(
    sources: &[&'a dyn Source],
    config: &DataConfig,
) -> Result<&'a dyn Source, Mistake> {
    let mistake =
        |key: &str, problem: Problem| Mistake { path: vec!["data".into(), key.into()], problem };
    let Some(source) = source_of(sources, &config.name) else {
        let known = sources.iter().map(|source| source.name().to_owned()).collect();
        return Err(mistake("name", Problem::UnknownWord { found: config.name.clone(), known }));
    };
    let name = source.name();
    for key in config.own.keys() {
        if source.own_keys().contains(&key.as_str()) {
            continue;
        }
        let owner = sources.iter().find(|other| other.own_keys().contains(&key.as_str()));
        return Err(match owner {
            Some(owner) => mistake(
                key,
                Problem::Other(format!("only for name = \"{}\", not for {name}", owner.name())),
            ),
            None => {
                let known = DataConfig::KEYS.iter().chain(source.own_keys());
                mistake(key, Problem::UnknownKey(known.map(|&key| key.to_owned()).collect()))
            }
        });
    }
    let is_random = matches!(config.binarise, Binarise::Static | Binarise::Threshold);
    let without_effect = [
        (
            config.split_seed.is_some() && !source.is_split_by_seed(),
            "split_seed",
            format!(
                "only for images, tables, series and MIDI files of your own; the splits of {name} are fixed"
            ),
        ),
        (
            config.split == SplitName::Iwae && source.examples() != DataKind::Images,
            "split",
            format!("\"iwae\" is only for images; {name} has no such split"),
        ),
        (
            is_random && source.examples() == DataKind::Sequences,
            "binarise",
            format!("only for images; {name} has no grey levels"),
        ),
    ];
    if let Some((_, key, reason)) = without_effect.into_iter().find(|(is, ..)| *is) {
        return Err(mistake(key, Problem::Other(reason)));
    }
    source.check(config)?;
    Ok(source)
}

/// Loads the set that a configuration names among `sources`, with the statistics and the vocabulary of data
/// that are `known` already, where there are such; otherwise by their own.
///
/// # Errors
/// As [`configured`] and [`Source::read`]; symbols the vocabulary does not have, columns the table did not
/// have.
pub fn load(
    sources: &[&dyn Source],
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<&Preparation>,
) -> Result<Splits, DataError> {
    let source = configured(sources, config)?;
    if let Some(message) = unused_folder(source.name(), &source.files(config), options) {
        progress::line(&message);
    }
    source.read(config, options, known)
}
