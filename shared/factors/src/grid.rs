use ndarray::Array2;
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::FactorCodes;

/// Numbers of codes asked for at once: 64 MiB of them.
const AT_ONCE: usize = 1 << 24;

/// The images of all combinations of the factors' values, the last factor fastest.
pub(super) struct Grid {
    sizes: Vec<usize>,
    strides: Vec<usize>,
}

impl Grid {
    pub(super) fn new(sizes: &[usize]) -> Self {
        let mut strides = vec![1; sizes.len()];
        for factor in (1..sizes.len()).rev() {
            strides[factor - 1] = strides[factor] * sizes[factor];
        }
        Self { sizes: sizes.to_vec(), strides }
    }

    pub(super) fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    pub(super) fn factors(&self) -> usize {
        self.sizes.len()
    }

    pub(super) fn len(&self) -> usize {
        self.sizes.iter().product()
    }

    /// The value a factor has in an image.
    pub(super) fn value(&self, image: usize, factor: usize) -> usize {
        image / self.strides[factor] % self.sizes[factor]
    }

    /// `image` with the value of one factor taken from `from`.
    pub(super) fn sharing(&self, image: usize, factor: usize, from: usize) -> usize {
        let stride = self.strides[factor];
        image - self.value(image, factor) * stride + self.value(from, factor) * stride
    }

    /// An image, every factor independent and uniform.
    pub(super) fn draw(&self, generator: &mut ChaCha8Rng) -> usize {
        generator.random_range(0..self.len())
    }

    /// A factor.
    pub(super) fn draw_factor(&self, generator: &mut ChaCha8Rng) -> usize {
        generator.random_range(0..self.factors())
    }

    /// Images among which every value of every factor has its share, give or take one; all images
    /// if no more than `count` exist.
    pub(super) fn stratified(&self, count: usize, generator: &mut ChaCha8Rng) -> Vec<usize> {
        if count >= self.len() {
            return (0..self.len()).collect();
        }
        let mut images = vec![0; count];
        for (&size, &stride) in self.sizes.iter().zip(&self.strides) {
            let mut values: Vec<usize> = (0..count).map(|place| place % size).collect();
            values.shuffle(generator);
            for (image, value) in images.iter_mut().zip(values) {
                *image += value * stride;
            }
        }
        images
    }
}

/// How many points of `batch` images each to encode at once.
pub(super) fn points_at_once(batch: usize, latent: usize) -> usize {
    (AT_ONCE / (batch * latent).max(1)).max(1)
}

/// Images drawn at random.
pub(super) struct Sample {
    /// Posterior means, `[images, latent]`.
    pub(super) mean: Array2<f32>,
    /// The value of each factor in each image, `[factors][images]`.
    pub(super) values: Vec<Vec<usize>>,
}

impl Sample {
    pub(super) fn draw(
        codes: &dyn FactorCodes,
        grid: &Grid,
        count: usize,
        generator: &mut ChaCha8Rng,
    ) -> Self {
        let images: Vec<usize> = (0..count).map(|_| grid.draw(generator)).collect();
        let values = (0..grid.factors())
            .map(|factor| images.iter().map(|&image| grid.value(image, factor)).collect())
            .collect();
        Self { mean: codes.codes(&images).mean, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::noise::{Noise, Stream};

    #[test]
    fn the_last_factor_is_fastest_and_one_value_can_be_shared() {
        let grid = Grid::new(&[3, 4, 5]);
        let values = |image| [0, 1, 2].map(|factor| grid.value(image, factor));
        assert_eq!(grid.len(), 60);
        assert_eq!(values(1), [0, 0, 1]);
        assert_eq!(values(2 * 20 + 3 * 5 + 4), [2, 3, 4]);
        assert_eq!(values(grid.sharing(59, 1, 0)), [2, 0, 4]);
    }

    #[test]
    fn a_stratified_draw_gives_every_value_its_share() {
        let grid = Grid::new(&[3, 4, 5]);
        let mut generator = Noise::new(1).generator(Stream::Factors, 0, 0);
        let images = grid.stratified(50, &mut generator);
        for (factor, &size) in grid.sizes().iter().enumerate() {
            for value in 0..size {
                let count = images.iter().filter(|&&i| grid.value(i, factor) == value).count();
                assert!(count == 50 / size || count == 50 / size + 1, "{factor} {value} {count}");
            }
        }
        assert_eq!(grid.stratified(60, &mut generator), (0..60).collect::<Vec<_>>());
    }
}
