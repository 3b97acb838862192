use burn::{
    module::{Param, ParamId},
    tensor::{Tensor, TensorData},
};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::outline::{add_outputs, outlined_parameter};
use crate::{
    backend::Backend,
    noise::{Noise, Stream, uniform},
};

/// The distribution of initial weights; biases start at zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Init {
    /// U(-a, a) with a = sqrt(6 / (inputs + outputs)) (Glorot & Bengio 2010).
    #[default]
    Glorot,
    /// U(-4a, 4a) with the a of `glorot`, for sigmoid layers: the slope of a sigmoid at 0 is a quarter of
    /// that of tanh, for which `glorot` is derived (Bengio 2012).
    GlorotSigmoid,
    /// N(0, 2 / inputs) (He et al. 2015), for ReLU.
    He,
    /// N(0, 1 / inputs) (LeCun et al. 1998, section 4.6).
    Lecun,
    /// 0.
    #[serde(skip)]
    Zero,
    /// N(0, std^2).
    Normal {
        /// Standard deviation.
        #[serde(deserialize_with = "ranges::positive")]
        std: f32,
    },
}

/// The greatest absolute weight of `glorot`.
fn glorot(inputs: usize, outputs: usize) -> f32 {
    (6.0 / (inputs + outputs) as f32).sqrt()
}

/// A parameter with this id and these values, in row-major order, for models that are not drawn but
/// computed. Burn draws a random id otherwise, and checkpoints would differ between equal runs.
pub fn parameter<B: Backend, const D: usize>(
    id: u64,
    values: Vec<f32>,
    shape: [usize; D],
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    Param::initialized(ParamId::from(id), Tensor::from_data(TensorData::new(values, shape), device))
}

/// A parameter with this id, all zero, to load weights into.
pub fn zeros<B: Backend, const D: usize>(
    id: u64,
    shape: [usize; D],
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    outlined_parameter(ParamId::from(id), shape, device)
        .unwrap_or_else(|| parameter(id, vec![0.0; shape.iter().product()], shape, device))
}

/// Draws the weights of one model, each parameter from a key of its own.
///
/// ```
/// use kernels::{
///     backend::Flex,
///     nn::{Activation, Dense, Init, Initialiser},
///     noise::Noise,
/// };
///
/// let device = Default::default();
/// let layer = |seed| {
///     let mut init = Initialiser::<Flex>::new(Init::Glorot, Noise::new(seed), &device);
///     Dense::new(784, 20, Activation::Linear, &mut init)
/// };
/// let weights = |seed| layer(seed).weight.val().into_data();
/// assert_eq!(weights(1), weights(1)); // the same seed, the same weights
/// assert_ne!(weights(1), weights(2));
/// ```
pub struct Initialiser<'a, B: Backend> {
    init: Init,
    noise: Noise,
    next: u64,
    device: &'a B::Device,
}

impl<'a, B: Backend> Initialiser<'a, B> {
    /// An initialiser for the run with this noise.
    pub fn new(init: Init, noise: Noise, device: &'a B::Device) -> Self {
        Self { init, noise, next: 0, device }
    }

    /// The same that counts its parameters from `first` on, for a part that joins a model.
    #[must_use]
    pub fn from(self, first: u64) -> Self {
        Self { next: first, ..self }
    }

    /// The same with another distribution of the weights from here on.
    #[must_use]
    pub fn with(self, init: Init) -> Self {
        Self { init, ..self }
    }

    /// A weight matrix `[inputs, outputs]`.
    pub fn weight(&mut self, inputs: usize, outputs: usize) -> Param<Tensor<B, 2>> {
        self.shared_weight([inputs, outputs], [inputs, outputs])
    }

    /// A weight matrix of this shape that is used at many places: `inputs` numbers go into a sum,
    /// and a number goes into `outputs` sums.
    pub fn shared_weight(
        &mut self,
        shape: [usize; 2],
        [inputs, outputs]: [usize; 2],
    ) -> Param<Tensor<B, 2>> {
        if let Some(outlined) = self.outlined(shape) {
            return outlined;
        }
        let mut generator: ChaCha8Rng = self.noise.generator(Stream::Weights, 0, self.next);
        let normal = |generator: &mut ChaCha8Rng| -> f32 { StandardNormal.sample(generator) };
        let values: Vec<f32> = (0..shape[0] * shape[1])
            .map(|_| match self.init {
                Init::Glorot => (2.0 * uniform(&mut generator) - 1.0) * glorot(inputs, outputs),
                Init::GlorotSigmoid => {
                    (2.0 * uniform(&mut generator) - 1.0) * 4.0 * glorot(inputs, outputs)
                }
                Init::He => normal(&mut generator) * (2.0 / inputs as f32).sqrt(),
                Init::Lecun => normal(&mut generator) / (inputs as f32).sqrt(),
                Init::Zero => 0.0,
                Init::Normal { std } => normal(&mut generator) * std,
            })
            .collect();
        self.parameter(values, shape)
    }

    /// A bias `[outputs]`, zero.
    pub fn bias(&mut self, outputs: usize) -> Param<Tensor<B, 1>> {
        add_outputs(outputs as u64);
        match self.outlined([outputs]) {
            Some(outlined) => outlined,
            None => self.parameter(vec![0.0; outputs], [outputs]),
        }
    }

    /// Inside [`outlined`](super::outlined) a parameter of this shape without numbers.
    fn outlined<const D: usize>(&mut self, shape: [usize; D]) -> Option<Param<Tensor<B, D>>> {
        let parameter = outlined_parameter(ParamId::from(self.next + 1), shape, self.device)?;
        self.next += 1;
        Some(parameter)
    }

    /// A parameter with these values, in row-major order.
    pub fn parameter<const D: usize>(
        &mut self,
        values: Vec<f32>,
        shape: [usize; D],
    ) -> Param<Tensor<B, D>> {
        if let Some(outlined) = self.outlined(shape) {
            return outlined;
        }
        // Burn draws a random id otherwise, and checkpoints would differ between equal runs.
        let id = ParamId::from(self.next + 1);
        self.next += 1;
        let tensor = Tensor::from_data(TensorData::new(values, shape), self.device);
        Param::initialized(id, tensor.require_grad())
    }
}
