use std::{ops::Range, sync::Arc};

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{
    Sequences,
    sprites::{SIDE, Sprite, Sprites},
};

/// Height, width and channels of an image.
///
/// Its numbers lie row by row, those of a pixel's channels side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Numbers of a pixel: 1 if it is grey, 3 for red, green and blue.
    #[serde(default = "grey", skip_serializing_if = "is_grey")]
    pub channels: usize,
}

fn grey() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_grey(channels: &usize) -> bool {
    *channels == 1
}

impl PixelShape {
    /// Grey images, the rows of a table or the steps of sequences.
    pub const fn grey(height: usize, width: usize) -> Self {
        Self { height, width, channels: 1 }
    }

    /// Numbers of one image.
    pub const fn pixels(self) -> usize {
        self.height * self.width * self.channels
    }

    /// True if a pixel has several channels.
    pub const fn is_coloured(self) -> bool {
        self.channels > 1
    }
}

/// First noise key of test images.
const TEST_KEY: u64 = 1 << 32;

/// Examples with labels in one contiguous block: grey images, a byte a pixel, rows of a table, or
/// sequences.
#[derive(Debug)]
pub struct ExampleSet {
    shape: PixelShape,
    values: Values,
    labels: Vec<u8>,
    first_key: u64,
    /// What the examples are called where they come from; none of published sets.
    names: Vec<String>,
}

#[derive(Debug)]
enum Values {
    /// Grey levels.
    Bytes(Vec<u8>),
    /// Features.
    Numbers(Vec<f32>),
    /// Images of a grid by their place in it, drawn on demand.
    Sprites(Arc<Sprites>, Vec<u32>),
    /// Sequences of unequal length.
    Sequences(Sequences),
}

