//! Training by gradient descent: one loop for every paper that needs one.

mod adagrad;
mod adam;
mod average;
mod checkpoint;
mod config;
mod curves;
mod display;
mod fit;
mod history;
mod messagepack;
mod objective;
mod optimiser;
mod phase;
#[cfg(feature = "flex")]
#[doc(hidden)]
pub mod readers;
mod restore;
mod schedule;
mod snapshot;
mod step;
mod tensorboard;

pub(crate) use checkpoint::can_continue;
pub use config::{Keep, TrainConfig};
pub use curves::{latent_curves, loss_curves};
pub(crate) use fit::fit_watched;
pub use fit::{FitReport, Interrupted, Log, Session, fit};
pub use history::EpochLine;
pub use objective::{Moment, Objective, Terms, latent_term};
pub use optimiser::{Optimiser, OptimiserConfig};
pub use phase::fit_phase;
pub use schedule::Schedule;
pub use snapshot::SNAPSHOT_FOLDER;
pub(crate) use snapshot::{STRIP, one_of_each_class, strip};
pub use step::{Found, descend, repeated_step};
