//! Laws for tests to state, whatever the paper: of its gradients, of its configurations, and of
//! the description of its network.

pub mod configurations;
pub mod networks;

pub use kernels::laws::*;
