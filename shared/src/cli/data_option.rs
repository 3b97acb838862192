//! `--data`: a data set by name, or the path of the user's own.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use clap::{
    Arg, Command, ValueEnum,
    builder::{PossibleValue, TypedValueParser},
    error::{ContextKind, ContextValue, ErrorKind},
};
use toml::Value;

use super::paths;
use crate::data::{DataKind, DataName};

/// What `--data` names.
#[derive(Clone, Debug)]
pub(super) enum DataChoice {
    /// A set of the catalogue, or a generated one.
    Name(DataName),
    /// Data of the user's.
    Path(PathBuf),
}

/// A value of the configuration that an option sets: key, value, and the option for messages.
pub(super) type Change = (String, Value, String);

impl DataChoice {
    /// What it sets in the configuration of a paper that models such examples.
    ///
    /// # Errors
    /// If no data of this kind are read from such a path.
    pub(super) fn changes(&self, examples: DataKind, base: &Path) -> Result<Vec<Change>> {
        let path = match self {
            Self::Name(name) => {
                let option = format!("--data {name}");
                return Ok(vec![("data.name".into(), name.to_string().into(), option)]);
            }
            Self::Path(path) => path,
        };
        let option = format!("--data {}", path.display());
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let (name, key) = match (examples, ending.as_deref()) {
            (DataKind::Tables, _) => bail!(
                "{option}: a table needs a schema too: --set \
                 'data.csv={{schema=\"people.toml\",files=[\"people.csv\"]}}' --data csv"
            ),
            (DataKind::Sequences, Some("txt")) => (DataName::Text, "data.text.file"),
            (DataKind::Sequences, Some("npz")) => (DataName::Pen, "data.pen.file"),
            _ => (DataName::Images, "data.images.path"),
        };
        let mut value = Value::String(path.to_string_lossy().into_owned());
        paths::of_option(key, &mut value, base);
        Ok(vec![
            ("data.name".into(), name.to_string().into(), option.clone()),
            (key.into(), value, option),
        ])
    }
}

/// Parses `--data`.
#[derive(Clone)]
pub(super) struct DataParser;

impl TypedValueParser for DataParser {
    type Value = DataChoice;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<DataChoice, clap::Error> {
        let word = value.to_string_lossy();
        if let Ok(name) = DataName::from_str(&word, false) {
            return Ok(DataChoice::Name(name));
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
        Err(error)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = DataName::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        Some(Box::new(names))
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
