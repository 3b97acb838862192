//! `--data`: a data set by name, or the path of the user's own.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow, bail};
use clap::{
    Arg, Command,
    builder::{PossibleValue, TypedValueParser},
    error::{ContextKind, ContextValue, ErrorKind},
};
use toml::Value;

use super::paths;
use crate::{
    data::{DataKind, Source, source_of},
    kind::Kind,
};

/// What `--data` names.
#[derive(Clone, Debug)]
pub(super) enum DataChoice {
    /// A set of the catalogue, or a generated one.
    Name(&'static str),
    /// Data of the user's.
    Path(PathBuf),
}

/// A value of the configuration that an option sets: key, value, and the option for messages.
pub(super) type Change = (String, Value, String);

impl std::fmt::Display for DataChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

impl DataChoice {
    /// What it sets in the configuration of a paper that models such data. A path is read by the set that is
    /// `meant`, by the name in the configuration or an option, if that reads such; otherwise what is there tells.
    ///
    /// # Errors
    /// If no data of this kind are read from such a path, or if it is unclear which.
    pub(super) fn changes(
        &self,
        kind: &dyn Kind,
        base: &Path,
        meant: Option<&str>,
    ) -> Result<Vec<Change>> {
        let path = match self {
            Self::Name(name) => {
                let option = format!("--data {self}");
                return Ok(vec![("data.name".into(), (*name).into(), option)]);
            }
            Self::Path(path) => path,
        };
        let option = format!("--data {self}");
        let sources = kind.sources();
        let meant = meant.and_then(|name| source_of(&sources, name));
        let of_meant = meant.and_then(|source| Some((source.name(), source.at_named_path(path)?)));
        let at_path = |source: &&'static dyn Source| Some((source.name(), source.at_path(path)?));
        let Some((name, values)) = of_meant.or_else(|| sources.iter().find_map(at_path)) else {
            bail!("{option}: no data of {} are read from such a path", kind.examples().plural());
        };
        // Examples of another kind would be trained on by a configuration that was written for these.
        let found = source_of(&sources, name).map(Source::examples);
        if let Some(meant) = meant
            && meant.examples() != DataKind::Images
            && found != Some(meant.examples())
            && path.exists()
        {
            refuse_empty(path, &option)?;
            bail!(
                "{option}: there are {}, and the configuration is for name = \"{}\"; take another \
                 --config, or --set data.name={name}",
                found.map_or("other data", DataKind::plural),
                meant.name()
            );
        }
        let values = values.map_err(|reason| anyhow!("{option}: {reason}"))?;
        let mut changes = vec![("data.name".to_owned(), name.into(), option.clone())];
        for (key, mut value) in values {
            paths::of_option(key, &mut value, base);
            changes.push((key.into(), value, option.clone()));
        }
        Ok(changes)
    }
}

/// Refuses a folder without anything in it, which is of no kind.
pub(super) fn refuse_empty(path: &Path, option: &str) -> Result<()> {
    if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()) {
        bail!("{option}: the folder is empty");
    }
    Ok(())
}

/// Parses `--data` of a paper that models such data.
#[derive(Clone)]
pub(super) struct DataParser(pub(super) &'static dyn Kind);

impl TypedValueParser for DataParser {
    type Value = DataChoice;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<DataChoice, clap::Error> {
        let word = value.to_string_lossy();
        if let Some(source) = source_of(&self.0.sources(), &word) {
            return Ok(DataChoice::Name(source.name()));
        }
        let path = Path::new(value);
        let is_path = path.components().count() > 1 || path.extension().is_some() || path.exists();
        if is_path && path.to_str().is_some() {
            return Ok(DataChoice::Path(path.into()));
        }
        let mut error = clap::Error::new(ErrorKind::InvalidValue).with_cmd(command);
        let option = arg.map_or("--data".to_owned(), ToString::to_string);
        error.insert(ContextKind::InvalidArg, ContextValue::String(option));
        error.insert(ContextKind::InvalidValue, ContextValue::String(word.into_owned()));
        let names = self.possible_values().into_iter().flatten();
        let names = names.map(|value| value.get_name().to_owned()).collect();
        error.insert(ContextKind::ValidValue, ContextValue::Strings(names));
        let tip = "no file or folder has that name either";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        Err(error)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = self.0.sources().into_iter().map(|source| {
            PossibleValue::new(source.name()).aliases(source.alias()).help(source.about())
        });
        Some(Box::new(values))
    }
}

/// `--size`, `28x28` or `28`.
pub(super) fn size_of(text: &str) -> Result<[usize; 2], String> {
    let (height, width) = text.split_once(['x', 'X']).unwrap_or((text, text));
    match (height.trim().parse(), width.trim().parse()) {
        (Ok(height), Ok(width)) if height > 0 && width > 0 => Ok([height, width]),
        _ => Err("write height and width in pixels, for instance 28x28".into()),
    }
}
