//! Convolutions on burn-flex, a block of examples at a time, so that its patches stay in the cache.

use burn_flex::FlexTensor;
use faer::{Accum, MatMut, MatRef};

use super::{
    buffers,
    flex::{by_block, dense, dims, sum_of_blocks, tensor},
    kernels::run,
    patches::{Cut, Overlap},
    product::{matrix, readable},
    tiles::multiply,
    window::Geometry,
};

/// Patches of a block, at least; a fixed number, so that products do not depend on threads.
const PATCHES: usize = 256;
/// Parts a sum over examples is made of; for the same reason.
const PARTS: usize = 16;

/// P(x) W: patches of a block, then their product.
pub(crate) fn convolve_flex(x: FlexTensor, weight: FlexTensor, geometry: Geometry) -> FlexTensor {
    let (examples, pixels) = dims(&x);
    let outputs = dims(&weight).1;
    let (count, patch) = (geometry.count(), geometry.patch());
    let (x, weight) = (dense(x), readable(weight));
    let weight_matrix = matrix(&weight);
    let mut values = buffers::take(examples * count * outputs);
    if !values.is_empty() && pixels > 0 {
        let images: &[f32] = x.storage();
        let block = block(geometry);
        let tasks = values.chunks_mut(block * count * outputs).zip(images.chunks(block * pixels));
        by_block(tasks.collect(), examples * count * patch, |(y, images)| {
            let rows = y.len() / outputs;
            with_patches(images, geometry, |patches| {
                let y = MatMut::from_row_major_slice_mut(y, rows, outputs);
                multiply(y, Accum::Replace, patches, weight_matrix);
            });
        });
    }
    buffers::give_back(x);
    buffers::give_back(weight);
    tensor(values, [examples * count, outputs])
}

/// The adjoint of P at y W: patches of a block, then their sums.
pub(crate) fn convolve_transposed_flex(
    y: FlexTensor,
    weight: FlexTensor,
    geometry: Geometry,
) -> FlexTensor {
    let (rows, inputs) = dims(&y);
    let (count, patch, pixels) = (geometry.count(), geometry.patch(), geometry.pixels());
    let examples = rows / count.max(1);
    let (y, weight) = (dense(y), readable(weight));
    let weight_matrix = matrix(&weight);
    let mut values = buffers::take(examples * pixels);
    if !values.is_empty() && patch > 0 && inputs > 0 {
        let block = block(geometry);
        let ys = y.storage::<f32>().chunks(block * count * inputs);
        let tasks = values.chunks_mut(block * pixels).zip(ys);
        by_block(tasks.collect(), rows * patch, |(images, y)| {
            let rows = y.len() / inputs;
            let mut patches = buffers::take(rows * patch);
            let y = MatRef::from_row_major_slice(y, rows, inputs);
            let product = MatMut::from_row_major_slice_mut(&mut patches, rows, patch);
            multiply(product, Accum::Replace, y, weight_matrix);
            let each = images.chunks_mut(pixels).zip(patches.chunks(count * patch));
            for (image, patches) in each {
                run(Overlap { geometry, patches, image });
            }
            buffers::keep(patches);
        });
    }
    buffers::give_back(y);
    buffers::give_back(weight);
    tensor(values, [examples, pixels])
}

/// P(x)^T y: a sum for each part of the examples, then the sum of these.
pub(crate) fn convolve_weight_flex(x: FlexTensor, y: FlexTensor, geometry: Geometry) -> FlexTensor {
    let (examples, pixels) = dims(&x);
    let outputs = dims(&y).1;
    let (count, patch) = (geometry.count(), geometry.patch());
    let size = patch * outputs;
    let (x, y) = (dense(x), dense(y));
    let sum = if size > 0 && pixels > 0 && count > 0 {
        let part = examples.div_ceil(PARTS).max(1);
        let block = block(geometry);
        let mut sums = buffers::take(examples.div_ceil(part) * size);
        let images = x.storage::<f32>().chunks(part * pixels);
        let ys = y.storage::<f32>().chunks(part * count * outputs);
        let tasks = sums.chunks_mut(size).zip(images.zip(ys));
        by_block(tasks.collect(), examples * count * patch, |(sum, (images, ys))| {
            let mut accum = Accum::Replace;
            let ys = ys.chunks(block * count * outputs);
            for (images, y) in images.chunks(block * pixels).zip(ys) {
                with_patches(images, geometry, |patches| {
                    let y = MatRef::from_row_major_slice(y, patches.nrows(), outputs);
                    let sum = MatMut::from_row_major_slice_mut(sum, patch, outputs);
                    multiply(sum, accum, patches.transpose(), y);
                });
                accum = Accum::Add;
            }
        });
        let sum = sum_of_blocks(&sums, size);
        buffers::keep(sums);
        sum
    } else {
        vec![0.0; size]
    };
    buffers::give_back(x);
    buffers::give_back(y);
    tensor(sum, [patch, outputs])
}

