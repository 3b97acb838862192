//! A recurrence over steps whose inputs are all known beforehand, as one node of the graph: the gradient of its
//! weight is one product over all steps.

use burn::{
    backend::{
        Autodiff,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
    },
    tensor::{Tensor, ops::FloatTensor},
};

use super::{
    autodiff::register_each,
    composed::{unwrap, wrap},
};
use crate::{
    backend::Backend,
    operation::{Activation, Cell},
};

type B2<B> = Tensor<B, 2>;

/// The rows of a step, or of the state before it.
fn of_step<B: Backend>(tensor: &B2<B>, step: usize, rows: usize) -> B2<B> {
    tensor.clone().narrow(0, step * rows, rows)
}

/// See [`Backend::unroll`].
pub(crate) fn unroll_composed<B: Backend>(
    cell: Cell,
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    start: FloatTensor<B>,
) -> FloatTensor<B> {
    through_steps::<B>(cell, input, [weight, bias], start, |_, _| ())
}

/// See [`Backend::unroll_keeping`].
pub(crate) fn unroll_keeping_composed<B: Backend>(
    cell: Cell,
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    start: FloatTensor<B>,
) -> [FloatTensor<B>; 3] {
    let (mut gates, mut hidden): (Vec<B2<B>>, Vec<B2<B>>) = (Vec::new(), Vec::new());
    let states = through_steps::<B>(cell, input, [weight, bias], start, |opened, sums| {
        gates.push(wrap(opened));
        hidden.push(wrap(sums));
    });
    [states, unwrap(Tensor::cat(gates, 0)), unwrap(Tensor::cat(hidden, 0))]
}

/// All states; `keep` receives the gates and hidden sums of each step.
fn through_steps<B: Backend>(
    cell: Cell,
    input: FloatTensor<B>,
    [weight, bias]: [FloatTensor<B>; 2],
    start: FloatTensor<B>,
    mut keep: impl FnMut(FloatTensor<B>, FloatTensor<B>),
) -> FloatTensor<B> {
    let (input, start): (B2<B>, B2<B>) = (wrap(input), wrap(start));
    let (rows, width) = (start.dims()[0], input.dims()[1] / cell.gates());
    let mut state = start.clone();
    let mut states = vec![start];
    for step in 0..input.dims()[0] / rows.max(1) {
        let h = unwrap(state.clone().narrow(1, 0, width));
        let sums = B::dense(h, weight.clone(), bias.clone(), Activation::Linear);
        let input = unwrap(of_step(&input, step, rows));
        let (after, gates) = B::recur(cell, input, sums.clone(), unwrap(state));
        state = wrap(after);
        states.push(state.clone());
        keep(gates, sums);
    }
    unwrap(Tensor::cat(states, 0))
}

/// See [`Backend::unroll_gradient`].
pub(crate) fn unroll_gradient_composed<B: Backend>(
    cell: Cell,
    weight: FloatTensor<B>,
    [states, gates, hidden]: [FloatTensor<B>; 3],
    gradient: FloatTensor<B>,
) -> [FloatTensor<B>; 4] {
    let [states, gates, hidden, gradient]: [B2<B>; 4] = [states, gates, hidden, gradient].map(wrap);
    let width = gates.dims()[1] / cell.gates();
    let [all, narrow] = states.dims();
    let rows = all - gates.dims()[0];
    let steps = all / rows.max(1) - 1;
    let backwards = B::float_transpose(weight);
    let (mut to_input, mut to_hidden) = (Vec::new(), Vec::new());
    let mut to_state = of_step(&gradient, steps, rows); // [rows, state]
    for step in (0..steps).rev() {
        let [input, sums, through] = B::recur_gradient(
            cell,
            unwrap(of_step(&gates, step, rows)),
            unwrap(of_step(&hidden, step, rows)),
            unwrap(of_step(&states, step, rows)),
            unwrap(of_step(&states, step + 1, rows)),
            unwrap(to_state),
        );
        let to_h: B2<B> = wrap(B::product(sums.clone(), backwards.clone())); // [rows, width]
        let through: B2<B> = wrap(through);
        let by_sums = if narrow == width {
            to_h
        } else {
            Tensor::cat(
                vec![to_h, through.clone().narrow(1, width, narrow - width).zeros_like()],
                1,
            )
        };
        to_state = through + by_sums + of_step(&gradient, step, rows);
        to_input.push(wrap::<B, 2>(input));
        to_hidden.push(wrap(sums));
    }
    let [to_input, to_hidden]: [B2<B>; 2] = [to_input, to_hidden].map(|mut by_step| {
        by_step.reverse();
        Tensor::cat(by_step, 0)
    });
    let before = states.narrow(0, 0, steps * rows).narrow(1, 0, width); // [steps * rows, width]
    let to_hidden = unwrap(to_hidden);
    [
        unwrap(to_input),
        B::product(B::float_transpose(unwrap(before)), to_hidden.clone()),
        B::bias_gradient(to_hidden),
        unwrap(to_state),
    ]
}

/// The states with parents the input's sums, weight, bias and the state before the first step.
#[derive(Debug)]
struct Unroll(Cell);

impl<B: Backend> Backward<B, 4> for Unroll {
    /// The weight; states, gates and hidden sums.
    type State = (FloatTensor<B>, [FloatTensor<B>; 3]);

    fn backward(self, ops: Ops<Self::State, 4>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (weight, found) = ops.state;
        let gradient = gradients.consume::<B>(&ops.node);
        let found = B::unroll_gradient(self.0, weight, found, gradient);
        let nodes = ops.parents.map(|node| node.map(|node| node.id));
        register_each::<B, _>(nodes, found, gradients);
    }
}

/// [`Backend::unroll`] with gradients.
pub(crate) fn autodiff_unroll<B: Backend>(
    cell: Cell,
    input: FloatTensor<Autodiff<B>>,
    weight: FloatTensor<Autodiff<B>>,
    bias: FloatTensor<Autodiff<B>>,
    start: FloatTensor<Autodiff<B>>,
) -> FloatTensor<Autodiff<B>> {
    let nodes = [&input, &weight, &bias, &start].map(|parent| parent.node.clone());
    let [input, weight, bias, start] = [input, weight, bias, start].map(|parent| parent.primitive);
    match Unroll(cell).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let found = B::unroll_keeping(cell, input, weight.clone(), bias, start);
            let states = found[0].clone();
            prepared.finish((weight, found), states)
        }
        OpsKind::UnTracked(prepared) => {
            prepared.finish(B::unroll(cell, input, weight, bias, start))
        }
    }
}
