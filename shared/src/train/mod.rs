//! Training by gradient descent: one loop for every paper that needs one.

mod adam;
mod checkpoint;
mod config;
mod display;
mod fit;
mod history;
mod labels;
mod messagepack;
mod objective;
mod optimiser;
mod phase;
#[cfg(feature = "flex")]
pub(crate) mod readers;
mod restore;
mod schedule;
mod snapshot;
mod step;

pub use checkpoint::CHECKPOINTS;
pub(crate) use checkpoint::{UNFINISHED, can_continue};
pub use config::{Keep, TrainConfig};
pub(crate) use fit::fit_watched;
pub use fit::{Fit, FitReport, Session, fit};
pub use history::EpochLine;
pub(crate) use labels::read_head;
pub use labels::{LABEL_HEAD, LabelsConfig};
pub use objective::{Moment, Objective, Terms, latent_term};
pub(crate) use optimiser::record_bytes;
pub use optimiser::{Optimiser, OptimiserConfig};
pub use phase::fit_phase;
pub use schedule::Schedule;
pub use snapshot::SNAPSHOT_FOLDER;
pub(crate) use snapshot::one_of_each_class;
pub use step::{Found, descend};
