//! What was found, `results/validate-autoencoders.json`.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use shared::counted;

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

/// What is measured this time.
pub(super) struct Asked<'a> {
    pub(super) parts: &'a [Part],
    pub(super) seeds: &'a [u64],
    /// Code sizes of the table.
    pub(super) codes: &'a [usize],
    /// Variants in the table, all if there is none.
    pub(super) variants: &'a [String],
}

impl Asked<'_> {
    fn for_run(&self, run: &Measured) -> bool {
        let is_in_table = self.codes.contains(&run.code)
            && (self.variants.is_empty() || self.variants.contains(&run.label));
        self.parts.contains(&run.part)
            && self.seeds.contains(&run.seed)
            && (run.part != Part::Table || is_in_table)
    }
}

impl Results {
    /// Adds those runs of an earlier result that were not asked for again.
    pub(super) fn keep_others(&mut self, old: Self, asked: &Asked<'_>) {
        if !asked.parts.contains(&Part::Table) {
            self.left_out = old.left_out;
        }
        self.runs.extend(old.runs.into_iter().filter(|run| !asked.for_run(run)));
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

    /// How many seeds a part has, in words: the fewest and the most, if not all its lines and code sizes have as many.
    pub(super) fn seeds(&self, part: Part) -> String {
        in_words(seeds(self.runs.iter().filter(|run| run.part == part)))
    }

    /// The same of all parts together, or of each where they differ.
    pub(super) fn all_seeds(&self) -> String {
        let parts = Part::value_variants().iter().filter(|part| !self.labels(**part).is_empty());
        let named = parts.map(|part| (self.seeds(*part), format!("{part:?}").to_lowercase()));
        let named: Vec<(String, String)> = named.collect();
        match named.split_first() {
            Some(((first, _), others)) if others.iter().all(|(seeds, _)| seeds == first) => {
                first.clone()
            }
            _ => {
                let each = named.iter().map(|(seeds, part)| format!("{seeds} ({part})"));
                each.collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// What stands behind a label of a part: its own seeds at these code sizes, if not all of the part have as many.
    pub(super) fn own_seeds(&self, part: Part, label: &str, codes: &[usize]) -> String {
        let of_part = || self.runs.iter().filter(|run| run.part == part);
        let (fewest, most) = seeds(of_part());
        if fewest == most {
            return String::new();
        }
        let own = of_part().filter(|run| run.label == label && codes.contains(&run.code));
        format!(" ({})", in_words(seeds(own)))
    }
}

/// The fewest and the most seeds of a label and code size.
fn seeds<'a>(runs: impl Iterator<Item = &'a Measured>) -> (usize, usize) {
    let mut found: BTreeMap<(&str, usize), BTreeSet<u64>> = BTreeMap::new();
    for run in runs {
        found.entry((&run.label, run.code)).or_default().insert(run.seed);
    }
    let counts = || found.values().map(BTreeSet::len);
    (counts().min().unwrap_or(0), counts().max().unwrap_or(0))
}

fn in_words((fewest, most): (usize, usize)) -> String {
    let most_in_words = counted(most, "seed");
    if fewest == most { most_in_words } else { format!("{fewest} to {most_in_words}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(part: Part, label: &str, code: usize, seed: u64) -> Measured {
        let (label, metrics) = (label.to_owned(), BTreeMap::new());
        Measured { part, label, code, seed, metrics, fit_seconds: 0.0 }
    }

    #[test]
    fn seeds_are_counted_in_each_part_and_stand_beside_a_label_where_they_differ() {
        let three = |part, label, code| (1..=3).map(move |seed| run(part, label, code, seed));
        let mut results = Results::default();
        results.runs.extend(three(Part::Table, "vae", 2).chain(three(Part::Table, "vae", 4)));
        assert_eq!(results.all_seeds(), "3 seeds");
        assert_eq!(results.own_seeds(Part::Table, "vae", &[2]), "");
        // Other seeds of another part are none of this one.
        results.runs.extend([4, 5].map(|seed| run(Part::Copier, "packed", 64, seed)));
        assert_eq!(results.seeds(Part::Table), "3 seeds");
        assert_eq!(results.all_seeds(), "3 seeds (table), 2 seeds (copier)");
        results.runs.push(run(Part::Table, "mine", 2, 7));
        assert_eq!(results.seeds(Part::Table), "1 to 3 seeds");
        assert_eq!(results.own_seeds(Part::Table, "mine", &[2, 4]), " (1 seed)");
        assert_eq!(results.own_seeds(Part::Table, "vae", &[2, 4]), " (3 seeds)");
        assert_eq!(results.own_seeds(Part::Copier, "packed", &[64]), "");
    }

    #[test]
    fn a_question_about_one_variant_leaves_the_others_and_one_about_all_replaces_them() {
        let old = || Results {
            left_out: BTreeMap::new(),
            runs: vec![
                run(Part::Table, "vae", 4, 1),
                run(Part::Table, "vae", 16, 1),
                run(Part::Table, "gone", 4, 1),
                run(Part::Table, "vae", 4, 2),
                run(Part::Copier, "packed", 64, 1),
            ],
        };
        let kept = |variants: &[String]| {
            let (parts, seeds, codes) = ([Part::Table], [1], [4]);
            let asked = Asked { parts: &parts, seeds: &seeds, codes: &codes, variants };
            let mut new = Results::default();
            new.keep_others(old(), &asked);
            new.runs.iter().map(|run| (run.label.clone(), run.code, run.seed)).collect::<Vec<_>>()
        };
        let own = |label: &str, code, seed| (label.to_owned(), code, seed);
        let always = [own("vae", 16, 1), own("vae", 4, 2), own("packed", 64, 1)];
        assert_eq!(kept(&[]), always);
        let with_gone =
            [own("vae", 16, 1), own("gone", 4, 1), own("vae", 4, 2), own("packed", 64, 1)];
        assert_eq!(kept(&["vae".to_owned()]), with_gone);
    }
}
