//! The statistics of normalised layers that evaluation uses: those of the training batches, averaged once the
//! weights are final.
//!
//! They are not learned, so a run that resumes computes the same ones, and they are saved with the weights. Before its
//! last test the authors' program averages so too, but the statistics of the labelled half of its clean pass alone, with
//! variances times n / (n - 1); here they are of all training images, as they are in a batch.

use burn::tensor::Tensor;
use shared::{
    Backend,
    data::{Batch, BatchMaker, batches_of},
    nn::{BatchNorm, Statistics},
};

/// The mean over batches of the statistics of the tensors that `sums` computes of each, weighted by the examples.
/// Batches have `size` examples, the last one up to one more.
pub(crate) fn over_batches<B: Backend>(
    batches: &BatchMaker<B>,
    indices: &[usize],
    size: usize,
    sums: impl Fn(&Batch<B>) -> Vec<Tensor<B, 2>>,
) -> Vec<Statistics<B>> {
    let mut means: Vec<Statistics<B>> = Vec::new();
    for chunk in batches_of(indices, size) {
        let share = chunk.len() as f64 / indices.len() as f64;
        let found = sums(&batches.batch(chunk, 1)).into_iter().map(|sum| {
            let Statistics { mean, variance } = BatchNorm::statistics(sum);
            Statistics { mean: mean.mul_scalar(share), variance: variance.mul_scalar(share) }
        });
        if means.is_empty() {
            means = found.collect();
            continue;
        }
        for (total, found) in means.iter_mut().zip(found) {
            total.mean = total.mean.clone() + found.mean;
            total.variance = total.variance.clone() + found.variance;
        }
    }
    means
}
