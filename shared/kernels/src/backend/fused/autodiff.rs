//! Each fused operation as one node of the autodiff graph.

use burn::{
    backend::{
        Autodiff,
        autodiff::{
            NodeId,
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
    },
    tensor::{TensorMetadata, backend::AutodiffBackend, ops::FloatTensor},
};

use super::Geometry;
use crate::{backend::Backend, operation::Activation};

/// dL/da and dL/db of y = f(a + b). A linear layer keeps no y, whose memory others can then change in place.
fn inner_gradient<B: Backend>(
    y: Option<FloatTensor<B>>,
    gradient: FloatTensor<B>,
    f: Activation,
) -> (FloatTensor<B>, FloatTensor<B>) {
    match y {
        Some(y) => B::dense_gradient(y, gradient, f),
        None => (gradient.clone(), B::bias_gradient(gradient)),
    }
}

/// y, where its gradient is to be had from it.
fn kept<B: Backend>(y: &FloatTensor<B>, f: Activation) -> Option<FloatTensor<B>> {
    (f != Activation::Linear).then(|| y.clone())
}

/// Registers the gradient of each parent to which one flows.
pub(super) fn register_each<B: Backend, const N: usize>(
    nodes: [Option<NodeId>; N],
    found: [FloatTensor<B>; N],
    gradients: &mut Gradients,
) {
    for (node, gradient) in nodes.into_iter().zip(found) {
        if let Some(node) = node {
            gradients.register::<B>(node, gradient);
        }
    }
}

/// A parent to which a gradient flows, and what has come so far.
type Parent<B> = (NodeId, Option<FloatTensor<B>>);

/// Takes what has come so far to a parent; any tensor stands in for its value.
fn parent<B: Backend, S, const N: usize>(
    ops: &Ops<S, N>,
    index: usize,
    any: &FloatTensor<B>,
    gradients: &mut Gradients,
) -> Option<Parent<B>> {
    let node = ops.parents[index].clone()?;
    let mut parent = <Autodiff<B> as AutodiffBackend>::from_inner(any.clone());
    parent.node = node;
    Some((parent.node.id, gradients.remove::<B>(&parent)))
}

/// The product a b as a gradient of a parent, added in place to what has come so far.
fn register_product<B: Backend>(
    (node, sum): Parent<B>,
    [a, b]: [FloatTensor<B>; 2],
    gradients: &mut Gradients,
) {
    let gradient = match sum {
        Some(sum) => B::add_product(sum, a, b),
        None => B::product(a, b),
    };
    gradients.register::<B>(node, gradient);
}

/// The gradients of the factors a and b of a b, from that of the product.
fn register_products<B: Backend>(
    [a, b]: [FloatTensor<B>; 2],
    [to_a, to_b]: [Option<Parent<B>>; 2],
    gradient: FloatTensor<B>,
    gradients: &mut Gradients,
) {
    if let Some(parent) = to_b {
        register_product::<B>(parent, [B::float_transpose(a), gradient.clone()], gradients);
    }
    if let Some(parent) = to_a {
        register_product::<B>(parent, [gradient, B::float_transpose(b)], gradients);
    }
}

/// y = f(x W + b) with parents x, W and b.
#[derive(Debug)]
struct Dense(Activation);

impl<B: Backend> Backward<B, 3> for Dense {
    /// x, W and y.
    type State = (FloatTensor<B>, FloatTensor<B>, Option<FloatTensor<B>>);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let parents = [0, 1].map(|index| parent::<B, _, _>(&ops, index, &gradient, gradients));
        let (x, weight, y) = ops.state;
        let (inner, bias) = inner_gradient::<B>(y, gradient, self.0);
        if let [_, _, Some(node)] = ops.parents {
            gradients.register::<B>(node.id, bias);
        }
        register_products::<B>([x, weight], parents, inner, gradients);
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
            prepared.finish((x.primitive, weight.primitive, kept::<B>(&y, f)), y)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    }
}

/// a b with parents a and b.
#[derive(Debug)]
struct Product;

impl<B: Backend> Backward<B, 2> for Product {
    /// a and b.
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let parents = [0, 1].map(|index| parent::<B, _, _>(&ops, index, &gradient, gradients));
        register_products::<B>(ops.state, parents, gradient, gradients);
    }
}

/// [`Backend::product`] with gradients.
pub(crate) fn autodiff_product<B: Backend>(
    a: FloatTensor<Autodiff<B>>,
    b: FloatTensor<Autodiff<B>>,
) -> FloatTensor<Autodiff<B>> {
    let nodes = [a.node.clone(), b.node.clone()];
    let product = B::product(a.primitive.clone(), b.primitive.clone());
    match Product.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish([a.primitive, b.primitive], product),
        OpsKind::UnTracked(prepared) => prepared.finish(product),
    }
}

/// x = y W^T + b with parents y, W and b. The gradient of W comes in W's own layout: with tied
/// weights it is added to another of that layout.
#[derive(Debug)]
struct DenseTransposed;

