//! Layers the papers share, initialised from the run's own noise, so that the same seed gives the
//! same weights on every device.

mod convolution;
mod dense;
mod gaussian;
mod init;
mod logistic;
mod mlp;
mod outline;
mod recurrent;

pub use convolution::{Convolution, TransposedConvolution};
pub use dense::Dense;
pub use gaussian::GaussianMlp;
pub use init::{Init, Initialiser, parameter, zeros};
pub use logistic::LogisticScale;
pub use mlp::Mlp;
pub use outline::{Outline, outlined};
pub use recurrent::Recurrent;

pub use crate::operation::{Activation, Cell};
