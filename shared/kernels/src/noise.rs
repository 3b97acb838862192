//! Counter-based random numbers.
//!
//! Every random number of the workspace is a function of `(seed, stream, epoch, example)` alone. It
//! does not depend on thread, batch, device or interruptions. The four numbers are the 256-bit key
//! of a ChaCha8 cipher, whose output is the stream.

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// The purpose of a random number. Two streams never share a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// Initial weights.
    Weights = 1,
    /// Order of the training examples in an epoch.
    Shuffle = 2,
    /// Dynamic binarisation of pixels.
    Binarise = 3,
    /// Noise of the reparameterised posterior sample.
    Posterior = 4,
    /// Draws from the prior.
    Prior = 5,
    /// Choice of a subset, for instance of labelled examples.
    Subset = 6,
    /// Generated data sets.
    Generate = 7,
    /// Corruption of inputs.
    Corrupt = 8,
    /// Deformation of images a classifier is trained on.
    Deform = 9,
    /// Which rows of a table are for training, validation and test.
    Split = 10,
    /// Random features of a kernel.
    Features = 11,
    /// Where an optimiser starts, restart by restart.
    Start = 12,
    /// Ground-truth factors that a metric of disentanglement draws.
    Factors = 13,
    /// Order in which latents are shuffled over examples.
    Permute = 14,
    /// Particles of a filter.
    Filter = 15,
    /// Which particles of a filter live on.
    Resample = 16,
    /// Steps of a sequence that a model draws.
    Draw = 17,
    /// Which inputs of a sequence are hidden from a model that is trained on it.
    Drop = 18,
    /// Which labelled examples a step looks at.
    Label = 19,
    /// Which codes are interpolated between.
    Pair = 20,
    /// Which steps of a sequence are hidden from a decoder that is trained on it.
    Word = 21,
    /// Pixels drawn from their likelihood.
    Pixel = 22,
}

/// The source of all randomness of a run.
///
/// ```
/// use kernels::noise::{Noise, Stream};
///
/// let noise = Noise::new(7);
/// // Two numbers for each of the examples 10, 11 and 12 in epoch 3.
/// let together = noise.normal(Stream::Posterior, 3, &[10, 11, 12], 2);
/// // Example 11 gets the same numbers in any other batch.
/// assert_eq!(noise.normal(Stream::Posterior, 3, &[11], 2), together[2..4]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    seed: u64,
}

/// The smallest number of normals for which a second thread pays off.
const PARALLEL_NORMALS: usize = 1 << 14;

impl Noise {
    /// Noise of the run with this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The generator for one example in one epoch (or for one block of samples in an evaluation).
    pub fn generator(&self, stream: Stream, epoch: u64, example: u64) -> ChaCha8Rng {
        let mut key = [0u8; 32];
        key[0..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&(stream as u64).to_le_bytes());
        key[16..24].copy_from_slice(&epoch.to_le_bytes());
        key[24..32].copy_from_slice(&example.to_le_bytes());
        ChaCha8Rng::from_seed(key)
    }

    /// Standard normal numbers, `width` for each example of `examples`, row by row.
    pub fn normal(&self, stream: Stream, epoch: u64, examples: &[u64], width: usize) -> Vec<f32> {
        let mut values = vec![0f32; examples.len() * width];
        if width == 0 {
            return values;
        }
        let fill = |(row, &example): (&mut [f32], &u64)| {
            let mut generator = self.generator(stream, epoch, example);
            for value in row {
                *value = StandardNormal.sample(&mut generator);
            }
        };
        if values.len() < PARALLEL_NORMALS {
            values.chunks_mut(width).zip(examples).for_each(fill);
        } else {
            values.par_chunks_mut(width).zip(examples.par_iter()).for_each(fill);
        }
        values
    }

    /// Standard logistic numbers, the log-odds of uniform ones: as [`Noise::normal`] otherwise.
    pub fn logistic(&self, stream: Stream, epoch: u64, examples: &[u64], width: usize) -> Vec<f32> {
        let of = |&example: &u64| {
            let mut generator = self.generator(stream, epoch, example);
            // Neither 0 nor 1, whose log-odds are infinite.
            let mut uniform = move || (f64::from(generator.next_u32()) + 0.5) / 2f64.powi(32);
            (0..width).map(move |_| {
                let u = uniform();
                (u.ln() - (-u).ln_1p()) as f32
            })
        };
        examples.iter().flat_map(of).collect()
    }

