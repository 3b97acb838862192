//! The records under results/, which pages are written from.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use shared::run::Record;

use crate::{
    compare::{
        records::{Found, RecordSet, RunKey},
        stale::between,
    },
    workspace,
};

/// Records by `paper-name`, one for each seed.
pub(crate) type Records = BTreeMap<String, Vec<Record>>;

/// Every record under a folder, one of each seed.
///
/// # Errors
/// A record that is damaged, or two of one seed that differ, or of one run and different experiments.
pub(crate) fn records(folder: &Path) -> Result<Records> {
    let set = RecordSet::read(folder)?;
    if let Some(damaged) = set.damaged.first() {
        bail!("{damaged}");
    }
    set.runs.values().try_for_each(|found| refuse_mixed(found))?;
    let named = |(key, found): (RunKey, Vec<Found>)| {
        let records = found.into_iter().map(|found| found.record).collect();
        (format!("{}-{}", key.paper, key.name), records)
    };
    Ok(set.runs.into_iter().map(named).collect())
}

/// Refuses records of one run that differ in more than their seed: a table has their mean over seeds.
pub(crate) fn refuse_mixed(found: &[Found]) -> Result<()> {
    let Some((first, others)) = found.split_first() else { return Ok(()) };
    for other in others {
        let differences = between(&first.record, &other.record);
        if !differences.is_empty() {
            bail!(
                "{} and {} are records of one run and differ in more than their seed: {}; give one of the runs \
                 another --name, or train it again",
                first.file.display(),
                other.file.display(),
                differences.join(", ")
            );
        }
    }
    Ok(())
}

/// What lies under results/ by that name.
pub(crate) fn result<R: DeserializeOwned>(name: &str) -> Result<R> {
    let path = workspace().join(format!("results/{name}.json"));
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn records_of_one_run_differ_in_their_seed_and_the_version_of_the_code_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = [1, 2].map(|seed| format!("quick-seed{seed}.json"));
        let kept = |name: &str| fs::read(workspace().join("results/vae").join(name)).unwrap();
        fs::write(folder.path().join(&one), kept(&one)).unwrap();
        let said = |change: fn(&mut Value)| {
            let mut record: Value = serde_json::from_slice(&kept(&two)).unwrap();
            change(&mut record);
            fs::write(folder.path().join(&two), record.to_string()).unwrap();
            records(folder.path()).err().map(|error| error.to_string())
        };
        assert_eq!(said(|_| ()), None);
        assert_eq!(said(|record| record["code"] = "0.0.1".into()), None);
        let refuses = |change: fn(&mut Value), difference: &str| {
            let said = said(change).unwrap();
            for part in [one.as_str(), two.as_str(), difference] {
                assert!(said.contains(part), "no {part} in {said}");
            }
        };
        refuses(|record| record["backend"] = "cuda".into(), "backend: flex → cuda");
        refuses(|record| record["data"]["name"] = "kmnist".into(), "data: mnist → kmnist");
        refuses(|record| record["evaluate"]["nll_samples"] = 7.into(), "evaluate.nll_samples: ");
        refuses(|record| record["config"]["train"]["epochs"] = 7.into(), "config train.epochs: ");
    }
}
