//! What base has and new should have too: seeds and metrics.

use std::collections::BTreeSet;

use shared::run::Metric;

use super::{number::arrow, records::Found, report::Rules};

/// A sentence for the seeds that are missing, and one for each metric that every record of base has and
/// some record of new has not, or has in another unit or direction.
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
    let in_all = |name: &String| base.iter().all(|f| f.record.metrics.contains_key(name));
    for (name, metric) in first.record.metrics.iter().filter(|(name, _)| in_all(name)) {
        let without = new.iter().filter(|found| !found.record.metrics.contains_key(name));
        let without: Vec<u64> = without.map(|found| found.record.seed).collect();
        if !without.is_empty() {
            said.push(format!("{name} has vanished (seed {})", list(&without)));
        }
        let others = new.iter().filter_map(|found| found.record.metrics.get(name));
        if let Some(other) = others.into_iter().find(|other| !is_one_quantity(metric, other)) {
            let of = |metric: &Metric| format!("{}{}", metric.unit, arrow(metric.better));
            said.push(format!(
                "{name} has become another quantity, which is not judged: {} → {}",
                of(metric),
                of(other)
            ));
        }
    }
    said
}

/// True if two metrics of one name can be held against each other, however they are described.
pub(super) fn is_one_quantity(metric: &Metric, other: &Metric) -> bool {
    (&metric.unit, metric.better) == (&other.unit, other.better)
}

fn list<'a>(seeds: impl IntoIterator<Item = &'a u64>) -> String {
    let seeds: Vec<String> = seeds.into_iter().map(u64::to_string).collect();
    seeds.join(", ")
}
