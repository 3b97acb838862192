use burn::tensor::{Int, Tensor, TensorData, ops::FloatTensor};

use super::composed::{unwrap, wrap};

/// A square window that moves over an image step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Pixels in its height and in its width.
    pub side: usize,
    /// Pixels from one position to the next.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
}

/// A [`Window`] over images of one size.
///
/// An image is a row of a matrix, channels last: pixel (y, x) has the columns from `(y * width + x)
/// * channels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Height, width and channels of the image.
    pub image: [usize; 3],
    /// What moves over it.
    pub window: Window,
}

impl Geometry {
    /// The smallest image with `height` times `width` positions of the window.
    pub fn around([height, width]: [usize; 2], channels: usize, window: Window) -> Self {
        let Window { side, stride, padding } = window;
        let length = |positions: usize| {
            (positions.saturating_sub(1) * stride + side).saturating_sub(2 * padding)
        };
        Self { image: [length(height), length(width), channels], window }
    }

    /// Positions of the window, down and across: (length + 2 padding - side) / stride + 1 each.
    pub fn positions(&self) -> [usize; 2] {
        let Window { side, stride, padding } = self.window;
        let positions = |length: usize| {
            (length + 2 * padding).checked_sub(side).map_or(0, |free| free / stride.max(1) + 1)
        };
        [positions(self.image[0]), positions(self.image[1])]
    }

    /// Numbers in an image.
    pub fn pixels(&self) -> usize {
        self.image.iter().product()
    }

    /// Numbers in the window. Saturating: a layer far too large is outlined, not made.
    pub fn patch(&self) -> usize {
        self.window.side.saturating_mul(self.line())
    }

    /// Numbers in a line of the window.
    pub(super) fn line(&self) -> usize {
        self.window.side.saturating_mul(self.image[2])
    }

    /// Number of positions.
    pub(super) fn count(&self) -> usize {
        self.positions().iter().product()
    }

    /// For each place in each window, row by row, the pixel it is over, or height * width for one
    /// outside the image.
    fn sources(&self) -> Vec<usize> {
        let [height, width, _] = self.image;
        let [down, across] = self.positions();
        let Window { side, stride, padding } = self.window;
        let at = |position: usize, offset: usize, length: usize| {
            (position * stride + offset).checked_sub(padding).filter(|&at| at < length)
        };
        let mut sources = Vec::with_capacity(down * across * side * side);
        for (row, column) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
            for (i, j) in (0..side).flat_map(|i| (0..side).map(move |j| (i, j))) {
                let pixel = at(row, i, height).zip(at(column, j, width));
                sources.push(pixel.map_or(height * width, |(y, x)| y * width + x));
            }
        }
        sources
    }
}

/// The patch of `x` `[examples, pixels]` under each position of the window, `[examples * positions,
/// patch]`.
pub(crate) fn patches_composed<B: burn::prelude::Backend>(
    x: FloatTensor<B>,
    geometry: Geometry,
) -> FloatTensor<B> {
    let x: Tensor<B, 2> = wrap(x);
    let examples = x.dims()[0];
    let [height, width, channels] = geometry.image;
    let sources = geometry.sources();
    let found = rows_at(x.reshape([examples, height * width, channels]), &sources);
    unwrap(found.reshape([examples * geometry.count(), geometry.patch()]))
}

/// The adjoint of [`patches_composed`]: each pixel the sum of its places in `patches`.
///
/// Not by scattering: the sum has a fixed order, and a gather has as many threads as numbers.
pub(crate) fn overlap_composed<B: burn::prelude::Backend>(
    patches: FloatTensor<B>,
    geometry: Geometry,
) -> FloatTensor<B> {
    let patches: Tensor<B, 2> = wrap(patches);
    let [height, width, channels] = geometry.image;
    let examples = patches.dims()[0] / geometry.count().max(1);
    let sources = geometry.sources();
    let mut places = vec![Vec::new(); height * width + 1];
    for (place, &pixel) in sources.iter().enumerate() {
        places[pixel].push(place);
    }
    places.truncate(height * width);
    let most = places.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let table: Vec<usize> = (0..most)
        .flat_map(|nth| places.iter().map(move |of| of.get(nth).copied()))
        .map(|place| place.unwrap_or(sources.len()))
        .collect();
    let found = rows_at(patches.reshape([examples, sources.len(), channels]), &table);
    let sum = found.reshape([examples, most, geometry.pixels()]).sum_dim(1);
    unwrap(sum.reshape([examples, geometry.pixels()]))
}

/// `x[:, at, :]`, with zeros where `at` is past the end.
fn rows_at<B: burn::prelude::Backend>(x: Tensor<B, 3>, at: &[usize]) -> Tensor<B, 3> {
    let ([examples, _, channels], device) = (x.dims(), x.device());
    let at: Vec<i64> = at.iter().map(|&at| at as i64).collect();
    let count = at.len();
    let at = Tensor::<B, 1, Int>::from_data(TensorData::new(at, [count]), &device);
    let zeros = Tensor::zeros([examples, 1, channels], &device);
    Tensor::cat(vec![x, zeros], 1).select(1, at)
}
