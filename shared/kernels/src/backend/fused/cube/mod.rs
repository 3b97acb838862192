//! The same operations on a GPU, written in CubeCL, which compiles them for CUDA, Vulkan, Metal and Direct3D. On
//! small networks a GPU waits for the host to start its kernels, so there is one for each operation.
//!
//! Sums have a fixed order, and nothing is chosen by timing, so that a run has the same bits each time.
#![allow(unsafe_code)] // Kernels are started without a check of their indices: each asserts its sizes.

mod dense;
mod ladder;
mod likelihood;
mod optimisers;
mod product;
mod recurrent;

use burn::tensor::Shape;
use burn_cubecl::{
    CubeRuntime, kernel::into_contiguous, ops::numeric::empty_device_contiguous_dtype,
    tensor::CubeTensor,
};
use cubecl::{calculate_cube_count_elemwise, prelude::*};

pub(crate) use dense::{activate_cube, dense_slope_cube};
pub(crate) use ladder::{
    combine_cube, combine_gradient_cube, normalise_cube, normalise_gradient_cube,
};
pub(crate) use likelihood::{bernoulli_gradient_cube, bernoulli_terms_cube};
pub(crate) use optimisers::{adagrad_cube, adam_cube, approach_cube};
pub(crate) use product::product_cube;
pub(crate) use recurrent::{recur_cube, recur_gradient_cube};

/// A tensor whose numbers lie row by row, one after another.
struct Rows<R: CubeRuntime>(CubeTensor<R>);

impl<R: CubeRuntime> Rows<R> {
    fn of(tensor: CubeTensor<R>) -> Self {
        Self(into_contiguous(tensor))
    }

    /// Memory for that shape, on the same device, with whatever it held before.
    fn empty(&self, shape: impl Into<Shape>) -> Self {
        let Self(CubeTensor { client, device, dtype, .. }) = self;
        Self(empty_device_contiguous_dtype(client.clone(), device.clone(), shape.into(), *dtype))
    }

    /// Memory for a tensor of the same shape.
    fn like(&self) -> Self {
        self.empty(self.0.meta.shape().clone())
    }

    fn count(&self) -> usize {
        self.0.meta.shape().num_elements()
    }

    /// Numbers of a row: the last dimension.
    fn width(&self) -> usize {
        self.0.meta.shape().last().copied().unwrap_or(1)
    }

    /// For a kernel.
    fn array(&self) -> ArrayArg<R> {
        // SAFETY: the tensor is contiguous, so its memory holds that many numbers.
        unsafe { ArrayArg::from_raw_parts(self.0.handle.clone(), self.count()) }
    }

    /// Enough threads for that many numbers.
    fn threads(&self, numbers: usize) -> (CubeCount, CubeDim) {
        let client = &self.0.client;
        let dim = CubeDim::new(client, numbers);
        (calculate_cube_count_elemwise(client, numbers, dim), dim)
    }
}

#[cube]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// log(1 + e^x) without overflow.
#[cube]
fn softplus(x: f32) -> f32 {
    max(x, 0.0) + (-(x.abs())).exp().log1p()
}

#[cfg(all(test, feature = "flex"))]
mod tests;
