use anyhow::Result;
use clap::ValueEnum;

use crate::run::{Mlflow, TensorBoard, Tracker, Trackers};

/// A tracker of experiments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Log {
    /// Event files in the run's folder.
    Tensorboard,
    /// The server in MLFLOW_TRACKING_URI: MLflow's, or GitLab's.
    Mlflow,
}

impl Log {
    /// The trackers of a training of `paper`.
    ///
    /// # Errors
    /// A server that is not named.
    pub(super) fn open(logs: &[Self], paper: &str) -> Result<Trackers> {
        let mut once: Vec<Self> = Vec::new();
        logs.iter().for_each(|log| once.extend((!once.contains(log)).then_some(*log)));
        let tracker = |log: &Self| -> Result<Box<dyn Tracker>> {
            Ok(match log {
                Self::Tensorboard => Box::new(TensorBoard::default()),
                Self::Mlflow => Box::new(Mlflow::from_env(paper)?),
            })
        };
        Ok(Trackers::new(once.iter().map(tracker).collect::<Result<_>>()?))
    }

    /// The option that asks for them, with a space before it; nothing without any.
    pub(super) fn option(logs: &[Self]) -> String {
        let name = |log: &Self| log.to_possible_value().map(|value| value.get_name().to_owned());
        let names: Vec<String> = logs.iter().filter_map(name).collect();
        if names.is_empty() { String::new() } else { format!(" --log {}", names.join(",")) }
    }
}
