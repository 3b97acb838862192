//! The one place where a numeric backend is named.
//!
//! Every model of the workspace is generic over [`Backend`]. Which backends exist is decided by
//! the Cargo features `flex` (burn-flex, the default), `ndarray` (burn-ndarray), `cuda` (burn-cuda) and `wgpu`
//! (burn-wgpu: Metal, Vulkan, Direct3D 12). Each one that is compiled in costs every program its generic code once
//! more.

mod fused;

use std::ops::Range;

#[cfg(feature = "cube")]
use burn::tensor::ops::FloatTensorOps;
use burn::{backend::Autodiff, tensor::ops::FloatTensor};

#[cfg(feature = "cuda")]
pub use burn_cuda::{Cuda, CudaDevice};
#[cfg(feature = "flex")]
pub use burn_flex::{Flex, FlexDevice};
#[cfg(any(test, feature = "ndarray"))]
pub use burn_ndarray::{NdArray, NdArrayDevice};
#[cfg(feature = "wgpu")]
pub use burn_wgpu::{Wgpu, WgpuDevice};

pub use fused::{AdagradStep, AdamStep, Geometry, Window};

use crate::operation::{Activation, Cell};

/// Burn's backend trait with the element type this workspace computes in, and the operations
/// that a backend may fuse. Each has the plain composition as its default.
pub trait Backend: burn::tensor::backend::Backend<FloatElem = f32> {
    /// One step of Adam: `(weight, first moment, second moment)` after it, all of one shape.
    fn adam(
        step: AdamStep,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        fused::adam_composed::<Self>(step, weight, gradient, first, second)
    }

    /// One step of Adagrad: `(weight, sum of squared gradients)` after it, all of one shape.
    fn adagrad(
        step: AdagradStep,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        sum: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::adagrad_composed::<Self>(step, weight, gradient, sum)
    }

    /// An average after it has gone this share of the way to a value: itself, to the bit, where the
    /// two are equal.
    fn approach(
        average: FloatTensor<Self>,
        value: FloatTensor<Self>,
        share: f32,
    ) -> FloatTensor<Self> {
        fused::approach_composed::<Self>(average, value, share)
    }

    /// The sum of all numbers, `[1]`, the same to the bit each time. For inner backends: [`Autodiff`] has Burn's sum, which
    /// has a gradient but not always the same bits.
    fn total(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_sum(x)
    }