/// Examples of a block.
fn block(geometry: Geometry) -> usize {
    (PATCHES / geometry.count().max(1)).max(1)
}

/// Calls `task` with the patches of these images.
fn with_patches(images: &[f32], geometry: Geometry, task: impl FnOnce(MatRef<'_, f32>)) {
    let (count, patch, pixels) = (geometry.count(), geometry.patch(), geometry.pixels());
    let rows = images.len() / pixels.max(1) * count;
    let mut patches = buffers::take(rows * patch);
    let each = images.chunks(pixels.max(1)).zip(patches.chunks_mut((count * patch).max(1)));
    for (image, patches) in each {
        run(Cut { geometry, image, patches });
    }
    task(MatRef::from_row_major_slice(&patches, rows, patch));
    buffers::keep(patches);
}

#[cfg(test)]
mod tests {
    use burn::tensor::ops::FloatTensorOps;
    use burn_flex::Flex;

    use super::*;
    use crate::{
        backend::Window,
        backend::fused::{overlap_composed, patches_composed},
        noise::{Noise, Stream},
    };

    fn random(rows: usize, columns: usize, key: u64) -> FlexTensor {
        let values = Noise::new(6).normal(Stream::Generate, key, &[0], rows * columns);
        tensor(values, [rows, columns])
    }

    fn values(tensor: FlexTensor) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    /// Odd sizes, strides that leave pixels out, windows as large as the image or beside it.
    fn geometries() -> Vec<Geometry> {
        let mut all = Vec::new();
        for image in [[5, 7, 1], [4, 4, 3], [9, 6, 2]] {
            for (side, stride) in [(2, 1), (2, 2), (3, 1), (3, 2), (4, 1), (4, 2), (2, 3)] {
                for padding in [0, 1, 2] {
                    all.push(Geometry { image, window: Window { side, stride, padding } });
                }
            }
        }
        all
    }

    /// x, y and W `[patch, 5]` for 35 images.
    fn triple(geometry: Geometry) -> [FlexTensor; 3] {
        let [down, across] = geometry.positions();
        let x = random(35, geometry.pixels(), 1);
        [x, random(35 * down * across, 5, 2), random(geometry.patch(), 5, 3)]
    }

    fn close(a: FlexTensor, b: FlexTensor, case: Geometry) {
        assert_eq!(dims(&a), dims(&b));
        for (a, b) in values(a).iter().zip(values(b)) {
            assert!((a - b).abs() < 2e-5 * b.abs().max(10.0), "{case:?}: {a} {b}");
        }
    }

    #[test]
    fn they_equal_their_compositions() {
        for geometry in geometries() {
            let [x, y, w] = triple(geometry);
            let turned = |t: &FlexTensor| t.clone().transpose(0, 1);
            let patches = patches_composed::<Flex>(x.clone(), geometry);
            let composed = Flex::float_matmul(patches.clone(), w.clone());
            close(convolve_flex(x.clone(), w.clone(), geometry), composed, geometry);
            let composed = Flex::float_matmul(turned(&patches), y.clone());
            close(convolve_weight_flex(x, y.clone(), geometry), composed, geometry);
            let product = Flex::float_matmul(y.clone(), turned(&w));
            let composed = overlap_composed::<Flex>(product, geometry);
            close(convolve_transposed_flex(y, turned(&w), geometry), composed, geometry);
        }
    }

    #[test]
    fn they_are_adjoint() {
        let inner = |a: FlexTensor, b: FlexTensor| -> f64 {
            let products = values(a).into_iter().zip(values(b));
            products.map(|(a, b)| f64::from(a) * f64::from(b)).sum()
        };
        for geometry in geometries() {
            let [x, y, w] = triple(geometry);
            let of_y = inner(convolve_flex(x.clone(), w.clone(), geometry), y.clone());
            let of_w = inner(convolve_weight_flex(x.clone(), y.clone(), geometry), w.clone());
            let of_x = inner(x, convolve_transposed_flex(y, w.transpose(0, 1), geometry));
            let scale = 1e-4 * of_y.abs().max(100.0);
            assert!((of_y - of_x).abs() < scale, "{geometry:?}: {of_y} {of_x}");
            assert!((of_y - of_w).abs() < scale, "{geometry:?}: {of_y} {of_w}");
        }
    }

    #[test]
    fn bits_do_not_depend_on_threads() {
        let window = Window { side: 4, stride: 2, padding: 1 };
        let geometry = Geometry { image: [16, 18, 3], window };
        let [x, y, w] = triple(geometry);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let there = values(convolve_flex(x.clone(), w.clone(), geometry));
                let back = w.clone().transpose(0, 1);
                let back = values(convolve_transposed_flex(y.clone(), back, geometry));
                [there, back, values(convolve_weight_flex(x.clone(), y.clone(), geometry))]
            })
        };
        let one = on(1);
        assert_eq!(one, on(2));
        assert_eq!(one, on(3));
    }
}
