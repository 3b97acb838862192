//! What base has and new should have too: seeds and metrics.

use std::collections::BTreeSet;

use super::{records::Found, report::Rules};

/// A sentence for the seeds that are missing, and one for each metric that every record of base has and
/// some record of new has not.
pub(super) fn missing(base: &[Found], new: &[Found], rules: &Rules) -> Vec<String> {
    let mut said = Vec::new();
    let seeds = |set: &[Found]| set.iter().map(|f| f.record.seed).collect::<BTreeSet<u64>>();
    if new.len() < base.len() && !rules.fewer_seeds {
        let (old, there) = (seeds(base), seeds(new));
        let absent = list(old.difference(&there));
        said.push(format!(
            "new has {} of {} seeds, without {absent}: train them too, or judge fewer with \
             --fewer-seeds",
            new.len(),
            base.len()
        ));
    }
    let Some(first) = base.first() else { return said };
    let in_all = |name: &&String| base.iter().all(|f| f.record.metrics.contains_key(*name));
    for name in first.record.metrics.keys().filter(in_all) {
        let without = new.iter().filter(|found| !found.record.metrics.contains_key(name));
        let without: Vec<u64> = without.map(|found| found.record.seed).collect();
        if !without.is_empty() {
            said.push(format!("{name} has vanished (seed {})", list(&without)));
        }
    }
    said
}

fn list<'a>(seeds: impl IntoIterator<Item = &'a u64>) -> String {
    let seeds: Vec<String> = seeds.into_iter().map(u64::to_string).collect();
    seeds.join(", ")
}
