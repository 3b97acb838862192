//! Codes made by hand from known factors.

use ndarray::{Array2, Axis, concatenate};
use rand_chacha::ChaCha8Rng;

use super::{DisentanglementConfig, FactorCodes, grid::Grid};
use shared::{
    noise::{Noise, Stream},
    trained::Codes,
};

const SIZES: [usize; 5] = [3, 4, 5, 6, 6];
/// Log-variance of codes next to points.
const POINT: f32 = -10.0;

/// Codes of the whole grid.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) names: &'static [&'static str],
    pub(super) sizes: &'static [usize],
    pub(super) mean: Array2<f32>,
    pub(super) log_var: Option<Array2<f32>>,
}

impl Made {
    fn new(mean: Array2<f32>) -> Self {
        let log_var = Some(Array2::from_elem(mean.dim(), POINT));
        let names = &["shape", "scale", "orientation", "x", "y"];
        Self { names, sizes: &SIZES, mean, log_var }
    }

    /// Latent k is factor k, with variance 1.
    pub(super) fn perfect() -> Self {
        let grid = Grid::new(&SIZES);
        Self::new(Array2::from_shape_fn((grid.len(), SIZES.len()), |(image, factor)| {
            let size = SIZES[factor] as f32;
            let sd = ((size * size - 1.0) / 12.0).sqrt();
            (grid.value(image, factor) as f32 - 0.5 * (size - 1.0)) / sd
        }))
    }

    pub(super) fn constant() -> Self {
        Self::new(Array2::from_elem((Grid::new(&SIZES).len(), SIZES.len()), 0.7))
    }

    /// Ten latents drawn at random, of a grid of 64 images.
    pub(super) fn meaningless() -> Self {
        let images: Vec<u64> = (0..64).collect();
        let mean = Noise::new(7).normal(Stream::Posterior, 0, &images, 10);
        let mean = Array2::from_shape_vec((images.len(), 10), mean).unwrap();
        let names = &["factor 0", "factor 1", "factor 2"];
        Self { names, sizes: &[4, 4, 4], ..Self::new(mean) }
    }

    /// All factors in all latents: the perfect code reflected on the plane across (2, 3, 4, 5, 6).
    pub(super) fn rotated() -> Self {
        let reflection = Array2::from_shape_fn((5, 5), |(i, j)| {
            f32::from(u8::from(i == j)) - 2.0 * ((i + 2) * (j + 2)) as f32 / 90.0
        });
        Self::new(Self::perfect().mean.dot(&reflection))
    }

    /// Scale with orientation and x with y, each pair turned by 45 degrees.
    pub(super) fn mixed_pairs() -> Self {
        let mut mean = Self::perfect().mean;
        for mut row in mean.rows_mut() {
            for first in [1, 3] {
                let (a, b) = (row[first], row[first + 1]);
                row[first] = (a + b) * 0.5f32.sqrt();
                row[first + 1] = (a - b) * 0.5f32.sqrt();
            }
        }
        Self::new(mean)
    }

    /// Every latent twice.
    pub(super) fn doubled() -> Self {
        Self::repeated(2)
    }

    /// Point codes 70 wide.
    pub(super) fn wide() -> Self {
        Self { log_var: None, ..Self::repeated(14) }
    }

    fn repeated(times: usize) -> Self {
        let mean = Self::perfect().mean;
        Self::new(concatenate(Axis(1), &vec![mean.view(); times]).unwrap())
    }
}

impl FactorCodes for Made {
    fn names(&self) -> Vec<String> {
        self.names.iter().copied().map(String::from).collect()
    }

    fn sizes(&self) -> &[usize] {
        self.sizes
    }

    fn latent_dim(&self) -> usize {
        self.mean.ncols()
    }

    fn codes(&self, indices: &[usize]) -> Codes {
        let rows = |codes: &Array2<f32>| codes.select(Axis(0), indices);
        Codes { mean: rows(&self.mean), log_var: self.log_var.as_ref().map(rows) }
    }
}

/// Small enough for seconds.
pub(super) fn config() -> DisentanglementConfig {
    DisentanglementConfig {
        train_points: 1000,
        test_points: 500,
        variance_points: 1000,
        mig_points: 2000,
        posterior_points: 2000,
        trees: 20,
        ..Default::default()
    }
}

pub(super) fn generator() -> ChaCha8Rng {
    Noise::new(5).generator(Stream::Factors, 0, 0)
}
