//! The memory that a configuration needs, estimated before anything is built.

use anyhow::{Error, Result, bail};
use serde::Deserialize;
use toml::{Table, Value};

use super::paper::{Paper, RunConfig};
use crate::{
    data::{DataKind, PixelShape, Splits},
    device::{Device, on_device},
    memory::{self, Use, available, needed},
    metrics::EvaluateConfig,
    nn::{Outline, outlined},
    noise::Noise,
    reading::Places,
    train::OptimiserConfig,
};

/// Larger numbers make sense only as seeds; products of a few numbers below it do not overflow.
pub(super) const LARGEST: i64 = (1 << 31) - 1;

/// Rows that evaluation computes at once: samples of the bound on each thread, chunks of a split elsewhere.
const ROWS: u64 = 1000;
/// Examples whose codes are held at once.
const CODES: u64 = 60_000;

/// The purpose of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Fitting and evaluation.
    Fit,
    /// Loading only.
    Load,
}

/// The size of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    shape: PixelShape,
    /// Examples of the training split.
    train: usize,
    /// And of the test split.
    test: usize,
}

impl Sizes {
    pub(super) fn of(data: &Splits) -> Self {
        Self { shape: data.train.shape(), train: data.train.len(), test: data.test.len() }
    }

    /// For a model that is only loaded.
    pub(super) fn of_shape(shape: PixelShape) -> Self {
        Self { shape, train: 0, test: 0 }
    }
}

/// Refuses an absurdly large number.
///
/// # Errors
/// Names the key.
pub(super) fn check_numbers(table: &Table, places: &Places) -> Result<()> {
    let mut path = Vec::new();
    match too_large(table, &mut path) {
        None => Ok(()),
        Some(number) => bail!(
            "{}: {} = {number} is out of proportion: at most {LARGEST}",
            places.of(&path),
            path.join(".")
        ),
    }
}

fn too_large(table: &Table, path: &mut Vec<String>) -> Option<i64> {
    fn of(value: &Value, path: &mut Vec<String>) -> Option<i64> {
        match value {
            Value::Integer(number) => Some(*number).filter(|n| !(-LARGEST..=LARGEST).contains(n)),
            Value::Array(items) => items.iter().find_map(|item| of(item, path)),
            Value::Table(table) => too_large(table, path),
            _ => None,
        }
    }
    table.iter().filter(|(key, _)| *key != "seed" && *key != "split_seed").find_map(
        |(key, value)| {
            path.push(key.clone());
            let found = of(value, path);
            if found.is_none() {
                path.pop();
            }
            found
        },
    )
}

/// Refuses a configuration whose model does not fit into memory, without building it.
///
/// # Errors
/// Names the key to reduce, the memory needed, and the memory available.
pub(super) fn check<P: Paper>(
    config: &P::Config,
    sizes: Sizes,
    device: Device,
    purpose: Purpose,
    places: &Places,
) -> Result<()> {
    let table = Table::try_from(config)?;
    check_numbers(&table, places)?;
    check_within::<P>(
        config,
        &table,
        sizes,
        device,
        purpose,
        places,
        available().map_err(Error::msg)?,
    )
}

/// The same for a machine with this many bytes.
fn check_within<P: Paper>(
    config: &P::Config,
    table: &Table,
    sizes: Sizes,
    device: Device,
    purpose: Purpose,
    places: &Places,
    limit: u64,
) -> Result<()> {
    let needed = bytes::<P>(config, table, sizes, device, purpose)?;
    if needed <= limit {
        return Ok(());
    }
    // The number to blame is the one without which least is left.
    let mut keys = Vec::new();
    numbers(table, &mut Vec::new(), &mut keys);
    let without = |path: &Vec<String>| {
        let mut smaller = table.clone();
        let was = shrink(&mut smaller, path)?;
        let config: P::Config = smaller.clone().try_into().ok()?;
        let problem = config.problem().or_else(|| P::problem(&config, sizes.shape));
        let left = match problem {
            Some(_) => return None,
            None => bytes::<P>(&config, &smaller, sizes, device, purpose).ok()?,
        };
        // A tenth at least: otherwise it is the examples that are too large.
        (left < needed - needed / 10).then_some((left, was))
    };
    let blamed = keys.iter().filter_map(|path| Some((without(path)?, path)));
    let blamed = blamed.min_by_key(|((left, _), _)| *left);
    let what = match &blamed {
        Some(((_, was), path)) => format!("{}: {} = {was}", places.of(path), path.join(".")),
        None => format!("{}: a model of {} inputs", P::NAME, sizes.shape.pixels()),
    };
    memory::refuse_beyond(&what, needed, limit).map_err(Error::msg)
}

