//! Batch normalisation on burn-flex: each column is summed over fixed blocks of rows, whose sums are added
//! in order.

use burn_flex::FlexTensor;
use pulp::NullaryFnOnce;

use super::{
    flex::{by_block, dense, dims, sum_of_blocks, tensor},
    kernels::{SumRows, run},
};
use crate::operation::VARIANCE_FLOOR;

/// Rows one task works on; a fixed number, so that sums do not depend on threads.
const ROWS: usize = 32;

/// Sums over the rows of a group, `[columns]` each: `task` adds those of a block of rows to its own sums.
fn sums<T: Send, const N: usize>(
    blocks: Vec<T>,
    width: usize,
    elements: usize,
    task: impl Fn(T, [&mut [f32]; N]) + Sync + Send,
) -> [Vec<f32>; N] {
    let mut parts: [Vec<f32>; N] = std::array::from_fn(|_| vec![0.0; blocks.len() * width]);
    let mut views: Vec<[&mut [f32]; N]> = Vec::with_capacity(blocks.len());
    let mut chunks = parts.each_mut().map(|part| part.chunks_mut(width.max(1)));
    for _ in 0..blocks.len() {
        views.push(chunks.each_mut().map(|chunk| chunk.next().unwrap_or_default()));
    }
    by_block(blocks.into_iter().zip(views).collect(), elements, |(block, sums)| task(block, sums));
    parts.map(|part| sum_of_blocks(&part, width))
}

/// See [`super::normalise::normalise_composed`].
pub(crate) fn normalise_flex(x: FlexTensor, groups: &[usize]) -> (FlexTensor, FlexTensor) {
    let (_, width) = dims(&x);
    let mut z = dense(x);
    let mut inverse = Vec::with_capacity(groups.len() * width);
    let mut rest: &mut [f32] = z.storage_mut();
    for &rows in groups {
        let (group, after) = rest.split_at_mut(rows * width);
        rest = after;
        if width == 0 {
            continue;
        }
        let (elements, share) = (group.len(), 1.0 / rows as f32);
        let blocks = group.chunks(ROWS * width).collect();
        let [mut mean] =
            sums(blocks, width, elements, |rows: &[f32], [sum]| run(SumRows { rows, sum }));
        mean.iter_mut().for_each(|mean| *mean *= share);
        let blocks = group.chunks_mut(ROWS * width).collect();
        let [square] = sums(blocks, width, elements, |rows: &mut [f32], [sum]| {
            run(Centre { rows, mean: &mean, sum });
        });
        let scale = square.iter().map(|sum| 1.0 / (sum * share + VARIANCE_FLOOR).sqrt());
        let scale: Vec<f32> = scale.collect();
        by_block(group.chunks_mut(ROWS * width).collect(), elements, |rows| {
            run(Scale { rows, scale: &scale });
        });
        inverse.extend(scale);
    }
    (z, tensor(inverse, [groups.len(), width]))
}

/// See [`super::normalise::normalise_gradient_composed`].
pub(crate) fn normalise_gradient_flex(
    z: FlexTensor,
    inverse: FlexTensor,
    gradient: FlexTensor,
    groups: &[usize],
) -> FlexTensor {
    let (_, width) = dims(&z);
    let (z, inverse, mut gradient) = (dense(z), dense(inverse), dense(gradient));
    let (mut z, inverse): (&[f32], &[f32]) = (z.storage(), inverse.storage());
    let mut rest: &mut [f32] = gradient.storage_mut();
    for (&rows, scale) in groups.iter().zip(inverse.chunks(width.max(1))) {
        let (g, after) = rest.split_at_mut(rows * width);
        rest = after;
        let (group, after) = z.split_at(rows * width);
        z = after;
        let (elements, share) = (g.len(), 1.0 / rows as f32);
        let blocks = g.chunks(ROWS * width).zip(group.chunks(ROWS * width)).collect();
        let [mut mean, mut along] = sums(blocks, width, elements, |(g, z), [sum, product]| {
            run(SumAndProduct { g, z, sum, product });
        });
        mean.iter_mut().chain(&mut along).for_each(|sum| *sum *= share);
        let blocks = g.chunks_mut(ROWS * width).zip(group.chunks(ROWS * width)).collect();
        by_block(blocks, elements, |(g, z)| {
            run(Project { g, z, mean: &mean, along: &along, scale });
        });
    }
    gradient
}

