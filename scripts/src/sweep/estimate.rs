//! How long a run will take, from records of runs like it.

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;
use serde_json::Value;
use shared::run::Record;
use toml::Table;

use crate::{compare::records::RecordSet, workspace};

/// Records whose times are known.
pub(super) struct Speeds(Vec<Known>);

struct Known {
    data: Value,
    leaves: BTreeMap<String, Value>,
    epochs: u64,
    fit: f64,
    evaluate: f64,
}

impl Speeds {
    /// From these records and those the project keeps of the paper.
    pub(super) fn new(paper: &str, own: Vec<Record>) -> Result<Self> {
        Self::with(&workspace().join("results").join(paper), own)
    }

    fn with(results: &Path, mut own: Vec<Record>) -> Result<Self> {
        if results.is_dir() {
            let kept = RecordSet::read(results)?.runs.into_values().flatten();
            own.extend(kept.map(|found| found.record));
        }
        let known = own.into_iter().map(|record| Known {
            data: record.config["data"].clone(),
            leaves: leaves(&record.config),
            epochs: epochs(&record.config),
            fit: record.machine.fit_seconds,
            evaluate: record.machine.evaluate_seconds,
        });
        Ok(Self(known.collect()))
    }

    /// Seconds that a run of this configuration will take: those of the run on the same data that is most like
    /// it, in proportion to the epochs; `None` if there is none.
    pub(super) fn seconds(&self, configuration: &Table) -> Option<f64> {
        let wanted = serde_json::to_value(configuration).ok()?;
        let (own, passes) = (leaves(&wanted), epochs(&wanted));
        let like = |known: &&Known| {
            known.leaves.iter().filter(|(key, value)| own.get(*key) == Some(value)).count()
        };
        let is_comparable =
            |known: &&Known| known.data == wanted["data"] && (known.epochs == 0) == (passes == 0);
        let known = self.0.iter().filter(is_comparable).max_by_key(like)?;
        let share = if passes == 0 { 1.0 } else { passes as f64 / known.epochs as f64 };
        Some(known.fit * share + known.evaluate)
    }
}

/// Every value but the seed under its dotted key.
fn leaves(config: &Value) -> BTreeMap<String, Value> {
    fn collect(prefix: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(inner) => {
                inner.iter().for_each(|(key, value)| {
                    collect(&format!("{prefix}.{key}"), value, found);
                });
            }
            value => {
                found.insert(prefix.into(), value.clone());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect("", config, &mut found);
    found.remove(".seed");
    found
}

/// Epochs of all phases.
fn epochs(config: &Value) -> u64 {
    let Value::Object(inner) = config else { return 0 };
    let of = |(key, value): (&String, &Value)| match value {
        Value::Number(number) if key == "epochs" => number.as_u64().unwrap_or(0),
        value => epochs(value),
    };
    inner.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_with_the_epochs_of_the_run_most_like_it_and_is_unknown_on_other_data() {
        let results = workspace().join("results/vae");
        let records = crate::results::records(&results).unwrap();
        let record = records["vae-quick"][0].clone();
        let speeds = Speeds::with(&results, vec![record.clone()]).unwrap();
        let table = |config: &Value| Table::try_from(config).unwrap();
        let mut config = record.config.clone();
        // Nothing in TOML says that there is nothing.
        config["train"].as_object_mut().unwrap().retain(|_, value| !value.is_null());
        config["seed"] = 77.into();
        let seconds = |config: &Value| speeds.seconds(&table(config)).unwrap();
        let one = seconds(&config);
        let epochs = config["train"]["epochs"].as_u64().unwrap();
        config["train"]["epochs"] = (2 * epochs).into();
        let two = seconds(&config);
        let fit = (two - one) / record.machine.fit_seconds;
        assert!((0.5..2.0).contains(&fit), "{one} {two}");
        config["data"]["name"] = "segments".into();
        assert_eq!(speeds.seconds(&table(&config)), None);
        let none = tempfile::tempdir().unwrap();
        let nothing = Speeds::with(&none.path().join("no"), Vec::new()).unwrap();
        assert_eq!(nothing.seconds(&table(&config)), None);
    }
}
