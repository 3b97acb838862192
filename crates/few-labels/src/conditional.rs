//! Layers of a number and a class: f(x W + V_y + b).

use burn::{module::Module, tensor::Tensor};
use shared::{
    Backend,
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
        let sum = self.input.forward(x) + self.class.forward(y);
        self.rest.forward(self.shift.forward(sum))
    }

    /// The same of x `[examples, inputs]` for every class in turn, `[classes * examples, width]`, class by class.
    pub fn of_all_classes(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.sum(self.input.forward(x).unsqueeze())
    }

    /// The same of an x of its own for each class and example, `[classes * examples, inputs]`, class by class.
    pub fn by_class(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let classes = self.class.inputs();
        let x = self.input.forward(x);
        let [rows, width] = x.dims();
        self.sum(x.reshape([classes, rows / classes, width]))
    }

    /// x is `[classes or 1, examples, width]`.
    fn sum(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let sum = x + self.class.weight.val().unsqueeze_dim(1); // [classes, examples, width]
        let [classes, examples, width] = sum.dims();
        self.rest.forward(self.shift.forward(sum.reshape([classes * examples, width])))
    }
}
