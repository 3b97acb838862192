//! From presets, files and options to one resolved configuration.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::{
    data_option::{Change, DataChoice, DataParser, size_of},
    demand::check_numbers,
    paper::{Paper, RunConfig},
    paths,
};
use crate::{
    data::{DataConfig, Identity, source_of},
    kind::{Images, Kind},
    reading::{
        Places, Problem, did_you_mean, from_table, from_value, leaves, nearest, read_text, syntax,
    },
    run::{RunData, RunFolder},
    train::TrainConfig,
};

/// Options that choose a configuration and change it.
#[derive(Args, Clone, Debug)]
pub struct ConfigurationArgs {
    /// A built-in configuration, or a TOML file.
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) config: Option<String>,
    /// Seed of all random numbers.
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Width of the code.
    #[arg(long)]
    latent: Option<usize>,
    /// Passes over the training split.
    #[arg(long, value_name = "N")]
    pub(super) epochs: Option<usize>,
    /// Examples per step, in every phase of the fit.
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Data set by name, or the path of your own: a folder of pictures, an .npz, .csv or IDX file.
    #[arg(long, value_name = "NAME|PATH", value_parser = DataParser(&Images))]
    data: Option<DataChoice>,
    /// Crop and scale your own images to this size, e.g. 28x28.
    #[arg(long, value_name = "HEIGHTxWIDTH", value_parser = size_of)]
    size: Option<[usize; 2]>,
    /// Convert your own colour images to grey.
    #[arg(long)]
    grey: bool,
    /// One of the paper's models, where it has several.
    #[arg(long, value_name = "KIND")]
    model: Option<String>,
    /// Any other value, e.g. train.schedule.rate=0.0005; may be repeated, and of one key the last counts.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// The keys that `--resume` may change: length and speed of the training, and evaluation. In the
/// section of the last fit ([`Paper::last_phase`]), since later ones start from the result of earlier ones.
const CHANGEABLE: [&str; 6] =
    ["epochs", "schedule", "patience", "clip_norm", "checkpoint_every", "keep_checkpoints"];

/// Epochs of the last fit that a configuration describes, if it has any.
pub(super) fn last_epochs<P: Paper>(config: &P::Config) -> Option<usize> {
    let table = Table::try_from(config).ok()?;
    let phase = table.get(P::last_phase(config)?)?.clone();
    Some(phase.try_into::<TrainConfig>().ok()?.total_epochs())
}

/// The values that `--resume` cannot change, by dotted key, where `last` is the last phase of its fit.
fn fixed(table: &Table, last: Option<&str>) -> BTreeMap<String, Value> {
    let free: Vec<String> = last
        .iter()
        .flat_map(|phase| CHANGEABLE.map(|key| format!("{phase}.{key}")))
        .chain(["evaluate".into()])
        .collect();
    let mut values = leaves(table);
    values.retain(|key, _| !free.iter().any(|free| key.starts_with(free)));
    values
}

/// Identifies a run of this configuration on these data: a checksum of all that `--resume` cannot
/// change and of the data as the model sees them, wherever their files are.
pub(super) fn identity<P: Paper>(text: &str, data: &Identity) -> Result<String> {
    let table: Table = toml::from_str(text)?;
    let mut digest = Sha256::new();
    let config: P::Config = toml::from_str(text)?;
    for (key, value) in fixed(&table, P::last_phase(&config)) {
        if !paths::is_path(&key) {
            digest.update(format!("{key} = {value}\n"));
        }
    }
    // Factors are for evaluation alone.
    let Identity { files: _, train, valid, test, preparation, factors: _ } = data;
    digest.update(serde_json::to_vec(&(train, valid, test, preparation))?);
    Ok(hex::encode(digest.finalize()))
}

/// The keys that one of two configurations has otherwise than the other or alone, in the order of their names; the
/// same file counts as the same path.
pub(super) fn differences<C>(one: &Resolved<C>, other: &Resolved<C>) -> Result<Vec<Difference>> {
    let values = |of: &Resolved<C>| -> Result<BTreeMap<String, Value>> {
        let mut table = Value::Table(toml::from_str(&of.text)?);
        paths::resolved("", &mut table, &of.base);
        Ok(table.as_table().map(leaves).unwrap_or_default())
    };
    let (one, other) = (values(one)?, values(other)?);
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let shown = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
    let found = keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).map(|key| {
        Difference { key: key.clone(), values: [shown(one.get(key)), shown(other.get(key))] }
    });
    Ok(found.collect())
}

