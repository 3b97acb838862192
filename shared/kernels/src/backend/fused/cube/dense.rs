//! Bias and activation of a layer, and its slope.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{Rows, sigmoid, softplus};
use crate::operation::{Activation, LEAK};

#[cube]
fn applied(x: f32, #[comptime] f: Activation) -> f32 {
    match comptime!(f) {
        Activation::Linear => x,
        Activation::Tanh => x.tanh(),
        // What is no number stays so: a maximum would be 0.
        Activation::Relu => select(x < 0.0, 0.0f32.runtime(), x),
        Activation::LeakyRelu => select(x > 0.0, x, x * LEAK),
        Activation::Sigmoid => sigmoid(x),
        Activation::Softplus => softplus(x),
    }
}

/// df(a)/da from y = f(a).
#[cube]
fn slope(y: f32, #[comptime] f: Activation) -> f32 {
    match comptime!(f) {
        Activation::Linear => 1.0f32.runtime(),
        Activation::Tanh => 1.0 - y * y,
        Activation::Relu => select(y > 0.0, 1.0f32.runtime(), 0.0f32.runtime()),
        Activation::LeakyRelu => select(y > 0.0, 1.0f32.runtime(), LEAK.runtime()),
        Activation::Sigmoid => y - y * y,
        Activation::Softplus => 1.0 - (-y).exp(),
    }
}

#[cube(launch_unchecked)]
fn activate(x: &Array<f32>, bias: &Array<f32>, output: &mut Array<f32>, #[comptime] f: Activation) {
    let at = ABSOLUTE_POS;
    if at < x.len() {
        output[at] = applied(x[at] + bias[at % bias.len()], f);
    }
}

pub(crate) fn activate_cube<R: CubeRuntime>(
    x: CubeTensor<R>,
    bias: CubeTensor<R>,
    f: Activation,
) -> CubeTensor<R> {
    let [x, bias] = [x, bias].map(Rows::of);
    assert_eq!(bias.count(), x.width(), "a bias for each column");
    let output = x.like();
    let (cubes, threads) = x.threads(x.count());
    // SAFETY: the output has the length of x, which the kernel compares its position with; a bias has an entry for
    // each column, as asserted.
    unsafe {
        activate::launch_unchecked(
            &x.0.client,
            cubes,
            threads,
            x.array(),
            bias.array(),
            output.array(),
            f,
        );
    }
    output.0
}

#[cube(launch_unchecked)]
fn dense_slope(
    y: &Array<f32>,
    gradient: &Array<f32>,
    output: &mut Array<f32>,
    #[comptime] f: Activation,
) {
    let at = ABSOLUTE_POS;
    if at < y.len() {
        output[at] = gradient[at] * slope(y[at], f);
    }
}

/// From y = f(a) and dL/dy: dL/da.
pub(crate) fn dense_slope_cube<R: CubeRuntime>(
    y: CubeTensor<R>,
    gradient: CubeTensor<R>,
    f: Activation,
) -> CubeTensor<R> {
    let [y, gradient] = [y, gradient].map(Rows::of);
    assert_eq!(gradient.count(), y.count(), "numbers of an output and its gradient");
    let output = y.like();
    let (cubes, threads) = y.threads(y.count());
    // SAFETY: all three have the length of y, as asserted, which the kernel compares its position with.
    unsafe {
        dense_slope::launch_unchecked(
            &y.0.client,
            cubes,
            threads,
            y.array(),
            gradient.array(),
            output.array(),
            f,
        );
    }
    output.0
}
