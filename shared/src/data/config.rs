use std::{fmt, path::PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::{larochelle::Variant, own::ImageFiles, own_files::name_of};

/// `[data]` of a configuration: which images, how split, how turned into numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The data set.
    pub name: DataName,
    /// How it is split into training, validation and test.
    #[serde(default)]
    pub split: SplitName,
    /// How grey levels become model inputs.
    #[serde(default)]
    pub binarise: Binarise,
    /// Use only this many training examples (the first ones).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_examples: Option<usize>,
    /// Seed of the random split of a table or of images of your own; 1 if left out. Published images have
    /// fixed splits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_seed: Option<u64>,
    /// Leave out the last of the 40 orientations of `dsprites`, which repeats the first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub distinct_orientations: bool,
    /// Images of your own, for `name = "images"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImageFiles>,
    /// Schema and files of a table of your own, for `name = "csv"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csv: Option<CsvFiles>,
    /// Drawings of your own, for `name = "pen"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pen: Option<PenFile>,
    /// A text of your own, for `name = "text"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextFile>,
}

/// `[data.pen]`: drawings of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PenFile {
    /// A stroke-3 archive in the form of sketch-rnn (Ha & Eck 2018): an npz with the arrays `train`,
    /// `valid` and `test` of sequences of (dx, dy, pen lifted after this point).
    pub file: PathBuf,
}

/// `[data.text]`: a text of the user's, a sequence a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextFile {
    /// The file, in UTF-8.
    pub file: PathBuf,
    /// What a step is.
    #[serde(default)]
    pub level: TextLevel,
    /// Lines of more steps are cut into pieces of so many.
    #[serde(default = "longest_line")]
    pub longest: usize,
}

fn longest_line() -> usize {
    200
}

/// What a step of a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextLevel {
    /// A character.
    #[default]
    Characters,
    /// A word: what stands between white space.
    Words,
}

/// `[data.csv]`: a table of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvFiles {
    /// What its columns are: a TOML file, see the crate `tables`.
    pub schema: PathBuf,
    /// The files, read one after another.
    pub files: Vec<PathBuf>,
}

impl DataConfig {
    /// A whole data set in its own split.
    pub fn new(name: DataName, binarise: Binarise) -> Self {
        Self {
            name,
            split: SplitName::Standard,
            binarise,
            train_examples: None,
            split_seed: None,
            distinct_orientations: false,
            images: None,
            csv: None,
            pen: None,
            text: None,
        }
    }

    /// What the data are called in a title: the set's name, or that of the user's folder or file.
    pub fn title(&self) -> String {
        let own = self.images.as_ref().and_then(|images| name_of(&images.path));
        own.unwrap_or_else(|| self.name.to_string())
    }

    /// What is said here that means nothing for this data set, if anything is.
    pub(crate) fn without_effect(&self) -> Option<String> {
        let (name, kind) = (self.name, self.name.kind());
        let is_table = kind == DataKind::Tables;
        let is_random = matches!(self.binarise, Binarise::Static | Binarise::Threshold);
        let misplaced = [
            (self.csv.is_some() && name != DataName::Csv, "csv is for name = \"csv\", not for"),
            (
                self.images.is_some() && name != DataName::Images,
                "images is for name = \"images\", not for",
            ),
            (self.pen.is_some() && name != DataName::Pen, "pen is for name = \"pen\", not for"),
            (self.text.is_some() && name != DataName::Text, "text is for name = \"text\", not for"),
            (
                self.split_seed.is_some() && !is_table && name != DataName::Images,
                "split_seed is for tables and images of your own; the splits are fixed of",
            ),
            (
                self.distinct_orientations && name != DataName::Dsprites,
                "distinct_orientations is for dsprites; there are no orientations in",
            ),
            (
                self.split == SplitName::Iwae && kind != DataKind::Images,
                "split = \"iwae\" is for images; no such split is known of",
            ),
            (
                is_random && kind == DataKind::Sequences,
                "binarise is for images; there are no grey levels in",
            ),
        ];
        let found = misplaced.into_iter().find(|(is, _)| *is);
        found.map(|(_, reason)| format!("{reason} {name}"))
    }
}

/// What a paper's examples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// Grey images.
    Images,
    /// Rows about people, with a target and a sensitive attribute.
    Tables,
    /// Sequences of steps; images too, as sequences of their rows.
    Sequences,
}

