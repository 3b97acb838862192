//! The combinator of a ladder network: a unit's estimate from its noisy value and from the layer above, in one
//! pass.

use burn::{
    backend::{
        Autodiff,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
    },
    tensor::{Tensor, activation, ops::FloatTensor},
};

use super::{
    autodiff::register_each,
    composed::{unwrap, wrap},
};
use crate::backend::Backend;

type B2<B> = Tensor<B, 2>;

/// Parameters of a unit.
pub(crate) const PARAMETERS: usize = 10;

/// The row of each parameter a_1, ..., a_10, `[1, units]`.
fn rows<B: burn::prelude::Backend>(parameters: FloatTensor<B>) -> [B2<B>; PARAMETERS] {
    let parameters: B2<B> = wrap(parameters);
    std::array::from_fn(|row| parameters.clone().narrow(0, row, 1))
}

/// (z~ - mu) v + mu with (Rasmus et al. 2015, equation 2)
///
/// ```text
/// mu(u) = a_1 sigmoid(a_2 u + a_3) + a_4 u + a_5
/// v(u)  = a_6 sigmoid(a_7 u + a_8) + a_9 u + a_10
/// ```
///
/// z~ and u are `[examples, units]`, the parameters `[10, units]`.
pub(crate) fn combine_composed<B: burn::prelude::Backend>(
    lateral: FloatTensor<B>,
    above: FloatTensor<B>,
    parameters: FloatTensor<B>,
) -> FloatTensor<B> {
    let (z, u): (B2<B>, B2<B>) = (wrap(lateral), wrap(above));
    let [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10] = rows::<B>(parameters);
    let mu = activation::sigmoid(u.clone() * a2 + a3) * a1 + u.clone() * a4 + a5;
    let v = activation::sigmoid(u.clone() * a7 + a8) * a6 + u * a9 + a10;
    unwrap((z - mu.clone()) * v + mu)
}

/// Gradients with respect to z~, u and the parameters.
pub(crate) fn combine_gradient_composed<B: burn::prelude::Backend>(
    lateral: FloatTensor<B>,
    above: FloatTensor<B>,
    parameters: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> [FloatTensor<B>; 3] {
    let (z, u, g): (B2<B>, B2<B>, B2<B>) = (wrap(lateral), wrap(above), wrap(gradient));
    let [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10] = rows::<B>(parameters);
    let s = activation::sigmoid(u.clone() * a2.clone() + a3);
    let t = activation::sigmoid(u.clone() * a7.clone() + a8);
    let mu = s.clone() * a1.clone() + u.clone() * a4.clone() + a5;
    let v = t.clone() * a6.clone() + u.clone() * a9.clone() + a10;
    let to_mu = g.clone() * v.clone().neg().add_scalar(1.0);
    let to_v = g.clone() * (z - mu);
    let to_s = to_mu.clone() * a1 * (s.clone() - s.clone().square());
    let to_t = to_v.clone() * a6 * (t.clone() - t.clone().square());
    let to_u = to_s.clone() * a2 + to_mu.clone() * a4 + to_t.clone() * a7 + to_v.clone() * a9;
    let slopes = [
        to_mu.clone() * s,
        to_s.clone() * u.clone(),
        to_s,
        to_mu.clone() * u.clone(),
        to_mu,
        to_v.clone() * t,
        to_t.clone() * u.clone(),
        to_t,
        to_v.clone() * u,
        to_v,
    ];
    let slopes = slopes.map(|slope| slope.sum_dim(0)).into();
    [unwrap(g * v), unwrap(to_u), unwrap(Tensor::cat(slopes, 0))]
}

/// The estimate with parents z~, u and the parameters.
#[derive(Debug)]
struct Combine;

impl<B: Backend> Backward<B, 3> for Combine {
    /// z~, u and the parameters.
    type State = [FloatTensor<B>; 3];

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [lateral, above, parameters] = ops.state;
        let gradient = gradients.consume::<B>(&ops.node);
        let found = B::combine_gradient(lateral, above, parameters, gradient);
        let nodes = ops.parents.map(|node| node.map(|node| node.id));
        register_each::<B, _>(nodes, found, gradients);
    }
}

/// [`Backend::combine`] with gradients.
pub(crate) fn autodiff_combine<B: Backend>(
    lateral: FloatTensor<Autodiff<B>>,
    above: FloatTensor<Autodiff<B>>,
    parameters: FloatTensor<Autodiff<B>>,
) -> FloatTensor<Autodiff<B>> {
    let nodes = [lateral.node.clone(), above.node.clone(), parameters.node.clone()];
    let state = [lateral.primitive, above.primitive, parameters.primitive];
    let [z, u, a] = state.clone();
    let output = B::combine(z, u, a);
    match Combine.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(state, output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    }
}
