//! Which records a folder holds.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use fuzzing::Target;
use serde::Serialize;
use serde_json::Value;
use shared::run::{
    CHECKSUMS, Damage, REPLACED, REPLACING, Record, RunData, RunFolder, read_checked,
};
use walkdir::{DirEntry, WalkDir};

/// The reader of a folder of records, for `cargo xtask fuzz`.
pub(crate) const FUZZ: Target = Target {
    name: "compare",
    file: "vae-quick-seed1.json",
    seeds: || vec![fuzzing::record().into_bytes()],
    read: |path| {
        let set =
            RecordSet::read(path.parent().unwrap_or(path)).map_err(|error| format!("{error:#}"))?;
        if set.damaged.is_empty() { Ok(0) } else { Err(set.damaged.join("\n")) }
    },
    ..Target::TEXT
};

/// A run of a paper, whatever its seed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct RunKey {
    pub paper: String,
    pub name: String,
}

impl fmt::Display for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.paper, self.name)
    }
}

/// A record and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub record: Record,
    pub file: PathBuf,
}

/// The records of a folder, by run and within it by seed.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordSet {
    /// The folder, as given.
    pub folder: PathBuf,
    pub runs: BTreeMap<RunKey, Vec<Found>>,
    /// Files that should be records and cannot be read or compared, with the reason.
    pub damaged: Vec<String>,
}

impl RecordSet {
    /// Every record below `folder`. JSON that is not a record is passed over, since summaries and
    /// other results lie there too.
    ///
    /// # Errors
    /// If the folder cannot be read, or holds two different records of one run and seed.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut set = Self { folder: folder.into(), ..Self::default() };
        let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|entry| !is_put_aside(entry)) {
            let file = entry
                .with_context(|| format!("cannot look for records in {}", folder.display()))?
                .into_path();
            if !file.is_file()
                || file.extension().is_none_or(|extension| extension != "json")
                || is_beside_a_record(&file)
            {
                continue;
            }
            match read(&file) {
                Ok(Some(record)) => set.add(Found { record, file })?,
                Ok(None) => {}
                Err(reason) => set.damaged.push(reason),
            }
        }
        set.runs.values_mut().for_each(|found| found.sort_by_key(|found| found.record.seed));
        Ok(set)
    }

    fn add(&mut self, new: Found) -> Result<()> {
        let key = RunKey { paper: new.record.paper.clone(), name: new.record.name.clone() };
        let found = self.runs.entry(key).or_default();
        let Some(old) = found.iter().find(|old| old.record.seed == new.record.seed) else {
            found.push(new);
            return Ok(());
        };
        let same = Record { machine: old.record.machine.clone(), ..new.record.clone() };
        if same != old.record {
            bail!(
                "two records of {} {}, seed {}, that differ: {} and {}; name a folder with one of them",
                new.record.paper,
                new.record.name,
                new.record.seed,
                old.file.display(),
                new.file.display()
            );
        }
        Ok(())
    }

    /// The records of a run; none if it has none here.
    pub(super) fn of(&self, run: &RunKey) -> &[Found] {
        self.runs.get(run).map_or(&[], Vec::as_slice)
    }
}

/// True of a folder in which a run keeps one that it replaced.
pub(crate) fn is_put_aside(entry: &DirEntry) -> bool {
    [REPLACED, REPLACING].iter().any(|name| entry.file_name() == *name)
}

/// The record in a file, `None` if it is other JSON, or why it cannot be compared.
fn read(file: &Path) -> Result<Option<Record>, String> {
    let record = parsed(file).map_err(|reason| format!("{}: {reason}", file.display()))?;
    if let Some(record) = &record {
        record.refuse_two_settings(file).map_err(|reason| reason.to_string())?;
    }
    Ok(record)
}

/// The same of any record, or what is wrong with it.
fn parsed(file: &Path) -> Result<Option<Record>, String> {
    let bytes = read_checked(file).map_err(|damage| match damage {
        Damage::Unreadable { error, .. } => error.to_string(),
        Damage::Changed { .. } => {
            format!(
                "not as the run wrote it, by its checksum in {CHECKSUMS}; evaluate the run again"
            )
        }
        damage => damage.to_string(),
    })?;
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| format!("damaged or cut short ({error}); evaluate the run again"))?;
    if !is_named_as_record(file) && !has_keys_of_record(&value) {
        return Ok(None);
    }
    match value.get("schema").map(|schema| (schema, schema.as_u64())) {
        Some((_, Some(schema))) if schema == u64::from(Record::SCHEMA) => {}
        Some((schema, _)) => {
            return Err(format!("schema {schema}, and this program reads {}", Record::SCHEMA));
        }
        None => return Err("a record without schema; evaluate the run again".into()),
    }
    serde_json::from_value(value)
        .map(Some)
        .map_err(|error| format!("damaged record ({error}); evaluate the run again"))
}

/// What a run keeps beside its record: the identity of its data, and an evaluation on other data.
fn is_beside_a_record(file: &Path) -> bool {
    let others = [RunData::FILE, RunFolder::OTHER_RECORD];
    file.file_name().is_some_and(|name| others.iter().any(|other| name == *other))
}

/// record.json, or `…-seedN.json` as `keep` names it.
fn is_named_as_record(file: &Path) -> bool {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let seed = stem.rsplit_once("-seed").map(|(_, seed)| seed);
    let is_kept =
        seed.is_some_and(|seed| !seed.is_empty() && seed.bytes().all(|b| b.is_ascii_digit()));
    is_kept || file.file_name().is_some_and(|name| name == RunFolder::RECORD)
}

/// Whatever it is called: a record that has lost a key still has others.
fn has_keys_of_record(value: &Value) -> bool {
    ["schema", "config_sha256"].iter().any(|key| value.get(key).is_some())
        || ["paper", "metrics"].iter().all(|key| value.get(key).is_some())
}
