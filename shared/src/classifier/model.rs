use burn::{
    module::Module,
    tensor::{Tensor, activation},
};

use super::deform::deform;
use crate::{
    backend::Backend,
    data::{Batch, PixelShape},
    likelihood::row_sums,
    nn::{Activation, Dense, Initialiser, Mlp},
    noise::Stream,
    train::{Moment, Objective, Terms},
};

/// A perceptron with a softmax over classes.
#[derive(Module, Debug)]
pub struct ClassifierModel<B: Backend> {
    hidden: Mlp<B>,
    output: Dense<B>,
}

impl<B: Backend> ClassifierModel<B> {
    /// Rectified hidden layers of the given widths on top of `inputs`.
    pub fn new(
        inputs: usize,
        widths: &[usize],
        classes: usize,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let top = widths.last().copied().unwrap_or(inputs);
        Self {
            hidden: Mlp::new(inputs, widths, Activation::Relu, init),
            output: Dense::new(top, classes, Activation::Linear, init),
        }
    }

    /// The last hidden layer, `[images, width]`: features for comparing sets of images.
    pub fn features(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.hidden.forward(x)
    }

    /// log p(class|x), `[images, classes]`.
    pub fn log_classes(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let hidden = self.features(x); // [images, width]
        activation::log_softmax(self.output.forward(hidden), 1) // [images, classes]
    }
}

/// -log p(class|x) of images deformed afresh at every presentation, nats.
#[derive(Clone, Copy, Debug)]
pub struct ClassifierObjective {
    /// Height and width of the images.
    pub shape: PixelShape,
    /// Number of classes.
    pub classes: usize,
}

impl<B: Backend> Objective<B, ClassifierModel<B>> for ClassifierObjective {
    fn terms(&self, model: &ClassifierModel<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        // [images, pixels]
        let x = batch.changed(Stream::Deform, |random, row| deform(random, self.shape, row));
        let log_p = model.log_classes(x); // [images, classes]
        let target = batch.one_hot(self.classes); // [images, classes]
        let [loss, error] = classification(log_p, target);
        Terms { named: vec![("error", error)], loss }
    }
}

/// -log p(class|x) in nats, and 1 where another class is the most probable, `[examples]` each; from log p
/// and the one-hot class, `[examples, classes]`.
pub fn classification<B: Backend>(log_p: Tensor<B, 2>, class: Tensor<B, 2>) -> [Tensor<B, 1>; 2] {
    let error = log_p.clone().argmax(1).not_equal(class.clone().argmax(1)); // [examples, 1]
    [row_sums(class * log_p).neg(), error.float().squeeze_dim(1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backend::Flex, laws::values};

    #[test]
    fn the_loss_is_that_of_the_class_and_an_error_is_another_class_that_is_likelier() {
        let matrix =
            |rows: [[f32; 2]; 2]| Tensor::<Flex, 2>::from_floats(rows, &Default::default());
        let log_p = matrix([[0.7, 0.3], [0.4, 0.6]]).log();
        let [loss, error] = classification(log_p, matrix([[1.0, 0.0]; 2])).map(values);
        for (loss, p) in loss.iter().zip([0.7f64, 0.4]) {
            assert!((loss + p.ln()).abs() < 1e-6, "{loss} {p}");
        }
        assert_eq!(error, [0.0, 1.0]);
    }
}
