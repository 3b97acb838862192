//! The data sets of Larochelle et al. 2007, "An empirical evaluation of deep architectures on
//! problems with many factors of variation": from the original files where the user has them, otherwise
//! drawn anew.

mod draw;
pub(super) mod original;

use std::{collections::BTreeMap, sync::Arc};

use terminal::progress;

use super::{
    DataConfig, DataError, FetchOptions, Preparation, Source, SourceFile, Splits, catalogue, mnist,
    published,
};

pub(super) use draw::Variant;

impl Source for Variant {
    fn has_digits(&self) -> bool {
        !matches!(self, Self::Rectangles | Self::Convex | Self::ImageRectangles)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Basic => "mnist-basic",
            Self::Rotated => "mnist-rot",
            Self::RandomBackground => "mnist-bg-rand",
            Self::Rectangles => "rectangles",
            Self::Convex => "convex",
            Self::ImageBackground => "mnist-bg-img",
            Self::RotatedImageBackground => "mnist-rot-bg-img",
            Self::ImageRectangles => "rectangles-images",
        }
    }

    fn about(&self) -> &'static str {
        match self {
            Self::Basic => {
                "MNIST with 10,000 training images (Larochelle et al. 2007; regenerated, as the next \
                 four, unless the original files are there)"
            }
            Self::Rotated => "The same digits turned by any angle",
            Self::RandomBackground => "The same digits on uniform noise",
            Self::Rectangles => "Outlines of rectangles, tall or wide",
            Self::Convex => "White regions, convex or not",
            Self::ImageBackground => {
                "Digits on natural images: only from the original files, as the next two"
            }
            Self::RotatedImageBackground => "The same, turned by any angle",
            Self::ImageRectangles => "Rectangles of one natural image on another",
        }
    }

    fn files(&self, _: &DataConfig) -> Vec<SourceFile> {
        let mut files = SourceFile::named(self.name(), self.original_files());
        if self.needs_digits() {
            files.extend(SourceFile::named(catalogue::MNIST.name, catalogue::MNIST.names()));
        }
        files
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        _: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        let set = self.name();
        let (pool, test, files) = if let Some(found) = original::original(*self, set, options)? {
            progress::line(&format!("{set}: the original files"));
            (found.pool, found.test, found.files.into_iter().collect())
        } else if !self.can_be_regenerated() {
            return Err(DataError::NoSource {
                set: set.into(),
                attempts: "  - it cannot be drawn anew: its natural images were never published"
                    .into(),
                by_hand: options.cache_dir.join(set).display().to_string(),
                files: self.original_files().join(", "),
            });
        } else {
            let (digits, files) = if self.needs_digits() {
                let (train, test) = mnist::images(&catalogue::MNIST, options)?;
                (vec![train, test], published(&catalogue::MNIST))
            } else {
                (Vec::new(), BTreeMap::new())
            };
            let (pool, test) = self.generate(&digits);
            (pool, test, files)
        };
        let valid = Some(self.sizes().1);
        Ok(Splits { files, ..Splits::new(Arc::new(pool), Arc::new(test), valid, config)? })
    }
}
