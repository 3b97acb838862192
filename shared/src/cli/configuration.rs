//! From presets, files and options to one resolved configuration.

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use toml::{Table, Value};

use crate::{
    data::DataName,
    paper::{Paper, RunConfig},
};

#[derive(Args, Clone, Debug)]
pub(super) struct ConfigurationArgs {
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
    #[arg(long)]
    pub(super) epochs: Option<usize>,
    /// Examples in a step.
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Data set.
    #[arg(long)]
    data: Option<DataName>,
    /// Any other value, for instance train.schedule.rate=0.0005; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// A configuration with its name and its text.
pub(super) struct Resolved<C> {
    pub(super) name: String,
    pub(super) config: C,
    pub(super) text: String,
}

impl ConfigurationArgs {
    /// The configuration these options describe.
    pub(super) fn resolve<P: Paper>(&self) -> Result<Resolved<P::Config>> {
        let (name, text, place) = self.source::<P>()?;
        let mut table: Table =
            toml::from_str(&text).map_err(|e| anyhow!("{place}: {}", e.to_string().trim()))?;
        // First as it stands, so that an error points into the file.
        toml::from_str::<P::Config>(&text)
            .map_err(|e| anyhow!("{place}: {}", e.to_string().trim()))?;
        self.apply(&mut table)?;
        resolve::<P>(name, table, "with these options the configuration")
    }

    /// The configuration of a run that is continued, changed by these options.
    pub(super) fn resume<P: Paper>(&self, text: &str, name: String) -> Result<Resolved<P::Config>> {
        let mut table: Table = toml::from_str(text).context("the run's config.toml is damaged")?;
        self.apply(&mut table)?;
        resolve::<P>(name, table, "with these options the run's configuration")
    }

    fn source<P: Paper>(&self) -> Result<(String, String, String)> {
        let (default, preset) = P::PRESETS[0];
        let Some(wanted) = &self.config else {
            return Ok((default.into(), preset.into(), format!("configuration {default}")));
        };
        if let Some((name, text)) = P::PRESETS.iter().find(|(name, _)| name == wanted) {
            return Ok(((*name).into(), (*text).into(), format!("configuration {name}")));
        }
        let path = Path::new(wanted);
        if !path.is_file() {
            let known: Vec<&str> = P::PRESETS.iter().map(|(name, _)| *name).collect();
            bail!("--config {wanted}: neither a file nor one of {}", known.join(", "));
        }
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {wanted}"))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, text, wanted.clone()))
    }

    fn apply(&self, table: &mut Table) -> Result<()> {
        let number = |value: usize| Value::Integer(value as i64);
        let mut changes: Vec<(String, Value)> = Vec::new();
        if let Some(seed) = self.seed {
            let seed =
                i64::try_from(seed).map_err(|_| anyhow!("--seed {seed}: at most {}", i64::MAX))?;
            changes.push(("seed".into(), Value::Integer(seed)));
        }
        changes.extend(self.latent.map(|v| ("model.latent".into(), number(v))));
        changes.extend(self.epochs.map(|v| ("train.epochs".into(), number(v))));
        changes.extend(self.batch_size.map(|v| ("train.batch_size".into(), number(v))));
        changes.extend(self.data.map(|v| ("data.name".into(), Value::String(v.to_string()))));
        for change in &self.set {
            let (key, value) =
                change.split_once('=').ok_or_else(|| anyhow!("--set {change}: write KEY=VALUE"))?;
            // A bare word is a string.
            let value = toml::from_str::<Table>(&format!("v = {value}"))
                .ok()
                .and_then(|mut table| table.remove("v"))
                .unwrap_or_else(|| Value::String(value.into()));
            changes.push((key.trim().into(), value));
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

fn resolve<P: Paper>(name: String, table: Table, place: &str) -> Result<Resolved<P::Config>> {
    let text = toml::to_string(&table)?;
    let config: P::Config =
        toml::from_str(&text).map_err(|e| anyhow!("{place} is wrong: {}", e.to_string().trim()))?;
    if let Some(problem) = config.problem() {
        bail!("{problem}");
    }
    // Written out in full, with every default.
    let text = toml::to_string(&config)?;
    Ok(Resolved { name, config, text })
}
