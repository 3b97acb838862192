//! Matrices side by side. Burn's own backward pass gives each its columns as a view, and a sum with a view goes
//! number by number.

use std::ops::Range;

use burn::{
    backend::{
        Autodiff,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
    },
    tensor::{Slice, TensorMetadata, ops::FloatTensor},
};
#[cfg(feature = "flex")]
use burn_flex::FlexTensor;

#[cfg(feature = "flex")]
use super::{
    buffers,
    flex::{by_block, dense, dims, tensor},
};
use crate::backend::Backend;

/// Rows one task copies.
#[cfg(feature = "flex")]
const ROWS: usize = 32;

/// Columns of x as a view.
pub(crate) fn columns_composed<B: burn::prelude::Backend>(
    x: FloatTensor<B>,
    columns: Range<usize>,
) -> FloatTensor<B> {
    let rows = x.shape()[0];
    B::float_slice(x, &[Slice::from(0..rows), Slice::from(columns)])
}

/// See [`Backend::join`].
#[cfg(feature = "flex")]
pub(crate) fn join_flex(a: FlexTensor, b: FlexTensor) -> FlexTensor {
    let ((rows, left), (_, right)) = (dims(&a), dims(&b));
    let (a, b) = (dense(a), dense(b));
    let width = left + right;
    let mut joined = buffers::take(rows * width);
    if left > 0 && right > 0 {
        let tasks = (joined.chunks_mut(ROWS * width))
            .zip(a.storage::<f32>().chunks(ROWS * left))
            .zip(b.storage::<f32>().chunks(ROWS * right));
        by_block(
            tasks.collect(),
            rows * width,
            |((joined, a), b): ((&mut [f32], &[f32]), &[f32])| {
                let sides = a.chunks_exact(left).zip(b.chunks_exact(right));
                for (row, (a, b)) in joined.chunks_exact_mut(width).zip(sides) {
                    let (from_a, from_b) = row.split_at_mut(left);
                    from_a.copy_from_slice(a);
                    from_b.copy_from_slice(b);
                }
            },
        );
    } else {
        joined.copy_from_slice(if left > 0 { a.storage() } else { b.storage() });
    }
    tensor(joined, [rows, width])
}

/// See [`Backend::columns`].
#[cfg(feature = "flex")]
pub(crate) fn columns_flex(x: FlexTensor, columns: Range<usize>) -> FlexTensor {
    let (rows, width) = dims(&x);
    let x = dense(x);
    let part = columns.len();
    let mut found = buffers::take(rows * part);
    if part > 0 {
        let tasks = found.chunks_mut(ROWS * part).zip(x.storage::<f32>().chunks(ROWS * width));
        by_block(tasks.collect(), rows * part, |(found, x): (&mut [f32], &[f32])| {
            for (row, x) in found.chunks_exact_mut(part).zip(x.chunks_exact(width)) {
                row.copy_from_slice(&x[columns.clone()]);
            }
        });
    }
    buffers::give_back(x);
    tensor(found, [rows, part])
}

/// [a | b] with parents a and b.
#[derive(Debug)]
struct Join;

impl<B: Backend> Backward<B, 2> for Join {
    /// Where b begins.
    type State = usize;

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let (left, width) = (ops.state, gradient.shape()[1]);
        let [a, b] = ops.parents;
        if let Some(node) = a {
            gradients.register::<B>(node.id, B::columns(gradient.clone(), 0..left));
        }
        if let Some(node) = b {
            gradients.register::<B>(node.id, B::columns(gradient, left..width));
        }
    }
}

/// [`Backend::join`] with gradients.
pub(crate) fn autodiff_join<B: Backend>(
    a: FloatTensor<Autodiff<B>>,
    b: FloatTensor<Autodiff<B>>,
) -> FloatTensor<Autodiff<B>> {
    let nodes = [a.node.clone(), b.node.clone()];
    let left = a.primitive.shape()[1];
    let joined = B::join(a.primitive, b.primitive);
    match Join.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(left, joined),
        OpsKind::UnTracked(prepared) => prepared.finish(joined),
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Tensor;
    use burn_flex::Flex;

    use super::*;
    use crate::{
        backend::fused::composed::{unwrap, wrap},
        noise::{Noise, Stream},
    };

    fn join<B: Backend>(a: Tensor<B, 2>, b: Tensor<B, 2>) -> Tensor<B, 2> {
        wrap(B::join(unwrap(a), unwrap(b)))
    }

    fn random<B: Backend>(rows: usize, columns: usize, key: u64) -> Tensor<B, 2> {
        let values = Noise::new(2).normal(Stream::Generate, key, &[0], rows * columns);
        crate::matrix(values, [rows, columns], &Default::default())
    }

    /// Values and gradients, sums of gradients of a matrix that is joined twice included.
    #[test]
    fn it_equals_concatenation() {
        type Diff = Autodiff<Flex>;
        for (rows, left, right) in [(1, 1, 1), (3, 17, 5), (70, 200, 784)] {
            let (a, b) = (random::<Diff>(rows, left, 1), random::<Diff>(rows, right, 2));
            let weight = random::<Diff>(rows, left + right, 3);
            let of = |joined: &dyn Fn(Tensor<Diff, 2>, Tensor<Diff, 2>) -> Tensor<Diff, 2>| {
                let (a, b) = (a.clone().require_grad(), b.clone().require_grad());
                let once = joined(a.clone(), b.clone());
                let loss = (once.clone() * weight.clone()).sum()
                    + (joined(a.clone(), b.clone().square()) * weight.clone()).sum();
                let gradients = loss.backward();
                (once.into_data(), [a, b].map(|x| x.grad(&gradients).unwrap().into_data()))
            };
            assert_eq!(of(&join), of(&|a, b| Tensor::cat(vec![a, b], 1)));
        }
    }

    #[test]
    fn nothing_beside_a_matrix_changes_nothing() {
        let (a, none) = (random::<Flex>(4, 3, 1), random::<Flex>(4, 0, 2));
        for joined in [join(a.clone(), none.clone()), join(none, a.clone())] {
            assert_eq!(joined.into_data(), a.clone().into_data());
        }
    }
}
