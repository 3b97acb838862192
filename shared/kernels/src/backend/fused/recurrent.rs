//! The element-wise part of a recurrent cell, in one pass.

use burn::{
    backend::{
        Autodiff,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
    },
    tensor::{Tensor, activation, backend::AutodiffBackend, ops::FloatTensor},
};

use super::{
    autodiff::register_each,
    composed::{unwrap, wrap},
};
use crate::{backend::Backend, operation::Cell};

type B2<B> = Tensor<B, 2>;

/// Columns `index * width..(index + 1) * width`.
fn part<B: burn::prelude::Backend>(tensor: &B2<B>, index: usize, width: usize) -> B2<B> {
    tensor.clone().narrow(1, index * width, width)
}

/// From the two sums of a step and the state before it: the state after it, and the gates.
///
/// - GRU (Cho et al. 2014, as PyTorch has it): r = sigmoid(a_r + b_r), u = sigmoid(a_u + b_u),
///   n = tanh(a_n + r b_n), h' = (1 - u) n + u h; the gates are (r, u, n).
/// - LSTM (Hochreiter & Schmidhuber 1997, with a forget gate): i, f, o = sigmoid(a + b), g = tanh(a + b),
///   c' = f c + i g, h' = o tanh(c'); the gates are (i, f, g, o), and the state is (h, c).
pub(crate) fn recur_composed<B: burn::prelude::Backend>(
    cell: Cell,
    input: FloatTensor<B>,
    hidden: FloatTensor<B>,
    state: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let (a, b, state): (B2<B>, B2<B>, B2<B>) = (wrap(input), wrap(hidden), wrap(state));
    let width = a.dims()[1] / cell.gates();
    let (state, gates) = match cell {
        Cell::Gru => {
            let r = activation::sigmoid(part(&a, 0, width) + part(&b, 0, width));
            let u = activation::sigmoid(part(&a, 1, width) + part(&b, 1, width));
            let n = activation::tanh(part(&a, 2, width) + r.clone() * part(&b, 2, width));
            let state = n.clone() + u.clone() * (state - n.clone());
            (state, Tensor::cat(vec![r, u, n], 1))
        }
        Cell::Lstm => {
            let sum = a + b;
            let [i, f, o] = [0, 1, 3].map(|gate| activation::sigmoid(part(&sum, gate, width)));
            let g = activation::tanh(part(&sum, 2, width));
            let c = f.clone() * part(&state, 1, width) + i.clone() * g.clone();
            let h = o.clone() * activation::tanh(c.clone());
            (Tensor::cat(vec![h, c], 1), Tensor::cat(vec![i, f, g, o], 1))
        }
    };
    (unwrap(state), unwrap(gates))
}

/// Gradients of both sums and of the state before the step, from those of the state after it.
pub(crate) fn recur_gradient_composed<B: burn::prelude::Backend>(
    cell: Cell,
    gates: FloatTensor<B>,
    hidden: FloatTensor<B>,
    before: FloatTensor<B>,
    after: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> [FloatTensor<B>; 3] {
    let (gates, hidden): (B2<B>, B2<B>) = (wrap(gates), wrap(hidden));
    let (before, after, gradient): (B2<B>, B2<B>, B2<B>) =
        (wrap(before), wrap(after), wrap(gradient));
    let width = gates.dims()[1] / cell.gates();
    let less_square = |y: &B2<B>| y.clone().square().neg().add_scalar(1.0);
    let sigmoid_slope = |y: &B2<B>| y.clone() - y.clone().square();
    match cell {
        Cell::Gru => {
            let [r, u, n] = [0, 1, 2].map(|gate| part(&gates, gate, width));
            let inner_n = gradient.clone() * (u.clone().neg().add_scalar(1.0)) * less_square(&n);
            let inner_u = gradient.clone() * (before - n) * sigmoid_slope(&u);
            let inner_r = inner_n.clone() * part(&hidden, 2, width) * sigmoid_slope(&r);
            let through = inner_n.clone() * r;
            let input = Tensor::cat(vec![inner_r.clone(), inner_u.clone(), inner_n], 1);
            let hidden = Tensor::cat(vec![inner_r, inner_u, through], 1);
            [unwrap(input), unwrap(hidden), unwrap(gradient * u)]
        }
        Cell::Lstm => {
            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| part(&gates, gate, width));
            let squashed = activation::tanh(part(&after, 1, width));
            let [to_h, to_c] = [0, 1].map(|half| part(&gradient, half, width));
            let to_c = to_c + to_h.clone() * o.clone() * less_square(&squashed);
            let inner = Tensor::cat(
                vec![
                    to_c.clone() * g.clone() * sigmoid_slope(&i),
                    to_c.clone() * part(&before, 1, width) * sigmoid_slope(&f),
                    to_c.clone() * i * less_square(&g),
                    to_h.clone() * squashed * sigmoid_slope(&o),
                ],
                1,
            );
            let state = Tensor::cat(vec![to_h.zeros_like(), to_c * f], 1);
            [unwrap(inner.clone()), unwrap(inner), unwrap(state)]
        }
    }
}

/// The state after a step with parents the two sums and the state before it.
#[derive(Debug)]
struct Recur(Cell);

impl<B: Backend> Backward<B, 3> for Recur {
    /// Gates, the hidden sum, the state before and after the step.
    type State = [FloatTensor<B>; 4];

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [gates, hidden, before, after] = ops.state;
        let gradient = gradients.consume::<B>(&ops.node);
        let found = B::recur_gradient(self.0, gates, hidden, before, after, gradient);
        let nodes = ops.parents.map(|node| node.map(|node| node.id));
        register_each::<B, _>(nodes, found, gradients);
    }
}

/// [`Backend::recur`] with gradients; the gates have none.
pub(crate) fn autodiff_recur<B: Backend>(
    cell: Cell,
    input: FloatTensor<Autodiff<B>>,
    hidden: FloatTensor<Autodiff<B>>,
    state: FloatTensor<Autodiff<B>>,
) -> (FloatTensor<Autodiff<B>>, FloatTensor<Autodiff<B>>) {
    let nodes = [input.node.clone(), hidden.node.clone(), state.node.clone()];
    let (before, sum) = (state.primitive, hidden.primitive);
    let (after, gates) = B::recur(cell, input.primitive, sum.clone(), before.clone());
    let kept = gates.clone();
    let output = match Recur(cell).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish([kept, sum, before, after.clone()], after),
        OpsKind::UnTracked(prepared) => prepared.finish(after),
    };
    (output, <Autodiff<B> as AutodiffBackend>::from_inner(gates))
}
