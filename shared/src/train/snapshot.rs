//! Reconstructions of the same images while training: the lecture's strip "after 0.1, 1, 2 epochs".

use std::path::PathBuf;

use anyhow::Result;
use burn::tensor::{Tensor, TensorData};
use ndarray::Array2;

use crate::{
    autoencoder::Autoencoder,
    backend::Backend,
    data::{PixelShape, Split},
    plot,
    run::RunFolder,
};

/// Folder of a run that holds one row of pictures for each snapshot.
pub const SNAPSHOT_FOLDER: &str = "snapshots";

/// Images in a strip, one of each class.
const IMAGES: usize = 10;

/// Takes snapshots at chosen steps.
pub(super) struct Snapshots {
    steps: Vec<(usize, f64)>,
    images: Array2<f32>,
    labels: Vec<u8>,
    shape: PixelShape,
}

impl Snapshots {
    /// Snapshots of validation images after `epochs` (fractions allowed).
    pub(super) fn new(epochs: &[f64], steps_per_epoch: usize, valid: &Split) -> Self {
        let steps = epochs
            .iter()
            .map(|&epoch| (((epoch * steps_per_epoch as f64).round() as usize).max(1), epoch))
            .collect();
        let indices = one_of_each_class(valid);
        let (images, labels) = (valid.grey(&indices), valid.labels_of(&indices));
        Self { steps, images, labels, shape: valid.shape() }
    }

    /// Epochs whose snapshot is not in the folder of a run that has ended.
    pub(super) fn missing(&self, run: &RunFolder) -> Vec<f64> {
        let is_missing = |epoch: &f64| !picture(run, *epoch).is_file();
        self.steps.iter().map(|(_, epoch)| *epoch).filter(is_missing).collect()
    }

    /// Takes a snapshot if one is due after `steps` steps.
    pub(super) fn take<B: Backend, M: Autoencoder<B>>(
        &self,
        steps: usize,
        model: impl FnOnce() -> M,
        device: &B::Device,
        run: &RunFolder,
    ) -> Result<()> {
        let due: Vec<f64> =
            self.steps.iter().filter(|(step, _)| *step == steps).map(|(_, epoch)| *epoch).collect();
        if due.is_empty() {
            return Ok(());
        }
        let model = model();
        let (rows, columns) = self.images.dim();
        let values: Vec<f32> = self.images.iter().copied().collect();
        let x = Tensor::<B, 2>::from_data(TensorData::new(values, [rows, columns]), device);
        let given = model.condition(&x, &self.labels);
        let code = model.encode(x, given.as_ref()).mean();
        let mean = model.decode(code, given.as_ref()).mean();
        let reconstruction = plot::to_array(mean.into_data(), rows, columns)?;
        for epoch in due {
            plot::save_row(&picture(run, epoch), &reconstruction, self.shape)?;
        }
        let input = run.file(SNAPSHOT_FOLDER).join("input.png");
        if !input.is_file() {
            plot::save_row(&input, &self.images, self.shape)?;
        }
        plot::snapshot_strip(&run.file(SNAPSHOT_FOLDER), &run.file("snapshots.png"), self.shape)
    }
}

/// Where the snapshot after so many epochs is kept.
fn picture(run: &RunFolder, epoch: f64) -> PathBuf {
    run.file(SNAPSHOT_FOLDER).join(format!("{epoch}.png"))
}

/// The first example of each class, then others until there are [`IMAGES`].
pub(crate) fn one_of_each_class(split: &Split) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    for class in 0..IMAGES as u8 {
        chosen.extend((0..split.len()).find(|&index| split.label(index) == class));
    }
    let rest: Vec<usize> =
        (0..split.len()).filter(|index| !chosen.contains(index)).take(IMAGES).collect();
    chosen.extend(rest);
    chosen.truncate(IMAGES);
    chosen
}
