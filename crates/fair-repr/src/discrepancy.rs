//! Maximum mean discrepancy by random Fourier features (Louizos et al. 2016, section 2.3; Rahimi &
//! Recht 2007).

use std::f32::consts::TAU;

use burn::tensor::{Tensor, TensorData};
use shared::{
    Backend,
    noise::{Noise, Stream, uniform},
};

/// Features psi(z) = sqrt(2 / D) cos(W z + b) whose products approximate the kernel
/// exp(-|a - b|^2 / (2 gamma)). They are drawn once for a run.
#[derive(Clone, Debug)]
pub struct Discrepancy {
    /// W, `[latent, features]`.
    frequencies: Vec<f32>,
    /// b, `[features]`.
    phases: Vec<f32>,
    latent: usize,
}

impl Discrepancy {
    /// This many `features` for codes of width `latent` and this gamma.
    pub fn new(latent: usize, features: usize, gamma: f64, noise: Noise) -> Self {
        let scale = gamma.sqrt().recip() as f32;
        let normal = noise.normal(Stream::Features, 0, &[0], latent * features);
        let mut random = noise.generator(Stream::Features, 1, 0);
        Self {
            frequencies: normal.into_iter().map(|w| w * scale).collect(),
            phases: (0..features).map(|_| TAU * uniform(&mut random)).collect(),
            latent,
        }
    }

    /// |E[psi(z)|s = 1] - E[psi(z)|s = 0]|^2 over a batch, `[1]`; 0 if a group is empty. `z`
    /// `[people, latent]`, `s` `[people, 1]`.
    pub fn of<B: Backend>(&self, z: Tensor<B, 2>, s: Tensor<B, 2>) -> Tensor<B, 1> {
        let device = z.device();
        let features = self.phases.len();
        let tensor = |values: &[f32], shape: [usize; 2]| {
            Tensor::<B, 2>::from_data(TensorData::new(values.to_vec(), shape), &device)
        };
        let w = tensor(&self.frequencies, [self.latent, features]);
        let psi = (z.matmul(w) + tensor(&self.phases, [1, features]))
            .cos()
            .mul_scalar((2.0 / features as f64).sqrt());
        let mean = |weight: Tensor<B, 2>| {
            let people = weight.clone().sum_dim(0);
            let is_somebody = people.clone().clamp_max(1.0);
            (weight.transpose().matmul(psi.clone()) / people.clamp_min(1.0), is_somebody)
        };
        let ((one, some_one), (zero, some_zero)) = (mean(s.clone()), mean(s.neg().add_scalar(1.0)));
        ((one - zero).square().sum_dim(1) * some_one * some_zero).squeeze_dim(1)
    }
}
