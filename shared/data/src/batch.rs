use burn::tensor::{Tensor, TensorData};
use kernels::{
    backend::Backend,
    matrix,
    noise::{Noise, Stream, uniform},
};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Binarise, Split};

/// `indices` in batches of `size`, the last one up to one more: an example alone cannot be compared with others of its
/// batch, nor normalised by their statistics.
pub fn batches_of(indices: &[usize], size: usize) -> impl Iterator<Item = &[usize]> {
    let mut rest = indices;
    std::iter::from_fn(move || {
        let count = if rest.len() <= size + 1 { rest.len() } else { size.max(1) };
        let (batch, after) = rest.split_at(count);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

/// A batch of examples with their noise.
#[derive(Clone, Debug)]
pub struct Batch<B: Backend> {
    /// Inputs, `[examples, pixels]`; for sequences `[examples, steps * width]` with the steps of the
    /// longest, and zeros after the end of the others.
    pub x: Tensor<B, 2>,
    /// Steps of each example: of a sequence, or the rows of an image.
    pub steps: Vec<usize>,
    /// Classes.
    pub labels: Vec<u8>,
    keys: Vec<u64>,
    noise: Noise,
    epoch: u64,
    device: B::Device,
}

impl<B: Backend> Batch<B> {
    /// Number of examples.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True if there is no example.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// True for a validation batch, whose noise is that of epoch 0.
    pub fn is_validation(&self) -> bool {
        self.epoch == 0
    }

    pub(crate) fn device(&self) -> B::Device {
        self.device.clone()
    }

    /// One-hot classes, `[examples, classes]`.
    pub fn one_hot(&self, classes: usize) -> Tensor<B, 2> {
        one_hot(&self.labels, classes, &self.device)
    }

    /// Random numbers `[examples, width]`, drawn by `fill` row by row. The generator of a row depends
    /// only on the run's seed, the stream, the epoch and the example.
    pub fn drawn(
        &self,
        stream: Stream,
        width: usize,
        fill: impl Fn(&mut ChaCha8Rng, &mut [f32]) + Sync,
    ) -> Tensor<B, 2> {
        let mut values = vec![0f32; self.len() * width];
        if width > 0 {
            values.par_chunks_mut(width).zip(&self.keys).with_min_len(16).for_each(
                |(row, &key)| {
                    fill(&mut self.noise.generator(stream, self.epoch, key), row);
                },
            );
        }
        self.tensor(values, width)
    }

    /// The inputs, each changed by `change` with a generator as in [`Self::drawn`].
    pub fn changed(
        &self,
        stream: Stream,
        change: impl Fn(&mut ChaCha8Rng, &mut [f32]) + Sync,
    ) -> Tensor<B, 2> {
        let width = self.x.dims()[1];
        let mut values: Vec<f32> = self.x.to_data().iter::<f32>().collect();
        values.par_chunks_mut(width.max(1)).zip(&self.keys).with_min_len(16).for_each(
            |(row, &key)| change(&mut self.noise.generator(stream, self.epoch, key), row),
        );
        self.tensor(values, width)
    }

    /// 1 for a random fraction of the examples, drawn once per run, 0 for the others, `[examples]`.
    pub fn chosen(&self, stream: Stream, share: f64) -> Tensor<B, 1> {
        let is_chosen = |&key: &u64| {
            let mut generator = self.noise.generator(stream, 0, key);
            f32::from(u8::from(f64::from(uniform(&mut generator)) < share))
        };
        let values: Vec<f32> = self.keys.iter().map(is_chosen).collect();
        Tensor::from_data(TensorData::new(values, [self.len()]), &self.device)
    }

    fn tensor(&self, values: Vec<f32>, width: usize) -> Tensor<B, 2> {
        let rows = values.len().checked_div(width).unwrap_or(self.len());
        matrix(values, [rows, width], &self.device)
    }

    /// Normal noise for layers of these widths and standard deviations, `[examples, width]` each.
    pub fn normals(&self, stream: Stream, layers: &[(usize, f32)]) -> Vec<Tensor<B, 2>> {
        let drawn = self.noise.normal_layers(stream, self.epoch, &self.keys, layers);
        let tensor = |(values, &(width, _)): (_, &(usize, f32))| self.tensor(values, width);
        drawn.into_iter().zip(layers).map(tensor).collect()
    }

    /// `count` of these examples of a split, all if there are fewer, drawn for the step this batch is for: each
    /// step draws others, with noise of its own.
    #[must_use]
    pub fn beside(&self, split: &Split, binarise: Binarise, from: &[usize], count: usize) -> Self {
        // A batch has noise of its epoch, but the same example comes back in each step.
        let step = (self.epoch << 32) | self.keys.first().map_or(0, |key| key & 0xffff_ffff);
        let mut chosen = from.to_vec();
        let mut generator = self.noise.generator(Stream::Label, step, 0);
        let (chosen, _) = chosen.partial_shuffle(&mut generator, count);
        BatchMaker::new(split.clone(), binarise, self.noise, self.device()).batch(chosen, step)
    }

    /// Standard normal noise `[samples * examples, width]`, sample-major. It depends only on the
    /// run's seed, the epoch and the example.
    pub fn eps(&self, samples: usize, width: usize) -> Tensor<B, 2> {
        let (examples, row) = (self.keys.len(), samples * width);
        let by_example = self.noise.normal(Stream::Posterior, self.epoch, &self.keys, row);
        let values = if samples == 1 {
            by_example
        } else {
            sample_major(&by_example, examples, samples, width)
        };
        self.tensor(values, width)
    }
}

/// One-hot labels, `[labels, classes]`; a row of zeros for a label that is not a class.
pub fn one_hot<B: Backend>(labels: &[u8], classes: usize, device: &B::Device) -> Tensor<B, 2> {
    let mut values = vec![0f32; labels.len() * classes];
    for (row, &label) in values.chunks_mut(classes.max(1)).zip(labels) {
        if let Some(value) = row.get_mut(usize::from(label)) {
            *value = 1.0;
        }
    }
    matrix(values, [labels.len(), classes], device)
}

/// Reorders `[examples, samples, width]` to `[samples, examples, width]`.
pub(crate) fn sample_major(
    values: &[f32],
    examples: usize,
    samples: usize,
    width: usize,
) -> Vec<f32> {
    let mut ordered = Vec::with_capacity(values.len());
    for sample in 0..samples {
        for example in 0..examples {
            let start = (example * samples + sample) * width;
            ordered.extend_from_slice(&values[start..start + width]);
        }
    }
    ordered
}

/// Makes batches of a split.
///
/// ```
/// use data::{BatchMaker, Binarise, ExampleSet, PixelShape};
/// use kernels::{backend::Flex, noise::Noise};
///
/// let shape = PixelShape::grey(1, 2);
/// let images = ExampleSet::images(shape, vec![0, 64, 128, 255], vec![3, 7], false);
/// let maker = BatchMaker::<Flex>::new(
///     images.into(),
///     Binarise::Threshold,
///     Noise::new(1),
///     Default::default(),
/// );
/// let batch = maker.batch(&[1, 0], 5); // images 1 and 0, with the noise of epoch 5
/// assert_eq!(batch.labels, [7, 3]);
/// // Half grey and above is white, [examples, pixels].
/// assert_eq!(batch.x.to_data().to_vec::<f32>().unwrap(), [1.0, 1.0, 0.0, 0.0]);
/// // Noise belongs to an example and an epoch, not to a place in the batch.
/// let eps = batch.eps(1, 3).into_data().to_vec::<f32>().unwrap(); // [examples, latent]
/// let alone = maker.batch(&[0], 5).eps(1, 3).into_data().to_vec::<f32>().unwrap();
/// assert_eq!(eps[3..], alone);
/// ```
#[derive(Clone, Debug)]
pub struct BatchMaker<B: Backend> {
    split: Split,
    binarise: Binarise,
    noise: Noise,
    device: B::Device,
}

impl<B: Backend> BatchMaker<B> {
    /// A maker of batches on `device`.
    pub fn new(split: Split, binarise: Binarise, noise: Noise, device: B::Device) -> Self {
        Self { split, binarise, noise, device }
    }

    /// The split the examples come from.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// The chosen examples with the noise of `epoch`: one gather.
    pub fn batch(&self, indices: &[usize], epoch: u64) -> Batch<B> {
        let width = self.split.width_of(indices);
        let mut values = vec![0f32; indices.len() * width];
        self.split.write_inputs(indices, self.binarise, self.noise, epoch, &mut values);
        Batch {
            x: matrix(values, [indices.len(), width], &self.device),
            steps: indices.iter().map(|&index| self.split.steps(index)).collect(),
            labels: self.split.labels_of(indices),
            keys: indices.iter().map(|&index| self.split.key(index)).collect(),
            noise: self.noise,
            epoch,
            device: self.device.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_example_is_left_alone_and_all_are_there() {
        let lengths = |count: usize| -> Vec<usize> {
            let all: Vec<usize> = (0..count).collect();
            assert_eq!(batches_of(&all, 500).collect::<Vec<_>>().concat(), all);
            batches_of(&all, 500).map(<[_]>::len).collect()
        };
        assert_eq!(lengths(1001), [500, 501]);
        assert_eq!(lengths(1002), [500, 500, 2]);
        assert_eq!(lengths(500), [500]);
        assert_eq!((lengths(1), lengths(0)), (vec![1], vec![]));
    }
}
