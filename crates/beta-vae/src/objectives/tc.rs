//! beta-TCVAE: the KL decomposed, and each part weighted (Chen et al. 2018; after Hoffman & Johnson
//! 2016).
//!
//! n is the index of an example, our x, and q(z) = E_{p(n)} q(z|n) the aggregate posterior:
//!
//! ```text
//! E_{p(n)} [ KL(q(z|n) || p(z)) ] = KL(q(z, n) || q(z) p(n)) + KL(q(z) || prod_j q(z_j))
//!                                   + sum_j KL(q(z_j) || p(z_j))                             (2)
//! L = E_{q(z|n) p(n)} [ log p(n|z) ] - alpha I_q(z; n) - beta KL(q(z) || prod_j q(z_j))
//!     - gamma sum_j KL(q(z_j) || p(z_j))                                                     (4)
//! ```

use std::f64::consts::PI;

use burn::{module::Module, tensor::Tensor};
use serde::{Deserialize, Serialize};
use shared::{
    Backend,
    likelihood::{log_sum_exp, row_sums},
    nn::Initialiser,
    posterior::DiagonalGaussian,
    ranges::not_negative,
    train::Terms,
};

use super::{Encoded, Loss, Settings};

/// reconstruction + alpha I(x; z) + beta KL(q(z) || prod_j q(z_j)) + gamma sum_j KL(q(z_j) || p(z_j)),
/// nats per example (Chen et al. 2018, equation 4), with the batch's aggregate posterior
/// ([`decompose`]).
#[derive(Module, Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tc {
    /// Weight of the mutual information of x and z.
    #[serde(default = "one", deserialize_with = "not_negative")]
    pub alpha: f64,
    /// Weight of the total correlation of the latents.
    #[serde(deserialize_with = "not_negative")]
    pub beta: f64,
    /// Weight of the dimension-wise KL.
    #[serde(default = "one", deserialize_with = "not_negative")]
    pub gamma: f64,
}

fn one() -> f64 {
    1.0
}

impl Settings for Tc {
    type Loss<B: Backend> = Self;

    fn example() -> Self {
        Self { alpha: 0.7, beta: 6.0, gamma: 1.3 }
    }

    fn strength(&self) -> f64 {
        self.beta
    }

    fn against_collapse(&self) -> String {
        let Self { alpha, beta, gamma } = self;
        format!("smaller weights than objective.alpha = {alpha}, beta = {beta} and gamma = {gamma}")
    }

    fn loss<B: Backend>(&self, _latent: usize, _init: &mut Initialiser<'_, B>) -> Self {
        *self
    }
}

impl<B: Backend> Loss<B> for Tc {
    fn terms(&self, encoded: &Encoded<'_, B>) -> Terms<B> {
        let Decomposition { mutual_information, total_correlation, dimension_wise_kl } =
            decompose(&encoded.posterior, encoded.draw());
        let loss = encoded.reconstruction.clone()
            + mutual_information.clone().mul_scalar(self.alpha)
            + total_correlation.clone().mul_scalar(self.beta)
            + dimension_wise_kl.clone().mul_scalar(self.gamma);
        let named = vec![
            ("mutual_information", mutual_information),
            ("total_correlation", total_correlation),
            ("dimension_wise_kl", dimension_wise_kl),
        ];
        Terms { named, loss }
    }

    /// Its aggregate posterior is that of the batch.
    fn depends_on_batch(&self) -> bool {
        true
    }
}

/// The three parts for one draw z from q(z|x) of each example, `[examples]`, nats. Their sum is log
/// q(z|x) - log p(z) of that draw, whatever the estimate of q(z).
pub struct Decomposition<B: Backend> {
    /// log q(z|x) - log q(z).
    pub mutual_information: Tensor<B, 1>,
    /// log q(z) - sum_j log q(z_j).
    pub total_correlation: Tensor<B, 1>,
    /// sum_j log q(z_j) - log p(z_j).
    pub dimension_wise_kl: Tensor<B, 1>,
}

