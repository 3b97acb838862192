//! Laws for tests to state, whatever the paper: of its gradients, and of its configurations.

pub mod configurations;

pub use kernels::laws::*;
