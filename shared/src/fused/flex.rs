//! Kernels of burn-flex.

use burn::tensor::{Shape, TensorData};
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::{
    buffers,
    elementary::{exp, ln, sigmoid, tanh},
    product::product_flex,
};
use crate::nn::Activation;

/// Rows one task works on; a fixed number, so that sums do not depend on threads.
const ROWS: usize = 32;
/// Elements below which threads cost more than they bring.
const PARALLEL: usize = 1 << 15;

pub(super) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The tensor itself if its buffer holds its elements in order and nothing else, so that a sole
/// owner can be changed in place; a copy otherwise.
pub(super) fn dense(tensor: FlexTensor) -> FlexTensor {
    let bytes = tensor.layout().num_elements() * size_of::<f32>();
    let whole = tensor.bytes().len() == bytes && tensor.layout().start_offset() == 0;
    if whole && tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// Rows and columns of a matrix.
fn dims(tensor: &FlexTensor) -> (usize, usize) {
    let shape = tensor.layout().shape();
    (shape[0], shape[1])
}

/// Calls `task` with each block of [`ROWS`] rows, on several threads if that pays.
fn by_block<T: Send>(items: Vec<T>, elements: usize, task: impl Fn(T) + Sync + Send) {
    if elements < PARALLEL {
        items.into_iter().for_each(task);
    } else {
        items.into_par_iter().for_each(task);
    }
}

/// f(x W + b): a product, then bias and activation in place.
pub(crate) fn dense_flex(
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    f: Activation,
) -> FlexTensor {
    let mut y = product_flex(x, weight);
    let bias = dense(bias);
    let bias: &[f32] = bias.storage();
    let width = bias.len().max(1);
    let values: &mut [f32] = y.storage_mut();
    let elements = values.len();
    by_block(values.chunks_mut(ROWS * width).collect(), elements, |block: &mut [f32]| {
        // One instance of the loop for each activation, each a straight line.
        match f {
            Activation::Linear => add_and(block, bias, |a| a),
            Activation::Tanh => add_and(block, bias, tanh),
            Activation::Relu => add_and(block, bias, |a| if a < 0.0 { 0.0 } else { a }),
            Activation::Sigmoid => add_and(block, bias, sigmoid),
        }
    });
    y
}

#[inline(always)]
fn add_and(block: &mut [f32], bias: &[f32], f: impl Fn(f32) -> f32) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for row in block.chunks_exact_mut(bias.len()) {
                for (value, &bias) in row.iter_mut().zip(bias) {
                    *value = f(*value + bias);
                }
            }
        },
    );
}

/// dL/da in the gradient's own memory, and its sum over rows.
pub(crate) fn dense_gradient_flex(
    y: FlexTensor,
    gradient: FlexTensor,
    f: Activation,
) -> (FlexTensor, FlexTensor) {
    let (rows, width) = dims(&y);
    let (result, mut gradient) = (dense(y), dense(gradient));
    let y: &[f32] = result.storage();
    let values: &mut [f32] = gradient.storage_mut();
    let elements = values.len();
    let blocks = rows.div_ceil(ROWS);
    let mut sums = vec![0f32; blocks * width];
    if width > 0 {
        let tasks: Vec<_> = values
            .chunks_mut(ROWS * width)
            .zip(y.chunks(ROWS * width))
            .zip(sums.chunks_mut(width))
            .collect();
        by_block(tasks, elements, |((g, y), sum)| match f {
            Activation::Linear => scale_and_sum(g, y, sum, |_| 1.0),
            Activation::Tanh => scale_and_sum(g, y, sum, |y| 1.0 - y * y),
            Activation::Relu => scale_and_sum(g, y, sum, |y| if y > 0.0 { 1.0 } else { 0.0 }),
            Activation::Sigmoid => scale_and_sum(g, y, sum, |y| y - y * y),
        });
    }
    buffers::give_back(result);
    let mut bias = vec![0f32; width];
    for sum in sums.chunks(width.max(1)) {
        for (bias, &sum) in bias.iter_mut().zip(sum) {
            *bias += sum;
        }
    }
    (gradient, tensor(bias, [width]))
}

