//! Examples in labelled rows, as commands show them: images as a picture, others as their paper draws them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use ndarray::{Array2, ArrayView2};

use super::{model::Loaded, paper::Paper, pictures::say};
use crate::{
    data::Split,
    plot::Grid,
    trained::{Codes, Decoded, GivenArray},
};

/// Examples in labelled rows and columns.
pub struct Sheet {
    /// What they are, and of which run.
    pub caption: String,
    /// Labels of the columns, or none.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<SheetRow>,
}

/// A row of examples.
pub struct SheetRow {
    /// Its label, or nothing.
    pub label: String,
    /// The examples, `[examples, pixels]`, or `[examples, steps * width]` of sequences.
    pub examples: Array2<f32>,
    /// Steps of each example: of a sequence, or the rows of an image.
    pub steps: Vec<usize>,
}

impl Sheet {
    /// A sheet without rows.
    pub(super) fn new(caption: String) -> Self {
        Self { caption, columns: Vec::new(), rows: Vec::new() }
    }

    /// Labels above the columns.
    #[must_use]
    pub(super) fn columns(mut self, labels: impl IntoIterator<Item = String>) -> Self {
        self.columns = labels.into_iter().collect();
        self
    }

    /// A further row.
    #[must_use]
    pub(super) fn row(mut self, label: impl Into<String>, examples: Decoded) -> Self {
        let Decoded { x, steps } = examples;
        self.rows.push(SheetRow { label: label.into(), examples: x, steps });
        self
    }

    /// Draws it into a file, whose ending is [`Paper::ending`]; the files, this one first.
    pub(super) fn save<P: Paper>(&self, loaded: &Loaded<P>, path: &Path) -> Result<Vec<PathBuf>> {
        if let Some(drawn) = P::draw(loaded, self, path)? {
            return Ok(drawn);
        }
        let mut grid = Grid::new(loaded.preparation.shape, self.caption.clone())
            .columns(self.columns.iter().cloned());
        for row in &self.rows {
            grid = grid.row(row.label.clone(), row.examples.clone());
        }
        grid.save(path)?;
        Ok(vec![path.to_owned()])
    }
}

impl<P: Paper> Loaded<P> {
    /// True if an example is a sequence with one code for all of it.
    pub(super) fn is_of_sequences(&self) -> bool {
        self.model.sequence_codes().is_some()
    }

    /// What an example is called.
    pub(super) fn example(&self) -> &'static str {
        if self.is_of_sequences() { "sequence" } else { "image" }
    }
}

/// Says where files are.
pub(super) fn say_all(paths: &[PathBuf]) -> Result<()> {
    paths.iter().try_for_each(|path| say(path))
}

/// Examples of a split as they are, grey.
pub(super) fn taken(split: &Split, indices: &[usize]) -> Decoded {
    let steps = indices.iter().map(|&index| split.steps(index)).collect();
    Decoded { x: split.grey(indices), steps }
}

/// What codes decode to, sequences to this many steps.
pub(super) fn decoded<P: Paper>(
    loaded: &Loaded<P>,
    z: ArrayView2<'_, f32>,
    given: GivenArray<'_>,
    steps: &[usize],
) -> Decoded {
    match loaded.model.sequence_codes() {
        Some(codes) => codes.decode(z, steps),
        None => Decoded { x: loaded.model.decode(z, given), steps: steps.to_vec() },
    }
}

/// The code of examples: that of whole sequences, where the model has one.
pub(super) fn encoded<P: Paper>(
    loaded: &Loaded<P>,
    examples: &Decoded,
    given: GivenArray<'_>,
) -> Codes {
    match loaded.model.sequence_codes() {
        Some(codes) => codes.encode(&examples.x, &examples.steps),
        None => loaded.model.encode(examples.x.view().into(), given),
    }
}
