//! Kernels of burn-flex.

use burn::tensor::{Shape, TensorData};
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::{
    buffers,
    elementary::{exp, sigmoid, softplus, tanh},
    kernels::{AddAnd, BernoulliGradient, BernoulliLogProb, Pixels, ScaleAndSum, SumRows, run},
    product::product_then,
};
use crate::operation::{Activation, LEAK};

/// Rows one task works on; a fixed number, so that sums do not depend on threads.
const ROWS: usize = 32;
/// Numbers a block of rows has at least, where the result does not depend on it.
const NARROW: usize = 1 << 12;
/// Numbers that one loop over a bias has at least.
const LOOP: usize = 256;
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
pub(super) fn dims(tensor: &FlexTensor) -> (usize, usize) {
    let shape = tensor.layout().shape();
    (shape[0], shape[1])
}

/// Calls `task` with each item, a block of rows, on several threads if that pays.
pub(super) fn by_block<T: Send>(items: Vec<T>, elements: usize, task: impl Fn(T) + Sync + Send) {
    if elements < PARALLEL {
        items.into_iter().for_each(task);
    } else {
        items.into_par_iter().for_each(task);
    }
}

/// f(x W + b): bias and activation follow each part of the product.
pub(crate) fn dense_flex(
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    f: Activation,
) -> FlexTensor {
    let bias = dense(bias);
    let values: &[f32] = bias.storage();
    let then = |first: usize, row: &mut [f32]| add_and(row, &values[first..][..row.len()], f);
    product_then(x, weight, Some(&then))
}

/// f(x + b) in place.
pub(crate) fn activate_flex(x: FlexTensor, bias: FlexTensor, f: Activation) -> FlexTensor {
    let (mut y, bias) = (dense(x), dense(bias));
    // A narrow bias is a short loop for each row; repeated, it is one for several rows.
    let width = bias.layout().num_elements().max(1);
    let bias = bias.storage::<f32>().repeat(LOOP.div_ceil(width));
    let values: &mut [f32] = y.storage_mut();
    let elements = values.len();
    let block = ROWS.max(NARROW / width) * width;
    by_block(values.chunks_mut(block).collect(), elements, |rows: &mut [f32]| {
        for rows in rows.chunks_mut(bias.len()) {
            add_and(rows, &bias[..rows.len()], f);
        }
    });
    y
}

/// f(a + b) in the place of a. One instance of the loop for each activation, each a straight line.
pub(super) fn add_and(values: &mut [f32], bias: &[f32], f: Activation) {
    match f {
        Activation::Linear => run(AddAnd { values, bias, f: |a| a }),
        Activation::Tanh => run(AddAnd { values, bias, f: tanh }),
        Activation::Relu => run(AddAnd { values, bias, f: |a| if a < 0.0 { 0.0 } else { a } }),
        Activation::LeakyRelu => {
            run(AddAnd { values, bias, f: |a| if a < 0.0 { LEAK * a } else { a } });
        }
        Activation::Sigmoid => run(AddAnd { values, bias, f: sigmoid }),
        Activation::Softplus => run(AddAnd { values, bias, f: softplus }),
    }
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
        by_block(tasks, elements, |((gradient, y), sum)| match f {
            Activation::Linear => run(SumRows { rows: gradient, sum }),
            Activation::Tanh => run(ScaleAndSum { gradient, y, sum, slope: |y| 1.0 - y * y }),
            Activation::LeakyRelu => {
                let slope = |y| if y > 0.0 { 1.0 } else { LEAK };
                run(ScaleAndSum { gradient, y, sum, slope });
            }
            Activation::Relu => {
                run(ScaleAndSum { gradient, y, sum, slope: |y| if y > 0.0 { 1.0 } else { 0.0 } });
            }
            Activation::Sigmoid => run(ScaleAndSum { gradient, y, sum, slope: |y| y - y * y }),
            // sigmoid(a) of y = log(1 + exp(a)); 0 where y is, below a of about -17.
            Activation::Softplus => {
                run(ScaleAndSum { gradient, y, sum, slope: |y: f32| 1.0 - exp(-y) });
            }
        });
    }
    buffers::give_back(result);
    (gradient, tensor(sum_of_blocks(&sums, width), [width]))
}

/// The sum over rows of the gradient of a sum with a bias.
pub(crate) fn bias_gradient_flex(gradient: FlexTensor) -> FlexTensor {
    let (rows, width) = dims(&gradient);
    let gradient = dense(gradient);
    let values: &[f32] = gradient.storage();
    let mut sums = vec![0f32; rows.div_ceil(ROWS) * width];
    if width > 0 {
        let tasks = values.chunks(ROWS * width).zip(sums.chunks_mut(width)).collect();
        by_block(tasks, values.len(), |(rows, sum)| run(SumRows { rows, sum }));
    }
    buffers::give_back(gradient);
    tensor(sum_of_blocks(&sums, width), [width])
}

/// The sum of the sums of blocks, each `width` long, in their order.
pub(super) fn sum_of_blocks(sums: &[f32], width: usize) -> Vec<f32> {
    let mut total = vec![0f32; width];
    for sum in sums.chunks(width.max(1)) {
        for (total, &sum) in total.iter_mut().zip(sum) {
            *total += sum;
        }
    }
    total
}

/// log p of each row in one pass over the logits.
pub(crate) fn bernoulli_log_prob_flex(logits: FlexTensor, x: FlexTensor) -> FlexTensor {
    let (rows, width) = dims(&logits);
    let (logits, x) = (dense(logits), dense(x));
    let mut result = vec![0f32; rows];
    if width > 0 {
        let values: &[f32] = logits.storage();
        let tasks = result.chunks_mut(ROWS).zip(values.chunks(ROWS * width)).enumerate();
        by_block(tasks.collect(), rows * width, |(block, (result, logits))| {
            let x = Pixels { values: x.storage(), width, first: block * ROWS };
            run(BernoulliLogProb { logits, x, result });
        });
    }
    buffers::give_back(logits);
    tensor(result, [rows])
}

/// (x - sigmoid(l)) times the gradient of the row.
pub(crate) fn bernoulli_gradient_flex(
    logits: FlexTensor,
    x: FlexTensor,
    gradient: FlexTensor,
) -> FlexTensor {
    let (rows, width) = dims(&logits);
    let (mut logits, x, gradient) = (dense(logits), dense(x), dense(gradient));
    if width > 0 {
        let gradient: &[f32] = gradient.storage();
        let values: &mut [f32] = logits.storage_mut();
        let tasks = values.chunks_mut(ROWS * width).zip(gradient.chunks(ROWS)).enumerate();
        by_block(tasks.collect(), rows * width, |(block, (logits, gradient))| {
            let x = Pixels { values: x.storage(), width, first: block * ROWS };
            run(BernoulliGradient { logits, x, gradient });
        });
    }
    logits
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::{
        backend::fused::composed::{
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
            for f in Activation::ALL {
                let (x, w, b) = (random(rows, 5, 1), random(5, columns, 2), vector(columns, 3));
                let y = dense_flex(x.clone(), w.clone(), b.clone(), f);
                close(y.clone(), dense_composed::<Flex>(x, w, b, f));
                let g = random(rows, columns, 4);
                let fused = dense_gradient_flex(y.clone(), g.clone(), f);
                let composed = dense_gradient_composed::<Flex>(y, g.clone(), f);
                close(fused.0, composed.0);
                close(fused.1.clone(), composed.1);
                if f == Activation::Linear {
                    close(bias_gradient_flex(g), fused.1);
                }
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
