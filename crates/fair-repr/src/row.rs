//! p(x|z, s) of a row of a table, and what models of rows have in common.

use std::f64::consts::PI;

use burn::tensor::{Tensor, activation};
use shared::{
    Backend,
    autoencoder::Given,
    likelihood::{Distribution, row_sums},
    nn::join,
    operation::softplus,
};

/// Probabilities are kept this far from 0 and 1 before a logarithm is taken.
const EDGE: f32 = 1e-7;

/// log p(no) and log p(yes) of p(yes) `[people, 1]`, `[people, 2]`.
pub(crate) fn log_classes<B: Backend>(yes: Tensor<B, 2>) -> Tensor<B, 2> {
    let yes = yes.clamp(EDGE, 1.0 - EDGE);
    Tensor::cat(vec![yes.clone().neg().add_scalar(1.0).log(), yes.log()], 1)
}

/// The given s of each of these codes, 0 where none is given; `[people, 1]`.
pub(crate) fn given_s<B: Backend>(z: &Tensor<B, 2>, given: Given<'_, B>) -> Tensor<B, 2> {
    given.cloned().unwrap_or_else(|| Tensor::zeros([z.dims()[0], 1], &z.device()))
}

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