impl<B: Backend> Backward<B, 3> for DenseTransposed {
    /// y and W.
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [to_y, to_weight] =
            [0, 1].map(|index| parent::<B, _, _>(&ops, index, &gradient, gradients));
        let [y, weight] = ops.state;
        if let [_, _, Some(node)] = ops.parents {
            let sum = B::float_sum_dim(gradient.clone(), 0);
            let width = sum.shape().num_elements();
            gradients.register::<B>(node.id, B::float_reshape(sum, [width].into()));
        }
        if let Some(parent) = to_weight {
            let factors = [B::float_transpose(gradient.clone()), y];
            register_product::<B>(parent, factors, gradients);
        }
        if let Some(parent) = to_y {
            register_product::<B>(parent, [gradient, weight], gradients);
        }
    }
}

/// [`Backend::dense_transposed`] with gradients.
pub(crate) fn autodiff_dense_transposed<B: Backend>(
    y: FloatTensor<Autodiff<B>>,
    weight: FloatTensor<Autodiff<B>>,
    bias: FloatTensor<Autodiff<B>>,
) -> FloatTensor<Autodiff<B>> {
    let x = B::dense_transposed(y.primitive.clone(), weight.primitive.clone(), bias.primitive);
    let nodes = [y.node.clone(), weight.node.clone(), bias.node.clone()];
    match DenseTransposed.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish([y.primitive, weight.primitive], x),
        OpsKind::UnTracked(prepared) => prepared.finish(x),
    }
}

/// y = f(x + b) with parents x and b.
#[derive(Debug)]
struct Activate(Activation);

impl<B: Backend> Backward<B, 2> for Activate {
    /// y.
    type State = Option<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, bias_node] = ops.parents;
        let gradient = gradients.consume::<B>(&ops.node);
        let (x, bias) = inner_gradient::<B>(ops.state, gradient, self.0);
        if let Some(node) = bias_node {
            gradients.register::<B>(node.id, bias);
        }
        if let Some(node) = x_node {
            gradients.register::<B>(node.id, x);
        }
    }
}

/// [`Backend::activate`] with gradients.
pub(crate) fn autodiff_activate<B: Backend>(
    x: FloatTensor<Autodiff<B>>,
    bias: FloatTensor<Autodiff<B>>,
    f: Activation,
) -> FloatTensor<Autodiff<B>> {
    let nodes = [x.node.clone(), bias.node.clone()];
    let y = B::activate(x.primitive, bias.primitive, f);
    match Activate(f).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(kept::<B>(&y, f), y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    }
}

/// P(x) W with parents x and W.
#[derive(Debug)]
struct Convolve(Geometry);

impl<B: Backend> Backward<B, 2> for Convolve {
    /// x and W.
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [x, weight] = ops.state;
        let [x_node, weight_node] = ops.parents;
        let gradient = gradients.consume::<B>(&ops.node);
        if let Some(node) = weight_node {
            let gradient = B::convolve_weight(x, gradient.clone(), self.0);
            gradients.register::<B>(node.id, gradient);
        }
        if let Some(node) = x_node {
            let gradient = B::convolve_transposed(gradient, B::float_transpose(weight), self.0);
            gradients.register::<B>(node.id, gradient);
        }
    }
}

/// [`Backend::convolve`] with gradients.
pub(crate) fn autodiff_convolve<B: Backend>(
    x: FloatTensor<Autodiff<B>>,
    weight: FloatTensor<Autodiff<B>>,
    geometry: Geometry,
) -> FloatTensor<Autodiff<B>> {
    let y = B::convolve(x.primitive.clone(), weight.primitive.clone(), geometry);
    let nodes = [x.node.clone(), weight.node.clone()];
    match Convolve(geometry).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish([x.primitive, weight.primitive], y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    }
}

/// The adjoint of P at y W with parents y and W.
#[derive(Debug)]
struct ConvolveTransposed(Geometry);

impl<B: Backend> Backward<B, 2> for ConvolveTransposed {
    /// y and W.
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [y, weight] = ops.state;
        let [y_node, weight_node] = ops.parents;
        let gradient = gradients.consume::<B>(&ops.node);
        if let Some(node) = weight_node {
            let gradient = B::convolve_weight(gradient.clone(), y, self.0);
            gradients.register::<B>(node.id, B::float_transpose(gradient));
        }
        if let Some(node) = y_node {
            let gradient = B::convolve(gradient, B::float_transpose(weight), self.0);
            gradients.register::<B>(node.id, gradient);
        }
    }
}

/// [`Backend::convolve_transposed`] with gradients.
pub(crate) fn autodiff_convolve_transposed<B: Backend>(
    y: FloatTensor<Autodiff<B>>,
    weight: FloatTensor<Autodiff<B>>,
    geometry: Geometry,
) -> FloatTensor<Autodiff<B>> {
    let x = B::convolve_transposed(y.primitive.clone(), weight.primitive.clone(), geometry);
    let nodes = [y.node.clone(), weight.node.clone()];
    match ConvolveTransposed(geometry).prepare::<NoCheckpointing>(nodes).compute_bound().stateful()
    {
        OpsKind::Tracked(prepared) => prepared.finish([y.primitive, weight.primitive], x),
        OpsKind::UnTracked(prepared) => prepared.finish(x),
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
