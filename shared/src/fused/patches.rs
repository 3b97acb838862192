//! Patches of images and their adjoint on burn-flex.

use std::ops::Range;

use burn_flex::FlexTensor;
use pulp::NullaryFnOnce;

use super::{
    buffers,
    flex::{by_block, dense, dims, tensor},
    kernels::run,
    window::{Geometry, Window},
};

/// [`super::patches_composed`], each line of a window copied at once.
pub(crate) fn patches_flex(x: FlexTensor, geometry: Geometry) -> FlexTensor {
    let (examples, pixels) = dims(&x);
    let x = dense(x);
    let [down, across] = geometry.positions();
    let (count, patch) = (down * across, geometry.patch());
    let mut values = buffers::take(examples * count * patch);
    if !values.is_empty() && pixels > 0 {
        let images: &[f32] = x.storage();
        let elements = values.len();
        let tasks = values.chunks_mut(count * patch).zip(images.chunks(pixels));
        by_block(tasks.collect(), elements, |(patches, image)| {
            run(Cut { geometry, image, patches });
        });
    }
    buffers::give_back(x);
    tensor(values, [examples * count, patch])
}

/// [`super::overlap_composed`], each line of a window added at once.
pub(crate) fn overlap_flex(patches: FlexTensor, geometry: Geometry) -> FlexTensor {
    let [down, across] = geometry.positions();
    let (count, pixels) = (down * across, geometry.pixels());
    let (rows, patch) = dims(&patches);
    let examples = rows / count.max(1);
    let patches = dense(patches);
    let mut values = buffers::take(examples * pixels);
    if !values.is_empty() && patch > 0 {
        let all: &[f32] = patches.storage();
        let tasks = values.chunks_mut(pixels).zip(all.chunks(count * patch));
        by_block(tasks.collect(), all.len(), |(image, patches)| {
            run(Add { geometry, patches, image });
        });
    }
    buffers::give_back(patches);
    tensor(values, [examples, pixels])
}

/// Offsets into a window at this position that fall into an image of this length, and where the
/// first does.
#[inline(always)]
fn inside(position: usize, length: usize, window: Window) -> (Range<usize>, usize) {
    let Window { side, stride, padding } = window;
    let at = position * stride;
    let start = padding.saturating_sub(at).min(side);
    let end = (length + padding).saturating_sub(at).min(side);
    (start..end.max(start), (at + start).saturating_sub(padding))
}

/// Calls `task(line, image, patch)` for each line of each window: where in the image and in the
/// patches its part over the image begins, and the numbers in it.
#[inline(always)]
fn by_line(geometry: Geometry, mut task: impl FnMut(usize, usize, usize)) {
    let Geometry { image: [height, width, channels], window } = geometry;
    let [down, across] = geometry.positions();
    let line = window.side * channels;
    for row in 0..down {
        let (lines, top) = inside(row, height, window);
        for column in 0..across {
            let (columns, left) = inside(column, width, window);
            let patch = (row * across + column) * window.side * line + columns.start * channels;
            for (y, i) in lines.clone().enumerate() {
                let image = ((top + y) * width + left) * channels;
                task(image, patch + i * line, columns.len() * channels);
            }
        }
    }
}

/// Patches of one image.
struct Cut<'a> {
    geometry: Geometry,
    image: &'a [f32],
    patches: &'a mut [f32],
}

impl NullaryFnOnce for Cut<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        if self.geometry.window.padding > 0 {
            self.patches.fill(0.0);
        }
        by_line(self.geometry, |image, patch, length| {
            self.patches[patch..][..length].copy_from_slice(&self.image[image..][..length]);
        });
    }
}

/// One image from its patches.
struct Add<'a> {
    geometry: Geometry,
    patches: &'a [f32],
    image: &'a mut [f32],
}

impl NullaryFnOnce for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.image.fill(0.0);
        by_line(self.geometry, |image, patch, length| {
            let line = &self.patches[patch..][..length];
            for (pixel, &value) in self.image[image..][..length].iter_mut().zip(line) {
                *pixel += value;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::{
        fused::{overlap_composed, patches_composed},
        noise::{Noise, Stream},
    };

    fn random(rows: usize, columns: usize, key: u64) -> FlexTensor {
        let values = Noise::new(6).normal(Stream::Generate, key, &[0], rows * columns);
        tensor(values, [rows, columns])
    }

    fn values(tensor: FlexTensor) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    /// Odd sizes, strides that leave pixels out, windows as large as the image.
    fn geometries() -> Vec<Geometry> {
        let mut all = Vec::new();
        for image in [[5, 7, 1], [4, 4, 3], [9, 6, 2]] {
            for (side, stride) in [(2, 1), (2, 2), (3, 1), (3, 2), (4, 1), (4, 2), (2, 3)] {
                for padding in [0, 1] {
                    all.push(Geometry { image, window: Window { side, stride, padding } });
                }
            }
        }
        all
    }

    /// x and patches for three images.
    fn pair(geometry: Geometry) -> (FlexTensor, FlexTensor) {
        let [down, across] = geometry.positions();
        (random(3, geometry.pixels(), 1), random(3 * down * across, geometry.patch(), 2))
    }

    #[test]
    fn kernels_equal_the_compositions() {
        for geometry in geometries() {
            let (x, patches) = pair(geometry);
            let composed = values(patches_composed::<Flex>(x.clone(), geometry));
            assert_eq!(values(patches_flex(x, geometry)), composed, "{geometry:?}");
            let composed = values(overlap_composed::<Flex>(patches.clone(), geometry));
            for (a, b) in values(overlap_flex(patches, geometry)).iter().zip(&composed) {
                assert!((a - b).abs() < 1e-5, "{geometry:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn each_is_the_adjoint_of_the_other() {
        let inner = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        for geometry in geometries() {
            let (x, y) = pair(geometry);
            let left = inner(&values(patches_flex(x.clone(), geometry)), &values(y.clone()));
            let right = inner(&values(x), &values(overlap_flex(y, geometry)));
            assert!((left - right).abs() < 1e-4, "{geometry:?}: {left} {right}");
        }
    }

    #[test]
    fn bits_do_not_depend_on_threads() {
        let window = Window { side: 4, stride: 2, padding: 1 };
        let geometry = Geometry { image: [16, 18, 3], window };
        let [down, across] = geometry.positions();
        let x = random(16, geometry.pixels(), 1);
        let patches = random(16 * down * across, geometry.patch(), 2);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let cut = values(patches_flex(x.clone(), geometry));
                (cut, values(overlap_flex(patches.clone(), geometry)))
            })
        };
        let one = on(1);
        assert_eq!(one, on(2));
        assert_eq!(one, on(3));
    }
}
