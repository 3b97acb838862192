//! Learned prototypes (Zemel et al. 2013): a person's code is its membership in each.

use burn::{
    module::{Module, Param},
    tensor::{Tensor, activation},
};
use shared::{
    Backend,
    likelihood::row_sums,
    nn::{product, zeros},
};

use crate::{lfr::Parameters, linear::parameter, row};

/// K prototypes in the space of features.
#[derive(Module, Debug)]
pub struct Prototypes<B: Backend> {
    /// v, `[prototypes, features]`.
    prototypes: Param<Tensor<B, 2>>,
    /// w in [0, 1], `[prototypes]`.
    predictions: Param<Tensor<B, 1>>,
    /// alpha for s = 0 and s = 1, `[2, features]`.
    weights: Param<Tensor<B, 2>>,
}

impl<B: Backend> Prototypes<B> {
    /// A model of fitted parameters.
    pub fn new(fitted: &Parameters, device: &B::Device) -> Self {
        Self {
            prototypes: parameter(1, &fitted.prototypes, fitted.prototypes.dim().into(), device),
            predictions: parameter(2, &fitted.predictions, [fitted.predictions.len()], device),
            weights: parameter(3, &fitted.weights, fitted.weights.dim().into(), device),
        }
    }

    /// A model to load weights into.
    pub fn zeros(prototypes: usize, features: usize, device: &B::Device) -> Self {
        Self {
            prototypes: zeros(1, [prototypes, features], device),
            predictions: zeros(2, [prototypes], device),
            weights: zeros(3, [2, features], device),
        }
    }

    /// K.
    pub fn latent(&self) -> usize {
        self.prototypes.lazy_shape().dims::<2>()[0]
    }

    /// Width of a row without its sensitive attribute.
    pub fn features(&self) -> usize {
        self.prototypes.lazy_shape().dims::<2>()[1]
    }

    /// M_nk, softmax over k of -d(x_n, v_k) with the weights of the person's own group (equations 2
    /// and 6); `x` `[people, features + 1]`, its last column s; `[people, prototypes]`.
    pub fn encode(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let features = self.features();
        let s = x.clone().narrow(1, features, 1); // [people, 1]
        let x = x.narrow(1, 0, features); // [people, features]
        let of_group = |group: usize| {
            let alpha = self.weights.val().narrow(0, group, 1); // [1, features]
            let v = self.prototypes.val(); // [prototypes, features]
            let weighted = v.clone() * alpha; // [prototypes, features]
            let squares = row_sums(weighted.clone() * v).unsqueeze::<2>(); // [1, prototypes]
            // sum_i alpha_i x_i^2 is the same for every prototype.
            activation::softmax(
                product(x.clone(), weighted.transpose()).mul_scalar(2.0) - squares,
                1,
            )
        };
        let (zero, one) = (of_group(0), of_group(1)); // [people, prototypes] each
        zero.clone() + (one - zero) * s
    }

    /// x^ = M V (equation 8), `[people, features]`.
    pub fn decode(&self, m: Tensor<B, 2>) -> Tensor<B, 2> {
        product(m, self.prototypes.val())
    }

    /// log p(y = 0) and log p(y = 1), p = M w (equation 10), `[people, 2]`.
    pub fn log_classes(&self, m: Tensor<B, 2>) -> Tensor<B, 2> {
        row::log_classes(product(m, self.predictions.val().unsqueeze_dim(1)))
    }
}
