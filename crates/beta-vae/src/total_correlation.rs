//! The KL taken apart (Chen et al. 2018, equation 2; Hoffman & Johnson 2016).
//!
//! E_x KL(q(z|x) || p(z)) = I(x; z) + KL(q(z) || prod_j q(z_j)) + sum_j KL(q(z_j) || p(z_j)), where
//! q(z) = E_x q(z|x) is the aggregate posterior.

use std::f64::consts::PI;

use burn::tensor::Tensor;
use shared::{Backend, likelihood::row_sums, posterior::DiagonalGaussian};

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
/// Minibatch-weighted sampling (Chen et al. 2018, equation 6) has 1 / N M instead, N examples in the
/// data set: the same gradients, and log N taken from log q(z) and from every log q(z_j), which makes
/// a dimension-wise KL of -108 nats on dSprites.
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
    let log_qz = log_sum_exp(joint.unsqueeze_dim::<3>(2)).sub_scalar(constant);
    let log_qz: Tensor<B, 1> = log_qz.squeeze_dim(1);
    let log_qz_product = row_sums(log_sum_exp(pairwise).sub_scalar(constant));
    let log_pz = row_sums(z.clone().square().add_scalar((2.0 * PI).ln())).mul_scalar(-0.5);
    let normal = latent as f64 * 0.5 * (2.0 * PI).ln();
    let log_qz_given_x = posterior.log_density(z).sub_scalar(normal);
    Decomposition {
        mutual_information: log_qz_given_x - log_qz.clone(),
        total_correlation: log_qz - log_qz_product.clone(),
        dimension_wise_kl: log_qz_product - log_pz,
    }
}

/// log sum_b exp of `[a, b, c]`, `[a, c]`.
fn log_sum_exp<B: Backend>(values: Tensor<B, 3>) -> Tensor<B, 2> {
    let largest = values.clone().max_dim(1).detach();
    let sum = (values - largest.clone()).exp().sum_dim(1);
    (sum.log() + largest).squeeze_dim(1)
}
