//! CIFAR-10 (Krizhevsky 2009): 60,000 colour photographs of 32 x 32 pixels in ten classes.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
};

use image::{ImageFormat, ImageReader, Limits};
use rayon::prelude::*;

use super::{
    DataConfig, DataError, ExampleSet, FetchOptions, OwnImages, PixelShape, Preparation, Source,
    SourceFile, Splits, catalogue::CIFAR_10, fetch, published,
};

/// The set.
#[derive(Debug)]
pub(super) struct Cifar10;

const SHAPE: PixelShape = PixelShape { height: 32, width: 32, channels: 3 };
/// Images in one file.
const BATCH: usize = 10_000;
/// The last images of the training files are for validation.
const VALIDATION: usize = 5000;
const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

impl Source for Cifar10 {
    fn name(&self) -> &'static str {
        CIFAR_10.name
    }

    fn about(&self) -> &'static str {
        "Colour photographs of 32 x 32 pixels in ten classes, 60,000"
    }

    fn files(&self, _: &DataConfig) -> Vec<SourceFile> {
        SourceFile::named(CIFAR_10.name, CIFAR_10.names())
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        _: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        let files = fetch(&CIFAR_10, options)?;
        let set = |batches: &[PathBuf], labels: &Path, test: bool| {
            let parts: Result<Vec<_>, _> = batches.par_iter().map(|path| batch(path)).collect();
            let pixels = parts?.concat();
            let labels = classes(labels, pixels.len() / SHAPE.pixels())?;
            Ok::<_, DataError>(Arc::new(ExampleSet::images(SHAPE, pixels, labels, test)))
        };
        let pool = set(&files[..5], &files[5], false)?;
        let test = set(&files[6..7], &files[7], true)?;
        let known = Arc::new(OwnImages { classes: CLASSES.map(str::to_owned).to_vec() });
        let splits = Splits::new(pool, test, Some(VALIDATION), config)?;
        Ok(Splits { files: published(&CIFAR_10), known: Some(known), ..splits })
    }
}

fn wrong(path: &Path, reason: &str) -> DataError {
    DataError::Format {
        path: path.into(),
        reason: format!("{reason}; delete it to have it fetched anew"),
    }
}

/// The levels of a PNG with an image in each row.
fn batch(path: &Path) -> Result<Vec<u8>, DataError> {
    let unreadable = |source| DataError::unreadable(path, source);
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut reader = ImageReader::with_format(file, ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_image_width = Some((SHAPE.height * SHAPE.width) as u32);
    limits.max_image_height = Some(BATCH as u32);
    reader.limits(limits);
    let rows =
        reader.decode().map_err(|error| wrong(path, &format!("no PNG of images ({error})")))?;
    if (rows.width() as usize, rows.height() as usize) != (SHAPE.height * SHAPE.width, BATCH) {
        return Err(wrong(path, &format!("{} x {} pixels", rows.height(), rows.width())));
    }
    Ok(rows.into_rgb8().into_raw())
}

/// The classes in a JSON list, which must be `count`.
fn classes(path: &Path, count: usize) -> Result<Vec<u8>, DataError> {
    let bytes = std::fs::read(path).map_err(|source| DataError::unreadable(path, source))?;
    let labels: Vec<u8> = serde_json::from_slice(&bytes)
        .map_err(|error| wrong(path, &format!("no list of classes ({error})")))?;
    if labels.len() != count || labels.iter().any(|&label| usize::from(label) >= CLASSES.len()) {
        return Err(wrong(path, &format!("{} classes for {count} images", labels.len())));
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Binarise, IMAGE_SOURCES, load};

    /// Mean and deviation of each channel over the training images, as the literature has them.
    #[test]
    fn the_channels_have_their_published_statistics() {
        let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
        let config = DataConfig::new("cifar-10", Binarise::None);
        let Ok(data) = load(IMAGE_SOURCES, &config, &options, None) else {
            eprintln!("skipped: the files of cifar-10 are not in the cache");
            return;
        };
        assert_eq!([data.train.len(), data.valid.len(), data.test.len()], [45_000, 5000, 10_000]);
        assert_eq!(data.train.labels()[..10], [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
        let of = |split: &crate::Split| {
            let count = split.len() as f64;
            let means = split.mean(crate::Binarise::None);
            [0, 1, 2].map(|channel| {
                count * means.iter().skip(channel).step_by(3).map(|&m| f64::from(m)).sum::<f64>()
                    / 1024.0
            })
        };
        let (train, valid) = (of(&data.train), of(&data.valid));
        for (channel, published) in
            [0.491_399_68, 0.482_158_41, 0.446_530_91].into_iter().enumerate()
        {
            let mean = (train[channel] + valid[channel]) / 50_000.0;
            assert!((mean - published).abs() < 1e-6, "channel {channel}: {mean}");
        }
    }
}
