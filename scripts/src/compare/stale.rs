//! What makes the numbers of two records of one run incomparable.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::run::Record;

use super::records::Found;

/// What the configuration may differ in between the seeds of one run; and `evaluate`, which is
/// compared as it was run.
const PER_SEED: [&str; 3] = ["seed", "data.split_seed", "evaluate"];

/// Every difference in what must be equal before numbers are, `base` against `new` and within
/// each, a line each.
pub(super) fn differences(base: &[Found], new: &[Found]) -> Vec<String> {
    let mut all = Vec::new();
    let (Some(reference), Some(first)) = (base.first(), new.first()) else { return all };
    for other in new {
        // A record of the same seed must have the same configuration to the last bit.
        let same_seed = base.iter().find(|found| found.record.seed == other.record.seed);
        all.extend(between(&same_seed.unwrap_or(reference).record, &other.record));
    }
    for (set, reference, records) in [("base", reference, base), ("new", first, new)] {
        for other in records {
            let mixed = between(&reference.record, &other.record);
            all.extend(mixed.into_iter().map(|line| format!("within {set}, {line}")));
        }
    }
    let mut seen = BTreeSet::new();
    all.retain(|line| seen.insert(line.clone()));
    all
}

/// The sizes of the splits, if they differ.
pub(super) fn wrong_split(base: &[Found], new: &[Found]) -> Option<String> {
    let sizes = |record: &Record| (record.data.train, record.data.valid, record.data.test);
    let reference = &base.first()?.record;
    let other = new.iter().find(|found| sizes(&found.record) != sizes(reference))?;
    let line = |record: &Record| {
        let (train, valid, test) = sizes(record);
        format!("{train} training, {valid} validation and {test} test examples")
    };
    Some(format!(
        "wrong split: {} (seed {}), and base has {}",
        line(&other.record),
        other.record.seed,
        line(reference)
    ))
}

/// What two records of one run must not differ in if a mean over seeds is to be of both, a line each. The version of the
/// code is none of it: whether its changes change numbers is the question of a comparison.
pub(crate) fn between(base: &Record, new: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |what: &str, base: &str, new: &str| {
        if base != new {
            lines.push(format!("{what}: {base} → {new}"));
        }
    };
    add("schema", &base.schema.to_string(), &new.schema.to_string());
    add("backend", &base.backend, &new.backend);
    add("data", &base.data.name, &new.data.name);
    for file in base.data.sha256.keys().chain(new.data.sha256.keys()) {
        let sum = |record: &Record| record.data.sha256.get(file).cloned().unwrap_or_default();
        add(&format!("checksum of {file}"), &sum(base), &sum(new));
    }
    let evaluate = |record: &Record| serde_json::to_value(&record.evaluate).unwrap_or_default();
    for (path, old, other) in leaves("", &evaluate(base), &evaluate(new)) {
        add(&format!("evaluate.{path}"), &old, &other);
    }
    let configured = leaves("", &base.config, &new.config);
    let is_explained = !configured.is_empty();
    for (path, old, other) in configured {
        if !PER_SEED.iter().any(|name| path == *name || path.starts_with(&format!("{name}."))) {
            add(&format!("config {path}"), &old, &other);
        }
    }
    if base.seed == new.seed && !is_explained {
        add("config_sha256", &base.config_sha256, &new.config_sha256);
    }
    lines
}

/// Where two values differ: path, and both.
fn leaves(path: &str, base: &Value, new: &Value) -> Vec<(String, String, String)> {
    if base == new {
        return Vec::new();
    }
    let (Value::Object(old), Value::Object(other)) = (base, new) else {
        let text = |value: &Value| if value.is_null() { "none".into() } else { value.to_string() };
        return vec![(path.into(), text(base), text(new))];
    };
    let added = other.keys().filter(|key| !old.contains_key(*key));
    old.keys()
        .chain(added)
        .flat_map(|key| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let part = |of: &Value| of.get(key).cloned().unwrap_or_default();
            leaves(&path, &part(base), &part(new))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::tests::synthetic;

    /// What is said of two records that differ by `change`.
    fn said(change: impl Fn(&mut Record)) -> Vec<String> {
        let base = synthetic::found(&[synthetic::record(1)]);
        let mut new = base.clone();
        change(&mut new[0].record);
        differences(&base, &new)
    }

    #[test]
    fn whatever_makes_numbers_incomparable_is_named() {
        let said_of = |change: fn(&mut Record), expected: &str| {
            assert_eq!(said(change), [expected], "{expected}");
        };
        said_of(|record| record.schema = 2, "schema: 1 → 2");
        said_of(|record| record.backend = "cuda".into(), "backend: flex → cuda");
        said_of(|record| record.data.name = "fashion".into(), "data: mnist → fashion");
        said_of(
            |record| _ = record.data.sha256.insert("images".into(), "ff".into()),
            "checksum of images: 00 → ff",
        );
        said_of(|record| record.evaluate.nll_samples = 50, "evaluate.nll_samples: 5000 → 50");
        said_of(
            |record| record.config["train"]["rate"] = 0.01.into(),
            "config train.rate: 0.001 → 0.01",
        );
        said_of(|record| record.config_sha256 = "b".into(), "config_sha256: a → b");
    }

    #[test]
    fn seeds_machines_and_versions_are_no_difference() {
        let other_seed = |record: &mut Record| {
            record.seed = 2;
            record.code = "0.2.0".into();
            record.config["seed"] = 2.into();
            record.config_sha256 = "b".into();
            record.machine.threads = 64;
        };
        assert_eq!(said(other_seed), [""; 0]);
    }

    #[test]
    fn records_of_one_set_that_do_not_belong_together_are_named() {
        let base = synthetic::found(&[synthetic::record(1), synthetic::record(2)]);
        let mut new = base.clone();
        new[1].record.config["train"]["rate"] = 0.01.into();
        let lines = differences(&base, &new);
        assert!(lines.contains(&"within new, config train.rate: 0.001 → 0.01".into()), "{lines:?}");
    }

    #[test]
    fn a_split_of_other_sizes_is_wrong_and_another_checksum_is_not() {
        let base = synthetic::found(&[synthetic::record(1)]);
        let mut new = base.clone();
        assert_eq!(wrong_split(&base, &new), None);
        new[0].record.data.valid += 1;
        let said = wrong_split(&base, &new).unwrap();
        assert!(said.contains("wrong split") && said.contains("10001 validation"), "{said}");
    }
}
