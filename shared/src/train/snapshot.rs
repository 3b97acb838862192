//! Reconstructions of the same images while training: the lecture's strip "after 0.1, 1, 2 epochs".

use std::{fs, io::ErrorKind, path::PathBuf};

use anyhow::{Context, Result};
use burn::tensor::{Tensor, TensorData};
use ndarray::Array2;

use crate::{
    autoencoder::Autoencoder,
    backend::Backend,
    data::{PixelShape, Split},
    plot, progress,
    run::RunFolder,
};

/// Folder of a run that holds one row of pictures for each snapshot.
pub const SNAPSHOT_FOLDER: &str = "snapshots";

/// Images in a strip, at least.
const IMAGES: usize = 10;
/// Classes that a picture has an image of, at most: as many as a legend names.
const MOST_CLASSES: usize = 36;

/// Takes snapshots at chosen steps.
pub(super) struct Snapshots {
    steps: Vec<(usize, f64)>,
    images: Array2<f32>,
    labels: Vec<u8>,
    shape: PixelShape,
    paper: &'static str,
}

impl Snapshots {
    /// Snapshots of validation images after `epochs` (fractions allowed).
    pub(super) fn new(
        epochs: &[f64],
        steps_per_epoch: usize,
        valid: &Split,
        paper: &'static str,
    ) -> Self {
        let steps = epochs.iter().map(|&epoch| step_of(epoch, steps_per_epoch)).collect();
        let each = one_of_each_class(valid);
        if !epochs.is_empty() && !each.note().is_empty() {
            progress::line(&format!("snapshots are of validation images{}", each.note()));
        }
        let indices = each.indices;
        let (images, labels) = (valid.grey(&indices), valid.labels_of(&indices));
        Self { steps, images, labels, shape: valid.shape(), paper }
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
        let title = format!("{}, {} latents", self.paper, model.latent_dim());
        strip(run, self.shape, &title)
    }
}

/// Draws all snapshots that a run has into one picture; `title` says whose they are.
pub(crate) fn strip(run: &RunFolder, shape: PixelShape, title: &str) -> Result<()> {
    let caption = format!("Reconstructions of validation images while training: {title}");
    plot::snapshot_strip(&run.file(SNAPSHOT_FOLDER), &run.file(RunFolder::STRIP), shape, &caption)
}

/// The step after so many epochs, and the epochs that a picture after it tells. There is none before the first step,
/// whose share of an epoch is told by two digits.
fn step_of(epoch: f64, steps_per_epoch: usize) -> (usize, f64) {
    let steps = (epoch * steps_per_epoch as f64).round() as usize;
    if steps > 0 {
        return (steps, epoch);
    }
    let first = format!("{:.1e}", 1.0 / steps_per_epoch.max(1) as f64);
    (1, first.parse().unwrap_or(epoch))
}

/// Removes the snapshots of a fit that begins anew.
pub(crate) fn forget_snapshots(run: &RunFolder) -> Result<()> {
    run.begin_change()?;
    for path in [run.file(SNAPSHOT_FOLDER), run.file(RunFolder::STRIP)] {
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Where the snapshot after this many epochs is kept.
fn picture(run: &RunFolder, epoch: f64) -> PathBuf {
    run.file(SNAPSHOT_FOLDER).join(format!("{epoch}.png"))
}

/// One example of each class.
pub(crate) struct OneOfEach {
    /// Their places in the split.
    pub(crate) indices: Vec<usize>,
    /// Classes of the split that have none here.
    left_out: usize,
}

impl OneOfEach {
    /// What a title adds where classes are left out.
    pub(crate) fn note(&self) -> String {
        match self.left_out {
            0 => String::new(),
            left_out => {
                format!(", the first {MOST_CLASSES} of {} classes", MOST_CLASSES + left_out)
            }
        }
    }
}

/// The first example of each class, of [`MOST_CLASSES`] at most, then others until there are [`IMAGES`].
pub(crate) fn one_of_each_class(split: &Split) -> OneOfEach {
    let mut first = [None; 256];
    for index in 0..split.len() {
        first[usize::from(split.label(index))].get_or_insert(index);
    }
    let of_classes: Vec<usize> = first.into_iter().flatten().collect();
    let mut indices: Vec<usize> = of_classes.iter().copied().take(MOST_CLASSES).collect();
    let missing = IMAGES.saturating_sub(indices.len());
    let others = (0..split.len()).filter(|index| !of_classes.contains(index)).take(missing);
    indices.extend(others);
    OneOfEach { indices, left_out: of_classes.len().saturating_sub(MOST_CLASSES) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ExampleSet;

    fn split(labels: Vec<u8>) -> Split {
        let shape = PixelShape::grey(1, 1);
        ExampleSet::images(shape, vec![0; labels.len()], labels, false).into()
    }

    #[test]
    fn a_snapshot_before_the_first_step_is_told_as_what_it_is() {
        assert_eq!(step_of(0.5, 16), (8, 0.5));
        assert_eq!(step_of(0.0001, 12), (1, 0.083));
        assert_eq!(step_of(0.1, 1), (1, 1.0));
    }

    #[test]
    fn every_class_is_shown_up_to_a_number_that_is_said() {
        let shown = |classes: u8| one_of_each_class(&split((0..classes).rev().collect()));
        for classes in [10, 26, MOST_CLASSES as u8] {
            let found = shown(classes);
            let reversed: Vec<usize> = (0..usize::from(classes)).rev().collect();
            assert_eq!((&found.indices, &*found.note()), (&reversed, ""));
        }
        let many = shown(62);
        assert_eq!(many.indices.len(), MOST_CLASSES);
        assert_eq!(many.note(), ", the first 36 of 62 classes");
        // Of few classes, others too; of few images, all.
        assert_eq!(
            one_of_each_class(&split([vec![1; 20], vec![0]].concat())).indices[..3],
            [20, 0, 1]
        );
        assert_eq!(
            one_of_each_class(&split([vec![1; 20], vec![0]].concat())).indices.len(),
            IMAGES
        );
        assert_eq!(one_of_each_class(&split(vec![3, 3])).indices, [0, 1]);
    }
}
