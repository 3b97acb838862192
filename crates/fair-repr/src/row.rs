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

#[cfg(test)]
mod tests {
    use shared::{backend::Flex, laws::values};

    use super::*;

    #[test]
    fn a_binary_feature_is_bernoulli_and_another_gaussian_of_variance_one() {
        let tensor =
            |row: &[f32]| Tensor::<Flex, 1>::from_floats(row, &Default::default()).unsqueeze::<2>();
        let row = Row {
            natural: tensor(&[0.4, 0.7]),
            binary: tensor(&[1.0, 0.0]),
            given: tensor(&[1.0]),
        };
        let probability = 1.0 / (1.0 + (-0.4f64).exp());
        for (x, of_binary) in [(1.0, probability), (0.0, 1.0 - probability)] {
            let found = values(row.log_prob(tensor(&[x, 0.2, 1.0])))[0];
            let wanted = of_binary.ln() - 0.5 * (2.0 * PI).ln() - 0.5 * 0.25;
            assert!((found - wanted).abs() < 1e-5, "{x}: {found} {wanted}");
        }
        let mean = values(row.mean());
        let close = |a: &f64, b: f64| (a - b).abs() < 1e-6;
        assert!(mean.iter().zip([probability, 0.7, 1.0]).all(|(a, b)| close(a, b)), "{mean:?}");
    }
}