    /// [`Noise::normal`] for layers of these widths and standard deviations, in turn: row by row for each layer.
    pub fn normal_layers(
        &self,
        stream: Stream,
        epoch: u64,
        examples: &[u64],
        layers: &[(usize, f32)],
    ) -> Vec<Vec<f32>> {
        let mut filled: Vec<Vec<f32>> =
            layers.iter().map(|&(width, _)| vec![0f32; examples.len() * width]).collect();
        let mut rows: Vec<Vec<(&mut [f32], f32)>> =
            examples.iter().map(|_| Vec::with_capacity(layers.len())).collect();
        for (layer, &(width, deviation)) in filled.iter_mut().zip(layers) {
            for (row, part) in rows.iter_mut().zip(layer.chunks_mut(width.max(1))) {
                row.push((part, deviation));
            }
        }
        let fill = |(row, &example): (Vec<(&mut [f32], f32)>, &u64)| {
            let mut generator = self.generator(stream, epoch, example);
            for (part, deviation) in row {
                for value in part {
                    let drawn: f32 = StandardNormal.sample(&mut generator);
                    *value = deviation * drawn;
                }
            }
        };
        let width: usize = layers.iter().map(|(width, _)| width).sum();
        if examples.len() * width < PARALLEL_NORMALS {
            rows.into_iter().zip(examples).for_each(fill);
        } else {
            rows.into_par_iter().zip(examples).for_each(fill);
        }
        filled
    }

    /// A permutation of `0..n`, different for every epoch.
    pub fn permutation(&self, stream: Stream, epoch: u64, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut self.generator(stream, epoch, 0));
        order
    }
}

/// A uniform number in `[0, 1)` with 24 random bits, the resolution of an `f32`.
pub fn uniform(generator: &mut ChaCha8Rng) -> f32 {
    (generator.next_u32() >> 8) as f32 / (1u32 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_depends_on_its_key_alone() {
        let noise = Noise::new(7);
        let together = noise.normal(Stream::Posterior, 3, &[10, 11, 12], 5);
        let alone = noise.normal(Stream::Posterior, 3, &[11], 5);
        assert_eq!(together[5..10], alone[..]);
        for other in [
            Noise::new(8).normal(Stream::Posterior, 3, &[11], 5),
            noise.normal(Stream::Prior, 3, &[11], 5),
            noise.normal(Stream::Posterior, 4, &[11], 5),
            noise.normal(Stream::Posterior, 3, &[12], 5),
        ] {
            assert_ne!(alone, other);
        }
    }

    #[test]
    fn threads_do_not_change_the_numbers() {
        let noise = Noise::new(1);
        let examples: Vec<u64> = (0..3000).collect();
        let many = noise.normal(Stream::Posterior, 0, &examples, 16);
        let one = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap()
            .install(|| noise.normal(Stream::Posterior, 0, &examples, 16));
        assert_eq!(many, one);
    }

    #[test]
    fn layers_share_out_the_numbers_of_an_example() {
        let noise = Noise::new(1);
        let all = noise.normal(Stream::Corrupt, 2, &[7, 8], 5);
        let deviations = [(2, 0.5), (0, 3.0), (3, 0.25)];
        let layers = noise.normal_layers(Stream::Corrupt, 2, &[7, 8], &deviations);
        let times = |deviation: f32, places: &[usize]| {
            places.iter().map(|&i| deviation * all[i]).collect::<Vec<_>>()
        };
        let expected = [times(0.5, &[0, 1, 5, 6]), vec![], times(0.25, &[2, 3, 4, 7, 8, 9])];
        assert_eq!(layers, expected);
    }

    #[test]
    fn normals_have_mean_zero_and_variance_one() {
        let values = Noise::new(5).normal(Stream::Prior, 0, &[0], 200_000);
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
        let square =
            values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.01, "mean {mean}");
        assert!((square - 1.0).abs() < 0.02, "second moment {square}");
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = Noise::new(2).permutation(Stream::Shuffle, 1, 1000);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
