//! One figure of a model.

use serde::{Deserialize, Serialize};

/// Which way a metric improves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither; it describes.
    Neither,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its value.
    pub value: f64,
    /// Standard error over examples, where it is a mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
    /// Unit.
    pub unit: String,
    /// Which way it improves.
    pub better: Better,
    /// What exactly was computed, on which examples.
    pub about: String,
}
