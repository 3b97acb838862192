//! The folder of a run, and what is written there.

mod atomic;
mod data;
mod folder;
mod record;

pub(crate) use atomic::{temporary_file, temporary_folder};
pub use atomic::{write_atomic, write_json};
pub use data::RunData;
pub use folder::{RunError, RunFolder};
pub use record::{
    Better, DataRecord, Machine, Metric, ModelRecord, Record, TrainingRecord, processor,
};