/// What one example consists of.
#[allow(clippy::large_enum_variant)] // It lives for one call, on the stack.
pub(super) enum Example<'a> {
    /// Grey levels, 0 to 255.
    Image(&'a [u8]),
    /// Features.
    Row(&'a [f32]),
    /// Black and white pixels.
    Sprite(Sprite),
    /// One of these sequences.
    Sequence(&'a Sequences, usize),
}

impl ExampleSet {
    /// A set of images from its pixels, image by image and row by row. Test images get noise keys of
    /// their own, so that no test image shares its noise with a training image.
    ///
    /// # Panics
    /// If there are not `labels.len()` images.
    pub fn images(shape: PixelShape, pixels: Vec<u8>, labels: Vec<u8>, test: bool) -> Self {
        assert_eq!(pixels.len(), labels.len() * shape.pixels());
        let first_key = if test { TEST_KEY } else { 0 };
        Self { shape, values: Values::Bytes(pixels), labels, first_key, names: Vec::new() }
    }

    /// Rows of a table, `[examples, features]`.
    ///
    /// # Panics
    /// If there is not a label for each row.
    pub fn rows(features: &Array2<f32>, labels: Vec<u8>) -> Self {
        assert_eq!(features.nrows(), labels.len());
        Self {
            shape: PixelShape::grey(1, features.ncols()),
            values: Values::Numbers(features.iter().copied().collect()),
            labels,
            first_key: 0,
            names: Vec::new(),
        }
    }

    /// Images of a grid, in this order; test images as for [`Self::images`]. Their class is the first
    /// factor.
    pub(super) fn sprites(grid: Arc<Sprites>, order: Vec<u32>, test: bool) -> Self {
        let labels = order.iter().map(|&index| grid.factors(index as usize)[0] as u8).collect();
        Self {
            shape: PixelShape::grey(SIDE, SIDE),
            values: Values::Sprites(grid, order),
            labels,
            first_key: if test { TEST_KEY } else { 0 },
            names: Vec::new(),
        }
    }

    /// Sequences; their shape is that of the longest. Test sequences as for [`Self::images`]. They have
    /// no classes: all are of class 0.
    pub fn sequences(sequences: Sequences, test: bool) -> Self {
        Self {
            shape: PixelShape::grey(sequences.longest(), sequences.width()),
            labels: vec![0; sequences.len()],
            values: Values::Sequences(sequences),
            first_key: if test { TEST_KEY } else { 0 },
            names: Vec::new(),
        }
    }

    /// The same with what its examples are called where they come from: a file's name, a row's number.
    #[must_use]
    pub fn named(self, names: Vec<String>) -> Self {
        Self { names, ..self }
    }

    /// What an example is called where it comes from, if it has a name there.
    pub fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True if there is no example.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Height and width of every image; a row of a table is one pixel high, the longest sequence as
    /// high as it has steps.
    pub fn shape(&self) -> PixelShape {
        self.shape
    }

    /// One example.
    pub(super) fn example(&self, index: usize) -> Example<'_> {
        let width = self.shape.pixels();
        let range = || index * width..(index + 1) * width;
        match &self.values {
            Values::Bytes(bytes) => Example::Image(&bytes[range()]),
            Values::Numbers(numbers) => Example::Row(&numbers[range()]),
            Values::Sprites(grid, order) => Example::Sprite(grid.image(order[index] as usize)),
            Values::Sequences(sequences) => Example::Sequence(sequences, index),
        }
    }

    /// Steps of one example: those of a sequence, or the rows of an image.
    pub fn steps(&self, index: usize) -> usize {
        match &self.values {
            Values::Sequences(sequences) => sequences.steps(index),
            _ => self.shape.height,
        }
    }

    /// Grey levels of one image, 0 to 255; none of a table or a grid.
    pub(super) fn image(&self, index: usize) -> &[u8] {
        match self.example(index) {
            Example::Image(bytes) => bytes,
            Example::Row(_) | Example::Sprite(_) | Example::Sequence(..) => &[],
        }
    }

    /// True if every pixel is stored as black or white.
    pub(super) fn is_black_and_white(&self) -> bool {
        matches!(self.values, Values::Sprites(..))
    }

    /// True if the examples are rows of a table.
    pub fn is_rows(&self) -> bool {
        matches!(self.values, Values::Numbers(_))
    }

    /// True if the examples are sequences.
    pub fn is_sequences(&self) -> bool {
        matches!(self.values, Values::Sequences(_))
    }

    /// Feeds all bytes of these examples to a checksum.
    pub(super) fn feed(&self, range: Range<usize>, sink: &mut dyn FnMut(&[u8])) {
        let PixelShape { height, width, channels } = self.shape;
        // Of grey images and of all else there is one channel, which was not always counted.
        let channels = Some(channels).filter(|&channels| channels > 1);
        for size in [height, width, range.len()].into_iter().chain(channels) {
            sink(&(size as u64).to_le_bytes());
        }
        sink(&self.labels[range.clone()]);
        let width = self.shape.pixels();
        let block = range.start * width..range.end * width;
        match &self.values {
            Values::Bytes(bytes) => sink(&bytes[block]),
            Values::Numbers(numbers) => {
                for row in numbers[block].chunks(width.max(1)) {
                    let bytes: Vec<u8> = row.iter().flat_map(|v| v.to_le_bytes()).collect();
                    sink(&bytes);
                }
            }
            // Place in the grid says which image it is.
            Values::Sprites(grid, order) => {
                sink(&[u8::from(grid.is_published())]);
                for size in grid.sizes() {
                    sink(&(size as u64).to_le_bytes());
                }
                order[range].iter().for_each(|place| sink(&place.to_le_bytes()));
            }
            Values::Sequences(sequences) => {
                range.for_each(|index| sequences.feed(index, sink));
            }
        }
    }

    /// Class of one example.
    pub fn label(&self, index: usize) -> u8 {
        self.labels[index]
    }

    /// Noise key of one example.
    pub fn key(&self, index: usize) -> u64 {
        self.first_key + index as u64
    }
}
