//! A randomised classifier: what a reduction finds (Agarwal et al. 2018), as a model of rows.

use burn::{
    module::{Module, Param},
    tensor::{ElementConversion, Tensor},
};
use ndarray::Array2;
use shared::{
    Backend,
    nn::{product, zeros},
};

use crate::{linear::parameter, reduction::Randomised, row};

/// Classifiers that suffice with two groups.
const CLASSIFIERS: usize = 2;

/// p(yes|x) = sum_h Q(h) h(x), h(x) = 1 if slopes . x + bias >= 0. Its code is the columns that it sees.
#[derive(Module, Debug)]
pub struct RandomisedClassifier<B: Backend> {
    /// `[classifiers, columns]`.
    slopes: Param<Tensor<B, 2>>,
    /// `[classifiers]`.
    biases: Param<Tensor<B, 1>>,
    /// Q, which sums to 1, `[classifiers]`.
    weights: Param<Tensor<B, 1>>,
    #[module(skip)]
    inputs: usize,
}

impl<B: Backend> RandomisedClassifier<B> {
    /// A model of what was found, for rows of this many `inputs`, the sensitive attribute included.
    pub fn new(found: &Randomised, inputs: usize, device: &B::Device) -> Self {
        let columns = found.classifiers[0].slopes.len();
        let slopes = Array2::from_shape_fn((CLASSIFIERS, columns), |(h, column)| {
            found.classifiers[h].slopes[column]
        });
        let biases = found.classifiers.each_ref().map(|classifier| classifier.bias);
        Self {
            slopes: parameter(1, &slopes, [CLASSIFIERS, columns], device),
            biases: parameter(2, &biases, [CLASSIFIERS], device),
            weights: parameter(3, &found.weights, [CLASSIFIERS], device),
            inputs,
        }
    }

    /// A model to load weights into, that sees the first `columns` of its inputs.
    pub fn zeros(columns: usize, inputs: usize, device: &B::Device) -> Self {
        Self {
            slopes: zeros(1, [CLASSIFIERS, columns], device),
            biases: zeros(2, [CLASSIFIERS], device),
            weights: zeros(3, [CLASSIFIERS], device),
            inputs,
        }
    }

    /// Width of a row, the sensitive attribute included.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Columns that it sees.
    pub fn latent(&self) -> usize {
        self.slopes.lazy_shape().dims::<2>()[1]
    }

    /// The columns that it sees, `[rows, columns]`.
    pub fn encode(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        x.narrow(1, 0, self.latent())
    }

    /// log p(no) and log p(yes), `[rows, 2]`.
    pub fn log_classes(&self, z: Tensor<B, 2>) -> Tensor<B, 2> {
        let scores = product(z, self.slopes.val().transpose()) + self.biases.val().unsqueeze(); // [rows, classifiers]
        let answers = scores.greater_equal_elem(0.0.elem::<f32>()).float(); // h(x), [rows, classifiers]
        row::log_classes(product(answers, self.weights.val().unsqueeze_dim(1)))
    }
}
