use burn::{
    module::{Module, Param},
    tensor::{Tensor, TensorPrimitive},
};

use super::Initialiser;
use crate::{backend::Backend, operation::Activation};

/// A fully connected layer, y = f(x W + b).
///
/// ```
/// use burn::tensor::Tensor;
/// use kernels::{
///     backend::Flex,
///     nn::{Activation, Dense, Init, Initialiser},
///     noise::Noise,
/// };
///
/// let device = Default::default();
/// let mut init = Initialiser::<Flex>::new(Init::Glorot, Noise::new(1), &device);
/// let layer = Dense::new(784, 20, Activation::Tanh, &mut init);
/// let x = Tensor::zeros([5, 784], &device); // [examples, inputs]
/// assert_eq!(layer.forward(x).dims(), [5, 20]); // [examples, outputs]
/// ```
#[derive(Module, Debug)]
pub struct Dense<B: Backend> {
    /// W, `[inputs, outputs]`.
    pub weight: Param<Tensor<B, 2>>,
    /// b, `[outputs]`.
    pub bias: Param<Tensor<B, 1>>,
    #[module(skip)]
    activation: Activation,
}

impl<B: Backend> Dense<B> {
    /// A layer with freshly drawn weights.
    pub fn new(
        inputs: usize,
        outputs: usize,
        activation: Activation,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        Self { weight: init.weight(inputs, outputs), bias: init.bias(outputs), activation }
    }

    /// y for x `[examples, inputs]`.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        // [examples, outputs]
        let y = B::dense(
            x.into_primitive().tensor(),
            self.weight.val().into_primitive().tensor(),
            self.bias.val().into_primitive().tensor(),
            self.activation,
        );
        Tensor::from_primitive(TensorPrimitive::Float(y))
    }

    /// y W^T + bias for y `[examples, outputs]`: the layer backwards, as tied weights have it.
    pub fn transposed(&self, y: Tensor<B, 2>, bias: Tensor<B, 1>) -> Tensor<B, 2> {
        // [examples, inputs]
        let x = B::dense_transposed(
            y.into_primitive().tensor(),
            self.weight.val().into_primitive().tensor(),
            bias.into_primitive().tensor(),
        );
        Tensor::from_primitive(TensorPrimitive::Float(x))
    }

    /// Width of x.
    pub fn inputs(&self) -> usize {
        self.weight.lazy_shape().dims::<2>()[0]
    }

    /// Width of y.
    pub fn outputs(&self) -> usize {
        self.weight.lazy_shape().dims::<2>()[1]
    }

    /// f.
    pub fn activation(&self) -> Activation {
        self.activation
    }
}
