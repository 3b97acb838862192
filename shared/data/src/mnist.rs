//! Published sets of images in four IDX files: training and test, images and labels.

use std::sync::Arc;

use super::{
    DataConfig, DataError, DataSet, ExampleSet, FetchOptions, Preparation, Source, SourceFile,
    Splits, catalogue, fetch, idx, published,
};

/// A set in four IDX files.
#[derive(Debug)]
pub(super) struct IdxSet {
    set: &'static DataSet,
    alias: Option<&'static str>,
    about: &'static str,
}

pub(super) static MNIST: IdxSet = IdxSet {
    set: &catalogue::MNIST,
    alias: Some("mnist-rows"),
    about: "Handwritten digits; for models of sequences their rows",
};

pub(super) static FASHION_MNIST: IdxSet =
    IdxSet { set: &catalogue::FASHION_MNIST, alias: None, about: "Clothing, same shape as MNIST" };

impl Source for IdxSet {
    fn name(&self) -> &'static str {
        self.set.name
    }

    fn alias(&self) -> Option<&'static str> {
        self.alias
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn has_digits(&self) -> bool {
        self.set.name == MNIST.set.name
    }

    fn files(&self, _: &DataConfig) -> Vec<SourceFile> {
        SourceFile::named(self.set.name, self.set.names())
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        _: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        let (pool, test) = images(self.set, options)?;
        let splits = Splits::new(Arc::new(pool), Arc::new(test), None, config)?;
        Ok(Splits { files: published(self.set), ..splits })
    }
}

/// Training and test images of a set.
pub(super) fn images(
    set: &DataSet,
    options: &FetchOptions,
) -> Result<(ExampleSet, ExampleSet), DataError> {
    let files = fetch(set, options)?;
    let read = |images: usize, labels: usize, test: bool| {
        let (count, shape, pixels) = idx::images(&files[images]).map_err(to_be_fetched)?;
        let labels = idx::labels(&files[labels], count).map_err(to_be_fetched)?;
        Ok::<_, DataError>(ExampleSet::images(shape, pixels, labels, test))
    };
    Ok((read(0, 1, false)?, read(2, 3, true)?))
}

/// The same mistake of a file that can be had again.
fn to_be_fetched(error: DataError) -> DataError {
    match error {
        DataError::Format { path, reason } => {
            DataError::Format { path, reason: format!("{reason}; fetch it again") }
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataFile, name_and_sha256};

    #[test]
    fn a_published_file_that_is_damaged_can_be_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        // Twelve images of 2 x 3 pixels, of which one pixel is missing.
        let content = [&[0u8, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 3][..], &[7; 71]].concat();
        let path = folder.path().join("images");
        std::fs::write(&path, &content).unwrap();
        let sha256: &'static str = name_and_sha256(&path, &content).1.leak();
        let file = DataFile { name: "images", sha256, bytes: content.len() as u64 };
        let set = DataSet {
            name: "cut",
            urls: &[],
            suffix: "",
            package: None,
            files: Box::leak(Box::new([file; 4])),
        };
        let options = FetchOptions {
            offline: true,
            cache_dir: folder.path().join("cache"),
            ..FetchOptions::from_env(Some(folder.path().into()))
        };
        let told = images(&set, &options).unwrap_err().to_string();
        let expected =
            "promises 12 x 2 x 3 bytes, and 71 follow: cut off or damaged; fetch it again";
        assert!(told.ends_with(expected), "{told}");
    }
}
