//! The interface of every autoencoder.

use burn::{
    module::{Module, ModuleDisplay},
    tensor::Tensor,
};

use crate::{
    backend::Backend,
    likelihood::Likelihood,
    metric::Metric,
    network::{Network, Steps},
    posterior::{DiagonalGaussian, Posterior},
    sequence_code::SequenceCode,
    sequential::Sequential,
};

/// The condition c of q(z|x, c), p(z|c) and p(x|z, c), `[examples, width]`; `None` for
/// unconditional models.
pub type Given<'a, B> = Option<&'a Tensor<B, 2>>;

/// What a likelihood is of the numbers of an image: nats of two of these are not comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A probability of binary pixels.
    Binary,
    /// A probability of 256 levels: its nats are comparable with published bits per dimension.
    Levels,
    /// A density.
    Density,
}

impl Measure {
    /// That of a model of levels, or else of binary pixels.
    pub fn of_levels(are_levels: bool) -> Self {
        if are_levels { Self::Levels } else { Self::Binary }
    }
}

/// An encoder and a decoder with a prior between them.
///
/// Evaluation, pictures, comparison and export use only this trait. Implement it on a Burn module;
/// `x` and `z` are `[examples, pixels]` and `[examples, latent]`.
///
/// ```
/// use burn::{module::Module, tensor::Tensor};
/// use shared::{
///     Backend,
///     autoencoder::{Autoencoder, Given},
///     backend::Flex,
///     likelihood::Likelihood,
///     nn::{Activation, Dense, Init, Initialiser},
///     noise::Noise,
///     posterior::Posterior,
/// };
///
/// /// A linear code of black and white pixels, without a prior.
/// #[derive(Module, Debug)]
/// struct Linear<B: Backend> {
///     encoder: Dense<B>,
///     decoder: Dense<B>,
/// }
///
/// impl<B: Backend> Autoencoder<B> for Linear<B> {
///     fn input_dim(&self) -> usize {
///         self.encoder.inputs()
///     }
///
///     fn latent_dim(&self) -> usize {
///         self.encoder.outputs()
///     }
///
///     fn has_prior(&self) -> bool {
///         false
///     }
///
///     fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
///         Posterior::Point(self.encoder.forward(x)) // [examples, latent]
///     }
///
///     fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
///         Likelihood::Bernoulli { logits: self.decoder.forward(z) } // [examples, pixels]
///     }
/// }
///
/// let device = Default::default();
/// let init = &mut Initialiser::<Flex>::new(Init::Glorot, Noise::new(1), &device);
/// let model = Linear {
///     encoder: Dense::new(4, 2, Activation::Linear, init),
///     decoder: Dense::new(2, 4, Activation::Linear, init),
/// };
/// let x = Tensor::ones([3, 4], &device); // [examples, pixels]
/// let z = model.encode(x.clone(), None).mean();
/// assert_eq!(z.dims(), [3, 2]); // [examples, latent]
/// assert_eq!(model.decode(z, None).log_prob(x).dims(), [3]); // nats per example
/// ```
pub trait Autoencoder<B: Backend>: Module<B> + ModuleDisplay {
    /// Width of x.
    fn input_dim(&self) -> usize;

    /// Width of the code z.
    fn latent_dim(&self) -> usize;

    /// The condition for images `x` of these classes, if the model has one.
    fn condition(&self, _x: &Tensor<B, 2>, _labels: &[u8]) -> Option<Tensor<B, 2>> {
        None
    }

    /// The same, `[labels, width]`, if it depends on the class alone; `None` if it needs the pixels.
    fn condition_of_classes(&self, _labels: &[u8], _device: &B::Device) -> Option<Tensor<B, 2>> {
        None
    }

    /// q(z|x), or q(z|x, c).
    fn encode(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Posterior<B>;

    /// p(x|z), or p(x|z, c).
    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B>;

    /// False if codes cannot be decoded: of a classifier, which reproduces nothing, or whose decoder was never trained.
    fn has_decoder(&self) -> bool {
        true
    }

    /// False if the model has no prior, so codes cannot be sampled.
    fn has_prior(&self) -> bool {
        true
    }

    /// p(z|c) where it is not N(0, I).
    fn prior(&self, _given: Given<'_, B>) -> Option<DiagonalGaussian<B>> {
        None
    }

    /// False if this z alone gives no bound: there are further latents above or below it, or z is one of
    /// each step. The bounds of a single layer are not reported then.
    fn has_bound(&self) -> bool {
        true
    }

    /// One draw from the prior per row of standard normal `eps`, `[draws, latent]`.
    fn sample_prior(&self, eps: Tensor<B, 2>, given: Given<'_, B>) -> Tensor<B, 2> {
        match self.prior(given) {
            Some(prior) => prior.reparameterise(eps),
            None => eps,
        }
    }

    /// log p(x), or log p(x|c), of each example in nats, if it has a closed form.
    fn log_marginal(&self, _x: Tensor<B, 2>, _given: Given<'_, B>) -> Option<Tensor<B, 1>> {
        None
    }

    /// What p(x|z), or p(x), is of an image.
    fn measure(&self) -> Measure {
        Measure::Binary
    }

    /// Which part of an image p(x|z, c) is about, where it is not the whole; for people.
    fn scored(&self) -> Option<String> {
        None
    }

    /// The step-by-step interface of a model of sequences.
    fn sequential(&self) -> Option<&dyn Sequential<B>> {
        None
    }

    /// The networks as layers that another program can run, as `explore` does.
    ///
    /// # Errors
    /// Why they cannot be written so.
    fn network(&self) -> Result<Network, String> {
        Err("its networks are not written as layers (Autoencoder::network)".into())
    }

    /// The same of a model of sequences.
    ///
    /// # Errors
    /// Why they cannot be written so.
    fn steps(&self) -> Result<Steps, String> {
        Err("its steps are not written as layers (Autoencoder::steps)".into())
    }

    /// The interface of a model with one code for a whole sequence.
    fn sequence_code(&self) -> Option<&dyn SequenceCode<B>> {
        None
    }

    /// log p(class|x), `[examples, classes]`, if the model classifies.
    fn log_classes(&self, _x: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        None
    }

    /// Metrics that only this kind of model has, by name.
    fn own_metrics(&self) -> Vec<(String, Metric)> {
        Vec::new()
    }
}