/// A key that two configurations have with different values.
pub(super) struct Difference {
    pub(super) key: String,
    pub(super) values: [String; 2],
}

/// A configuration with its text, and where its keys come from.
pub(super) struct Resolved<C> {
    pub(super) config: C,
    pub(super) text: String,
    /// Where its relative paths start; empty for the working folder.
    pub(super) base: PathBuf,
    pub(super) places: Places,
}

impl ConfigurationArgs {
    /// The same options, with another preset as the default.
    #[must_use]
    pub fn or_preset(&self, name: &str) -> Self {
        let config = self.config.clone().unwrap_or_else(|| name.into());
        Self { config: Some(config), ..self.clone() }
    }

    /// Refuses `--seed` and `--model`, and `--set` of their keys, of a command that gives each run its own, by these
    /// options.
    ///
    /// # Errors
    /// The option that would have no effect.
    pub fn refuse_seed_and_model(&self, seeds: &str, models: &str) -> Result<()> {
        if let Some(seed) = self.seed {
            bail!("--seed {seed}: without effect, {seeds} has the seeds");
        }
        if let Some(model) = &self.model {
            bail!("--model {model}: without effect, {models} has the models");
        }
        self.refuse_set("seed", seeds)?;
        self.refuse_set("model.kind", models)
    }

