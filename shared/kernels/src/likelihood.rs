//! The likelihood p(x|z) a decoder outputs.

use std::f64::consts::PI;

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorPrimitive, activation};
use serde::{Deserialize, Serialize};

use crate::backend::Backend;

/// The distribution of a pixel given the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LikelihoodKind {
    /// Independent Bernoulli pixels.
    #[default]
    Bernoulli,
    /// Independent Gaussian pixels, mean in (0, 1) and a variance of their own.
    Gaussian,
}

/// p(x|z) with independent pixels; tensors are `[codes, pixels]`.
///
/// ```
/// use burn::tensor::Tensor;
/// use kernels::{backend::Flex, likelihood::Likelihood};
///
/// let device = Default::default();
/// // Log-odds of 0: three pixels that are white with probability one half.
/// let p = Likelihood::<Flex>::Bernoulli { logits: Tensor::zeros([1, 3], &device) };
/// let x = Tensor::from_floats([[1.0, 0.0, 1.0]], &device); // [examples, pixels]
/// let nats = p.log_prob(x).into_scalar(); // a sum over pixels, never a mean
/// assert!((nats - 3.0 * 0.5f32.ln()).abs() < 1e-6);
/// ```
#[derive(Clone, Debug)]
pub enum Likelihood<B: Backend> {
    /// p(x_i = 1) = sigmoid(logits_i).
    Bernoulli {
        /// Log-odds of a white pixel.
        logits: Tensor<B, 2>,
    },
    /// p(x_i) = N(mean_i, exp(log_var_i)).
    Gaussian {
        /// Mean.
        mean: Tensor<B, 2>,
        /// Log-variance, `[codes, pixels]` or one row for all.
        log_var: Tensor<B, 2>,
    },
    /// Independent Bernoulli pixels at some places of an image; the others are given and not
    /// modelled.
    Completion {
        /// Log-odds at those places, `[codes, places]`.
        logits: Tensor<B, 2>,
        /// The places, ascending, `[places]`.
        places: Tensor<B, 1, Int>,
        /// The given pixels, and 0 at those places, `[codes, pixels]`.
        rest: Tensor<B, 2>,
    },
    /// A row of a table: Bernoulli features, Gaussian features, and after them given columns
    /// that are not modelled.
    Row {
        /// Log-odds of a Bernoulli feature, mean of a Gaussian one, `[codes, features]`.
        natural: Tensor<B, 2>,
        /// Log-variance of the Gaussian ones, `[1, features]`.
        log_var: Tensor<B, 2>,
        /// 1 for Bernoulli features, 0 for Gaussian ones, `[1, features]`.
        binary: Tensor<B, 2>,
        /// The given columns, `[codes, columns]`.
        given: Tensor<B, 2>,
    },
}

impl<B: Backend> Likelihood<B> {
    /// log p(x|z) of each row in nats: a sum over pixels, never a mean. `x` is `[codes, pixels]`
    /// or a single row for all.
    ///
    /// Kingma & Welling 2014, appendix C.1 (Bernoulli) and C.2 (Gaussian).
    pub fn log_prob(&self, x: Tensor<B, 2>) -> Tensor<B, 1> {
        match self {
            Self::Bernoulli { logits } => {
                let log_prob = B::bernoulli_log_prob(
                    logits.clone().into_primitive().tensor(),
                    x.into_primitive().tensor(),
                );
                Tensor::from_primitive(TensorPrimitive::Float(log_prob))
            }
            Self::Completion { logits, places, .. } => {
                let logits = logits.clone();
                Self::Bernoulli { logits }.log_prob(x.select(1, places.clone()))
            }
            Self::Row { natural, log_var, binary, .. } => {
                let features = natural.dims()[1];
                let x = x.narrow(1, 0, features);
                // log(1 + e^a) without overflow, for the log-odds a.
                let softplus =
                    natural.clone().clamp_min(0.0) + natural.clone().abs().neg().exp().log1p();
                let bernoulli = x.clone() * natural.clone() - softplus;
                let squared = (x - natural.clone()).square() * log_var.clone().neg().exp();
                let gaussian =
                    (squared + log_var.clone().add_scalar((2.0 * PI).ln())).mul_scalar(-0.5);
                row_sums(gaussian.clone() + (bernoulli - gaussian) * binary.clone())
            }
            Self::Gaussian { mean, log_var } => {
                let squared = (x - mean.clone()).square() * log_var.clone().neg().exp();
                row_sums((squared + log_var.clone().add_scalar((2.0 * PI).ln())).mul_scalar(-0.5))
            }
        }
    }

    /// E[x|z] with the given pixels filled in, as in pictures, `[codes, pixels]`.
    pub fn mean(&self) -> Tensor<B, 2> {
        match self {
            Self::Bernoulli { logits } => activation::sigmoid(logits.clone()),
            Self::Gaussian { mean, .. } => mean.clone(),
            Self::Row { natural, binary, given, .. } => {
                let probability = activation::sigmoid(natural.clone());
                let mean = natural.clone() + (probability - natural.clone()) * binary.clone();
                Tensor::cat(vec![mean, given.clone()], 1)
            }
            Self::Completion { logits, places, rest } => {
                let mean = activation::sigmoid(logits.clone());
                rest.clone().select_assign(1, places.clone(), mean, IndexingUpdateOp::Add)
            }
        }
    }
}

/// log sum exp along `dim`, which is 1 in the result. Differentiable.
pub fn log_sum_exp<B: Backend, const D: usize>(values: Tensor<B, D>, dim: usize) -> Tensor<B, D> {
    let largest = values.clone().max_dim(dim).detach();
    (values - largest.clone()).exp().sum_dim(dim).log() + largest
}

/// The sum of each row.
pub fn row_sums<B: Backend>(tensor: Tensor<B, 2>) -> Tensor<B, 1> {
    tensor.sum_dim(1).squeeze_dim(1)
}
