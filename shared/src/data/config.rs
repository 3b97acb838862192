use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::larochelle::Variant;

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
}

/// A data set by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DataName {
    /// Handwritten digits.
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
}

impl DataName {
    /// Which of the sets of Larochelle et al. 2007 it is, if any.
    pub(super) fn variant(self) -> Option<Variant> {
        Some(match self {
            Self::Mnist | Self::FashionMnist | Self::Segments => return None,
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
