use burn::tensor::{Tensor, TensorData};

use super::{Binarise, Split};
use crate::{
    backend::Backend,
    noise::{Noise, Stream},
};

/// A batch of examples, and the noise they are entitled to.
#[derive(Clone, Debug)]
pub struct Batch<B: Backend> {
    /// Inputs, `[examples, pixels]`.
    pub x: Tensor<B, 2>,
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

    /// Standard normal noise `[samples * examples, width]`, sample-major. It depends on the run's
    /// seed, the epoch and the example alone.
    pub fn eps(&self, samples: usize, width: usize) -> Tensor<B, 2> {
        let (examples, row) = (self.keys.len(), samples * width);
        let by_example = self.noise.normal(Stream::Posterior, self.epoch, &self.keys, row);
        let values = if samples == 1 {
            by_example
        } else {
            sample_major(&by_example, examples, samples, width)
        };
        Tensor::from_data(TensorData::new(values, [samples * examples, width]), &self.device)
    }
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
        let width = self.split.input_dim();
        let mut values = vec![0f32; indices.len() * width];
        self.split.write_inputs(indices, self.binarise, self.noise, epoch, &mut values);
        Batch {
            x: Tensor::from_data(TensorData::new(values, [indices.len(), width]), &self.device),
            keys: indices.iter().map(|&index| self.split.key(index)).collect(),
            noise: self.noise,
            epoch,
            device: self.device.clone(),
        }
    }
}
