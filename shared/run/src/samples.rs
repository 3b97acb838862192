use ranges::{at_least, at_least_one};
use serde::{Deserialize, Serialize};

/// `[evaluate.samples]`: samples and interpolations in the features of a classifier of the same images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplesConfig {
    /// Test images, and as many of everything else; all if there are fewer.
    #[serde(deserialize_with = "at_least::<20, _, _>")]
    pub count: usize,
    /// k of precision and recall (Kynkaanniemi et al. 2019 have 3).
    #[serde(deserialize_with = "at_least_one")]
    pub neighbours: usize,
}

impl Default for SamplesConfig {
    fn default() -> Self {
        Self { count: 10_000, neighbours: 3 }
    }
}

impl SamplesConfig {
    /// What is wrong between the settings, if anything.
    pub fn problem(&self) -> Option<String> {
        let Self { count, neighbours } = *self;
        (count <= neighbours).then(|| {
            format!("[evaluate.samples] count = {count}: more than neighbours = {neighbours}")
        })
    }
}
