//! A fitted model with one code for a whole sequence, seen from the host.

use ndarray::{Array2, ArrayView2, s};

use super::{Codes, ElboValues, array2, chunks, tensor};
use crate::{
    backend::Backend,
    sequence_code::{self, SequenceCode},
    sequential::bytes_of_draws,
};

/// Sequences in one array: `[sequences, steps * width]`, each with steps of its own.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The steps, and anything after the end of a sequence.
    pub x: Array2<f32>,
    /// Steps of each.
    pub steps: Vec<usize>,
}

/// A fitted model with one code for a whole sequence. x is `[sequences, steps * width]`.
pub trait SequenceCodes {
    /// The posterior of sequences of this many steps.
    fn encode(&self, x: &Array2<f32>, steps: &[usize]) -> Codes;
    /// The most likely sequences, a step after the other, for codes `[sequences, latents]`: of this many
    /// steps, or as long as any may be where the model says itself where one ends.
    fn decode(&self, z: ArrayView2<'_, f32>, steps: &[usize]) -> Decoded;
    /// Bytes of what [`decode`](Self::decode) makes of codes for sequences of this many steps, and of the copies that
    /// are shown.
    fn bytes_of_decoded(&self, steps: &[usize]) -> u64;
    /// -ELBO with `eps` `[sequences, latents]`.
    fn elbo(&self, x: &Array2<f32>, steps: &[usize], eps: &Array2<f32>) -> ElboValues;
}

/// Such a model on its device.
pub(super) struct CodesOnDevice<'a, B: Backend> {
    pub(super) model: &'a dyn SequenceCode<B>,
    pub(super) latents: usize,
    pub(super) device: &'a B::Device,
}

impl<B: Backend> SequenceCodes for CodesOnDevice<'_, B> {
    fn encode(&self, x: &Array2<f32>, steps: &[usize]) -> Codes {
        let mut mean = Array2::zeros((x.nrows(), self.latents));
        let mut log_var = mean.clone();
        for range in chunks(x.nrows()) {
            let rows = tensor(x.slice(s![range.clone(), ..]), self.device);
            let posterior = self.model.posterior(rows, &steps[range.clone()]);
            mean.slice_mut(s![range.clone(), ..]).assign(&array2(posterior.mean));
            log_var.slice_mut(s![range, ..]).assign(&array2(posterior.log_var));
        }
        Codes { mean, log_var: Some(log_var) }
    }

    fn decode(&self, z: ArrayView2<'_, f32>, steps: &[usize]) -> Decoded {
        let model = self.model;
        let steps: Vec<usize> = steps.iter().map(|&steps| model.decoded_steps(steps)).collect();
        let longest = steps.iter().copied().max().unwrap_or(0);
        let mut x = Array2::zeros((z.nrows(), longest * model.step_width()));
        for range in chunks(z.nrows()) {
            let rows = tensor(z.slice(s![range.clone(), ..]), self.device);
            x.slice_mut(s![range, ..]).assign(&sequence_code::most_likely(model, rows, longest));
        }
        Decoded { x, steps }
    }

    fn bytes_of_decoded(&self, steps: &[usize]) -> u64 {
        let longest = steps.iter().map(|&steps| self.model.decoded_steps(steps)).max();
        bytes_of_draws(steps.len(), longest.unwrap_or(0), self.model.step_width())
    }

    fn elbo(&self, x: &Array2<f32>, steps: &[usize], eps: &Array2<f32>) -> ElboValues {
        let (reconstruction, kl) = sequence_code::elbo(self.model, x, steps, eps, self.device);
        let reconstruction = reconstruction.into_iter().map(|nats| nats as f32).collect();
        ElboValues { reconstruction, kl_per_latent: array2(kl) }
    }
}