    /// The product of two matrices, `[m, k]` and `[k, n]`: `[m, n]`.
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_matmul(a, b)
    }

    /// A sum `[m, n]` and the product of two matrices.
    fn add_product(
        sum: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::float_add(Self::product(a, b), sum)
    }

    /// `[a | b]`, `[rows, m + n]`: the columns of a `[rows, m]`, then those of b `[rows, n]`.
    fn join(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_cat(vec![a, b], 1)
    }

    /// These columns of a matrix `[m, n]`, all its rows; a backend that sums views slowly gives them memory of their own.
    fn columns(x: FloatTensor<Self>, columns: Range<usize>) -> FloatTensor<Self> {
        fused::columns_composed::<Self>(x, columns)
    }

    /// A dense layer f(x W + b), `[examples, outputs]`, for x `[examples, inputs]`.
    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        f: Activation,
    ) -> FloatTensor<Self> {
        fused::dense_composed::<Self>(x, weight, bias, f)
    }

    /// A layer backwards, y W^T + b, `[examples, inputs]`, for y `[examples, outputs]`.
    fn dense_transposed(
        y: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::dense(y, Self::float_transpose(weight), bias, Activation::Linear)
    }

    /// f(x + b) for each row of x, `[rows, columns]` as x is, for b `[columns]`.
    fn activate(x: FloatTensor<Self>, bias: FloatTensor<Self>, f: Activation) -> FloatTensor<Self> {
        fused::activate_composed::<Self>(x, bias, f)
    }

    /// A convolution P(x) W, `[examples * positions, outputs]`, for x `[examples, pixels]` and W
    /// `[patch, outputs]`. P(x), `[examples * positions, patch]`, is the patch of each image under
    /// each position of the window, laid out as an image is, with zeros outside the image.
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        Self::product(fused::patches_composed::<Self>(x, geometry), weight)
    }

    /// The adjoint of P at y W: the sum of overlapping patches, `[examples, pixels]`, for y
    /// `[examples * positions, inputs]` and W `[inputs, patch]`.
    fn convolve_transposed(
        y: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        fused::overlap_composed::<Self>(Self::product(y, weight), geometry)
    }

    /// P(x)^T y, `[patch, outputs]`: the gradient of the weight of [`Self::convolve`] from y, that
    /// of its output.
    fn convolve_weight(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        let patches = fused::patches_composed::<Self>(x, geometry);
        Self::product(Self::float_transpose(patches), y)
    }

    /// From a dense layer's output y = f(a) and dL/dy, both `[examples, outputs]`: dL/da, of the same shape, and dL/db,
    /// `[outputs]`.
    fn dense_gradient(
        y: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        f: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::dense_gradient_composed::<Self>(y, gradient, f)
    }

    /// dL/db, `[outputs]`, of x + b for each row of x: the sum of dL/d(x + b) over rows.
    fn bias_gradient(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::bias_gradient_composed::<Self>(gradient)
    }

    /// The element-wise part of a recurrent step, from the sums of the input and of the state `[rows,
    /// gates * width]` and the state before it `[rows, state]`: the state after it, and the gates `[rows,
    /// gates * width]`, through which no gradient flows.
    fn recur(
        cell: Cell,
        input: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        state: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::recur_composed::<Self>(cell, input, hidden, state)
    }

    /// Gradients of [`Self::recur`] with respect to both sums and the state before, from the gates, the
    /// hidden sum, the state before and after, and the gradient of the state after.
    fn recur_gradient(
        cell: Cell,
        gates: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        before: FloatTensor<Self>,
        after: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        fused::recur_gradient_composed::<Self>(cell, gates, hidden, before, after, gradient)
    }

    /// A recurrence whose inputs are known for all steps, from their sums `[steps * rows, gates * width]`, step by
    /// step, the weight `[width, gates * width]` and bias of the hidden sums and the state before the first step,
    /// `[rows, state]`: the states before the first step and after each, `[(steps + 1) * rows, state]`. There is a
    /// step, and a row.
    fn unroll(
        cell: Cell,
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        start: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::unroll_composed::<Self>(cell, input, weight, bias, start)
    }

    /// The same, and what [`Self::unroll_gradient`] needs besides: the gates and the hidden sums, `[steps * rows,
    /// gates * width]`.
    fn unroll_keeping(
        cell: Cell,
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        start: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        fused::unroll_keeping_composed::<Self>(cell, input, weight, bias, start)
    }

    /// Gradients of [`Self::unroll`] with respect to the input's sums, weight, bias and first state, from the
    /// weight, what [`Self::unroll_keeping`] found and the gradient of the states.
    fn unroll_gradient(
        cell: Cell,
        weight: FloatTensor<Self>,
        found: [FloatTensor<Self>; 3],
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 4] {
        fused::unroll_gradient_composed::<Self>(cell, weight, found, gradient)
    }

    /// x with mean 0 and variance 1 in each column of each group of rows, and the factors 1 / s it was scaled
    /// by, `[groups, columns]`, through which no gradient flows. `groups` are numbers of rows, one group
    /// after another, together those of x.
    fn normalise(x: FloatTensor<Self>, groups: &[usize]) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::normalise_composed::<Self>(x, groups)
    }

    /// Gradient of [`Self::normalise`] with respect to x, `[rows, columns]`, from both its results, z `[rows, columns]` and
    /// the factors `[groups, columns]`, and the gradient of z.
    fn normalise_gradient(
        z: FloatTensor<Self>,
        inverse: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        groups: &[usize],
    ) -> FloatTensor<Self> {
        fused::normalise_gradient_composed::<Self>(z, inverse, gradient, groups)
    }

    /// The combinator g(z~, u) of a ladder network (Rasmus et al. 2015, equation 2), `[examples, units]` as z~ and u are,
    /// for parameters `[10, units]`.
    fn combine(
        lateral: FloatTensor<Self>,
        above: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::combine_composed::<Self>(lateral, above, parameters)
    }

    /// Gradients of [`Self::combine`] with respect to z~ and u, `[examples, units]`, and the parameters, `[10, units]`, from
    /// that of its result.
    fn combine_gradient(
        lateral: FloatTensor<Self>,
        above: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        fused::combine_gradient_composed::<Self>(lateral, above, parameters, gradient)
    }

    /// log p(x) of each row under Bernoulli pixels with these logits, `[rows]`; x is `[rows,
    /// pixels]` or one row for all.
    fn bernoulli_log_prob(logits: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::bernoulli_log_prob_composed::<Self>(logits, x)
    }

    /// Gradient of [`Self::bernoulli_log_prob`] with respect to the logits.
    fn bernoulli_gradient(
        logits: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::bernoulli_gradient_composed::<Self>(logits, x, gradient)
    }
}

