//! The numerical layer: [`backend`]s and their fused operations, layers ([`nn`]), the distributions of codes
//! and inputs ([`posterior`], [`likelihood`]), and [`noise`]. Rarely rebuilt, always optimised.

pub mod backend;
pub mod device;
pub mod laws;
pub mod likelihood;
mod matrix;
pub mod nn;
pub mod noise;
pub mod operation;
pub mod posterior;
pub mod registers;

pub use backend::{AutodiffBackend, Backend};
pub use matrix::matrix;
