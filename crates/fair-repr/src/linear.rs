//! Baselines whose code is linear in the row, with a logistic regression on it.

use burn::{
    module::{Module, Param},
    tensor::Tensor,
};
use ndarray::{Array1, Array2};
use shared::{
    Backend,
    nn::{self, product, zeros},
};

/// z = C (x - mu), p(y|z) by logistic regression.
#[derive(Module, Debug)]
pub struct LinearModel<B: Backend> {
    /// mu, `[inputs]`.
    mean: Param<Tensor<B, 1>>,
    /// C with orthonormal rows, `[latent, inputs]`.
    components: Param<Tensor<B, 2>>,
    /// `[latent, 2]`.
    slopes: Param<Tensor<B, 2>>,
    /// `[2]`.
    biases: Param<Tensor<B, 1>>,
}

/// The parameters of a linear model, on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearParts {
    /// mu, `[inputs]`.
    pub mean: Array1<f64>,
    /// C, `[latent, inputs]`.
    pub components: Array2<f64>,
    /// `[latent, 2]`.
    pub slopes: Array2<f64>,
    /// `[2]`.
    pub biases: Array1<f64>,
}

impl LinearParts {
    /// The first `latent` inputs as the code, and no classifier yet.
    pub fn selecting(latent: usize, inputs: usize) -> Self {
        let is_selected = |(i, j)| f64::from(u8::from(i == j));
        Self {
            mean: Array1::zeros(inputs),
            components: Array2::from_shape_fn((latent, inputs), is_selected),
            slopes: Array2::zeros((latent, 2)),
            biases: Array1::zeros(2),
        }
    }

    /// Codes of rows, `[rows, latent]`.
    pub fn codes(&self, rows: &Array2<f32>) -> Array2<f32> {
        (rows.mapv(f64::from) - &self.mean).dot(&self.components.t()).mapv(|z| z as f32)
    }
}

impl<B: Backend> LinearModel<B> {
    /// A model to load weights into.
    pub fn zeros(latent: usize, inputs: usize, device: &B::Device) -> Self {
        Self {
            mean: zeros(1, [inputs], device),
            components: zeros(2, [latent, inputs], device),
            slopes: zeros(3, [latent, 2], device),
            biases: zeros(4, [2], device),
        }
    }

    /// A model of these parts.
    pub fn new(parts: &LinearParts, device: &B::Device) -> Self {
        Self {
            mean: parameter(1, &parts.mean, [parts.mean.len()], device),
            components: parameter(2, &parts.components, parts.components.dim().into(), device),
            slopes: parameter(3, &parts.slopes, parts.slopes.dim().into(), device),
            biases: parameter(4, &parts.biases, [parts.biases.len()], device),
        }
    }

    /// Width of an input, the sensitive attribute included.
    pub fn inputs(&self) -> usize {
        self.components.lazy_shape().dims::<2>()[1]
    }

    /// Width of the code.
    pub fn latent(&self) -> usize {
        self.components.lazy_shape().dims::<2>()[0]
    }

    /// z of rows, `[rows, latent]`.
    pub fn encode(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        product(x - self.mean.val().unsqueeze(), self.components.val().transpose())
    }

    /// The rows of codes, `[rows, inputs]`.
    pub fn decode(&self, z: Tensor<B, 2>) -> Tensor<B, 2> {
        product(z, self.components.val()) + self.mean.val().unsqueeze()
    }

    /// Scores of both classes, `[rows, 2]`.
    pub fn scores(&self, z: Tensor<B, 2>) -> Tensor<B, 2> {
        product(z, self.slopes.val()) + self.biases.val().unsqueeze()
    }
}

/// A parameter from double precision on the host.
pub(crate) fn parameter<'a, B: Backend, const D: usize>(
    id: u64,
    values: impl IntoIterator<Item = &'a f64>,
    shape: [usize; D],
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    let values: Vec<f32> = values.into_iter().map(|&v| v as f32).collect();
    nn::parameter(id, values, shape, device)
}