/// A [`Backend`] that records operations, so that gradients can be taken.
pub trait AutodiffBackend:
    Backend + burn::tensor::backend::AutodiffBackend<InnerBackend: Backend>
{
}

#[cfg(feature = "flex")]
impl Backend for Flex {
    fn adam(
        step: AdamStep,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        fused::adam_flex(step, weight, gradient, first, second)
    }

    fn adagrad(
        step: AdagradStep,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        sum: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::adagrad_flex(step, weight, gradient, sum)
    }

    fn approach(
        average: FloatTensor<Self>,
        value: FloatTensor<Self>,
        share: f32,
    ) -> FloatTensor<Self> {
        fused::approach_flex(average, value, share)
    }

    fn total(x: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::total_in_blocks::<Self>(x)
    }

    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::product_flex(a, b)
    }

    fn add_product(
        sum: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::add_product_flex(sum, a, b)
    }

    fn join(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::join_flex(a, b)
    }

    fn columns(x: FloatTensor<Self>, columns: Range<usize>) -> FloatTensor<Self> {
        fused::columns_flex(x, columns)
    }

    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        f: Activation,
    ) -> FloatTensor<Self> {
        fused::dense_flex(x, weight, bias, f)
    }

    fn activate(x: FloatTensor<Self>, bias: FloatTensor<Self>, f: Activation) -> FloatTensor<Self> {
        fused::activate_flex(x, bias, f)
    }

    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        fused::convolve_flex(x, weight, geometry)
    }

    fn convolve_transposed(
        y: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        fused::convolve_transposed_flex(y, weight, geometry)
    }

    fn convolve_weight(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        fused::convolve_weight_flex(x, y, geometry)
    }

    fn dense_gradient(
        y: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        f: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::dense_gradient_flex(y, gradient, f)
    }

    fn bias_gradient(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::bias_gradient_flex(gradient)
    }

    fn recur(
        cell: Cell,
        input: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        state: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::recur_flex(cell, input, hidden, state)
    }

    fn recur_gradient(
        cell: Cell,
        gates: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        before: FloatTensor<Self>,
        after: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        fused::recur_gradient_flex(cell, gates, hidden, before, after, gradient)
    }

    fn unroll(
        cell: Cell,
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        start: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::unroll_flex(cell, input, weight, bias, start)
    }

    fn unroll_keeping(
        cell: Cell,
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        start: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        fused::unroll_keeping_flex(cell, input, weight, bias, start)
    }

    fn unroll_gradient(
        cell: Cell,
        weight: FloatTensor<Self>,
        found: [FloatTensor<Self>; 3],
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 4] {
        fused::unroll_gradient_flex(cell, weight, found, gradient)
    }

    fn normalise(x: FloatTensor<Self>, groups: &[usize]) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::normalise_flex(x, groups)
    }

    fn normalise_gradient(
        z: FloatTensor<Self>,
        inverse: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        groups: &[usize],
    ) -> FloatTensor<Self> {
        fused::normalise_gradient_flex(z, inverse, gradient, groups)
    }

    fn combine(
        lateral: FloatTensor<Self>,
        above: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::combine_flex(lateral, above, parameters)
    }

    fn combine_gradient(
        lateral: FloatTensor<Self>,
        above: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        fused::combine_gradient_flex(lateral, above, parameters, gradient)
    }

    fn bernoulli_log_prob(logits: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::bernoulli_log_prob_flex(logits, x)
    }

    fn bernoulli_gradient(
        logits: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::bernoulli_gradient_flex(logits, x, gradient)
    }
}

#[cfg(any(test, feature = "ndarray"))]
impl Backend for NdArray {}

