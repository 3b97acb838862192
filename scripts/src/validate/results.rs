//! What was found, `results/validate-autoencoders.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plan::Part;

/// Everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    /// Variants without a place in the table, and why.
    pub(super) left_out: BTreeMap<String, String>,
    /// One entry a run.
    pub(super) runs: Vec<Measured>,
}

/// A run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Measured {
    /// What it was run for.
    pub(super) part: Part,
    /// Runs with the same label share one row.
    pub(super) label: String,
    /// Numbers in the code.
    pub(super) code: usize,
    pub(super) seed: u64,
    pub(super) metrics: BTreeMap<String, f64>,
    pub(super) fit_seconds: f64,
}

impl Results {
    /// Adds the runs of an earlier result of all parts but these.
    pub(super) fn keep_other_parts(&mut self, old: Self, parts: &[Part]) {
        if !parts.contains(&Part::Table) {
            self.left_out = old.left_out;
        }
        self.runs.extend(old.runs.into_iter().filter(|run| !parts.contains(&run.part)));
        self.runs.sort_by_key(|run| run.part);
    }

    /// Values of a metric over seeds.
    pub(super) fn values(&self, part: Part, label: &str, code: usize, metric: &str) -> Vec<f64> {
        let is_wanted =
            |run: &&Measured| run.part == part && run.label == label && run.code == code;
        let runs = self.runs.iter().filter(is_wanted);
        runs.filter_map(|run| run.metrics.get(metric).copied()).collect()
    }

    /// Labels of a part in the order in which they were run.
    pub(super) fn labels(&self, part: Part) -> Vec<&str> {
        let mut labels: Vec<&str> = Vec::new();
        for run in self.runs.iter().filter(|run| run.part == part) {
            if !labels.contains(&run.label.as_str()) {
                labels.push(&run.label);
            }
        }
        labels
    }

    /// Code sizes of a part, the smallest first.
    pub(super) fn codes(&self, part: Part) -> Vec<usize> {
        let runs = self.runs.iter().filter(|run| run.part == part);
        let mut codes: Vec<usize> = runs.map(|run| run.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Minutes of fitting, all runs together.
    pub(super) fn minutes(&self) -> f64 {
        self.runs.iter().map(|run| run.fit_seconds).sum::<f64>() / 60.0
    }

    /// How many seeds there are, in words.
    pub(super) fn seeds(&self) -> String {
        let mut seeds: Vec<u64> = self.runs.iter().map(|run| run.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        format!("{} seed{}", seeds.len(), if seeds.len() == 1 { "" } else { "s" })
    }
}
