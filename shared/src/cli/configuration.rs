//! From presets, files and options to one resolved configuration.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use toml::{Table, Value};

use super::paths;
use crate::{
    data::DataName,
    paper::{Paper, RunConfig},
    train::TrainConfig,
};

/// Options that choose a configuration and change it.
#[derive(Args, Clone, Debug)]
pub struct ConfigurationArgs {
    /// A configuration that comes with the program, or a TOML file.
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) config: Option<String>,
    /// Seed of all noise.
    #[arg(long)]
    seed: Option<u64>,
    /// Width of the code.
    #[arg(long)]
    latent: Option<usize>,
    /// Passes over the training split.
    #[arg(long, value_name = "N")]
    pub(super) epochs: Option<usize>,
    /// Examples in a step, of every phase of the fit.
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Data set.
    #[arg(long)]
    data: Option<DataName>,
    /// Which of the paper's models, where it has several.
    #[arg(long, value_name = "KIND")]
    model: Option<String>,
    /// Any other value, for instance train.schedule.rate=0.0005; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// What a run that is continued may change: how long and how fast it goes on, and its evaluation.
/// In the section of the last phase of a fit: later phases go on from what earlier ones came to.
const CHANGEABLE: [&str; 6] =
    ["epochs", "schedule", "patience", "clip_norm", "checkpoint_every", "keep_checkpoints"];

/// The last phase of a fit that a configuration has, of these.
fn last_phase(phases: &[&'static str], table: &Table) -> Option<&'static str> {
    phases.iter().rev().copied().find(|phase| table.contains_key(*phase))
}

/// Epochs of the last phase of the fit that a configuration describes, if it has any.
pub(super) fn last_epochs<P: Paper>(text: &str) -> Option<usize> {
    let table: Table = toml::from_str(text).ok()?;
    let phase = table.get(last_phase(P::PHASES, &table)?)?.clone();
    Some(phase.try_into::<TrainConfig>().ok()?.total_epochs())
}

/// Every value of a table under its dotted key.
fn flatten(prefix: &str, table: &Table, values: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(inner) => flatten(&key, inner, values),
            value => {
                values.insert(key, value.clone());
            }
        }
    }
}

/// A configuration with its text.
pub(super) struct Resolved<C> {
    pub(super) config: C,
    pub(super) text: String,
    /// Where its relative paths start; empty for the working folder.
    pub(super) base: PathBuf,
}

impl ConfigurationArgs {
    /// The same options, with another preset as the default.
    #[must_use]
    pub fn or_preset(&self, name: &str) -> Self {
        let config = self.config.clone().unwrap_or_else(|| name.into());
        Self { config: Some(config), ..self.clone() }
    }

    /// The configuration these options describe.
    ///
    /// # Errors
    /// If there is none, or something in it is wrong.
    pub fn config<P: Paper>(&self) -> Result<P::Config> {
        Ok(self.resolve::<P>()?.config)
    }

    /// The same with its text.
    pub(super) fn resolve<P: Paper>(&self) -> Result<Resolved<P::Config>> {
        let (text, place) = self.source::<P>()?;
        let mut table: Table =
            toml::from_str(&text).map_err(|e| anyhow!("{place}: {}", e.to_string().trim()))?;
        // First as it stands, so that an error points into the file.
        toml::from_str::<P::Config>(&text)
            .map_err(|e| anyhow!("{place}: {}", e.to_string().trim()))?;
        let base = self.base();
        self.apply::<P>(&mut table, &base)?;
        let resolved = resolve::<P>(table, "with these options the configuration")?;
        Ok(Resolved { base, ..resolved })
    }

    /// Where relative paths of the configuration start: in the folder of its file, or, empty, in the
    /// working folder.
    pub(super) fn base(&self) -> PathBuf {
        let is_preset = |name: &&String| !Path::new(name).is_file();
        match self.config.as_ref().filter(|name| !is_preset(name)) {
            Some(file) => Path::new(file).parent().unwrap_or(Path::new("")).into(),
            None => PathBuf::new(),
        }
    }

    /// The name a run gets from these options, if it gets no other.
    pub(super) fn name<P: Paper>(&self) -> String {
        match &self.config {
            None => P::PRESETS[0].0.into(),
            Some(config) => {
                Path::new(config).file_stem().unwrap_or_default().to_string_lossy().into_owned()
            }
        }
    }

