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
        let (count, shape, pixels) = idx::images(&files[images])?;
        let labels = idx::labels(&files[labels], count)?;
        Ok::<_, DataError>(ExampleSet::images(shape, pixels, labels, test))
    };
    Ok((read(0, 1, false)?, read(2, 3, true)?))
}