/// The decomposition with the batch's own aggregate posterior, log q(z) = log (1 / M) sum_i q(z|x_i)
/// over its M examples.
///
/// Minibatch-weighted sampling (Chen et al. 2018, section 3.1) has 1 / N M instead, N examples in the
/// data set: the gradients are the same, but log q(z) and every log q(z_j) are smaller by log N,
/// which takes log N for each latent from the dimension-wise KL: 110 nats with ten latents and 60,000 images.
///
/// `z` `[examples, latent]` is a draw from `posterior`.
pub fn decompose<B: Backend>(posterior: &DiagonalGaussian<B>, z: Tensor<B, 2>) -> Decomposition<B> {
    let [examples, latent] = z.dims();
    // log q(z_j of example a | x of example b), `[a, b, latent]`.
    let pairwise = {
        let z = z.clone().reshape([examples, 1, latent]);
        let mean = posterior.mean.clone().reshape([1, examples, latent]);
        let log_var = posterior.log_var.clone().reshape([1, examples, latent]);
        let distance = (z - mean).square() * log_var.clone().neg().exp();
        (distance + log_var.add_scalar((2.0 * PI).ln())).mul_scalar(-0.5)
    };
    let constant = (examples as f64).ln();
    let joint = pairwise.clone().sum_dim(2).reshape([examples, examples]);
    let log_qz = log_sum_exp(joint.unsqueeze_dim::<3>(2), 1).sub_scalar(constant);
    let log_qz: Tensor<B, 1> = log_qz.reshape([examples]);
    let log_qz_product = row_sums(log_sum_exp(pairwise, 1).sub_scalar(constant).squeeze_dim(1));
    let log_pz = row_sums(z.clone().square().add_scalar((2.0 * PI).ln())).mul_scalar(-0.5);
    let normal = latent as f64 * 0.5 * (2.0 * PI).ln();
    let log_qz_given_x = posterior.log_density(z).sub_scalar(normal);
    Decomposition {
        mutual_information: log_qz_given_x - log_qz.clone(),
        total_correlation: log_qz - log_qz_product.clone(),
        dimension_wise_kl: log_qz_product - log_pz,
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use shared::{backend::Flex, statistics::mean};

    use super::*;
    use crate::{
        config::Network,
        tiny::{LATENT, batch, matrix, model, terms, values},
    };

    fn gaussian(examples: usize) -> DiagonalGaussian<Flex> {
        DiagonalGaussian {
            mean: matrix(examples, LATENT, 1),
            log_var: matrix(examples, LATENT, 2).mul_scalar(0.5).sub_scalar(1.0),
        }
    }

    #[test]
    fn the_three_parts_of_the_kl_add_up_to_it() {
        let posterior = gaussian(40);
        let z = posterior.reparameterise(matrix(40, LATENT, 3));
        let Decomposition { mutual_information, total_correlation, dimension_wise_kl } =
            decompose(&posterior, z.clone());
        let sum = values(mutual_information + total_correlation + dimension_wise_kl);
        // log q(z|x) - log p(z), whose constants cancel.
        let direct = posterior.log_density(z.clone()) + row_sums(z.square()).mul_scalar(0.5);
        for (sum, direct) in sum.iter().zip(values(direct)) {
            assert!((sum - direct).abs() < 1e-4, "{sum} {direct}");
        }
        // On average over many draws, the KL in closed form.
        let draws = 4000;
        let sums: Vec<f64> = (0..draws)
            .flat_map(|draw| {
                let z = posterior.reparameterise(matrix(40, LATENT, 10 + draw));
                let parts = decompose(&posterior, z);
                let sum =
                    parts.mutual_information + parts.total_correlation + parts.dimension_wise_kl;
                values(sum)
            })
            .collect();
        let closed = mean(&values(row_sums(posterior.kl_per_latent())));
        assert!((mean(&sums) - closed).abs() < 0.02 * closed, "{} {closed}", mean(&sums));
    }

    #[test]
    fn the_loss_weighs_each_part_and_with_all_weights_one_it_is_minus_the_elbo_of_its_draw() {
        let batch = batch::<Flex>(7);
        let ones = Tc { alpha: 1.0, beta: 1.0, gamma: 1.0 };
        let [weighted, plain] = [Tc::example(), ones].map(|tc| model::<Flex>(tc, Network::Dense));
        let posterior = weighted.posterior(batch.x.clone());
        let z = posterior.reparameterise(batch.eps(1, LATENT));
        let parts = decompose(&posterior, z.clone());
        let found = terms(&weighted, &batch, 0.5);
        let reconstruction = found.named[0].1.clone();
        let wanted = reconstruction.clone()
            + parts.mutual_information.mul_scalar(0.7)
            + parts.total_correlation.mul_scalar(6.0)
            + parts.dimension_wise_kl.mul_scalar(1.3);
        for (loss, wanted) in values(found.loss).iter().zip(values(wanted)) {
            assert!((loss - wanted).abs() < 1e-5 * wanted.abs(), "{loss} {wanted}");
        }
        // The constants of log q(z|x) and log p(z) cancel.
        let direct = reconstruction
            + posterior.log_density(z.clone())
            + row_sums(z.square()).mul_scalar(0.5);
        for (loss, direct) in values(terms(&plain, &batch, 0.5).loss).iter().zip(values(direct)) {
            assert!((loss - direct).abs() < 1e-3, "{loss} {direct}");
        }
    }

    #[test]
    fn the_aggregate_posterior_is_the_mixture_over_the_batch() {
        let posterior = gaussian(20);
        let z = posterior.reparameterise(matrix(20, LATENT, 3));
        let found = values(decompose(&posterior, z.clone()).mutual_information);
        let (z, mean, log_var) = (values(z), values(posterior.mean), values(posterior.log_var));
        let log_density = |a: usize, b: usize| -> f64 {
            (0..LATENT)
                .map(|j| {
                    let (i, k) = (a * LATENT + j, b * LATENT + j);
                    let constant = log_var[k] + (2.0 * std::f64::consts::PI).ln();
                    -0.5 * ((z[i] - mean[k]).powi(2) / log_var[k].exp() + constant)
                })
                .sum()
        };
        for (a, found) in found.iter().enumerate() {
            let sum: f64 = (0..20).map(|b| log_density(a, b).exp()).sum();
            let expected = log_density(a, a) - (sum / 20.0).ln();
            assert!((found - expected).abs() < 1e-3, "{a}: {found} {expected}");
        }
    }

    #[test]
    fn independent_latents_have_no_total_correlation_and_equal_ones_have_much() {
        // Narrow posteriors around points of a grid: the aggregate is a product, or a diagonal.
        let side = 12;
        let points: Vec<f32> = (0..side).map(|i| i as f32 - 5.5).collect();
        let code = |of: &dyn Fn(usize) -> [f32; 2]| DiagonalGaussian::<Flex> {
            mean: Tensor::from_data(
                TensorData::new((0..side * side).flat_map(of).collect::<Vec<f32>>(), [144, 2]),
                &Default::default(),
            ),
            log_var: Tensor::full([side * side, 2], -3.0, &Default::default()),
        };
        let product = code(&|i| [points[i / side], points[i % side]]);
        let diagonal = code(&|i| [points[i / side], points[i / side]]);
        let total = |posterior: &DiagonalGaussian<Flex>| {
            let z = posterior.reparameterise(matrix(side * side, 2, 4));
            mean(&values(decompose(posterior, z).total_correlation))
        };
        assert!(total(&product).abs() < 0.05, "{}", total(&product));
        // Knowing one tells the other: log 12 nats.
        assert!((total(&diagonal) - (side as f64).ln()).abs() < 0.3, "{}", total(&diagonal));
    }
}
