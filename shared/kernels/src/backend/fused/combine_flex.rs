//! The combinator of a ladder network on burn-flex.

use std::ops::Range;

use burn_flex::FlexTensor;
use pulp::NullaryFnOnce;

use super::{
    buffers,
    combine::PARAMETERS,
    elementary::sigmoid,
    flex::{by_block, dense, dims, sum_of_blocks, tensor},
    kernels::run,
};

/// Rows one task works on; a fixed number, so that sums do not depend on threads.
const ROWS: usize = 16;
/// Work for one number, in units of a layer's activation.
const WORK: usize = 4;

/// See [`super::combine::combine_composed`].
pub(crate) fn combine_flex(
    lateral: FlexTensor,
    above: FlexTensor,
    parameters: FlexTensor,
) -> FlexTensor {
    let (rows, width) = dims(&lateral);
    let (z, u, parameters) = (dense(lateral), dense(above), dense(parameters));
    let mut estimate = buffers::take(rows * width);
    if width > 0 {
        let a = columns(parameters.storage(), width);
        let tasks: Vec<_> = (estimate.chunks_mut(ROWS * width))
            .zip(z.storage::<f32>().chunks(ROWS * width))
            .zip(u.storage::<f32>().chunks(ROWS * width))
            .collect();
        by_block(tasks, WORK * rows * width, |((estimate, z), u)| {
            run(Combine { estimate, z, u, a })
        });
    }
    tensor(estimate, [rows, width])
}

/// See [`super::combine::combine_gradient_composed`].
pub(crate) fn combine_gradient_flex(
    lateral: FlexTensor,
    above: FlexTensor,
    parameters: FlexTensor,
    gradient: FlexTensor,
) -> [FlexTensor; 3] {
    let (rows, width) = dims(&lateral);
    let (z, u, parameters) = (dense(lateral), dense(above), dense(parameters));
    let mut gradient = dense(gradient);
    let mut to_u = buffers::take(rows * width);
    let mut slopes = vec![0f32; rows.div_ceil(ROWS) * PARAMETERS * width];
    if width > 0 {
        let a = columns(parameters.storage(), width);
        let tasks: Vec<_> = (gradient.storage_mut::<f32>().chunks_mut(ROWS * width))
            .zip(to_u.chunks_mut(ROWS * width))
            .zip(z.storage::<f32>().chunks(ROWS * width))
            .zip(u.storage::<f32>().chunks(ROWS * width))
            .zip(slopes.chunks_mut(PARAMETERS * width))
            .collect();
        by_block(tasks, WORK * rows * width, |((((g, to_u), z), u), slopes)| {
            run(Gradient { g, to_u, z, u, a, slopes });
        });
    }
    let total = sum_of_blocks(&slopes, PARAMETERS * width);
    [gradient, tensor(to_u, [rows, width]), tensor(total, [PARAMETERS, width])]
}

/// The row of each parameter.
fn columns(parameters: &[f32], width: usize) -> [&[f32]; PARAMETERS] {
    std::array::from_fn(|row| &parameters[row * width..][..width])
}

struct Combine<'a> {
    estimate: &'a mut [f32],
    z: &'a [f32],
    u: &'a [f32],
    a: [&'a [f32]; PARAMETERS],
}

impl NullaryFnOnce for Combine<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10] = self.a;
        let width = a1.len();
        let rows = self.z.chunks_exact(width).zip(self.u.chunks_exact(width));
        for (estimate, (z, u)) in self.estimate.chunks_exact_mut(width).zip(rows) {
            for j in 0..width {
                let u = u[j];
                let mu = a1[j] * sigmoid(a2[j] * u + a3[j]) + a4[j] * u + a5[j];
                let v = a6[j] * sigmoid(a7[j] * u + a8[j]) + a9[j] * u + a10[j];
                estimate[j] = (z[j] - mu) * v + mu;
            }
        }
    }
}

/// The gradient of z~ in the place of g, and those of u and the parameters.
struct Gradient<'a> {
    g: &'a mut [f32],
    to_u: &'a mut [f32],
    z: &'a [f32],
    u: &'a [f32],
    a: [&'a [f32]; PARAMETERS],
    slopes: &'a mut [f32],
}

impl NullaryFnOnce for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { g, to_u, z, u, a, slopes } = self;
        let width = a[0].len();
        let whole = width - width % LANES;
        for first in (0..whole).step_by(LANES) {
            gradient_of_columns::<true>(g, to_u, z, u, a, slopes, first..first + LANES);
        }
        if whole < width {
            gradient_of_columns::<false>(g, to_u, z, u, a, slopes, whole..width);
        }
    }
}

