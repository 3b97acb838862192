//! The one place where a numeric backend is named.
//!
//! Every model of the workspace is generic over [`Backend`]. Which backends exist is decided by
//! the Cargo features `cpu` (burn-flex and burn-ndarray) and `cuda` (burn-cuda).

use burn::{backend::Autodiff, tensor::ops::FloatTensor};

#[cfg(feature = "cpu")]
pub use burn_flex::Flex;
#[cfg(feature = "cpu")]
pub use burn_ndarray::NdArray;

pub use crate::fused::AdamStep;
use crate::fused::adam_composed;

/// Burn's backend trait with the element type this workspace computes in, and the operations
/// that a backend may fuse. Each has the plain composition as its default.
pub trait Backend: burn::tensor::backend::Backend<FloatElem = f32> {
    /// One step of Adam: `(weight, first moment, second moment)` after it.
    fn adam(
        step: AdamStep,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        adam_composed::<Self>(step, weight, gradient, first, second)
    }
}

/// A [`Backend`] that records operations, so that gradients can be taken.
pub trait AutodiffBackend:
    Backend + burn::tensor::backend::AutodiffBackend<InnerBackend: Backend>
{
}

#[cfg(feature = "cpu")]
impl Backend for Flex {
    fn adam(
        step: AdamStep,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        crate::fused::adam_flex(step, weight, gradient, first, second)
    }
}

#[cfg(feature = "cpu")]
impl Backend for NdArray {}

#[cfg(feature = "cuda")]
impl Backend for burn_cuda::Cuda {}

impl<B: Backend> Backend for Autodiff<B> {}
impl<B: Backend> AutodiffBackend for Autodiff<B> {}
