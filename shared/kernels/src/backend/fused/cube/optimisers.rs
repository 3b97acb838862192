//! Steps of Adam and Adagrad, and moving averages.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{
    super::{AdagradStep, AdamStep},
    Rows,
};

#[cube(launch_unchecked)]
fn adam(
    weight: &Array<f32>,
    gradient: &Array<f32>,
    first: &Array<f32>,
    second: &Array<f32>,
    new_weight: &mut Array<f32>,
    new_first: &mut Array<f32>,
    new_second: &mut Array<f32>,
    beta1: f32,
    beta2: f32,
    rate: f32,
    root: f32,
    epsilon: f32,
) {
    let at = ABSOLUTE_POS;
    if at < weight.len() {
        let g = gradient[at];
        let m = first[at] * beta1 + g * (1.0 - beta1);
        let v = second[at] * beta2 + g * g * (1.0 - beta2);
        new_first[at] = m;
        new_second[at] = v;
        // NaN where v is infinite, as on the host.
        new_weight[at] = weight[at] - m / (v.sqrt() * root + (epsilon + v * 0.0)) * rate;
    }
}

pub(crate) fn adam_cube<R: CubeRuntime>(
    step: AdamStep,
    weight: CubeTensor<R>,
    gradient: CubeTensor<R>,
    first: CubeTensor<R>,
    second: CubeTensor<R>,
) -> (CubeTensor<R>, CubeTensor<R>, CubeTensor<R>) {
    let [weight, gradient, first, second] = [weight, gradient, first, second].map(Rows::of);
    let own = [&gradient, &first, &second].map(Rows::count);
    assert_eq!(own, [weight.count(); 3], "numbers of the gradient and moments of a weight");
    let [new_weight, new_first, new_second] = [(); 3].map(|()| weight.like());
    let (cubes, threads) = weight.threads(weight.count());
    // SAFETY: all seven have the weight's length, as asserted, which the kernel compares its position with.
    unsafe {
        adam::launch_unchecked(
            &weight.0.client,
            cubes,
            threads,
            weight.array(),
            gradient.array(),
            first.array(),
            second.array(),
            new_weight.array(),
            new_first.array(),
            new_second.array(),
            step.beta1,
            step.beta2,
            step.rate,
            step.root,
            step.epsilon,
        );
    }
    (new_weight.0, new_first.0, new_second.0)
}

#[cube(launch_unchecked)]
fn adagrad(
    weight: &Array<f32>,
    gradient: &Array<f32>,
    sum: &Array<f32>,
    new_weight: &mut Array<f32>,
    new_sum: &mut Array<f32>,
    rate: f32,
    epsilon: f32,
    weight_decay: f32,
) {
    let at = ABSOLUTE_POS;
    if at < weight.len() {
        let g = gradient[at] + weight[at] * weight_decay;
        let s = sum[at] + g * g;
        new_sum[at] = s;
        // NaN where s is infinite, as on the host.
        new_weight[at] = weight[at] - g / (s.sqrt() + (epsilon + s * 0.0)) * rate;
    }
}

pub(crate) fn adagrad_cube<R: CubeRuntime>(
    step: AdagradStep,
    weight: CubeTensor<R>,
    gradient: CubeTensor<R>,
    sum: CubeTensor<R>,
) -> (CubeTensor<R>, CubeTensor<R>) {
    let [weight, gradient, sum] = [weight, gradient, sum].map(Rows::of);
    let own = [&gradient, &sum].map(Rows::count);
    assert_eq!(own, [weight.count(); 2], "numbers of the gradient and squares of a weight");
    let (new_weight, new_sum) = (weight.like(), weight.like());
    let (cubes, threads) = weight.threads(weight.count());
    // SAFETY: all five have the weight's length, as asserted, which the kernel compares its position with.
    unsafe {
        adagrad::launch_unchecked(
            &weight.0.client,
            cubes,
            threads,
            weight.array(),
            gradient.array(),
            sum.array(),
            new_weight.array(),
            new_sum.array(),
            step.rate,
            step.epsilon,
            step.weight_decay,
        );
    }
    (new_weight.0, new_sum.0)
}

#[cube(launch_unchecked)]
fn approach(average: &Array<f32>, value: &Array<f32>, output: &mut Array<f32>, share: f32) {
    let at = ABSOLUTE_POS;
    if at < average.len() {
        output[at] = average[at] + (value[at] - average[at]) * share;
    }
}

pub(crate) fn approach_cube<R: CubeRuntime>(
    average: CubeTensor<R>,
    value: CubeTensor<R>,
    share: f32,
) -> CubeTensor<R> {
    let [average, value] = [average, value].map(Rows::of);
    assert_eq!(value.count(), average.count(), "numbers of a value and its average");
    let output = average.like();
    let (cubes, threads) = average.threads(average.count());
    // SAFETY: all three have the average's length, as asserted, which the kernel compares its position with.
    unsafe {
        approach::launch_unchecked(
            &average.0.client,
            cubes,
            threads,
            average.array(),
            value.array(),
            output.array(),
            share,
        );
    }
    output.0
}
