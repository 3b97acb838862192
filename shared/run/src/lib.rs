//! A run: its folder, what is written there, and how it was evaluated.

pub mod bundle;
mod data;
mod disentanglement;
mod epoch;
mod evaluate;
mod folder;
mod lock;
pub mod metric;
mod name;
mod record;
mod replaced;
mod samples;
mod trackers;

pub use self::{
    bundle::Bundle,
    data::RunData,
    disentanglement::{DisentanglementConfig, WIDE},
    epoch::EpochLine,
    evaluate::EvaluateConfig,
    folder::{CHECKPOINTS, OWNER, RunError, RunFolder, UNFINISHED, say_unchecked},
    metric::{Better, Metric},
    name::{NAME_LETTERS, is_name, is_name_letter},
    record::{DataRecord, Machine, ModelRecord, Record, TrainingRecord, processor},
    samples::SamplesConfig,
    trackers::{FitBegin, Mlflow, MlflowSettings, TensorBoard, Tracker, Trackers, TrainingEnd},
};
pub use files::{CHECKSUMS, Damage, read_checked, read_json, write_atomic, write_json};
pub use replaced::{REPLACED, REPLACING};
