//! Data sets: where they come from, how they are split, and how a batch is made.

mod batch;
mod bilinear;
mod catalogue;
mod cifar;
mod classes;
mod config;
mod dsprites;
mod error;
mod examples;
mod factors;
mod fetch;
mod identity;
mod idx;
mod knowledge;
mod larochelle;
mod mnist;
mod names;
pub mod npy;
mod numbers;
mod own;
mod own_files;
mod preparation;
mod segments;
mod sequences;
mod source;
mod split;
mod sprites;

pub use batch::{Batch, BatchMaker, batches_of, one_hot};
pub use bilinear::bilinear;
pub use catalogue::{CATALOGUE, DataFile, DataSet, Package};
pub use classes::{foreign_classes, without_classes};
pub use config::{Binarise, DataConfig, DataKind, SplitName, Steps, column};
pub use error::{DataError, all_told};
pub use examples::{ExampleSet, PixelShape};
pub use factors::FactorGrid;
pub use fetch::{FetchOptions, create_cache, download, fetch};
pub use identity::{Identity, SplitIdentity, files_differ};
pub use knowledge::Knowledge;
pub use names::{has_ending, name_and_sha256, name_of};
pub use numbers::Numbers;
pub use own::{ClassNames, IMAGE_ARRAYS, ImageFiles, ONE_CLASS, OwnImages};
pub use own_files::{PATHS, SourceFile, holds, used_folder};
pub use preparation::Preparation;
pub use sequences::Sequences;
pub use source::{AtPath, Source, at_key, configured, load, source_of};
pub use split::{Split, Splits};
pub use sprites::Sprites;

/// Readers of single files, for fuzzing.
#[doc(hidden)]
pub mod readers {
    pub use super::{
        dsprites::published::read as dsprites,
        fetch::readers::{gzipped, packed, zipped},
        idx::{images as idx_images, labels as idx_labels},
        larochelle::original::read as amat,
        own::readers::{archive, picture, pixels},
    };
}

use std::collections::BTreeMap;

/// The sets of images, in the order of `--help`.
pub const IMAGE_SOURCES: &[&dyn Source] = &[
    &mnist::MNIST,
    &mnist::FASHION_MNIST,
    &cifar::Cifar10,
    &segments::Segments,
    &larochelle::Variant::Basic,
    &larochelle::Variant::Rotated,
    &larochelle::Variant::RandomBackground,
    &larochelle::Variant::Rectangles,
    &larochelle::Variant::Convex,
    &larochelle::Variant::ImageBackground,
    &larochelle::Variant::RotatedImageBackground,
    &larochelle::Variant::ImageRectangles,
    &dsprites::Dsprites,
    &own::Own,
];

/// Name and sha256 of each of its files.
pub fn published(set: &DataSet) -> BTreeMap<String, String> {
    set.files.iter().map(|file| (file.name.to_owned(), file.sha256.to_owned())).collect()
}
