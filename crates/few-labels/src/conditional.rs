//! Layers of a vector and a class: f(x W + V_y + b).

use burn::{module::Module, tensor::Tensor};
use shared::{
    Backend,
    network::{Layer, layers_of},
    nn::{Activation, Initialiser, Mlp, Projection, Shift},
};

/// A perceptron of x and a class y. The first layer takes the two apart, so that the sum over all classes
/// multiplies x once.
#[derive(Module, Debug)]
pub struct Conditional<B: Backend> {
    /// W, `[inputs, width]`.
    input: Projection<B>,
    /// V, `[classes, width]`.
    class: Projection<B>,
    shift: Shift<B>,
    rest: Mlp<B>,
}

impl<B: Backend> Conditional<B> {
    /// Softplus layers of these widths.
    pub fn new(
        inputs: usize,
        classes: usize,
        hidden: &[usize],
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let (&first, rest) = hidden.split_first().unwrap_or((&1, &[]));
        Self {
            input: Projection::new(inputs, first, init),
            class: Projection::new(classes, first, init),
            shift: Shift::new(first, Activation::Softplus, init),
            rest: Mlp::new(first, rest, Activation::Softplus, init),
        }
    }

    /// The last layer, `[examples, width]`, for x `[examples, inputs]` and y `[examples, classes]`, one-hot.
    pub fn forward(&self, x: Tensor<B, 2>, y: Tensor<B, 2>) -> Tensor<B, 2> {
        self.above(self.input.forward(x), y)
    }

    /// The same with every x `[examples, inputs]` repeated for y `[times * examples, classes]`.
    pub fn repeated(&self, x: Tensor<B, 2>, y: Tensor<B, 2>) -> Tensor<B, 2> {
        let times = y.dims()[0] / x.dims()[0].max(1);
        self.above(Tensor::cat(vec![self.input.forward(x); times], 0), y)
    }

    /// The layers on top of x and y, joined in this order.
    pub fn described(&self) -> Vec<Layer> {
        let joined = Tensor::cat(vec![self.input.weight.val(), self.class.weight.val()], 0);
        let mut layers = vec![Layer::product(joined)];
        layers.extend(Layer::shifting(&self.shift));
        layers.extend(layers_of(&self.rest));
        layers
    }

    /// `sum` is x W, `[examples, width]`.
    fn above(&self, sum: Tensor<B, 2>, y: Tensor<B, 2>) -> Tensor<B, 2> {
        self.rest.forward(self.shift.forward(sum + self.class.forward(y)))
    }
}
