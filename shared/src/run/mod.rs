//! The folder of a run, and what is written there.

mod data;
mod folder;
mod lock;
mod record;

pub use data::RunData;
pub(crate) use folder::say_unchecked;
pub use folder::{CHECKPOINTS, RunError, RunFolder};
pub(crate) use folder::{OWNER, UNFINISHED};
pub use record::{DataRecord, Machine, ModelRecord, Record, TrainingRecord, processor};

pub use crate::{
    files::{CHECKSUMS, Damage, read_checked, read_json, write_atomic, write_json},
    metric::{Better, Metric},
};
