use ranges::{at_least, at_least_one};
use serde::{Deserialize, Serialize};

use super::{disentanglement::DisentanglementConfig, samples::SamplesConfig};

/// `[evaluate]` of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateConfig {
    /// K of the importance-weighted bound.
    #[serde(deserialize_with = "at_least_one")]
    pub nll_samples: usize,
    /// K of the Monte Carlo estimate with z from the prior; omitted if not set.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "at_least_one")]
    pub prior_samples: Option<usize>,
    /// Number of test images for both, the first ones; all if there are fewer.
    #[serde(deserialize_with = "at_least_one")]
    pub nll_images: usize,
    /// Numbers of labels for the probes, at least 10; each takes an equal share of every class.
    #[serde(deserialize_with = "at_least::<10, _, _>")]
    pub probe_labels: Vec<usize>,
    /// Also probe with all labels of the training split.
    pub probe_all: bool,
    /// Trees of the random forest that predicts the sensitive attribute of a table (default: 100).
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "at_least_one")]
    pub forest_trees: Option<u16>,
    /// Metrics of disentanglement, for images whose factors are known; left out, there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disentanglement: Option<DisentanglementConfig>,
    /// How much better training images are reconstructed than test images.
    #[serde(skip_serializing_if = "is_false")]
    pub gap: bool,
    /// Quality of samples and interpolations; omitted if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<SamplesConfig>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference.
fn is_false(value: &bool) -> bool {
    !*value
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self {
            nll_samples: 5000,
            prior_samples: None,
            nll_images: 1000,
            probe_labels: vec![10, 100, 1000, 10_000],
            probe_all: true,
            forest_trees: None,
            disentanglement: None,
            gap: false,
            samples: None,
        }
    }
}

impl EvaluateConfig {
    /// The configured numbers of labels that a training split of `labels` can provide, without the
    /// total if `probe_all` covers it.
    pub fn probed(&self, labels: usize) -> impl Iterator<Item = usize> {
        let most = if self.probe_all { labels.saturating_sub(1) } else { labels };
        self.probe_labels.iter().copied().filter(move |&count| count <= most)
    }

    /// The configured numbers of labels that exceed a training split of `labels`, in one line; `None` if none does.
    pub fn not_probed(&self, labels: usize) -> Option<String> {
        let beyond = self.probe_labels.iter().filter(|&&count| count > labels);
        let beyond: Vec<String> = beyond.map(usize::to_string).collect();
        (!beyond.is_empty()).then(|| {
            format!(
                "[evaluate] probe_labels: no probe with {} labels, the training split has {labels}",
                beyond.join(" or ")
            )
        })
    }

    /// What is wrong between the settings, if anything.
    pub fn problem(&self) -> Option<String> {
        self.samples.as_ref()?.problem()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_labels_that_are_not_there_are_named() {
        let mut config =
            EvaluateConfig { probe_labels: vec![10, 100, 500, 1000], ..Default::default() };
        let probed = |config: &EvaluateConfig, labels| config.probed(labels).collect::<Vec<_>>();
        assert_eq!(config.not_probed(1000), None);
        let said = config.not_probed(100).unwrap();
        assert!(said.contains("no probe with 500 or 1000 labels"), "{said}");
        assert!(said.contains("the training split has 100"), "{said}");
        // With all labels there is a probe in any case.
        assert_eq!(probed(&config, 100), [10]);
        config.probe_all = false;
        assert_eq!(probed(&config, 100), [10, 100]);
    }
}
