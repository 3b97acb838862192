//! Batch normalisation and the combinator of the ladder network. A thread has a column and walks down its rows.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{super::combine::PARAMETERS, Rows, sigmoid};
use crate::operation::VARIANCE_FLOOR;

#[cube(launch_unchecked)]
fn normalise(
    x: &Array<f32>,
    output: &mut Array<f32>,
    inverse: &mut Array<f32>,
    width: usize,
    group: usize,
    first: usize,
    end: usize,
    share: f32,
) {
    let column = ABSOLUTE_POS;
    if column < width {
        let mut sum = 0.0f32;
        for row in first..end {
            sum += x[row * width + column];
        }
        let mean = sum * share;
        let mut squares = 0.0f32;
        for row in first..end {
            let centred = x[row * width + column] - mean;
            squares += centred * centred;
        }
        let scale = 1.0 / (squares * share + VARIANCE_FLOOR).sqrt();
        inverse[group * width + column] = scale;
        for row in first..end {
            output[row * width + column] = (x[row * width + column] - mean) * scale;
        }
    }
}

pub(crate) fn normalise_cube<R: CubeRuntime>(
    x: CubeTensor<R>,
    groups: &[usize],
) -> (CubeTensor<R>, CubeTensor<R>) {
    let x = Rows::of(x);
    let width = x.width();
    assert_eq!(groups.iter().sum::<usize>() * width, x.count(), "numbers of all groups");
    let (output, inverse) = (x.like(), x.empty([groups.len(), width]));
    let mut first = 0;
    for (group, rows) in groups.iter().enumerate() {
        let (cubes, threads) = x.threads(width);
        // SAFETY: columns are below the width, rows below the sum of the groups, which is that of x as asserted, and
        // the factors have a row for each group.
        unsafe {
            normalise::launch_unchecked(
                &x.0.client,
                cubes,
                threads,
                x.array(),
                output.array(),
                inverse.array(),
                width,
                group,
                first,
                first + rows,
                1.0 / *rows as f32,
            );
        }
        first += rows;
    }
    (output.0, inverse.0)
}

#[cube(launch_unchecked)]
fn normalise_gradient(
    z: &Array<f32>,
    inverse: &Array<f32>,
    gradient: &Array<f32>,
    output: &mut Array<f32>,
    width: usize,
    group: usize,
    first: usize,
    end: usize,
    share: f32,
) {
    let column = ABSOLUTE_POS;
    if column < width {
        let mut sum = 0.0f32;
        let mut along = 0.0f32;
        for row in first..end {
            let at = row * width + column;
            sum += gradient[at];
            along += gradient[at] * z[at];
        }
        let mean = sum * share;
        let slope = along * share;
        let scale = inverse[group * width + column];
        for row in first..end {
            let at = row * width + column;
            output[at] = (gradient[at] - mean - z[at] * slope) * scale;
        }
    }
}

pub(crate) fn normalise_gradient_cube<R: CubeRuntime>(
    z: CubeTensor<R>,
    inverse: CubeTensor<R>,
    gradient: CubeTensor<R>,
    groups: &[usize],
) -> CubeTensor<R> {
    let [z, inverse, gradient] = [z, inverse, gradient].map(Rows::of);
    let (width, output) = (z.width(), z.like());
    let in_groups = groups.iter().sum::<usize>() * width;
    assert_eq!([&z, &gradient].map(Rows::count), [in_groups; 2], "numbers of all groups");
    assert_eq!(inverse.count(), groups.len() * width, "factors of all groups");
    let mut first = 0;
    for (group, rows) in groups.iter().enumerate() {
        let (cubes, threads) = z.threads(width);
        // SAFETY: columns are below the width, rows below the sum of the groups, which is that of z and the gradient, and
        // the factors have a row for each group: all as asserted.
        unsafe {
            normalise_gradient::launch_unchecked(
                &z.0.client,
                cubes,
                threads,
                z.array(),
                inverse.array(),
                gradient.array(),
                output.array(),
                width,
                group,
                first,
                first + rows,
                1.0 / *rows as f32,
            );
        }
        first += rows;
    }
    output.0
}

/// sigmoid(a_2 u + a_3) for five parameters, a row each, of which a_1 is at `first`.
#[cube]
fn bend(u: f32, parameters: &Array<f32>, first: usize, width: usize) -> f32 {
    sigmoid(u * parameters[first + width] + parameters[first + 2 * width])
}

/// a_1 s + a_4 u + a_5 with s as [`bend`] gives it: mu(u), and v(u) of the next five.
#[cube]
fn curve(u: f32, s: f32, parameters: &Array<f32>, first: usize, width: usize) -> f32 {
    s * parameters[first] + u * parameters[first + 3 * width] + parameters[first + 4 * width]
}

