use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Sums of named terms over examples, in double precision and in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct TermSums {
    examples: usize,
    sums: Vec<(String, f64)>,
}

impl TermSums {
    /// Adds the values of one batch; the name of a term that is not finite, if there is one.
    pub(super) fn add(&mut self, names: &[&str], values: &[f32]) -> Option<String> {
        let examples = values.len() / names.len().max(1);
        let mut broken = None;
        for (name, values) in names.iter().zip(values.chunks(examples.max(1))) {
            let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
            if !sum.is_finite() && broken.is_none() {
                broken = Some((*name).to_owned());
            }
            match self.sums.iter_mut().find(|(known, _)| known == name) {
                Some((_, total)) => *total += sum,
                None => self.sums.push(((*name).to_owned(), sum)),
            }
        }
        self.examples += examples;
        broken
    }

    /// Mean over all examples, by term.
    pub(super) fn means(&self) -> BTreeMap<String, f64> {
        let count = self.examples.max(1) as f64;
        self.sums.iter().map(|(name, sum)| (name.clone(), sum / count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_batch_counts_by_its_examples() {
        let mut sums = TermSums::default();
        sums.add(&["a", "b"], &[1.0, 2.0, 3.0, 10.0, 10.0, 10.0]);
        sums.add(&["a", "b"], &[6.0, 2.0]);
        let means = sums.means();
        assert_eq!((means["a"], means["b"]), (3.0, 8.0));
    }

    #[test]
    fn the_first_term_that_blows_up_is_named() {
        let mut sums = TermSums::default();
        assert_eq!(sums.add(&["a", "b"], &[1.0, f32::NAN]), Some("b".into()));
    }
}
