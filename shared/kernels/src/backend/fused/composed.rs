//! The references: what each fused operation means, in Burn's own operations.

use burn::tensor::{Tensor, TensorPrimitive, activation, ops::FloatTensor};

use crate::operation::{Activation, LEAK, softplus};

type B2<B> = Tensor<B, 2>;

pub(super) fn wrap<B: burn::prelude::Backend, const D: usize>(
    primitive: FloatTensor<B>,
) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

pub(super) fn unwrap<B: burn::prelude::Backend, const D: usize>(
    tensor: Tensor<B, D>,
) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

/// f(x W + b).
#[allow(clippy::disallowed_methods)] // In Burn's own operations; GPUs have a kernel of ours.
pub(crate) fn dense_composed<B: burn::prelude::Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    f: Activation,
) -> FloatTensor<B> {
    let product = wrap::<B, 2>(x).matmul(wrap(weight));
    activate_composed::<B>(unwrap(product), bias, f)
}

/// f(x + b).
pub(crate) fn activate_composed<B: burn::prelude::Backend>(
    x: FloatTensor<B>,
    bias: FloatTensor<B>,
    f: Activation,
) -> FloatTensor<B> {
    let bias: Tensor<B, 1> = wrap(bias);
    let sum: B2<B> = wrap::<B, 2>(x) + bias.unsqueeze();
    unwrap(match f {
        Activation::Linear => sum,
        Activation::Tanh => activation::tanh(sum),
        Activation::Relu => activation::relu(sum),
        Activation::LeakyRelu => activation::leaky_relu(sum, f64::from(LEAK)),
        Activation::Sigmoid => activation::sigmoid(sum),
        Activation::Softplus => softplus(sum),
    })
}

/// From y = f(a) and dL/dy: dL/da, and its sum over rows, dL/db.
pub(crate) fn dense_gradient_composed<B: burn::prelude::Backend>(
    y: FloatTensor<B>,
    gradient: FloatTensor<B>,
    f: Activation,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let (y, gradient): (B2<B>, B2<B>) = (wrap(y), wrap(gradient));
    let gradient = match f {
        Activation::Linear => gradient,
        Activation::Tanh => gradient * y.square().neg().add_scalar(1.0),
        Activation::Relu => gradient.mask_fill(y.lower_equal_elem(0.0), 0.0),
        Activation::LeakyRelu => {
            let leaked = gradient.clone().mul_scalar(LEAK);
            gradient.mask_where(y.lower_equal_elem(0.0), leaked)
        }
        Activation::Sigmoid => gradient * (y.clone() - y.square()),
        Activation::Softplus => gradient * y.neg().exp().neg().add_scalar(1.0),
    };
    let bias = gradient.clone().sum_dim(0).squeeze_dim::<1>(0);
    (unwrap(gradient), unwrap(bias))
}

/// The sum over rows of the gradient of a sum with a bias.
pub(crate) fn bias_gradient_composed<B: burn::prelude::Backend>(
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    unwrap(wrap::<B, 2>(gradient).sum_dim(0).squeeze_dim::<1>(0))
}

/// The sum of each row, `[rows]`.
pub(crate) fn row_sums<B: burn::prelude::Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    unwrap(wrap::<B, 2>(x).sum_dim(1).squeeze_dim::<1>(1))
}

/// sum_j x_j l_j - softplus(l_j) of each row.
pub(crate) fn bernoulli_log_prob_composed<B: burn::prelude::Backend>(
    logits: FloatTensor<B>,
    x: FloatTensor<B>,
) -> FloatTensor<B> {
    let (logits, x): (B2<B>, B2<B>) = (wrap(logits), wrap(x));
    let softplus = softplus(logits.clone());
    row_sums::<B>(unwrap(x * logits - softplus))
}

/// d log p / d l = x - sigmoid(l), times the gradient of its row.
pub(crate) fn bernoulli_gradient_composed<B: burn::prelude::Backend>(
    logits: FloatTensor<B>,
    x: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let (logits, x): (B2<B>, B2<B>) = (wrap(logits), wrap(x));
    let gradient: Tensor<B, 1> = wrap(gradient);
    unwrap((x - activation::sigmoid(logits)) * gradient.unsqueeze_dim(1))
}
