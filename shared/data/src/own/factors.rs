//! Known factors of images of the user's: a table of their values.

use files::reading::short;
use kernels::noise::Noise;

use super::ONE_CLASS;
use crate::{FactorGrid, Split};

/// Factors of images: their values by image, as they stand in the file.
#[derive(Clone, Debug)]
pub(super) struct FactorTable {
    /// The column of each factor in the file.
    columns: Vec<usize>,
    sizes: Vec<usize>,
    /// The image at each place of the grid of all combinations.
    images: Vec<u32>,
}

impl FactorTable {
    /// A table `[images, factors]` of whole numbers from 0; factors of one value are left out.
    ///
    /// # Errors
    /// A number that is none of these; unless every combination of the values has one image.
    pub(super) fn new(count: usize, width: usize, values: &[f64]) -> Result<Self, String> {
        let is_place = |value: &&f64| !(0.0..1e6).contains(*value) || value.fract() != 0.0;
        if let Some(&bad) = values.iter().find(is_place) {
            return Err(format!("has {}: values of factors are numbered from 0", short(bad)));
        }
        let size = |factor: usize| {
            let of_factor = values.iter().skip(factor).step_by(width.max(1));
            of_factor.fold(0.0, |most: f64, value| most.max(*value)) as usize + 1
        };
        let varied: Vec<usize> = (0..width).filter(|&factor| size(factor) > 1).collect();
        if varied.is_empty() {
            return Err("has no factor that varies".into());
        }
        let sizes: Vec<usize> = varied.iter().map(|&factor| size(factor)).collect();
        let combinations = sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
        let shown = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        if sizes.len() < 2 || combinations != Some(count) {
            return Err(format!(
                "has {count} images of {shown} values: disentanglement is measured on one image of \
                 every combination of two factors or more"
            ));
        }
        let mut images = vec![u32::MAX; count];
        for (image, row) in (0..).zip(values.chunks(width)) {
            let place = varied
                .iter()
                .zip(&sizes)
                .fold(0, |place, (&f, size)| place * size + row[f] as usize);
            if images[place] != u32::MAX {
                return Err(format!(
                    "has the same values for image {} and image {image}",
                    images[place]
                ));
            }
            images[place] = image;
        }
        Ok(Self { columns: varied, sizes, images })
    }

    /// The class of each image: its value of the first factor that has few enough.
    pub(super) fn classes(&self) -> Vec<String> {
        let mut classes = vec![String::from(ONE_CLASS); self.images.len()];
        let few = self.sizes.iter().position(|&size| size <= super::MOST_CLASSES);
        if let Some(factor) = few {
            let stride: usize = self.sizes[factor + 1..].iter().product();
            for (place, &image) in self.images.iter().enumerate() {
                classes[image as usize] = (place / stride % self.sizes[factor]).to_string();
            }
        }
        classes
    }
}

/// Images of a file with their factors.
#[derive(Debug)]
pub(super) struct OwnFactors {
    /// All images.
    pub(super) all: Split,
    /// The place in `all` of each image of the file.
    pub(super) places: Vec<u32>,
    pub(super) table: FactorTable,
}

impl FactorGrid for OwnFactors {
    fn names(&self) -> Vec<String> {
        self.table.columns.iter().map(|column| format!("factor {column}")).collect()
    }

    fn sizes(&self) -> Vec<usize> {
        self.table.sizes.clone()
    }

    fn feed(&self, sink: &mut dyn FnMut(&[u8])) {
        let FactorTable { sizes, images, .. } = &self.table;
        for size in [sizes.len()].iter().chain(sizes) {
            sink(&(*size as u64).to_le_bytes());
        }
        for &image in images {
            sink(&self.places[image as usize].to_le_bytes());
        }
    }

    fn write_image(&self, index: usize, pixels: &mut [f32]) {
        let place = self.places[self.table.images[index] as usize] as usize;
        // As grey levels: the probes of every model see these.
        self.all.write_inputs(&[place], crate::Binarise::None, Noise::new(0), 0, pixels);
    }
}
