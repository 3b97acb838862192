//! Layers the papers share, initialised from the run's own noise, so that the same seed gives the
//! same weights on every device.

mod batch_norm;
mod combinator;
mod convolution;
mod dense;
mod gaussian;
mod init;
mod join;
mod logistic;
mod mlp;
mod outline;
mod product;
mod projection;
mod recurrent;
mod shift;

pub use batch_norm::{BatchNorm, Statistics};
pub use combinator::Combinator;
pub use convolution::{Convolution, TransposedConvolution};
pub use dense::Dense;
pub use gaussian::GaussianMlp;
pub use init::{Init, Initialiser, parameter, zeros};
pub use join::join;
pub use logistic::LogisticScale;
pub use mlp::Mlp;
pub use outline::{Outline, outlined};
pub use product::product;
pub use projection::Projection;
pub use recurrent::Recurrent;
pub use shift::Shift;

pub use crate::operation::{Activation, Cell};