/// A data set by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DataName {
    /// Handwritten digits; for models of sequences their rows.
    #[serde(alias = "mnist-rows")]
    #[value(alias = "mnist-rows")]
    Mnist,
    /// Clothing, same shape as MNIST.
    FashionMnist,
    /// Generated seven-segment digits, 3,000 images: needs no download; for tests and first steps.
    Segments,
    /// MNIST with 10,000 training images (Larochelle et al. 2007; regenerated, as the next four,
    /// unless the original files are there).
    MnistBasic,
    /// The same digits turned by any angle.
    MnistRot,
    /// The same digits on uniform noise.
    MnistBgRand,
    /// Outlines of rectangles, tall or wide.
    Rectangles,
    /// White regions, convex or not.
    Convex,
    /// Digits on natural images: only from the original files, as the next two.
    MnistBgImg,
    /// The same, turned by any angle.
    MnistRotBgImg,
    /// Rectangles of one natural image on another.
    RectanglesImages,
    /// Every combination of shape, scale, orientation and place of one white shape on 64 x 64
    /// pixels, 737,280 images: needs no download.
    Dsprites,
    /// Images of yours, as `[data.images]` says; `--data PATH` names them.
    Images,
    /// Table: income above 50,000 dollars; sensitive: sex. 45,222 people without missing values.
    Adult,
    /// The same without the age among the features: it is a second target, older than 37.
    AdultAge,
    /// Table: credit worth giving; sensitive: older than 25. 1,000 people.
    German,
    /// Generated table, 2,000 people: needs no download; for tests and first steps.
    People,
    /// A table of yours, as `[data.csv]` says.
    Csv,
    /// Sequences of chords: 382 chorales by J. S. Bach, a step a quarter note, in the published split.
    Jsb,
    /// Sequences of chords: Bach's four-part chorales out of the package music21, in a split of our
    /// own: numbers are not comparable with those of `jsb`.
    Bach,
    /// Sequences of chords: generated tunes in two voices, 300: needs no download; for tests and first
    /// steps.
    Tunes,
    /// Sequences of pen movements: drawings of yours, as `[data.pen]` says.
    Pen,
    /// Sequences of characters or words: a text of yours, as `[data.text]` says.
    Text,
}

impl DataName {
    /// Which of the sets of Larochelle et al. 2007 it is, if any.
    pub(super) fn variant(self) -> Option<Variant> {
        Some(match self {
            Self::Mnist | Self::FashionMnist | Self::Segments | Self::Dsprites | Self::Images => {
                return None;
            }
            Self::Adult | Self::AdultAge | Self::German | Self::People | Self::Csv => return None,
            Self::Jsb | Self::Bach | Self::Tunes | Self::Pen | Self::Text => return None,
            Self::MnistBasic => Variant::Basic,
            Self::MnistRot => Variant::Rotated,
            Self::MnistBgRand => Variant::RandomBackground,
            Self::Rectangles => Variant::Rectangles,
            Self::Convex => Variant::Convex,
            Self::MnistBgImg => Variant::ImageBackground,
            Self::MnistRotBgImg => Variant::RotatedImageBackground,
            Self::RectanglesImages => Variant::ImageRectangles,
        })
    }

    /// What its examples are.
    pub fn kind(self) -> DataKind {
        match self {
            Self::Jsb | Self::Bach | Self::Tunes | Self::Pen | Self::Text => DataKind::Sequences,
            Self::Adult | Self::AdultAge | Self::German | Self::People | Self::Csv => {
                DataKind::Tables
            }
            _ => DataKind::Images,
        }
    }
}

impl fmt::Display for DataName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::Segments => "segments",
            Self::MnistBasic => "mnist-basic",
            Self::MnistRot => "mnist-rot",
            Self::MnistBgRand => "mnist-bg-rand",
            Self::Rectangles => "rectangles",
            Self::Convex => "convex",
            Self::MnistBgImg => "mnist-bg-img",
            Self::MnistRotBgImg => "mnist-rot-bg-img",
            Self::RectanglesImages => "rectangles-images",
            Self::Dsprites => "dsprites",
            Self::Images => "images",
            Self::Adult => "adult",
            Self::AdultAge => "adult-age",
            Self::German => "german",
            Self::People => "people",
            Self::Csv => "csv",
            Self::Jsb => "jsb",
            Self::Bach => "bach",
            Self::Tunes => "tunes",
            Self::Pen => "pen",
            Self::Text => "text",
        })
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
    /// True if inputs are 0 or 1.
    pub fn is_binary(self) -> bool {
        self != Self::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_for_a_data_set_is_refused() {
        let of = |name, change: fn(&mut DataConfig)| {
            let mut config = DataConfig::new(name, Binarise::None);
            change(&mut config);
            config.without_effect().unwrap_or_default()
        };
        let csv = |c: &mut DataConfig| {
            c.csv = Some(CsvFiles { schema: "a.toml".into(), files: Vec::new() });
        };
        let pen = |c: &mut DataConfig| c.pen = Some(PenFile { file: "a.npz".into() });
        let turned = |c: &mut DataConfig| c.distinct_orientations = true;
        for name in [DataName::Mnist, DataName::Adult, DataName::Tunes] {
            assert!(of(name, csv).contains("csv is for"), "{name}");
            assert!(of(name, pen).contains("pen is for"), "{name}");
            assert!(of(name, turned).contains("distinct_orientations is for dsprites"), "{name}");
        }
        for name in [DataName::Mnist, DataName::Dsprites, DataName::Text] {
            assert!(of(name, |c| c.split_seed = Some(2)).contains("split_seed is for tables"));
        }
        assert!(of(DataName::Adult, |c| c.split = SplitName::Iwae).contains("split = "));
        assert!(of(DataName::Tunes, |c| c.binarise = Binarise::Static).contains("binarise is"));
        for (name, change) in [
            (DataName::Csv, csv as fn(&mut DataConfig)),
            (DataName::Pen, pen),
            (DataName::Dsprites, turned),
            (DataName::Adult, |c| c.split_seed = Some(2)),
            (DataName::Mnist, |c| c.split = SplitName::Iwae),
            (DataName::Tunes, |c| c.binarise = Binarise::Dynamic),
        ] {
            assert_eq!(of(name, change), "", "{name}");
        }
    }
}