/// Every GPU.
#[cfg(feature = "cube")]
impl<R, I, T> Backend for burn_cubecl::CubeBackend<R, f32, I, T>
where
    R: burn_cubecl::CubeRuntime,
    R::Server: cubecl::server::ComputeServer,
    R::Device: burn::tensor::backend::DeviceOps,
    I: burn_cubecl::IntElement,
    T: burn_cubecl::BoolElement,
{
    fn adam(
        step: AdamStep,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        fused::adam_cube(step, weight, gradient, first, second)
    }

    fn adagrad(
        step: AdagradStep,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        sum: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::adagrad_cube(step, weight, gradient, sum)
    }

    fn approach(
        average: FloatTensor<Self>,
        value: FloatTensor<Self>,
        share: f32,
    ) -> FloatTensor<Self> {
        fused::approach_cube(average, value, share)
    }

    fn total(x: FloatTensor<Self>) -> FloatTensor<Self> {
        // One dimension after the other: Burn's own sum adds in whatever order its threads come.
        let sums = (0..x.meta.rank()).fold(x, Self::float_sum_dim);
        Self::float_reshape(sums, [1].into())
    }

    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::product_cube(a, b)
    }

    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        f: Activation,
    ) -> FloatTensor<Self> {
        fused::activate_cube(fused::product_cube(x, weight), bias, f)
    }

    fn activate(x: FloatTensor<Self>, bias: FloatTensor<Self>, f: Activation) -> FloatTensor<Self> {
        fused::activate_cube(x, bias, f)
    }

    fn dense_gradient(
        y: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        f: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let gradient = fused::dense_slope_cube(y, gradient, f);
        (gradient.clone(), Self::bias_gradient(gradient))
    }

    fn recur(
        cell: Cell,
        input: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        state: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::recur_cube(cell, input, hidden, state)
    }

    fn recur_gradient(
        cell: Cell,
        gates: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        before: FloatTensor<Self>,
        after: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        fused::recur_gradient_cube(cell, gates, hidden, before, after, gradient)
    }

    fn normalise(x: FloatTensor<Self>, groups: &[usize]) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::normalise_cube(x, groups)
    }

    fn normalise_gradient(
        z: FloatTensor<Self>,
        inverse: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        groups: &[usize],
    ) -> FloatTensor<Self> {
        fused::normalise_gradient_cube(z, inverse, gradient, groups)
    }

    fn combine(
        lateral: FloatTensor<Self>,
        above: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::combine_cube(lateral, above, parameters)
    }

    fn combine_gradient(
        lateral: FloatTensor<Self>,
        above: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        let shape = burn::tensor::TensorMetadata::shape(&parameters);
        let [lateral, above, each] =
            fused::combine_gradient_cube(lateral, above, parameters, gradient);
        [lateral, above, Self::float_reshape(Self::bias_gradient(each), shape)]
    }

    fn bernoulli_log_prob(logits: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::row_sums::<Self>(fused::bernoulli_terms_cube(logits, x))
    }

    fn bernoulli_gradient(
        logits: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::bernoulli_gradient_cube(logits, x, gradient)
    }
}

impl<B: Backend> Backend for Autodiff<B> {
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::autodiff_product::<B>(a, b)
    }

    fn join(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::autodiff_join::<B>(a, b)
    }

    fn normalise(x: FloatTensor<Self>, groups: &[usize]) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::autodiff_normalise::<B>(x, groups)
    }

    fn combine(
        lateral: FloatTensor<Self>,
        above: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::autodiff_combine::<B>(lateral, above, parameters)
    }

    fn activate(x: FloatTensor<Self>, bias: FloatTensor<Self>, f: Activation) -> FloatTensor<Self> {
        fused::autodiff_activate::<B>(x, bias, f)
    }

    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        fused::autodiff_convolve::<B>(x, weight, geometry)
    }

    fn convolve_transposed(
        y: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        fused::autodiff_convolve_transposed::<B>(y, weight, geometry)
    }

    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        f: Activation,
    ) -> FloatTensor<Self> {
        fused::autodiff_dense::<B>(x, weight, bias, f)
    }

    fn dense_transposed(
        y: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::autodiff_dense_transposed::<B>(y, weight, bias)
    }

    fn recur(
        cell: Cell,
        input: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        state: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fused::autodiff_recur::<B>(cell, input, hidden, state)
    }

    fn unroll(
        cell: Cell,
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        start: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fused::autodiff_unroll::<B>(cell, input, weight, bias, start)
    }

    fn bernoulli_log_prob(logits: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        fused::autodiff_bernoulli_log_prob::<B>(logits, x)
    }
}

impl<B: Backend> AutodiffBackend for Autodiff<B> {}
