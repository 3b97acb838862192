use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One line of `metrics.jsonl`: an epoch's figures, averaged over examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLine {
    /// Epochs done.
    pub epoch: usize,
    /// Learning rate of the epoch.
    pub rate: f64,
    /// Terms and loss on the training split while it was being trained on, nats per example.
    pub train: BTreeMap<String, f64>,
    /// The same on the validation split after the epoch.
    pub valid: BTreeMap<String, f64>,
}

impl EpochLine {
    /// Every figure with the name that trackers know it by: `rate`, then `TERM/train` and `TERM/valid`.
    pub fn scalars(&self) -> Vec<(String, f64)> {
        let of = |split: &'static str, terms: &BTreeMap<String, f64>| -> Vec<(String, f64)> {
            terms.iter().map(|(term, &value)| (format!("{term}/{split}"), value)).collect()
        };
        let rate = vec![("rate".to_owned(), self.rate)];
        [rate, of("train", &self.train), of("valid", &self.valid)].concat()
    }
}
