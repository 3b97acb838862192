//! Readers of checkpoints and of single files of them, for fuzzing.

use std::path::Path;

use anyhow::{Context, Result};
use burn::{backend::Autodiff, module::Module, optim::GradientsParams, tensor::Tensor};

use super::{
    Optimiser, OptimiserConfig,
    checkpoint::{Checkpoints, MODEL, OPTIMISER, PROGRESS, Progress, Resumed, name},
};
use crate::{
    backend::{Backend, Flex},
    nn::{Activation, Dense, Init, Initialiser},
    noise::Noise,
    run::{CHECKSUMS, RunFolder},
    weights::{record_bytes, restore},
};

type B = Autodiff<Flex>;
type Rule = Optimiser<B, Dense<B>>;

/// Names of the files of a checkpoint.
pub const FILES: [&str; 4] = [MODEL, OPTIMISER, PROGRESS, CHECKSUMS];
/// The newer of two checkpoints, which may be damaged.
pub const NEWEST: &str = "checkpoints/000002-0000000";

fn layer<B: Backend>(seed: u64) -> Dense<B> {
    let device = Default::default();
    let mut init = Initialiser::new(Init::Glorot, Noise::new(seed), &device);
    Dense::new(3, 2, Activation::Linear, &mut init)
}

/// The layer after a step.
fn stepped(layer: Dense<B>, optimiser: &mut Rule) -> Dense<B> {
    let loss = layer.forward(Tensor::ones([1, 3], &Default::default())).powi_scalar(2).sum();
    let gradients = GradientsParams::from_grads(loss.backward(), &layer);
    optimiser.step(0.1, layer, gradients)
}

/// A layer and its optimiser after a step.
fn trained(seed: u64) -> (Dense<B>, Rule) {
    let mut optimiser = Rule::new(&OptimiserConfig::adam());
    (stepped(layer(seed), &mut optimiser), optimiser)
}

fn digest(layer: &Dense<B>, optimiser: &Rule) -> Result<Vec<u8>> {
    Ok([record_bytes::<B, _>(layer.clone().into_record())?, optimiser.to_bytes()?].concat())
}

/// A record of a layer and one of its optimiser.
///
/// # Errors
/// If they cannot be made.
pub fn records() -> Result<[Vec<u8>; 2]> {
    let (layer, optimiser) = trained(1);
    Ok([record_bytes::<B, _>(layer.into_record())?, optimiser.to_bytes()?])
}

/// Puts a record into another layer of that size, and applies it.
///
/// # Errors
/// If it is none.
pub fn model(record: Vec<u8>) -> Result<()> {
    let restored = restore(&layer::<Flex>(2), record, &Default::default())?;
    restored.forward(Tensor::ones([1, 3], &Default::default()));
    Ok(())
}

/// Puts a record into another optimiser, and takes a step with it.
///
/// # Errors
/// If it is none.
pub fn optimiser(record: Vec<u8>) -> Result<()> {
    let (layer, fresh) = (layer(2), Rule::new(&OptimiserConfig::adam()));
    let mut optimiser = fresh.with_bytes(&layer, record, &Default::default())?;
    stepped(layer, &mut optimiser);
    Ok(())
}

/// Writes two checkpoints of a run into its folder.
///
/// # Errors
/// If they cannot be written.
pub fn write(run: &Path) -> Result<()> {
    let run = RunFolder::create(run.into(), "", false)?;
    let checkpoints = Checkpoints::new(&run, 2);
    for epoch in [1, 2] {
        let (layer, optimiser) = trained(epoch);
        let progress = Progress {
            backend: "flex".into(),
            epoch: epoch as usize,
            seconds: 0.5,
            ..Progress::default()
        };
        checkpoints.save(&layer, None, &optimiser, &progress, true)?;
    }
    Ok(())
}

/// What a training goes on with: name of the checkpoint, and all that is in it.
///
/// # Errors
/// If no checkpoint can be used.
pub fn newest(run: &Path) -> Result<(String, Vec<u8>)> {
    let checkpoints = Checkpoints::new(&RunFolder::open(run.into())?, 2);
    let fresh = || Resumed {
        model: layer(3),
        average: None,
        optimiser: Rule::new(&OptimiserConfig::adam()),
        progress: Progress::default(),
    };
    let found = checkpoints.newest_whole(fresh, false, "flex", &Default::default())?;
    let (path, resumed, _) = found.context("no checkpoint")?;
    let Resumed { model, optimiser, progress, .. } = resumed;
    let mut bytes = digest(&model, &optimiser)?;
    bytes.extend(serde_json::to_vec(&progress)?);
    Ok((name(&path), bytes))
}
