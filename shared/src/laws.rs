//! Laws for tests to state, whatever the paper: of its gradients, of its configurations, and of
//! the description of its network.

pub mod configurations;
pub mod networks;

use burn::tensor::Tensor;
pub use kernels::laws::*;

use crate::backend::Backend;

/// The numbers of a tensor, row by row.
pub fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