/// Columns side by side.
const LANES: usize = 16;

/// [`Gradient`] for at most [`LANES`] columns, exactly as many if `FULL`. Parameters and sums are arrays of its
/// own: with twelve slices to write to, the compiler would not rule out that one overlaps another, and would take
/// one number at a time.
#[inline(always)]
fn gradient_of_columns<const FULL: bool>(
    g: &mut [f32],
    to_u: &mut [f32],
    z: &[f32],
    u: &[f32],
    a: [&[f32]; PARAMETERS],
    slopes: &mut [f32],
    columns: Range<usize>,
) {
    let width = a[0].len();
    let [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10] =
        a.map(|row| lanes::<FULL>(&row[columns.clone()]));
    let mut sums = [[0f32; LANES]; PARAMETERS];
    for start in (0..z.len()).step_by(width) {
        let row = start + columns.start..start + columns.end;
        let (z, u, gradient) = (
            lanes::<FULL>(&z[row.clone()]),
            lanes::<FULL>(&u[row.clone()]),
            lanes::<FULL>(&g[row.clone()]),
        );
        let (mut to_z, mut to_above) = ([0f32; LANES], [0f32; LANES]);
        for j in 0..LANES {
            let (u, gradient) = (u[j], gradient[j]);
            let s = sigmoid(a2[j] * u + a3[j]);
            let t = sigmoid(a7[j] * u + a8[j]);
            let mu = a1[j] * s + a4[j] * u + a5[j];
            let v = a6[j] * t + a9[j] * u + a10[j];
            let to_mu = gradient * (1.0 - v);
            let to_v = gradient * (z[j] - mu);
            let to_s = to_mu * a1[j] * (s - s * s);
            let to_t = to_v * a6[j] * (t - t * t);
            to_z[j] = gradient * v;
            to_above[j] = to_s * a2[j] + to_mu * a4[j] + to_t * a7[j] + to_v * a9[j];
            sums[0][j] += to_mu * s;
            sums[1][j] += to_s * u;
            sums[2][j] += to_s;
            sums[3][j] += to_mu * u;
            sums[4][j] += to_mu;
            sums[5][j] += to_v * t;
            sums[6][j] += to_t * u;
            sums[7][j] += to_t;
            sums[8][j] += to_v * u;
            sums[9][j] += to_v;
        }
        g[row.clone()].copy_from_slice(&to_z[..columns.len()]);
        to_u[row].copy_from_slice(&to_above[..columns.len()]);
    }
    for (slopes, sums) in slopes.chunks_exact_mut(width).zip(&sums) {
        slopes[columns.clone()].copy_from_slice(&sums[..columns.len()]);
    }
}

/// The numbers of a slice, and zeros after them unless it is `FULL`.
#[inline(always)]
fn lanes<const FULL: bool>(values: &[f32]) -> [f32; LANES] {
    if FULL && let Some(values) = values.first_chunk() {
        return *values;
    }
    let mut padded = [0f32; LANES];
    padded[..values.len()].copy_from_slice(values);
    padded
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::{
        backend::fused::combine::{combine_composed, combine_gradient_composed},
        noise::{Noise, Stream},
    };

    fn random(rows: usize, columns: usize, key: u64) -> FlexTensor {
        let values = Noise::new(2).normal(Stream::Generate, key, &[0], rows * columns);
        tensor(values, [rows, columns])
    }

    fn values(tensor: FlexTensor) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    #[test]
    fn it_equals_its_composition_at_any_number_of_threads() {
        for (rows, columns) in [(1, 1), (3, 17), (130, 784)] {
            let [z, u, g] = [1, 2, 3].map(|key| random(rows, columns, key));
            let a = random(PARAMETERS, columns, 4);
            let found = || {
                let estimate = combine_flex(z.clone(), u.clone(), a.clone());
                let [z, u, a] = combine_gradient_flex(z.clone(), u.clone(), a.clone(), g.clone());
                [estimate, z, u, a].map(values)
            };
            let estimate = combine_composed::<Flex>(z.clone(), u.clone(), a.clone());
            let [to_z, to_u, to_a] =
                combine_gradient_composed::<Flex>(z.clone(), u.clone(), a.clone(), g.clone());
            for (found, wanted) in found().iter().zip([estimate, to_z, to_u, to_a].map(values)) {
                assert_eq!(found.len(), wanted.len());
                for (a, b) in found.iter().zip(&wanted) {
                    assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{a} {b}");
                }
            }
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(found)
            };
            assert_eq!(on(1), on(3));
        }
    }
}
