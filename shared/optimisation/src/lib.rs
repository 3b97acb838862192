//! Gradient descent: its configuration, update rules, learning rates over a run, clipped gradients, averaged weights.

mod adagrad;
mod adam;
mod average;
mod config;
mod optimiser;
mod schedule;
mod state;

pub use average::averaged;
pub use config::{Keep, TrainConfig};
pub use optimiser::{Optimiser, OptimiserConfig, clip};
pub use schedule::Schedule;