    /// The configuration of a run that is continued, changed by these options; `--config` only
    /// names the run. Its relative paths start in `base`.
    pub(super) fn resume<P: Paper>(
        &self,
        text: &str,
        base: PathBuf,
    ) -> Result<Resolved<P::Config>> {
        let old: Table = toml::from_str(text).context("the run's config.toml is damaged")?;
        let mut table = old.clone();
        self.apply::<P>(&mut table, &base)?;
        let mut changed = Value::Table(table.clone());
        // The same files may be called by other paths, from another working folder.
        paths::resolved("", &mut changed, &base);
        let mut own = Value::Table(old.clone());
        paths::resolved("", &mut own, &base);
        if changed.get("data") == own.get("data")
            && let Some(data) = old.get("data")
        {
            table.insert("data".into(), data.clone());
        }
        let last = last_phase(P::PHASES, &old);
        let free: Vec<String> = last
            .iter()
            .flat_map(|phase| CHANGEABLE.map(|key| format!("{phase}.{key}")))
            .chain(["evaluate".into()])
            .collect();
        let resolved = resolve::<P>(table, "with these options the run's configuration")?;
        let fixed = |table: &Table| {
            let mut values = BTreeMap::new();
            flatten("", table, &mut values);
            values.retain(|key, _| !free.iter().any(|free| key.starts_with(free)));
            values
        };
        let (before, after) = (fixed(&old), fixed(&toml::from_str(&resolved.text)?));
        let is_of_phase = |key: &str| P::PHASES.iter().any(|p| key.starts_with(&format!("{p}.")));
        let keys = before.keys().chain(after.keys());
        match keys.into_iter().find(|key| before.get(*key) != after.get(*key)) {
            None => Ok(Resolved { base, ..resolved }),
            Some(key) => match last {
                Some(last) if is_of_phase(key) => bail!(
                    "--resume cannot change {key}: only [{last}], the last phase of the fit, may \
                     change its epochs, schedule and the like; start another run with --name"
                ),
                _ => bail!(
                    "--resume cannot change {key}: what was fitted so far would not fit; start \
                     another run with --name"
                ),
            },
        }
    }

    fn source<P: Paper>(&self) -> Result<(String, String)> {
        let (default, preset) = P::PRESETS[0];
        let Some(wanted) = &self.config else {
            return Ok((preset.into(), format!("configuration {default}")));
        };
        if let Some((name, text)) = P::PRESETS.iter().find(|(name, _)| name == wanted) {
            return Ok(((*text).into(), format!("configuration {name}")));
        }
        let path = Path::new(wanted);
        if !path.is_file() {
            let known: Vec<&str> = P::PRESETS.iter().map(|(name, _)| *name).collect();
            bail!("--config {wanted}: neither a file nor one of {}", known.join(", "));
        }
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {wanted}"))?;
        Ok((text, wanted.clone()))
    }

    /// Changes `table` by these options; relative paths of the configuration start in `base`.
    fn apply<P: Paper>(&self, table: &mut Table, base: &Path) -> Result<()> {
        let number = |value: usize| Value::Integer(value as i64);
        let mut changes: Vec<(String, Value)> = Vec::new();
        if let Some(seed) = self.seed {
            let seed =
                i64::try_from(seed).map_err(|_| anyhow!("--seed {seed}: at most {}", i64::MAX))?;
            changes.push(("seed".into(), Value::Integer(seed)));
        }
        changes.extend(self.latent.map(|v| ("model.latent".into(), number(v))));
        // Of every phase of the fit.
        for (option, key, value) in
            [("--epochs", "epochs", self.epochs), ("--batch-size", "batch_size", self.batch_size)]
        {
            let Some(value) = value else { continue };
            if P::PHASES.is_empty() {
                bail!("{option}: this fit has a closed form and makes no passes over the data");
            }
            let found = P::PHASES.iter().filter(|phase| table.contains_key(**phase));
            let phases: Vec<&str> = found.copied().collect();
            // Without any the configuration is incomplete, and what is set says so.
            let phases = if phases.is_empty() { P::PHASES.to_vec() } else { phases };
            changes.extend(phases.iter().map(|phase| (format!("{phase}.{key}"), number(value))));
        }
        changes.extend(self.data.map(|v| ("data.name".into(), Value::String(v.to_string()))));
        changes.extend(self.model.clone().map(|v| ("model.kind".into(), Value::String(v))));
        for change in &self.set {
            let (key, value) =
                change.split_once('=').ok_or_else(|| anyhow!("--set {change}: write KEY=VALUE"))?;
            // A bare word is a string.
            let value = toml::from_str::<Table>(&format!("v = {value}"))
                .ok()
                .and_then(|mut table| table.remove("v"))
                .unwrap_or_else(|| Value::String(value.into()));
            let (key, mut value) = (key.trim(), value);
            paths::of_option(key, &mut value, base);
            changes.push((key.into(), value));
        }
        for (key, value) in changes {
            insert(table, &key, value)?;
        }
        Ok(())
    }
}

fn insert(table: &mut Table, key: &str, value: Value) -> Result<()> {
    let mut place = table;
    let mut parts: Vec<&str> = key.split('.').collect();
    let Some(last) = parts.pop().filter(|last| !last.is_empty()) else {
        bail!("'{key}' is no key: write for instance train.batch_size");
    };
    for part in parts {
        let inner = place.entry(part).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(inner) = inner else {
            bail!("{key}: {part} is a value, not a section");
        };
        place = inner;
    }
    place.insert(last.into(), value);
    Ok(())
}

fn resolve<P: Paper>(table: Table, place: &str) -> Result<Resolved<P::Config>> {
    let text = toml::to_string(&table)?;
    let config: P::Config =
        toml::from_str(&text).map_err(|e| anyhow!("{place} is wrong: {}", e.to_string().trim()))?;
    if let Some(problem) = config.problem() {
        bail!("{problem}");
    }
    // Written out in full, with every default.
    let text = toml::to_string(&config)?;
    Ok(Resolved { config, text, base: PathBuf::new() })
}