#[inline(always)]
fn scale_and_sum(g: &mut [f32], y: &[f32], sum: &mut [f32], slope: impl Fn(f32) -> f32) {
    let width = sum.len();
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (g, y) in g.chunks_exact_mut(width).zip(y.chunks_exact(width)) {
                for ((g, &y), sum) in g.iter_mut().zip(y).zip(sum.iter_mut()) {
                    *g *= slope(y);
                    *sum += *g;
                }
            }
        },
    );
}

/// Numbers summed side by side, so that a row's sum is a vector sum with a fixed order.
const LANES: usize = 16;

/// log p of each row in one pass over the logits.
pub(crate) fn bernoulli_log_prob_flex(logits: FlexTensor, x: FlexTensor) -> FlexTensor {
    let (rows, width) = dims(&logits);
    let single = dims(&x).0 == 1;
    let (logits, x) = (dense(logits), dense(x));
    let (logits, x): (&[f32], &[f32]) = (logits.storage(), x.storage());
    let mut result = vec![0f32; rows];
    let tasks: Vec<_> = result.chunks_mut(ROWS).enumerate().collect();
    by_block(tasks, rows * width, |(block, result)| {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for (offset, result) in result.iter_mut().enumerate() {
                    let row = block * ROWS + offset;
                    let l = &logits[row * width..(row + 1) * width];
                    let x = if single { x } else { &x[row * width..(row + 1) * width] };
                    *result = row_log_prob(l, x);
                }
            },
        );
    });
    tensor(result, [rows])
}

/// Factors between 1 and 2 that can be multiplied without leaving single precision.
const FACTORS: usize = 96;

/// sum_j x_j l_j - softplus(l_j), with softplus(l) = max(l, 0) + log(1 + exp(-|l|)): the logarithms
/// are taken of products of [`FACTORS`] numbers.
#[inline(always)]
fn row_log_prob(logits: &[f32], x: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    for (logits, x) in logits.chunks(FACTORS * LANES).zip(x.chunks(FACTORS * LANES)) {
        let mut products = [1f32; LANES];
        let (logits, rest) = logits.as_chunks::<LANES>();
        let (x, x_rest) = x.as_chunks::<LANES>();
        for (l, x) in logits.iter().zip(x) {
            for lane in 0..LANES {
                (lanes[lane], products[lane]) = add(lanes[lane], products[lane], l[lane], x[lane]);
            }
        }
        for lane in 0..LANES {
            lanes[lane] -= ln(products[lane]);
        }
        for (lane, (&l, &x)) in rest.iter().zip(x_rest).enumerate() {
            let (sum, product) = add(lanes[lane], 1.0, l, x);
            lanes[lane] = sum - ln(product);
        }
    }
    // Pairs of lanes, pairs of pairs, ...
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    lanes[0]
}

/// One pixel joins a sum of x l - max(l, 0) and a product of 1 + exp(-|l|).
#[inline(always)]
fn add(sum: f32, product: f32, l: f32, x: f32) -> (f32, f32) {
    let positive = if l < 0.0 { 0.0 } else { l };
    (sum + (x * l - positive), product * (1.0 + exp(-l.abs())))
}

