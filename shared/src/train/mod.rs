//! Training by gradient descent: one loop for every paper that needs one.

mod checkpoint;
mod curves;
mod display;
mod fit;
mod history;
mod objective;
mod phase;
#[cfg(feature = "flex")]
#[doc(hidden)]
pub mod readers;
mod snapshot;
mod step;

pub(crate) use checkpoint::{can_continue, has_checkpoint};
pub use curves::{latent_curves, loss_curves};
pub(crate) use fit::fit_watched;
pub use fit::{FitReport, Interrupted, Session, fit};
pub use objective::{MOST_LATENTS, Moment, Objective, Terms, latent_term};
pub use phase::{Phase, fit_phase};
pub use snapshot::SNAPSHOT_FOLDER;
pub(crate) use snapshot::{forget_snapshots, one_of_each_class, strip};
pub use step::{StepTerms, descend, repeated_step};

pub use optimisation::{Keep, Optimiser, OptimiserConfig, Schedule, TrainConfig};
pub use run::EpochLine;
