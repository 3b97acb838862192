//! Bernoulli pixels from logits.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{Rows, sigmoid, softplus};

#[cube(launch_unchecked)]
fn terms(logits: &Array<f32>, x: &Array<f32>, output: &mut Array<f32>) {
    let at = ABSOLUTE_POS;
    if at < logits.len() {
        output[at] = x[at % x.len()] * logits[at] - softplus(logits[at]);
    }
}

/// Checks that x has a row for each row of the logits, or is one row for all.
fn check_pixels<R: CubeRuntime>(logits: &Rows<R>, x: &Rows<R>) {
    assert!([logits.count(), logits.width()].contains(&x.count()), "pixels for the logits");
}

/// log p of each pixel, `[rows, pixels]`; x is `[rows, pixels]` or one row for all.
pub(crate) fn bernoulli_terms_cube<R: CubeRuntime>(
    logits: CubeTensor<R>,
    x: CubeTensor<R>,
) -> CubeTensor<R> {
    let [logits, x] = [logits, x].map(Rows::of);
    check_pixels(&logits, &x);
    let output = logits.like();
    let (cubes, threads) = logits.threads(logits.count());
    // SAFETY: the output has the logits' length, which the kernel compares its position with; x is read within its
    // own length, which is not 0 where there are logits, as asserted.
    unsafe {
        terms::launch_unchecked(
            &logits.0.client,
            cubes,
            threads,
            logits.array(),
            x.array(),
            output.array(),
        );
    }
    output.0
}

#[cube(launch_unchecked)]
fn slopes(
    logits: &Array<f32>,
    x: &Array<f32>,
    gradient: &Array<f32>,
    output: &mut Array<f32>,
    width: usize,
) {
    let at = ABSOLUTE_POS;
    if at < logits.len() {
        output[at] = (x[at % x.len()] - sigmoid(logits[at])) * gradient[at / width];
    }
}

/// d log p / d logits, times the gradient of its row, `[rows]`.
pub(crate) fn bernoulli_gradient_cube<R: CubeRuntime>(
    logits: CubeTensor<R>,
    x: CubeTensor<R>,
    gradient: CubeTensor<R>,
) -> CubeTensor<R> {
    let [logits, x, gradient] = [logits, x, gradient].map(Rows::of);
    check_pixels(&logits, &x);
    assert_eq!(gradient.count() * logits.width(), logits.count(), "a gradient for each row");
    let output = logits.like();
    let (cubes, threads) = logits.threads(logits.count());
    // SAFETY: as above; the gradient has an entry for each row, as asserted.
    unsafe {
        slopes::launch_unchecked(
            &logits.0.client,
            cubes,
            threads,
            logits.array(),
            x.array(),
            gradient.array(),
            output.array(),
            logits.width(),
        );
    }
    output.0
}