/// Takes the mean away, and sums the squares of what is left.
struct Centre<'a> {
    rows: &'a mut [f32],
    mean: &'a [f32],
    sum: &'a mut [f32],
}

impl NullaryFnOnce for Centre<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for row in self.rows.chunks_exact_mut(self.mean.len()) {
            for ((value, &mean), sum) in row.iter_mut().zip(self.mean).zip(self.sum.iter_mut()) {
                *value -= mean;
                *sum += *value * *value;
            }
        }
    }
}

struct Scale<'a> {
    rows: &'a mut [f32],
    scale: &'a [f32],
}

impl NullaryFnOnce for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for row in self.rows.chunks_exact_mut(self.scale.len()) {
            for (value, &scale) in row.iter_mut().zip(self.scale) {
                *value *= scale;
            }
        }
    }
}

struct SumAndProduct<'a> {
    g: &'a [f32],
    z: &'a [f32],
    sum: &'a mut [f32],
    product: &'a mut [f32],
}

impl NullaryFnOnce for SumAndProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let width = self.sum.len();
        for (g, z) in self.g.chunks_exact(width).zip(self.z.chunks_exact(width)) {
            let sums = self.sum.iter_mut().zip(self.product.iter_mut());
            for ((&g, &z), (sum, product)) in g.iter().zip(z).zip(sums) {
                *sum += g;
                *product += g * z;
            }
        }
    }
}

/// (g - mean - z along) scale, in the gradient's place.
struct Project<'a> {
    g: &'a mut [f32],
    z: &'a [f32],
    mean: &'a [f32],
    along: &'a [f32],
    scale: &'a [f32],
}

impl NullaryFnOnce for Project<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let width = self.scale.len();
        for (g, z) in self.g.chunks_exact_mut(width).zip(self.z.chunks_exact(width)) {
            let columns = self.mean.iter().zip(self.along).zip(self.scale);
            for ((g, &z), ((&mean, &along), &scale)) in g.iter_mut().zip(z).zip(columns) {
                *g = (*g - mean - z * along) * scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::{
        backend::fused::normalise::{normalise_composed, normalise_gradient_composed},
        noise::{Noise, Stream},
    };

    fn random(rows: usize, columns: usize, key: u64) -> FlexTensor {
        let values = Noise::new(2).normal(Stream::Generate, key, &[0], rows * columns);
        tensor(values.iter().map(|v| 3.0 * v + 1.0).collect(), [rows, columns])
    }

    fn values(tensor: FlexTensor) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    #[track_caller]
    fn close(a: FlexTensor, b: FlexTensor) {
        let (a, b) = (values(a), values(b));
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() <= 5e-5 * b.abs().max(1.0), "{a} {b}");
        }
    }

    /// Groups and columns, below and above the threshold for threads.
    const SIZES: [(&[usize], usize); 4] =
        [(&[2], 1), (&[3, 4], 17), (&[65], 100), (&[20, 100], 784)];

    #[test]
    fn it_equals_its_composition() {
        for (groups, columns) in SIZES {
            let rows = groups.iter().sum();
            let (x, g) = (random(rows, columns, 1), random(rows, columns, 2));
            let (z, inverse) = normalise_flex(x.clone(), groups);
            let (wanted, scale) = normalise_composed::<Flex>(x, groups);
            close(z.clone(), wanted);
            close(inverse.clone(), scale);
            let found = normalise_gradient_flex(z.clone(), inverse.clone(), g.clone(), groups);
            close(found, normalise_gradient_composed::<Flex>(z, inverse, g, groups));
        }
    }

    #[test]
    fn its_bits_do_not_depend_on_threads() {
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (z, inverse) = normalise_flex(random(200, 784, 1), &[100, 100]);
                let gradient = random(200, 784, 2);
                values(normalise_gradient_flex(z, inverse, gradient, &[100, 100]))
            })
        };
        assert_eq!(of(1), of(3));
    }
}
