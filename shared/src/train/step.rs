use std::hint::black_box;

use burn::{module::AutodiffModule, optim::GradientsParams, tensor::Tensor};
use optimisation::clip;

use super::{Moment, Objective, Optimiser, OptimiserConfig, Terms};
use crate::{
    backend::{AutodiffBackend, Backend},
    data::{Batch, BatchMaker},
};

/// One step of gradient descent on the mean loss of a batch: the model after it, and what the
/// terms were before it. Gradients are scaled to a joint norm of at most `clip_norm`.
pub fn descend<B, M, O>(
    model: M,
    optimiser: &mut Optimiser<B, M>,
    objective: &O,
    batch: &Batch<B>,
    at: Moment,
    rate: f64,
    clip_norm: Option<f64>,
) -> (M, StepTerms<B>)
where
    B: AutodiffBackend,
    M: AutodiffModule<B>,
    O: Objective<B, M>,
{
    let terms = objective.terms(&model, batch, at);
    let found = StepTerms::of(&terms);
    let gradients = terms.loss.mean().backward();
    let mut gradients = GradientsParams::from_grads(gradients, &model);
    if let Some(norm) = clip_norm {
        gradients = clip::<B, M>(&model, gradients, norm);
    }
    (optimiser.step(rate, model, gradients), found)
}

/// What a benchmark of training repeats: one step on the first `size` examples, made into a batch anew and
/// read back.
pub fn repeated_step<'a, B, M, O>(
    model: M,
    optimiser: &OptimiserConfig,
    objective: &'a O,
    batches: &'a BatchMaker<B>,
    size: usize,
) -> impl FnMut() + 'a
where
    B: AutodiffBackend,
    M: AutodiffModule<B> + 'a,
    O: Objective<B, M>,
{
    let mut optimiser = Optimiser::new(optimiser);
    let indices: Vec<usize> = (0..size).collect();
    let mut model = Some(model);
    move || {
        let batch = batches.batch(&indices, 1);
        if let Some(current) = model.take() {
            let at = Moment { epochs: 0.0 };
            let (next, found) = descend(current, &mut optimiser, objective, &batch, at, 1e-4, None);
            black_box(found.read());
            model = Some(next);
        }
    }
}

/// Terms of a batch, still on the device.
pub struct StepTerms<B: Backend> {
    /// Names of the terms, the loss last.
    pub names: Vec<&'static str>,
    /// All terms one after another, to be read back at once, `[names * examples]`.
    values: Tensor<B, 1>,
}

impl<B: Backend> StepTerms<B> {
    pub(super) fn of(terms: &Terms<B>) -> Self {
        let all = terms.named.iter().map(|(_, term)| term).chain([&terms.loss]);
        Self {
            names: terms.named.iter().map(|(name, _)| *name).chain(["loss"]).collect(),
            values: Tensor::cat(all.map(|term| term.clone().detach()).collect(), 0),
        }
    }

    /// Term by term, example by example; waits for the device.
    pub fn read(&self) -> Vec<f32> {
        self.values.to_data().iter::<f32>().collect()
    }
}

#[cfg(test)]
mod tests {
    use burn::{backend::Autodiff, module::Param};

    use super::*;
    use crate::{
        backend::Flex,
        data::{Binarise, ExampleSet},
        laws::values,
        likelihood::row_sums,
        nn::{Activation, Dense, Init, Initialiser},
        noise::Noise,
    };

    type B = Autodiff<Flex>;

    /// The squared output of a layer.
    struct Square;

    impl Objective<B, Dense<B>> for Square {
        fn terms(&self, model: &Dense<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
            let y = model.forward(batch.x.clone());
            Terms { named: Vec::new(), loss: row_sums(y.square()) }
        }
    }

    #[test]
    fn a_step_goes_down_the_mean_gradient_which_is_no_longer_than_its_bound() {
        let (device, rate, at) = (Default::default(), 0.01, Moment { epochs: 0.0 });
        let x = ExampleSet::rows(&ndarray::arr2(&[[1.0], [3.0]]), vec![0; 2]);
        let batch =
            BatchMaker::new(x.into(), Binarise::None, Noise::new(1), device).batch(&[0, 1], 1);
        let mut init = Initialiser::new(Init::Glorot, Noise::new(1), &device);
        let mut layer = Dense::new(1, 1, Activation::Linear, &mut init);
        layer.weight = Param::from_data([[2.0]], &device);
        // Means of 2 w x^2 and of 2 w x.
        let gradient = [20f64, 8.0];
        let norm = gradient[0].hypot(gradient[1]);
        for (clip_norm, scale) in [(None, 1.0), (Some(30.0), 1.0), (Some(10.0), 10.0 / norm)] {
            let rule = OptimiserConfig::Sgd { momentum: 0.0, weight_decay: 0.0 };
            let (layer, optimiser) = (layer.clone(), &mut Optimiser::new(&rule));
            let (after, before) = descend(layer, optimiser, &Square, &batch, at, rate, clip_norm);
            assert_eq!(before.read(), [4.0, 36.0]);
            let found = [values(after.weight.val()), values(after.bias.val())].concat();
            for (found, (start, slope)) in found.iter().zip([2.0, 0.0].into_iter().zip(gradient)) {
                let wanted = start - rate * scale * slope;
                assert!((found - wanted).abs() < 1e-6, "{clip_norm:?}: {found} {wanted}");
            }
        }
    }
}
