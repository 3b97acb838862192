//! The folder of a run, and what is written there.

mod atomic;
mod checksums;
mod data;
mod folder;
mod lock;
mod record;

pub(crate) use atomic::{temporary_file, temporary_folder};
pub use atomic::{write_atomic, write_json};
pub(crate) use checksums::Checksums;
pub use checksums::{CHECKSUMS, Damage, read_checked};
pub use data::RunData;
pub(crate) use folder::say_unchecked;
pub use folder::{RunError, RunFolder};
pub use record::{
    Better, DataRecord, Machine, Metric, ModelRecord, Record, TrainingRecord, processor,
};
