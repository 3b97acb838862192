//! dSprites: drawn here, or from the published file where the user has it.

pub(super) mod published;

use std::{collections::BTreeMap, sync::Arc};

use files::reading::Mistake;
use kernels::noise::{Noise, Stream};

use super::{
    DataConfig, DataError, ExampleSet, FetchOptions, Preparation, Source, SourceFile, Splits,
    Sprites,
};

/// The set.
#[derive(Debug)]
pub(super) struct Dsprites;

/// Leave out the last of the 40 orientations, which repeats the first.
const DISTINCT: &str = "distinct_orientations";
/// Images each for validation and test.
const HELD_OUT: usize = 10_000;

impl Source for Dsprites {
    fn name(&self) -> &'static str {
        "dsprites"
    }

    fn about(&self) -> &'static str {
        "Every combination of shape, scale, orientation and place of one white shape on 64 x 64 pixels, \
         737,280 images: needs no download"
    }

    fn own_keys(&self) -> &'static [&'static str] {
        &[DISTINCT]
    }

    fn check(&self, config: &DataConfig) -> Result<(), Mistake> {
        config.own::<bool>(DISTINCT).map(drop)
    }

    fn files(&self, _: &DataConfig) -> Vec<SourceFile> {
        SourceFile::named(self.name(), [published::FILE])
    }

    /// In an order drawn once, so that all three splits have every factor.
    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        _: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        let mut sprites = Sprites::drawn(config.own(DISTINCT)?.unwrap_or(false));
        let mut files = BTreeMap::new();
        if let Some((images, file)) = published::published(options)? {
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
        Ok(Splits { files, factors: Some(sprites), ..splits })
    }
}
