use serde::{Deserialize, Serialize};

/// `[evaluate.samples]`: samples and interpolations in the features of a classifier of the same images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplesConfig {
    /// Test images, and as many of everything else; all if there are fewer.
    pub count: usize,
    /// k of precision and recall (Kynkaanniemi et al. 2019 have 3).
    pub neighbours: usize,
}

impl Default for SamplesConfig {
    fn default() -> Self {
        Self { count: 10_000, neighbours: 3 }
    }
}

impl SamplesConfig {
    /// The error in the numbers, if any.
    pub fn problem(&self) -> Option<String> {
        if self.neighbours == 0 {
            Some("[evaluate.samples] neighbours = 0: at least 1".into())
        } else if self.count <= self.neighbours || self.count < 20 {
            let least = (self.neighbours + 1).max(20);
            Some(format!("[evaluate.samples] count = {}: at least {least}", self.count))
        } else {
            None
        }
    }
}
