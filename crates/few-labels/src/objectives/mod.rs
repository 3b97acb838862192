//! One objective a file. Each sees a batch of unlabelled images; those of a phase with labels draw the
//! labelled images of the step.

mod denoising;
mod ladder;
mod m1;
mod m2;
mod reconstruction;
mod supervised;

pub use denoising::DenoisingObjective;
pub use ladder::LadderObjective;
pub use m1::{ElboObjective, SoftmaxObjective};
pub use m2::{M2Objective, StackedObjective};
pub use reconstruction::ReconstructionObjective;
pub use supervised::SupervisedObjective;