/// Bytes that this purpose needs, at least.
fn bytes<P: Paper>(
    config: &P::Config,
    table: &Table,
    sizes: Sizes,
    device: Device,
    purpose: Purpose,
) -> Result<u64> {
    let shape = sizes.shape;
    let (latent, outline): (u64, Outline) = on_device!(device, |B, handle| {
        let (model, outline) =
            outlined(|| P::build::<B>(config, shape, Noise::new(config.seed()), &handle));
        (crate::autoencoder::Autoencoder::<B>::latent_dim(&model) as u64, outline)
    });
    let needs = P::needs(config, shape, sizes.train);
    let threads = rayon::current_num_threads() as u64;
    let rows = match P::KIND.examples() {
        // All particles of a sequence move together.
        DataKind::Sequences => config.evaluate().nll_samples as u64,
        DataKind::Images | DataKind::Tables => ROWS.saturating_mul(threads.max(2)) / 2,
    };
    let compute = needed(outline, needs, Use::Inference { rows: rows.max(ROWS) });
    if purpose == Purpose::Load {
        return Ok(needed(outline, memory::Needs::default(), Use::Inference { rows: ROWS }));
    }
    let batch = largest(table, "batch_size").min(sizes.train as u64);
    let step = needed(outline, needs, Use::Training { batch, copies: copies(table) });
    let examples = (sizes.train.max(sizes.test) as u64).min(CODES);
    let codes = latent.saturating_mul(examples.max(points(config.evaluate()))).saturating_mul(8);
    Ok(step.max(compute.saturating_add(codes)))
}

/// Codes that metrics of disentanglement hold at once.
fn points(config: &EvaluateConfig) -> u64 {
    config.disentanglement.as_ref().map_or(0, |d| {
        let sets = [d.train_points, d.variance_points, d.mig_points, d.posterior_points, d.bins];
        sets.into_iter().max().unwrap_or(0) as u64
    })
}

/// Numbers that a fit holds for a parameter, in the phase that holds most: weight and gradient, what its optimiser keeps,
/// and the average of the weights; the weight alone where no optimiser is configured.
fn copies(table: &Table) -> u64 {
    let optimiser = table.get("optimiser").cloned();
    let own = optimiser.and_then(|optimiser| OptimiserConfig::deserialize(optimiser).ok());
    let own = own.map(|own| 2 + own.kept() + u64::from(table.contains_key("average")));
    let sections = table.values().filter_map(Value::as_table).map(copies);
    sections.chain(own).max().unwrap_or(1)
}

/// The largest number with this key in any section.
fn largest(table: &Table, wanted: &str) -> u64 {
    let of = |(key, value): (&String, &Value)| match value {
        Value::Integer(number) if key == wanted => u64::try_from(*number).unwrap_or(0),
        Value::Table(table) => largest(table, wanted),
        _ => 0,
    };
    table.iter().map(of).max().unwrap_or(0)
}

/// Paths of all whole numbers, and of lists of them.
fn numbers(table: &Table, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    for (key, value) in table {
        path.push(key.clone());
        match value {
            Value::Table(table) => numbers(table, path, found),
            Value::Integer(_) => found.push(path.clone()),
            Value::Array(items) if items.iter().any(Value::is_integer) => found.push(path.clone()),
            _ => {}
        }
        path.pop();
    }
}

/// Replaces the number at this path, or all in a list, by the smallest possible; returns the old value.
fn shrink(table: &mut Table, path: &[String]) -> Option<String> {
    let (last, sections) = path.split_last()?;
    let mut place = table;
    for section in sections {
        place = place.get_mut(section)?.as_table_mut()?;
    }
    let value = place.get_mut(last)?;
    let was = value.to_string();
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| *item = Value::Integer(1)),
        value => *value = Value::Integer(1),
    }
    Some(was)
}
