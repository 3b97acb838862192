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

    /// Codes of images that fit into memory together.
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
            return in_chunks(indices, self.latent_dim(), |chunk| self.encode(chunk));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: Vec<usize> =
            indices.iter().copied().filter(|&index| !known.is_there[index]).collect();
        missing.sort_unstable();
        missing.dedup();
        for chunk in missing.chunks(CHUNK) {
            put(&mut known.codes, chunk.iter().copied(), &self.encode(chunk));
            chunk.iter().for_each(|&index| known.is_there[index] = true);
        }
        let rows = |array: &Array2<f32>| array.select(Axis(0), indices);
        Codes { mean: rows(&known.codes.mean), log_var: known.codes.log_var.as_ref().map(rows) }
    }
}

/// Codes `[images, latent]` of these images, of which `encode` is given some at a time: all of them together are
/// gigabytes.
fn in_chunks(indices: &[usize], latent: usize, encode: impl Fn(&[usize]) -> Codes) -> Codes {
    let mut codes = Codes { mean: Array2::zeros((indices.len(), latent)), log_var: None };
    for (chunk, first) in indices.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
        put(&mut codes, first.., &encode(chunk));
    }
    codes
}

/// Puts new codes into these rows.
fn put(codes: &mut Codes, rows: impl Iterator<Item = usize>, new: &Codes) {
    if new.log_var.is_some() && codes.log_var.is_none() {
        codes.log_var = Some(Array2::zeros(codes.mean.dim()));
    }
    for (from, row) in (0..new.mean.nrows()).zip(rows) {
        codes.mean.slice_mut(s![row, ..]).assign(&new.mean.row(from));
        if let (Some(all), Some(new)) = (&mut codes.log_var, &new.log_var) {
            all.slice_mut(s![row, ..]).assign(&new.row(from));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn wide_codes_are_of_some_images_at_a_time_and_in_their_order() {
        let indices: Vec<usize> = (0..2 * CHUNK + 5).map(|place| place * 7 % 1000).collect();
        let largest = &Cell::new(0);
        let encode = |has_spread: bool| {
            move |chunk: &[usize]| {
                largest.set(largest.get().max(chunk.len()));
                let mean = Array2::from_shape_fn((chunk.len(), 3), |(row, latent)| {
                    (10 * chunk[row] + latent) as f32
                });
                Codes { log_var: has_spread.then(|| -&mean), mean }
            }
        };
        let spread = in_chunks(&indices, 3, encode(true));
        let whole = encode(true)(&indices[..]);
        assert_eq!((&spread.mean, &spread.log_var), (&whole.mean, &whole.log_var));
        largest.set(0);
        let points = in_chunks(&indices, 3, encode(false));
        assert_eq!((&points.mean, points.log_var), (&whole.mean, None));
        assert_eq!(largest.get(), CHUNK);
        assert_eq!(in_chunks(&[], 3, encode(true)).mean.dim(), (0, 3));
    }
}