/// (x - sigmoid(l)) times the gradient of the row.
pub(crate) fn bernoulli_gradient_flex(
    logits: FlexTensor,
    x: FlexTensor,
    gradient: FlexTensor,
) -> FlexTensor {
    let (rows, width) = dims(&logits);
    let single = dims(&x).0 == 1;
    let (mut logits, x, gradient) = (dense(logits), dense(x), dense(gradient));
    let (x, gradient): (&[f32], &[f32]) = (x.storage(), gradient.storage());
    let values: &mut [f32] = logits.storage_mut();
    let tasks: Vec<_> = values.chunks_mut((ROWS * width).max(1)).enumerate().collect();
    by_block(tasks, rows * width, |(block, values)| {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for (offset, values) in values.chunks_exact_mut(width).enumerate() {
                    let row = block * ROWS + offset;
                    let x = if single { x } else { &x[row * width..(row + 1) * width] };
                    let gradient = gradient[row];
                    for (value, &x) in values.iter_mut().zip(x) {
                        *value = (x - sigmoid(*value)) * gradient;
                    }
                }
            },
        );
    });
    logits
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::{
        fused::composed::{
            bernoulli_gradient_composed, bernoulli_log_prob_composed, dense_composed,
            dense_gradient_composed,
        },
        noise::{Noise, Stream},
    };

    fn random(rows: usize, columns: usize, key: u64) -> FlexTensor {
        let values = Noise::new(2).normal(Stream::Generate, key, &[0], rows * columns);
        tensor(values.iter().map(|v| 3.0 * v).collect(), [rows, columns])
    }

    fn binary(rows: usize, columns: usize) -> FlexTensor {
        let values = Noise::new(2).normal(Stream::Generate, 9, &[0], rows * columns);
        tensor(values.iter().map(|&v| f32::from(v > 0.3)).collect(), [rows, columns])
    }

    fn vector(columns: usize, key: u64) -> FlexTensor {
        random(1, columns, key).reshape([columns].into())
    }

    #[track_caller]
    fn close(a: FlexTensor, b: FlexTensor) {
        let read = |t: FlexTensor| t.into_data().iter::<f32>().collect::<Vec<f32>>();
        let (a, b) = (read(a), read(b));
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() <= 2e-5 * b.abs().max(1.0), "{a} {b}");
        }
    }

    /// Sizes below and above the threshold for threads, and not multiples of anything.
    const SIZES: [(usize, usize); 4] = [(1, 1), (3, 17), (65, 100), (130, 784)];

    #[test]
    fn a_dense_layer_equals_its_composition() {
        for (rows, columns) in SIZES {
            for f in [Activation::Linear, Activation::Tanh, Activation::Relu, Activation::Sigmoid] {
                let (x, w, b) = (random(rows, 5, 1), random(5, columns, 2), vector(columns, 3));
                let y = dense_flex(x.clone(), w.clone(), b.clone(), f);
                close(y.clone(), dense_composed::<Flex>(x, w, b, f));
                let g = random(rows, columns, 4);
                let fused = dense_gradient_flex(y.clone(), g.clone(), f);
                let composed = dense_gradient_composed::<Flex>(y, g, f);
                close(fused.0, composed.0);
                close(fused.1, composed.1);
            }
        }
    }

    #[test]
    fn the_bernoulli_likelihood_equals_its_composition() {
        for (rows, columns) in SIZES {
            for x in [binary(rows, columns), binary(1, columns)] {
                let (l, g) = (random(rows, columns, 1), vector(rows, 2));
                let fused = bernoulli_log_prob_flex(l.clone(), x.clone());
                close(fused, bernoulli_log_prob_composed::<Flex>(l.clone(), x.clone()));
                let fused = bernoulli_gradient_flex(l.clone(), x.clone(), g.clone());
                close(fused, bernoulli_gradient_composed::<Flex>(l, x, g));
            }
        }
    }

    #[test]
    fn inputs_that_others_hold_are_left_alone() {
        let (l, x, g) = (random(4, 20, 1), binary(4, 20), random(4, 20, 2));
        let before = l.clone().to_contiguous().into_data();
        let _ = bernoulli_gradient_flex(l.clone(), x, vector(4, 3));
        let _ = dense_gradient_flex(l.clone(), g, Activation::Tanh);
        assert_eq!(l.into_data(), before);
    }

    #[test]
    fn views_are_read_through_their_strides() {
        let l = random(20, 4, 1).transpose(0, 1);
        let x = binary(4, 20);
        let copied = tensor(l.clone().into_data().iter::<f32>().collect(), [4, 20]);
        close(bernoulli_log_prob_flex(l, x.clone()), bernoulli_log_prob_flex(copied, x));
    }
}
