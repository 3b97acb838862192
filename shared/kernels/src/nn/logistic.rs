use burn::{
    module::{Module, Param},
    tensor::{Tensor, activation},
};

use super::Initialiser;
use crate::{backend::Backend, likelihood::Likelihood};

/// Least logarithm of a logistic scale: a twentieth of a level, below which nothing is gained.
const LEAST_LOG_SCALE: f32 = -8.5;
/// Where scales start: a standard deviation of a fifth of the range.
const FIRST_LOG_SCALE: f32 = -2.2;

/// The learned scales of a logistic likelihood, one for each number of an image.
#[derive(Module, Debug)]
pub struct LogisticScale<B: Backend> {
    /// Logarithms, `[1, pixels]`.
    log_scale: Param<Tensor<B, 2>>,
}

impl<B: Backend> LogisticScale<B> {
    /// Equal scales for images of `pixels` numbers.
    pub fn new(pixels: usize, init: &mut Initialiser<'_, B>) -> Self {
        Self { log_scale: init.parameter(vec![FIRST_LOG_SCALE; pixels], [1, pixels]) }
    }

    /// The logarithms that the likelihood uses, `[pixels]`.
    pub fn log_scales(&self) -> Vec<f32> {
        self.log_scale.val().clamp_min(LEAST_LOG_SCALE).into_data().iter::<f32>().collect()
    }

    /// The likelihood whose location has these log-odds, `[codes, pixels]`.
    pub fn likelihood(&self, logits: Tensor<B, 2>) -> Likelihood<B> {
        Likelihood::Logistic {
            mean: activation::sigmoid(logits),
            log_scale: self.log_scale.val().clamp_min(LEAST_LOG_SCALE),
        }
    }
}
