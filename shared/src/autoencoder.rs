//! What every autoencoder can do, whatever its paper.

use burn::{
    module::{Module, ModuleDisplay},
    tensor::Tensor,
};

use crate::{
    backend::Backend,
    likelihood::Likelihood,
    metric::Metric,
    posterior::{DiagonalGaussian, Posterior},
    sequential::Sequential,
};

/// What a conditional model is told besides x: the c of q(z|x, c), p(z|c) and p(x|z, c),
/// `[examples, width]`; `None` for all other models.
pub type Given<'a, B> = Option<&'a Tensor<B, 2>>;

/// An encoder and a decoder with a prior between them.
///
/// All that evaluates, draws, compares or exports a model uses this trait alone. Implement it on
/// a Burn module; `x` and `z` are `[examples, pixels]` and `[examples, latent]`.
pub trait Autoencoder<B: Backend>: Module<B> + ModuleDisplay {
    /// Width of x.
    fn input_dim(&self) -> usize;

    /// Width of the code z.
    fn latent_dim(&self) -> usize;

    /// What a conditional model is told of images `x` of these classes.
    fn condition(&self, _x: &Tensor<B, 2>, _labels: &[u8]) -> Option<Tensor<B, 2>> {
        None
    }

    /// The same, `[labels, width]`, where the class alone says it; `None` where the pixels do.
    fn condition_of_classes(&self, _labels: &[u8], _device: &B::Device) -> Option<Tensor<B, 2>> {
        None
    }

    /// q(z|x), or q(z|x, c).
    fn encode(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Posterior<B>;

    /// p(x|z), or p(x|z, c).
    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B>;

    /// False where nothing says how codes are distributed: codes cannot be drawn then.
    fn has_prior(&self) -> bool {
        true
    }

    /// p(z|c) where it is not N(0, I).
    fn prior(&self, _given: Given<'_, B>) -> Option<DiagonalGaussian<B>> {
        None
    }

    /// False where z has further latents above it: bounds with this one layer alone do not hold then,
    /// and none are reported.
    fn has_bound(&self) -> bool {
        true
    }

    /// A draw from the prior made from standard normal `eps`, one for each row of it.
    fn sample_prior(&self, eps: Tensor<B, 2>, given: Given<'_, B>) -> Tensor<B, 2> {
        match self.prior(given) {
            Some(prior) => prior.reparameterise(eps),
            None => eps,
        }
    }

    /// log p(x), or log p(x|c), of each example in nats where the model knows it exactly.
    fn log_marginal(&self, _x: Tensor<B, 2>, _given: Given<'_, B>) -> Option<Tensor<B, 1>> {
        None
    }

    /// Which part of an image p(x|z, c) is about, where it is not the whole; for people.
    fn scored(&self) -> Option<String> {
        None
    }

    /// The model seen step by step, where it is one of sequences.
    fn sequential(&self) -> Option<&dyn Sequential<B>> {
        None
    }

    /// log p(class|x), `[examples, classes]`, where the model classifies.
    fn log_classes(&self, _x: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        None
    }

    /// Figures only this kind of model has, by name.
    fn own_metrics(&self) -> Vec<(String, Metric)> {
        Vec::new()
    }
}
