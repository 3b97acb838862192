//! The states of an update rule, compared with the parameters of the model they are for.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use burn::{
    module::{AutodiffModule, ModuleVisitor, Param, ParamId},
    optim::{
        Optimizer, Sgd, SgdState, SimpleOptimizer, adaptor::OptimizerAdaptor,
        momentum::MomentumState, record::AdaptorRecord,
    },
    record::{FullPrecisionSettings, Record},
    tensor::Tensor,
};
use kernels::backend::{AutodiffBackend, Backend};
use weights::{panics::caught, record_from};

use super::{
    adagrad::{Adagrad, AdagradState},
    adam::{Adam, AdamState},
};

/// An update rule whose states can be looked into.
pub(super) trait Stateful<B: Backend>: SimpleOptimizer<B> {
    /// The steps that the state of one parameter has counted, 0 if the rule counts none, and its tensors.
    fn steps_and_tensors<const D: usize>(
        state: Self::State<D>,
        device: &B::Device,
    ) -> (usize, Vec<Tensor<B, D>>);
}

impl<B: Backend> Stateful<B> for Adam {
    fn steps_and_tensors<const D: usize>(
        state: AdamState<B, D>,
        _: &B::Device,
    ) -> (usize, Vec<Tensor<B, D>>) {
        (state.time, vec![state.first, state.second])
    }
}

impl<B: Backend> Stateful<B> for Adagrad {
    fn steps_and_tensors<const D: usize>(
        state: AdagradState<B, D>,
        _: &B::Device,
    ) -> (usize, Vec<Tensor<B, D>>) {
        (state.lr_decay.time, vec![state.lr_decay.sum])
    }
}

impl<B: Backend> Stateful<B> for Sgd<B> {
    fn steps_and_tensors<const D: usize>(
        state: SgdState<B, D>,
        device: &B::Device,
    ) -> (usize, Vec<Tensor<B, D>>) {
        // Private in the state, the velocity is public in its record.
        let velocity = state.momentum.map(|momentum| {
            let item =
                <MomentumState<B, D> as Record<B>>::into_item::<FullPrecisionSettings>(momentum);
            <Tensor<B, D> as Record<B>>::from_item::<FullPrecisionSettings>(item.velocity, device)
        });
        (0, velocity.into_iter().collect())
    }
}

/// `rule` with the states of a record, each of which must be that of a parameter of `model`. A parameter that has had
/// no gradient yet has none.
///
/// # Errors
/// If the bytes are no such record, or the states are not those of this model after a step.
pub(super) fn with_states<B, M, O>(
    rule: OptimizerAdaptor<O, M, B>,
    model: &M,
    bytes: Vec<u8>,
    device: &B::Device,
) -> Result<OptimizerAdaptor<O, M, B>>
where
    B: AutodiffBackend,
    M: AutodiffModule<B>,
    O: Stateful<B::InnerBackend>,
{
    let rule = rule.load_record(record_from::<B, _>(bytes, device)?);
    let states: BTreeMap<ParamId, AdaptorRecord<O, B>> = rule.to_record().into_iter().collect();
    // A checkpoint is written after a step: Adam would begin anew, with the bias correction of its first.
    if states.is_empty() {
        bail!("it has no state of any parameter");
    }
    let mut comparison = Comparison { states, device, problem: None };
    model.visit(&mut comparison);
    if let Some(problem) = comparison.problem {
        bail!("{problem}");
    }
    if let Some(id) = comparison.states.keys().next() {
        bail!("it has a state of parameter {}, which the model does not have", id.val());
    }
    Ok(rule)
}

/// Compares states with the parameters of a model.
struct Comparison<'a, B: AutodiffBackend, O: Stateful<B::InnerBackend>> {
    /// Those whose parameter has not been visited.
    states: BTreeMap<ParamId, AdaptorRecord<O, B>>,
    device: &'a B::Device,
    /// The first that was found.
    problem: Option<String>,
}

impl<B: AutodiffBackend, O: Stateful<B::InnerBackend>> ModuleVisitor<B> for Comparison<'_, B, O> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let Some(state) = self.states.remove(&param.id) else { return };
        let problem = problem_of::<B, O, D>(state, param.val().dims(), self.device);
        if self.problem.is_none() {
            let id = param.id.val();
            self.problem = problem.map(|problem| format!("its state of parameter {id} {problem}"));
        }
    }
}

/// What is wrong with the state of a parameter of this shape, if anything.
fn problem_of<B: AutodiffBackend, O: Stateful<B::InnerBackend>, const D: usize>(
    state: AdaptorRecord<O, B>,
    shape: [usize; D],
    device: &B::Device,
) -> Option<String> {
    // Burn panics at one of another rank.
    let Ok(state) = caught(|| state.into_state::<D>()) else {
        return Some(format!("is not of {D} dimensions, as {shape:?} is"));
    };
    let (steps, tensors) = O::steps_and_tensors::<D>(state, device);
    if let Some(tensor) = tensors.iter().find(|tensor| tensor.dims() != shape) {
        return Some(format!("is of shape {:?}, expected {shape:?}", tensor.dims()));
    }
    (steps == usize::MAX).then(|| format!("has counted {steps} steps: there is no next one"))
}
