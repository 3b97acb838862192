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
