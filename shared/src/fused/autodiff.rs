//! Each fused operation as one node of the autodiff graph.

use burn::{
    backend::{
        Autodiff,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
    },
    tensor::ops::FloatTensor,
};

use crate::{backend::Backend, nn::Activation};

/// y = f(x W + b) with parents x, W and b.
#[derive(Debug)]
struct Dense(Activation);

impl<B: Backend> Backward<B, 3> for Dense {
    /// x, W and y.
    type State = [FloatTensor<B>; 3];

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [x, weight, y] = ops.state;
        let [x_node, weight_node, bias_node] = ops.parents;
        let gradient = gradients.consume::<B>(&ops.node);
        let (inner, bias) = B::dense_gradient(y, gradient, self.0);
        if let Some(node) = bias_node {
            gradients.register::<B>(node.id, bias);
        }
        if let Some(node) = weight_node {
            let gradient = B::product(B::float_transpose(x), inner.clone());
            gradients.register::<B>(node.id, gradient);
        }
        if let Some(node) = x_node {
            let gradient = B::product(inner, B::float_transpose(weight));
            gradients.register::<B>(node.id, gradient);
        }
    }
}

/// [`Backend::dense`] with gradients.
pub(crate) fn autodiff_dense<B: Backend>(
    x: FloatTensor<Autodiff<B>>,
    weight: FloatTensor<Autodiff<B>>,
    bias: FloatTensor<Autodiff<B>>,
    f: Activation,
) -> FloatTensor<Autodiff<B>> {
    let y = B::dense(x.primitive.clone(), weight.primitive.clone(), bias.primitive, f);
    let nodes = [x.node.clone(), weight.node.clone(), bias.node.clone()];
    match Dense(f).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            prepared.finish([x.primitive, weight.primitive, y.clone()], y)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    }
}

/// log p(x|logits) of each row with parent logits; x is data and gets no gradient.
#[derive(Debug)]
struct BernoulliLogProb;

impl<B: Backend> Backward<B, 1> for BernoulliLogProb {
    /// Logits and x.
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [logits, x] = ops.state;
        let gradient = gradients.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            gradients.register::<B>(node.id, B::bernoulli_gradient(logits, x, gradient));
        }
    }
}

/// [`Backend::bernoulli_log_prob`] with gradients.
pub(crate) fn autodiff_bernoulli_log_prob<B: Backend>(
    logits: FloatTensor<Autodiff<B>>,
    x: FloatTensor<Autodiff<B>>,
) -> FloatTensor<Autodiff<B>> {
    let x = x.primitive;
    let output = B::bernoulli_log_prob(logits.primitive.clone(), x.clone());
    let nodes = [logits.node.clone()];
    match BernoulliLogProb.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish([logits.primitive, x], output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    }
}
