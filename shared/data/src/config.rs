use std::{fmt, path::Path};

use files::reading::{Mistake, from_value};
use ranges::at_least_one;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error, Unexpected, Visitor},
};
use toml::{Table, Value};

use super::{DataError, names::name_of};

/// `[data]` of a configuration: which data, how split, how turned into numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataConfig {
    /// Name of the data set, see [`Source`](super::Source).
    pub name: String,
    /// How it is split into training, validation and test.
    #[serde(default)]
    pub split: SplitName,
    /// How grey levels become model inputs.
    #[serde(default)]
    pub binarise: Binarise,
    /// Use only this many training examples (the first ones).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "at_least_one")]
    pub train_examples: Option<usize>,
    /// Seed of the random split of images, tables, series or MIDI files of your own; 1 if left out. Published sets
    /// have fixed splits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_seed: Option<u64>,
    /// Keys and sections that only some sets have: each [`Source`](super::Source) names its own.
    #[serde(flatten)]
    pub own: Table,
}

impl DataConfig {
    /// The keys that every data set has.
    pub(super) const KEYS: [&str; 5] =
        ["name", "split", "binarise", "train_examples", "split_seed"];

    /// A whole data set in its own split.
    pub fn new(name: &str, binarise: Binarise) -> Self {
        Self {
            name: name.into(),
            split: SplitName::Standard,
            binarise,
            train_examples: None,
            split_seed: None,
            own: Table::new(),
        }
    }

    /// Number of training examples, of the `available` ones of the split; `what` they are called.
    ///
    /// # Errors
    /// If none or more are asked for.
    pub fn training(&self, available: usize, what: &str) -> Result<usize, DataError> {
        match self.train_examples {
            None => Ok(available),
            Some(wanted) if (1..=available).contains(&wanted) => Ok(wanted),
            Some(wanted) => Err(DataError::Config(format!(
                "data.train_examples = {wanted}: the training split has {available} {what}; to take all of them, \
                 --set data.train_examples={available}"
            ))),
        }
    }

    /// The same with a key or a section of the set's own; a value that has no TOML is left out.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Serialize) -> Self {
        if let Ok(value) = Value::try_from(value) {
            self.own.insert(key.into(), value);
        }
        self
    }

    /// The value of a key of the set's own; `None` if it is left out.
    ///
    /// # Errors
    /// A value of another form.
    pub fn own<T: DeserializeOwned + Serialize>(&self, key: &str) -> Result<Option<T>, Mistake> {
        let value = self.own.get(key);
        value.map(|value| from_value(value, vec!["data".into(), key.into()])).transpose()
    }

    /// The section of a set of the user's data, without which there is nothing to read: `wanted` is what `--data`
    /// names, and `option` its form.
    ///
    /// # Errors
    /// If it is left out, or has another form.
    pub fn named<T: DeserializeOwned + Serialize>(
        &self,
        name: &'static str,
        wanted: &'static str,
        option: &'static str,
    ) -> Result<T, DataError> {
        self.own(name)?.ok_or(DataError::NoPath { name, wanted, option })
    }

    /// What the data are called in a title: the set's name, or that of the user's folder or file.
    pub fn title(&self) -> String {
        let own = || {
            let section = self.own.get(&self.name)?;
            let files = || section.get("files")?.get(0);
            let path = section.get("path").or_else(|| section.get("file")).or_else(files)?;
            name_of(Path::new(path.as_str()?))
        };
        own().unwrap_or_else(|| self.name.clone())
    }

    /// The same without the ending of a file, for the name of a folder.
    pub fn stem(&self) -> String {
        let title = self.title();
        Path::new(&title).file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// A column of the user's by its name, or by a number, which needs no quotation marks.
///
/// # Errors
/// For any other value.
pub fn column<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(Column).map(Some)
}

struct Column;

impl Visitor<'_> for Column {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a column in quotation marks, or a whole number, 0 or more,")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<String, E> {
        Ok(name.to_owned())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }
}

/// What a paper's examples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// Images, grey or coloured.
    Images,
    /// Rows about people, with a target and a sensitive attribute.
    Tables,
    /// Sequences of steps; images too, as sequences of their rows.
    Sequences,
}

impl DataKind {
    /// What they are called.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Tables => "tables with a sensitive attribute",
            Self::Sequences => "sequences",
        }
    }
}

