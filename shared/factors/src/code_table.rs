use std::sync::{Mutex, PoisonError};

use ndarray::{Array2, Axis, s};
use rayon::prelude::*;

use shared::{
    data::FactorGrid,
    metrics::WIDE,
    trained::{Codes, Trained},
};

use super::FactorCodes;

/// Images encoded at once.
const CHUNK: usize = 4096;

/// A model's codes of the images of a grid, each encoded once, when it is first asked for; wide codes,
/// of which a table would take gigabytes, every time.
pub struct CodeTable<'a> {
    model: &'a dyn Trained,
    grid: &'a dyn FactorGrid,
    sizes: Vec<usize>,
    known: Mutex<Known>,
}

/// What was encoded so far.
struct Known {
    /// `[images, latent]`.
    codes: Codes,
    is_there: Vec<bool>,
}

impl<'a> CodeTable<'a> {
    /// An empty table.
    pub fn new(model: &'a dyn Trained, grid: &'a dyn FactorGrid) -> Self {
        let (images, latent) = (grid.images(), model.latent_dim());
        let rows = if latent > WIDE { 0 } else { images };
        let codes = Codes { mean: Array2::zeros((rows, latent)), log_var: None };
        let known = Mutex::new(Known { codes, is_there: vec![false; rows] });
        Self { model, grid, sizes: grid.sizes(), known }
    }

    fn encode(&self, indices: &[usize]) -> Codes {
        let width = self.model.input_dim();
        let mut images = Array2::zeros((indices.len(), width));
        images.axis_iter_mut(Axis(0)).into_par_iter().zip(indices).with_min_len(16).for_each(
            |(mut row, &index)| {
                if let Some(row) = row.as_slice_mut() {
                    self.grid.write_image(index, row);
                }
            },
        );
        self.model.encode(images.into(), None)
    }
}

impl FactorCodes for CodeTable<'_> {
    fn names(&self) -> Vec<String> {
        self.grid.names()
    }

    fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    fn latent_dim(&self) -> usize {
        self.model.latent_dim()
    }

    fn codes(&self, indices: &[usize]) -> Codes {
        if self.latent_dim() > WIDE {
            return self.encode(indices);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: Vec<usize> =
            indices.iter().copied().filter(|&index| !known.is_there[index]).collect();
        missing.sort_unstable();
        missing.dedup();
        for chunk in missing.chunks(CHUNK) {
            let new = self.encode(chunk);
            let Known { codes, is_there } = &mut *known;
            let shape = codes.mean.dim();
            if new.log_var.is_some() && codes.log_var.is_none() {
                codes.log_var = Some(Array2::zeros(shape));
            }
            for (row, &index) in chunk.iter().enumerate() {
                codes.mean.slice_mut(s![index, ..]).assign(&new.mean.row(row));
                if let (Some(all), Some(new)) = (&mut codes.log_var, &new.log_var) {
                    all.slice_mut(s![index, ..]).assign(&new.row(row));
                }
                is_there[index] = true;
            }
        }
        let rows = |array: &Array2<f32>| array.select(Axis(0), indices);
        Codes { mean: rows(&known.codes.mean), log_var: known.codes.log_var.as_ref().map(rows) }
    }
}
