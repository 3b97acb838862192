//! Data sets: where they come from, how they are split, and how a batch is made.

mod batch;
mod catalogue;
mod config;
mod error;
mod fetch;
mod idx;
mod images;
mod larochelle;
mod segments;
mod split;

pub use batch::{Batch, BatchMaker};
pub use catalogue::{CATALOGUE, DataFile, DataSet, Package};
pub use config::{Binarise, DataConfig, DataName, SplitName};
pub use error::DataError;
pub use fetch::{FetchOptions, fetch};
pub use images::{ImageSet, PixelShape};
pub use split::{Split, Splits};

use std::sync::Arc;

use larochelle::Variant;

/// Loads the data set a configuration names and splits it; downloads it first if need be.
///
/// # Errors
/// A file that cannot be had or does not verify, named together with what to do.
pub fn load(config: &DataConfig, options: &FetchOptions) -> Result<Splits, DataError> {
    let regenerated = |variant: Variant| {
        let digits = if variant.needs_digits() {
            let (train, test) = idx_images(&catalogue::MNIST, options)?;
            vec![train, test]
        } else {
            Vec::new()
        };
        let (pool, test) = variant.generate(&digits);
        Ok::<_, DataError>((pool, test, Some(variant.sizes().1)))
    };
    let whole = |(pool, test): (ImageSet, ImageSet)| (pool, test, None);
    let (pool, test, valid) = match config.name {
        DataName::Segments => whole(segments::generate()),
        DataName::Mnist => whole(idx_images(&catalogue::MNIST, options)?),
        DataName::FashionMnist => whole(idx_images(&catalogue::FASHION_MNIST, options)?),
        DataName::MnistBasic => regenerated(Variant::Basic)?,
        DataName::MnistRot => regenerated(Variant::Rotated)?,
        DataName::MnistBgRand => regenerated(Variant::RandomBackground)?,
        DataName::Rectangles => regenerated(Variant::Rectangles)?,
        DataName::Convex => regenerated(Variant::Convex)?,
    };
    Splits::new(Arc::new(pool), Arc::new(test), valid, config)
}

fn idx_images(set: &DataSet, options: &FetchOptions) -> Result<(ImageSet, ImageSet), DataError> {
    let files = fetch(set, options)?;
    let read = |images: usize, labels: usize, test: bool| {
        let (count, shape, pixels) = idx::images(&files[images])?;
        let labels = idx::labels(&files[labels], count)?;
        Ok(ImageSet::new(shape, pixels, labels, test))
    };
    Ok((read(0, 1, false)?, read(2, 3, true)?))
}
