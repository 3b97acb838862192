//! Batch normalisation with the statistics of the batch (Ioffe & Szegedy 2015, algorithm 1), without scale
//! and shift.

use burn::{
    backend::{
        Autodiff,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
    },
    tensor::{Tensor, backend::AutodiffBackend, ops::FloatTensor},
};

use super::composed::{unwrap, wrap};
use crate::{backend::Backend, operation::VARIANCE_FLOOR};

type B2<B> = Tensor<B, 2>;

/// The rows of each group, `[rows of the group, columns]`.
fn by_group<B: burn::prelude::Backend>(x: &B2<B>, groups: &[usize]) -> Vec<B2<B>> {
    let mut first = 0;
    groups
        .iter()
        .map(|&rows| {
            first += rows;
            x.clone().narrow(0, first - rows, rows)
        })
        .collect()
}

/// z = (x - m) / s of each column within each group of rows, and 1 / s, `[groups, columns]`, with
/// s^2 = var(x) + floor.
pub(crate) fn normalise_composed<B: burn::prelude::Backend>(
    x: FloatTensor<B>,
    groups: &[usize],
) -> (FloatTensor<B>, FloatTensor<B>) {
    let (mut z, mut inverse) = (Vec::new(), Vec::new());
    for x in by_group::<B>(&wrap(x), groups) {
        let centred = x.clone() - x.mean_dim(0);
        let variance = centred.clone().square().mean_dim(0);
        let scale = variance.add_scalar(VARIANCE_FLOOR).sqrt().recip();
        z.push(centred * scale.clone());
        inverse.push(scale);
    }
    (unwrap(Tensor::cat(z, 0)), unwrap(Tensor::cat(inverse, 0)))
}

/// dL/dx = (g - mean(g) - z mean(g z)) / s, from z, 1 / s and g = dL/dz.
pub(crate) fn normalise_gradient_composed<B: burn::prelude::Backend>(
    z: FloatTensor<B>,
    inverse: FloatTensor<B>,
    gradient: FloatTensor<B>,
    groups: &[usize],
) -> FloatTensor<B> {
    let inverse: B2<B> = wrap(inverse);
    let parts = by_group::<B>(&wrap(z), groups).into_iter().zip(by_group(&wrap(gradient), groups));
    let parts = parts.enumerate().map(|(group, (z, g))| {
        let along = z.clone() * (z * g.clone()).mean_dim(0);
        (g.clone() - g.mean_dim(0) - along) * inverse.clone().narrow(0, group, 1)
    });
    unwrap(Tensor::cat(parts.collect(), 0))
}

/// z with parent x.
#[derive(Debug)]
struct Normalise(Vec<usize>);

impl<B: Backend> Backward<B, 1> for Normalise {
    /// z and 1 / s.
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [z, inverse] = ops.state;
        let gradient = gradients.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            let gradient = B::normalise_gradient(z, inverse, gradient, &self.0);
            gradients.register::<B>(node.id, gradient);
        }
    }
}

/// [`Backend::normalise`] with gradients; the scale has none.
pub(crate) fn autodiff_normalise<B: Backend>(
    x: FloatTensor<Autodiff<B>>,
    groups: &[usize],
) -> (FloatTensor<Autodiff<B>>, FloatTensor<Autodiff<B>>) {
    let nodes = [x.node.clone()];
    let (z, inverse) = B::normalise(x.primitive, groups);
    let kept = inverse.clone();
    let prepared = Normalise(groups.to_vec()).prepare::<NoCheckpointing>(nodes);
    let output = match prepared.compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish([z.clone(), kept], z),
        OpsKind::UnTracked(prepared) => prepared.finish(z),
    };
    (output, <Autodiff<B> as AutodiffBackend>::from_inner(inverse))
}