#[cube(launch_unchecked)]
fn combine(
    lateral: &Array<f32>,
    above: &Array<f32>,
    parameters: &Array<f32>,
    output: &mut Array<f32>,
    width: usize,
) {
    let at = ABSOLUTE_POS;
    if at < lateral.len() {
        let u = above[at];
        let a = at % width;
        let b = a + 5 * width;
        let mu = curve(u, bend(u, parameters, a, width), parameters, a, width);
        let v = curve(u, bend(u, parameters, b, width), parameters, b, width);
        output[at] = (lateral[at] - mu) * v + mu;
    }
}

pub(crate) fn combine_cube<R: CubeRuntime>(
    lateral: CubeTensor<R>,
    above: CubeTensor<R>,
    parameters: CubeTensor<R>,
) -> CubeTensor<R> {
    let [lateral, above, parameters] = [lateral, above, parameters].map(Rows::of);
    assert_eq!(above.count(), lateral.count(), "numbers above and of the lateral value");
    assert_eq!(parameters.count(), PARAMETERS * lateral.width(), "ten parameters of each unit");
    let output = lateral.like();
    let (cubes, threads) = lateral.threads(lateral.count());
    // SAFETY: three have the lateral's length, which the kernel compares its position with, and there are ten rows of
    // parameters: as asserted.
    unsafe {
        combine::launch_unchecked(
            &lateral.0.client,
            cubes,
            threads,
            lateral.array(),
            above.array(),
            parameters.array(),
            output.array(),
            lateral.width(),
        );
    }
    output.0
}

/// A thread has one number.
#[cube(launch_unchecked)]
fn combine_gradient(
    lateral: &Array<f32>,
    above: &Array<f32>,
    parameters: &Array<f32>,
    gradient: &Array<f32>,
    to_lateral: &mut Array<f32>,
    to_above: &mut Array<f32>,
    to_parameters: &mut Array<f32>,
    width: usize,
) {
    let at = ABSOLUTE_POS;
    if at < lateral.len() {
        let u = above[at];
        let g = gradient[at];
        let a = at % width;
        let b = a + 5 * width;
        let s = bend(u, parameters, a, width);
        let t = bend(u, parameters, b, width);
        let mu = curve(u, s, parameters, a, width);
        let v = curve(u, t, parameters, b, width);
        let to_mu = g * (1.0 - v);
        let to_v = g * (lateral[at] - mu);
        let to_s = to_mu * parameters[a] * (s - s * s);
        let to_t = to_v * parameters[b] * (t - t * t);
        to_lateral[at] = g * v;
        to_above[at] = to_s * parameters[a + width]
            + to_mu * parameters[a + 3 * width]
            + to_t * parameters[b + width]
            + to_v * parameters[b + 3 * width];
        // Ten columns for each unit.
        let base = at / width * width * 10 + a;
        to_parameters[base] = to_mu * s;
        to_parameters[base + width] = to_s * u;
        to_parameters[base + 2 * width] = to_s;
        to_parameters[base + 3 * width] = to_mu * u;
        to_parameters[base + 4 * width] = to_mu;
        to_parameters[base + 5 * width] = to_v * t;
        to_parameters[base + 6 * width] = to_t * u;
        to_parameters[base + 7 * width] = to_t;
        to_parameters[base + 8 * width] = to_v * u;
        to_parameters[base + 9 * width] = to_v;
    }
}

/// Gradients of the lateral value and the one above, and those of the parameters before the sum over rows, `[rows,
/// 10 * units]`.
pub(crate) fn combine_gradient_cube<R: CubeRuntime>(
    lateral: CubeTensor<R>,
    above: CubeTensor<R>,
    parameters: CubeTensor<R>,
    gradient: CubeTensor<R>,
) -> [CubeTensor<R>; 3] {
    let [lateral, above, parameters, gradient] =
        [lateral, above, parameters, gradient].map(Rows::of);
    let (width, count) = (lateral.width(), lateral.count());
    assert_eq!([&above, &gradient].map(Rows::count), [count; 2], "numbers of the lateral value");
    assert_eq!(parameters.count(), PARAMETERS * width, "ten parameters of each unit");
    let rows = count / width.max(1);
    let (to_lateral, to_above) = (lateral.like(), lateral.like());
    let to_parameters = lateral.empty([rows, PARAMETERS * width]);
    let (cubes, threads) = lateral.threads(count);
    // SAFETY: above and gradient have the lateral's length, which the kernel compares its position with, and there are
    // ten rows of parameters: as asserted. Of the results two are like the lateral, and the last has ten numbers for
    // each of its.
    unsafe {
        combine_gradient::launch_unchecked(
            &lateral.0.client,
            cubes,
            threads,
            lateral.array(),
            above.array(),
            parameters.array(),
            gradient.array(),
            to_lateral.array(),
            to_above.array(),
            to_parameters.array(),
            width,
        );
    }
    [to_lateral.0, to_above.0, to_parameters.0]
}