    /// Refuses `--set` of this key, or of one inside it, of a command that gives each run its own value of it, by this
    /// option. A section around it may have other keys, and is taken.
    ///
    /// # Errors
    /// The `--set` that would have no effect.
    pub fn refuse_set(&self, key: &str, option: &str) -> Result<()> {
        let is_inside = |set: &str| {
            let rest = set.trim().strip_prefix(key);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let sets = |change: &&String| change.split_once('=').is_some_and(|(set, _)| is_inside(set));
        match self.set.iter().find(sets) {
            Some(change) => bail!("--set {change}: without effect, {option} has the values"),
            None => Ok(()),
        }
    }

    /// The configuration these options describe.
    ///
    /// # Errors
    /// If it does not exist, or has an error.
    pub fn config<P: Paper>(&self) -> Result<P::Config> {
        Ok(self.resolve::<P>()?.config)
    }

    /// The same with its text.
    pub(super) fn resolve<P: Paper>(&self) -> Result<Resolved<P::Config>> {
        let (text, name) = self.source::<P>()?;
        self.resolve_text::<P>(&name, &text, self.base())
    }

    fn resolve_text<P: Paper>(
        &self,
        name: &str,
        text: &str,
        base: PathBuf,
    ) -> Result<Resolved<P::Config>> {
        let mut table: Table = toml::from_str(text).map_err(|e| anyhow!(syntax(name, text, &e)))?;
        let mut places = Places::new(name, text);
        self.apply::<P>(&mut table, &mut places, &base)?;
        resolve::<P>(&table, places, base)
    }

    /// Where relative paths of the configuration start: in the folder of its file, for that of a run where they
    /// started there, or, empty, in the working folder.
    pub(super) fn base(&self) -> PathBuf {
        let Some(file) = self.config.as_ref().map(Path::new).filter(|file| file.is_file()) else {
            return PathBuf::new();
        };
        let folder = file.parent().unwrap_or(Path::new(""));
        let is_of_run = file.file_name().is_some_and(|name| name == RunFolder::CONFIG);
        let kept = || RunData::read(&RunFolder::open(folder.into()).ok()?).ok()??.base;
        is_of_run.then(kept).flatten().unwrap_or_else(|| folder.into())
    }

    /// The default name of a run with these options.
    pub(super) fn name<P: Paper>(&self) -> String {
        match &self.config {
            None => P::PRESETS[0].0.into(),
            Some(config) => {
                Path::new(config).file_stem().unwrap_or_default().to_string_lossy().into_owned()
            }
        }
    }

    /// What a run that is resumed has otherwise than what `--config` names: a file was changed since, or options changed
    /// what it says. A preset is asked if the run has a name of its own, since it names the run otherwise.
    pub(super) fn departures<P: Paper>(
        &self,
        run: &Resolved<P::Config>,
        is_named: bool,
    ) -> Result<Vec<Difference>> {
        let is_preset = |name: &str| P::PRESETS.iter().any(|(preset, _)| *preset == name);
        let is_asked = self.config.as_ref().is_some_and(|name| is_named || !is_preset(name));
        if is_asked { differences(run, &self.resolve::<P>()?) } else { Ok(Vec::new()) }
    }

    /// The configuration of a resumed run, changed by these options; `--config` only
    /// names the run. Its relative paths start in `base`.
    pub(super) fn resume<P: Paper>(
        &self,
        text: &str,
        base: PathBuf,
    ) -> Result<Resolved<P::Config>> {
        let name = "the run's config.toml";
        let old: Table = toml::from_str(text).map_err(|e| anyhow!(syntax(name, text, &e)))?;
        let mut table = old.clone();
        let mut places = Places::new(name, text);
        self.apply::<P>(&mut table, &mut places, &base)?;
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
        let resolved = resolve::<P>(&table, places, base)?;
        let last = P::last_phase(&resolved.config);
        let (before, after) = (fixed(&old, last), fixed(&toml::from_str(&resolved.text)?, last));
        let is_of_phase = |key: &str| P::PHASES.iter().any(|p| key.starts_with(&format!("{p}.")));
        let keys = before.keys().chain(after.keys());
        match keys.into_iter().find(|key| before.get(*key) != after.get(*key)) {
            None => Ok(resolved),
            Some(key) => match last {
                Some(last) if is_of_phase(key) => bail!(
                    "--resume cannot change {key}: only [{last}], the last phase of the fit, may \
                     change its epochs, schedule and the like, by --set {last}.epochs=N; start another run with --name"
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
            let meant = nearest(wanted, known.iter().copied());
            let meant = meant.map_or_else(String::new, |name| format!("; did you mean {name}?"));
            bail!("--config {wanted}: neither a file nor one of {}{meant}", known.join(", "));
        }
        let text = read_text(path).context("--config")?;
        Ok((text, wanted.clone()))
    }

    /// The values that `--size` and `--grey` set for the user's own images.
    fn of_images(&self, table: &Table) -> Result<Vec<Change>> {
        let mut changes: Vec<Change> = Vec::new();
        if let Some([height, width]) = self.size {
            let value = [height, width].map(|side| Value::Integer(side as i64));
            let option = format!("--size {height}x{width}");
            changes.push(("data.images.size".into(), value.to_vec().into(), option));
        }
        if self.grey {
            changes.push(("data.images.grey".into(), true.into(), "--grey".into()));
        }
        let configured = || {
            let name = table.get("data").and_then(|data| data.get("name"));
            name.and_then(Value::as_str) == Some("images")
        };
        let is_own = match &self.data {
            Some(data) => matches!(data, DataChoice::Path(_)),
            None => configured() || self.set.iter().any(|set| set.contains("data.images")),
        };
        match changes.first() {
            Some((_, _, option)) if !is_own => {
                bail!(
                    "{option} is for images of your own: name their folder or file with --data PATH"
                )
            }
            _ => Ok(changes),
        }
    }

    /// The data set that the user means: the one that an option names or alone has the keys of, or that of the
    /// configuration.
    fn meant<P: Paper>(&self, table: &Table) -> Option<String> {
        let sources = P::KIND.sources();
        let of_images = self.size.is_some() || self.grey;
        let keys = self.set.iter().filter_map(|set| set.trim_start().strip_prefix("data."));
        let mut by_key = keys.filter_map(|key| {
            let (key, value) = key.split_once('=')?;
            let own = key.split('.').next()?.trim();
            match own {
                "name" => Some(value.trim().trim_matches(['"', '\'']).to_owned()),
                own => {
                    let owner = sources.iter().find(|source| source.own_keys().contains(&own));
                    Some(owner?.name().to_owned())
                }
            }
        });
        let name = || Some(table.get("data")?.get("name")?.as_str()?.to_owned());
        by_key.next_back().or_else(|| of_images.then(|| "images".to_owned())).or_else(name)
    }

    /// Changes `table` by the options, and notes in `places` which option set what; relative paths of the
    /// configuration start in `base`.
    fn apply<P: Paper>(&self, table: &mut Table, places: &mut Places, base: &Path) -> Result<()> {
        // Those of an option for several phases of a fit leave each of them to `--set`.
        let (mut of_several, mut changes): (Vec<Change>, Vec<Change>) = (Vec::new(), Vec::new());
        // Passes and steps are of every phase of the fit.
        let found: Vec<&str> =
            P::PHASES.iter().copied().filter(|phase| table.contains_key(*phase)).collect();
        // Without any the configuration is incomplete, and what is set says so.
        let phases = if found.is_empty() { P::PHASES.to_vec() } else { found };
        let of_phases = |key| phases.iter().map(|phase| format!("{phase}.{key}")).collect();
        for (option, keys, number) in [
            ("--seed", vec!["seed".to_owned()], self.seed),
            ("--latent", vec!["model.latent".to_owned()], self.latent.map(|n| n as u64)),
            ("--epochs", of_phases("epochs"), self.epochs.map(|n| n as u64)),
            ("--batch-size", of_phases("batch_size"), self.batch_size.map(|n| n as u64)),
        ] {
            let Some(number) = number else { continue };
            if keys.is_empty() {
                bail!("{option}: this fit has a closed form and makes no passes over the data");
            }
            let option = format!("{option} {number}");
            let value = i64::try_from(number).map_err(|_| anyhow!("{option}: {TOO_LARGE}"))?;
            let is_of_several = keys.len() > 1;
            let change = |key| (key, Value::Integer(value), option.clone());
            let into = if is_of_several { &mut of_several } else { &mut changes };
            into.extend(keys.into_iter().map(change));
        }
        if let Some(data) = &self.data {
            changes.extend(data.changes(P::KIND, base, self.meant::<P>(table).as_deref())?);
        }
        changes.extend(self.of_images(table)?);
        if let Some(kind) = &self.model {
            changes.push((
                "model.kind".into(),
                Value::String(kind.clone()),
                format!("--model {kind}"),
            ));
        }
        let mut sets: Vec<Change> = Vec::new();
        for change in &self.set {
            let (key, value) =
                change.split_once('=').ok_or_else(|| anyhow!("--set {change}: write KEY=VALUE"))?;
            let (key, option) = (key.trim(), format!("--set {change}"));
            let mut value = value_of(value.trim()).map_err(|e| anyhow!("{option}: {e}"))?;
            paths::of_option(key, &mut value, base);
            if let Some(other) = also_set(&changes, key, &value) {
                bail!("{option}: {other} sets it too; leave one of them out");
            }
            sets.push((key.into(), value, option));
        }
        for (key, value, option) in of_several.into_iter().chain(changes).chain(sets) {
            insert(table, &key, value).with_context(|| option.clone())?;
            places.set(&key, option);
        }
        Ok(())
    }
}

/// The option among these that sets what `--set` is to set under this key, to another value, if any: one of the two
/// would be without effect.
fn also_set<'a>(changes: &'a [Change], key: &str, to: &Value) -> Option<&'a str> {
    let is_inside = |inner: &str| inner.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
    let (.., option) =
        changes.iter().find(|(set, value, _)| is_inside(set) || (set == key && value != to))?;
    // The seeds of several runs are set one after another.
    Some(if key == "seed" { "--seed or --seeds" } else { option })
}

/// The configuration in `text`, from a file of this name, changed as `--set` changes it.
///
/// # Errors
/// The first mistake, with the option, or the file and line, where it is.
pub fn parsed<P: Paper>(name: &str, text: &str, set: &[String]) -> Result<P::Config> {
    let options = ConfigurationArgs {
        config: None,
        seed: None,
        latent: None,
        epochs: None,
        batch_size: None,
        data: None,
        size: None,
        grey: false,
        model: None,
        set: set.to_vec(),
    };
    Ok(options.resolve_text::<P>(name, text, PathBuf::new())?.config)
}

const TOO_LARGE: &str = "at most 9223372036854775807";

/// A value as written after `--set KEY=`: TOML, or a bare word that is a string.
///
/// # Errors
/// What begins as TOML and is none, and numbers that TOML does not hold.
pub fn value_of(text: &str) -> Result<Value> {
    let error = match toml::from_str::<Table>(&format!("v = {text}")) {
        Ok(mut table) if table.len() == 1 => match table.remove("v") {
            Some(value) => return Ok(value),
            None => return Ok(Value::String(text.into())),
        },
        Ok(_) => bail!("one value only"),
        Err(error) => error,
    };
    let is_number = text.bytes().any(|c| c.is_ascii_digit())
        && text.bytes().all(|c| c.is_ascii_digit() || b"+-_".contains(&c));
    if is_number && text.trim_start_matches(['+', '-']).parse::<u128>().is_ok() {
        bail!("{TOO_LARGE}");
    }
    if !text.starts_with(['"', '\'', '[', '{']) {
        return Ok(Value::String(text.into()));
    }
    let hint = if text.contains('\\') {
        "; a path with backslashes must be in single quotes, as in 'C:\\data\\a.csv'"
    } else {
        ""
    };
    bail!("no TOML value: {}{hint}", error.message().trim().replace('\n', ", "))
}

/// Sets a dotted key, in sections that are made where they are missing.
pub(super) fn insert(table: &mut Table, key: &str, value: Value) -> Result<()> {
    let mut place = table;
    let mut parts: Vec<&str> = key.split('.').collect();
    let Some(last) = parts.pop().filter(|last| !last.is_empty()) else {
        bail!("'{key}' is not a key: write for instance train.batch_size");
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

/// Refuses a data set that is none of the paper's kind, and settings it does not have.
fn check_source<P: Paper>(data: &DataConfig, places: &Places) -> Result<()> {
    let checked = P::KIND.source(data).map(drop);
    checked.map_err(|mistake| match &mistake.problem {
        Problem::UnknownWord { found, known } => anyhow!(
            "{}: data.name = \"{found}\": {} models {}{}",
            places.of(&mistake.path),
            P::NAME,
            P::KIND.examples().plural(),
            did_you_mean(found, &known.iter().map(String::as_str).collect::<Vec<_>>())
        ),
        _ => anyhow!(places.message(&mistake)),
    })
}

/// The same with the data set's own name where an alias stands.
fn with_own_name(table: &Table, kind: &dyn Kind) -> Table {
    let mut table = table.clone();
    if let Some(Value::String(name)) = table.get_mut("data").and_then(|data| data.get_mut("name"))
        && let Some(source) = source_of(&kind.sources(), name)
    {
        *name = source.name().into();
    }
    table
}

fn resolve<P: Paper>(table: &Table, places: Places, base: PathBuf) -> Result<Resolved<P::Config>> {
    let table = &with_own_name(table, P::KIND);
    // First, as any misspelt key: only the data set knows which keys [data] may have.
    if let Some(data) = table.get("data")
        && let Ok(data) = from_value::<DataConfig>(data, vec!["data".into()])
    {
        check_source::<P>(&data, &places)?;
    }
    let config: P::Config = from_table(table).map_err(|mistake| {
        // Options that are short for a key say so themselves where a paper does not have the key.
        let short = places.option(&mistake.path).filter(|option| !option.starts_with("--set"));
        match (&mistake.problem, short) {
            (Problem::UnknownKey(_), Some(option)) => {
                let (option, key) = (option.split(' ').next().unwrap_or(option), mistake.key());
                anyhow!(
                    "{option}: {} has no such option: its configurations have no {key}",
                    P::NAME
                )
            }
            _ => anyhow!(places.message(&mistake)),
        }
    })?;
    check_numbers(table, &places)?;
    if let Some(problem) = config.problem() {
        bail!("{}", places.locate(&problem));
    }
    // Written out in full, with every default.
    let text = toml::to_string(&config)?;
    Ok(Resolved { config, text, base, places })
}
