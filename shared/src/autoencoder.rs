//! What every autoencoder can do, whatever its paper.

use burn::{module::Module, tensor::Tensor};

use crate::{backend::Backend, likelihood::Likelihood, posterior::Posterior, run::Metric};

/// An encoder and a decoder with a prior between them.
///
/// All that evaluates, draws, compares or exports a model uses this trait alone. Implement it on
/// a Burn module; `x` and `z` are `[examples, pixels]` and `[examples, latent]`.
pub trait Autoencoder<B: Backend>: Module<B> {
    /// Width of x.
    fn input_dim(&self) -> usize;

    /// Width of the code z.
    fn latent_dim(&self) -> usize;

    /// q(z|x).
    fn encode(&self, x: Tensor<B, 2>) -> Posterior<B>;

    /// p(x|z).
    fn decode(&self, z: Tensor<B, 2>) -> Likelihood<B>;

    /// A draw from the prior p(z) made from standard normal `eps`; the identity unless overridden.
    fn sample_prior(&self, eps: Tensor<B, 2>) -> Tensor<B, 2> {
        eps
    }

    /// log p(x) of each example in nats where the model knows it exactly.
    fn log_marginal(&self, _x: Tensor<B, 2>) -> Option<Tensor<B, 1>> {
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
