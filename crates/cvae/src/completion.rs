//! p(x|z, c) where the condition is a part of the image.

use burn::tensor::{IndexingUpdateOp, Int, Tensor, activation};
use shared::{
    Backend,
    likelihood::{Distribution, Likelihood},
};

/// Independent Bernoulli pixels at some places of an image; the others are given, and no probability is
/// put on them.
#[derive(Debug)]
pub(crate) struct Completion<B: Backend> {
    /// Log-odds at those places, `[codes, places]`.
    pub(crate) logits: Tensor<B, 2>,
    /// The places, ascending, `[places]`.
    pub(crate) places: Tensor<B, 1, Int>,
    /// The given pixels, and 0 at those places, `[codes, pixels]`.
    pub(crate) rest: Tensor<B, 2>,
}

impl<B: Backend> Distribution<B> for Completion<B> {
    fn log_prob(&self, x: Tensor<B, 2>) -> Tensor<B, 1> {
        let logits = self.logits.clone();
        Likelihood::Bernoulli { logits }.log_prob(x.select(1, self.places.clone()))
    }

    fn mean(&self) -> Tensor<B, 2> {
        let mean = activation::sigmoid(self.logits.clone());
        self.rest.clone().select_assign(1, self.places.clone(), mean, IndexingUpdateOp::Add)
    }
}
