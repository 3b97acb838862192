//! Maximum mean discrepancy by random Fourier features (Louizos et al. 2016, section 2.3; Rahimi &
//! Recht 2007).

use std::f32::consts::TAU;

use burn::tensor::{Tensor, TensorData};
use shared::{
    Backend,
    nn::product,
    noise::{Noise, Stream, uniform},
};

use crate::config::{Config, Estimate, Kind};

/// Of this many people in a batch on average, one batch in ten has fewer than two.
const ENOUGH: f64 = 4.0;

/// What a fit says where batches have so few people of the smaller group that many of them have no unbiased estimate;
/// `groups` are those of the training split.
pub fn too_small_batches(config: &Config, groups: &[u8]) -> Option<String> {
    let is_unbiased = config.vfae.estimate == Estimate::Unbiased;
    if config.model.kind != Kind::Vfae || config.vfae.mmd == 0.0 || !is_unbiased {
        return None;
    }
    let members = groups.iter().filter(|s| **s == 1).count();
    let share = members.min(groups.len() - members) as f64 / groups.len().max(1) as f64;
    let batch_size = config.train.batch_size;
    let people = share * batch_size as f64;
    (people < ENOUGH).then(|| {
        format!(
            "train.batch_size = {batch_size}: a batch has {people:.1} people of the smaller group on average, and \
             vfae.mmd has no effect on one with fewer than two: give --set train.batch_size={:.0} or more",
            (ENOUGH / share).ceil()
        )
    })
}

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

    /// |E[psi(z)|s = 1] - E[psi(z)|s = 0]|^2 estimated from a batch, `[1]`; 0 if a group is empty, and the
    /// unbiased estimate also if it has a single person. `z` `[people, latent]`, `s` `[people, 1]`.
    ///
    /// The squared distance of two means of n_0 and n_1 people is too large by v_0 / n_0 + v_1 / n_1 on average, v_s the
    /// variance of psi in the group; the unbiased estimate takes that off.
    pub fn of<B: Backend>(
        &self,
        z: Tensor<B, 2>,
        s: Tensor<B, 2>,
        estimate: Estimate,
    ) -> Tensor<B, 1> {
        let device = z.device();
        let features = self.phases.len();
        let tensor = |values: &[f32], shape: [usize; 2]| {
            Tensor::<B, 2>::from_data(TensorData::new(values.to_vec(), shape), &device)
        };
        let w = tensor(&self.frequencies, [self.latent, features]);
        let psi = (product(z, w) + tensor(&self.phases, [1, features]))
            .cos()
            .mul_scalar((2.0 / features as f64).sqrt()); // [people, features]
        let fewest = if estimate == Estimate::Unbiased { 2.0 } else { 1.0 };
        let of_group = |weight: Tensor<B, 2>| {
            let people = weight.clone().sum_dim(0); // [1, 1]
            let are_enough = people.clone().greater_equal_elem(fewest).float();
            let mean =
                product(weight.clone().transpose(), psi.clone()) / people.clone().clamp_min(1.0); // [1, features]
            // v / n: mean |psi|^2 - |mean psi|^2 over n - 1.
            let excess = (estimate == Estimate::Unbiased).then(|| {
                let squares = psi.clone().square().sum_dim(1); // [people, 1]
                let square = product(weight.transpose(), squares) / people.clone().clamp_min(1.0);
                (square - mean.clone().square().sum_dim(1)) / people.sub_scalar(1.0).clamp_min(1.0)
            });
            (mean, excess, are_enough)
        };
        let (one, excess_one, are_one) = of_group(s.clone());
        let (zero, excess_zero, are_zero) = of_group(s.neg().add_scalar(1.0));
        let mut distance = (one - zero).square().sum_dim(1); // [1, 1]
        for excess in [excess_one, excess_zero].into_iter().flatten() {
            distance = distance - excess;
        }
        (distance * are_one * are_zero).squeeze_dim(1)
    }
}
