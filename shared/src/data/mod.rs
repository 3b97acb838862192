//! Data sets: where they come from, how they are split, and how a batch is made.

mod amat;
mod batch;
mod bilinear;
mod catalogue;
mod classes;
mod config;
mod dsprites;
mod error;
mod examples;
mod fetch;
mod identity;
mod idx;
mod larochelle;
pub mod npy;
mod npz;
mod own;
mod own_files;
mod preparation;
mod segments;
mod sequences;
mod split;

pub use batch::{Batch, BatchMaker, one_hot};
pub(crate) use bilinear::bilinear;
pub use catalogue::{CATALOGUE, DataFile, DataSet, Package};
pub use classes::too_few_classes;
pub use config::{
    Binarise, CsvFiles, DataConfig, DataKind, DataName, PenFile, SplitName, TextFile, TextLevel,
};
pub use dsprites::Sprites;
pub use error::DataError;
pub use examples::{ExampleSet, PixelShape};
pub use fetch::{FetchOptions, fetch};
pub(crate) use identity::files_differ;
pub use identity::{Identity, SplitIdentity};
pub use own::{ClassNames, ImageFiles, OwnImages};
pub(crate) use own_files::{holds, image_files, unused_folder};
pub use own_files::{name_and_sha256, name_of};
pub use preparation::{Knowledge, Preparation};
pub use sequences::Sequences;
pub use split::{Split, Splits};

/// Readers of single files, for fuzzing.
#[doc(hidden)]
pub mod readers {
    pub use super::{
        amat::read as amat,
        fetch::readers::{gzipped, packed, zipped},
        idx::{images as idx_images, labels as idx_labels},
        npz::read as dsprites,
        own::readers::{archive, picture, pixels},
    };
}

use std::{collections::BTreeMap, sync::Arc};

use larochelle::Variant;

use crate::{
    noise::{Noise, Stream},
    progress,
};

/// Reads a set of images.
pub(crate) fn images(config: &DataConfig, options: &FetchOptions) -> Result<Splits, DataError> {
    let (pool, test, valid, files) = match (config.name.variant(), config.name) {
        (Some(variant), name) => larochelle(variant, name, options)?,
        (None, DataName::Dsprites) => return dsprites(config, options),
        (None, DataName::Images) => return own::load(config, options),
        (None, DataName::FashionMnist) => {
            let (pool, test) = idx_images(&catalogue::FASHION_MNIST, options)?;
            (pool, test, None, published(&catalogue::FASHION_MNIST))
        }
        (None, DataName::Segments) => {
            let (pool, test) = segments::generate();
            (pool, test, None, BTreeMap::new())
        }
        (None, DataName::Mnist) => {
            let (pool, test) = idx_images(&catalogue::MNIST, options)?;
            (pool, test, None, published(&catalogue::MNIST))
        }
        (None, name) => return Err(DataError::Config(format!("name = \"{name}\": no images"))),
    };
    Ok(Splits { files, ..Splits::new(Arc::new(pool), Arc::new(test), valid, config)? })
}

/// dSprites in an order drawn once, so that all three splits have every factor: 10,000 images each for
/// validation and test, the others for training. From the published file if the user has it.
fn dsprites(config: &DataConfig, options: &FetchOptions) -> Result<Splits, DataError> {
    const HELD_OUT: usize = 10_000;
    let mut sprites = Sprites::drawn(config.distinct_orientations);
    let mut files = BTreeMap::new();
    if let Some((images, file)) = npz::published(options)? {
        sprites = sprites.with_published(images);
        files.extend([file]);
    }
    let sprites = Arc::new(sprites);
    let mut order: Vec<u32> = Noise::new(2017)
        .permutation(Stream::Shuffle, 0, sprites.len())
        .into_iter()
        .map(|index| index as u32)
        .collect();
    let test = order.split_off(order.len() - HELD_OUT);
    let (pool, test) = (
        ExampleSet::sprites(sprites.clone(), order, false),
        ExampleSet::sprites(sprites.clone(), test, true),
    );
    let splits = Splits::new(Arc::new(pool), Arc::new(test), Some(HELD_OUT), config)?;
    Ok(Splits { files, sprites: Some(sprites), ..splits })
}

/// Training and validation images, test images, the number of validation images, and the files they
/// come from.
type Loaded = (ExampleSet, ExampleSet, Option<usize>, BTreeMap<String, String>);

/// A set of Larochelle et al. 2007 from its original files, or regenerated.
fn larochelle(
    variant: Variant,
    name: DataName,
    options: &FetchOptions,
) -> Result<Loaded, DataError> {
    let valid = Some(variant.sizes().1);
    let set = name.to_string();
    if let Some(original) = amat::original(variant, &set, options)? {
        progress::line(&format!("{set}: the original files"));
        return Ok((original.pool, original.test, valid, original.files.into_iter().collect()));
    }
    if !variant.can_be_regenerated() {
        return Err(DataError::NoSource {
            set: set.clone(),
            attempts: "  - it cannot be redrawn: its natural images were never published".into(),
            by_hand: options.cache_dir.join(set).display().to_string(),
            files: variant.original_files().join(", "),
        });
    }
    let (digits, files) = if variant.needs_digits() {
        let (train, test) = idx_images(&catalogue::MNIST, options)?;
        (vec![train, test], published(&catalogue::MNIST))
    } else {
        (Vec::new(), BTreeMap::new())
    };
    let (pool, test) = variant.generate(&digits);
    Ok((pool, test, valid, files))
}

/// Name and sha256 of each of its files.
pub fn published(set: &DataSet) -> BTreeMap<String, String> {
    set.files.iter().map(|file| (file.name.to_owned(), file.sha256.to_owned())).collect()
}

fn idx_images(
    set: &DataSet,
    options: &FetchOptions,
) -> Result<(ExampleSet, ExampleSet), DataError> {
    let files = fetch(set, options)?;
    let read = |images: usize, labels: usize, test: bool| {
        let (count, shape, pixels) = idx::images(&files[images])?;
        let labels = idx::labels(&files[labels], count)?;
        Ok::<_, DataError>(ExampleSet::images(shape, pixels, labels, test))
    };
    Ok((read(0, 1, false)?, read(2, 3, true)?))
}
