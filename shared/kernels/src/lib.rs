//! The numerical layer: [`backend`]s and their fused operations, layers ([`nn`]), the distributions of codes
//! and inputs ([`posterior`], [`likelihood`]), and [`noise`]. Rarely rebuilt, always optimised.

pub mod backend;
pub mod device;
mod gram;
pub mod laws;
pub mod likelihood;
mod matrix;
pub mod nn;
pub mod noise;
pub mod operation;
pub mod posterior;
mod registers;
mod sparse;

pub use backend::{AutodiffBackend, Backend};
pub use gram::gram;
pub use matrix::matrix;
