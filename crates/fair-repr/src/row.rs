//! p(x|z, s) of a row of a table.

use std::f64::consts::PI;

use burn::tensor::{Tensor, activation};
use shared::{
    Backend,
    likelihood::{Distribution, row_sums},
    nn::join,
    operation::softplus,
};

/// Bernoulli features, Gaussian features of variance 1, and columns after them that are given, on which no
/// probability is put.
#[derive(Debug)]
pub(crate) struct Row<B: Backend> {
    /// Log-odds of a Bernoulli feature, mean of a Gaussian one, `[codes, features]`.
    pub(crate) natural: Tensor<B, 2>,
    /// 1 for Bernoulli features, 0 for Gaussian ones, `[1, features]`.
    pub(crate) binary: Tensor<B, 2>,
    /// The given columns, `[codes, columns]`.
    pub(crate) given: Tensor<B, 2>,
}

impl<B: Backend> Distribution<B> for Row<B> {
    fn log_prob(&self, x: Tensor<B, 2>) -> Tensor<B, 1> {
        let natural = self.natural.clone();
        let x = x.narrow(1, 0, natural.dims()[1]);
        let bernoulli = x.clone() * natural.clone() - softplus(natural.clone());
        let gaussian = (x - natural).square().add_scalar((2.0 * PI).ln()).mul_scalar(-0.5);
        row_sums(gaussian.clone() + (bernoulli - gaussian) * self.binary.clone())
    }

    fn mean(&self) -> Tensor<B, 2> {
        let natural = self.natural.clone();
        let probability = activation::sigmoid(natural.clone());
        let mean = natural.clone() + (probability - natural) * self.binary.clone();
        join(mean, self.given.clone())
    }
}