/// What a step of an example is: a model of one kind reads no other, even of equal width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// Rows of an image, or columns of a table.
    Rows,
    /// Chords.
    Chords,
    /// Movements of a pen.
    Pen,
    /// Symbols of a text.
    Symbols,
    /// Numbers, one for each column of a series.
    Numbers,
}

impl Steps {
    /// What they are called.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Chords => "chords",
            Self::Pen => "pen movements",
            Self::Symbols => "symbols",
            Self::Numbers => "numbers",
        }
    }
}

/// How the images that are not test images are shared out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitName {
    /// The data set's own: 50,000 / 10,000 / 10,000 on MNIST, the last sixth where it has none.
    #[default]
    Standard,
    /// 59,600 / 400 / 10,000, the protocol of Burda et al. 2016.
    Iwae,
}

/// How a grey level in [0, 1] becomes an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binarise {
    /// White with the grey level as probability, drawn anew at every presentation.
    #[default]
    Dynamic,
    /// White with the grey level as probability, drawn once.
    Static,
    /// White at one half and above.
    Threshold,
    /// Left as it is.
    None,
}

impl Binarise {
    /// As a configuration has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Static => "static",
            Self::Threshold => "threshold",
            Self::None => "none",
        }
    }

    /// The same without chance: grey levels, where pixels are drawn with them as probabilities.
    #[must_use]
    pub fn undrawn(self) -> Self {
        match self {
            Self::Threshold => Self::Threshold,
            Self::Dynamic | Self::Static | Self::None => Self::None,
        }
    }

    /// True if inputs are 0 or 1.
    pub fn is_binary(self) -> bool {
        self != Self::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IMAGE_SOURCES, ImageFiles, configured};

    #[test]
    fn what_means_nothing_for_a_data_set_is_refused() {
        let of = |name, change: fn(&mut DataConfig)| {
            let mut config = DataConfig::new(name, Binarise::None);
            change(&mut config);
            configured(IMAGE_SOURCES, &config).err().map(|e| e.to_string()).unwrap_or_default()
        };
        let images = |c: &mut DataConfig| *c = c.clone().with("images", Table::new());
        let turned = |c: &mut DataConfig| *c = c.clone().with("distinct_orientations", true);
        for name in ["mnist", "rectangles", "segments"] {
            assert!(of(name, images).contains("images: only for name = \"images\""), "{name}");
            let said = of(name, turned);
            assert!(said.contains("distinct_orientations: only for name = \"dsprites\""), "{said}");
            assert!(
                of(name, |c| c.split_seed = Some(2))
                    .contains("split_seed: only for images, tables")
            );
        }
        assert!(of("mnits", |_| {}).contains("did you mean mnist?"));
        let misspelt = of("mnist", |c| *c = c.clone().with("binarize", "none"));
        assert!(misspelt.contains("did you mean binarise?"), "{misspelt}");
        let wrong = of("dsprites", |c| *c = c.clone().with("distinct_orientations", 3));
        assert!(wrong.starts_with("data.distinct_orientations"), "{wrong}");
        assert!(of("images", images).contains("path"), "{}", of("images", images));
        for (name, change) in
            [("dsprites", turned as fn(&mut DataConfig)), ("mnist", |c| c.split = SplitName::Iwae)]
        {
            assert_eq!(of(name, change), "", "{name}");
        }
    }

    #[test]
    fn a_column_is_a_text_or_a_number_from_0() {
        let read = |label: &str| {
            let table = toml::from_str(&format!("path = 'x.csv'\nlabel = {label}")).unwrap();
            let config = DataConfig {
                own: [("images".to_owned(), Value::Table(table))].into_iter().collect(),
                ..DataConfig::new("images", Binarise::None)
            };
            configured(IMAGE_SOURCES, &config)?;
            config.own::<ImageFiles>("images")
        };
        for (label, column) in [("0", "0"), ("'0'", "0"), ("784", "784"), ("'kind'", "kind")] {
            assert_eq!(read(label).unwrap().unwrap().label.as_deref(), Some(column));
        }
        for label in ["-1", "1.5", "true", "[0]", "{}"] {
            let told = read(label).unwrap_err().to_string();
            assert!(told.starts_with("data.images.label = "), "{told}");
            assert!(told.ends_with("or a whole number, 0 or more, belongs here"), "{told}");
        }
    }
}
