//! Bounds on log p(x), or on log p(x|c), for models with a Gaussian posterior and a Gaussian prior.
//!
//! Samples are stacked sample-major: row `s * examples + i` holds sample `s` of example `i`.

use burn::tensor::Tensor;

use crate::{
    autoencoder::{Autoencoder, Given},
    backend::Backend,
    likelihood::{log_sum_exp, row_sums},
    posterior::{DiagonalGaussian, repeat_rows},
};

/// The two terms of -ELBO, in nats per example.
pub struct ElboTerms<B: Backend> {
    /// -E_q log p(x|z), the mean over the samples, `[examples]`.
    pub reconstruction: Tensor<B, 1>,
    /// KL(q(z|x) || p(z)) of each latent in closed form, `[examples, latent]`.
    pub kl_per_latent: Tensor<B, 2>,
}

/// -ELBO in its two terms (Kingma & Welling 2014, equation 10: closed-form KL, L samples).
///
/// `posterior` is `model`'s for x `[examples, pixels]`; `eps` is `[samples * examples, latent]`.
pub fn elbo_terms<B: Backend, M: Autoencoder<B>>(
    model: &M,
    posterior: &DiagonalGaussian<B>,
    x: Tensor<B, 2>,
    given: Given<'_, B>,
    eps: Tensor<B, 2>,
) -> ElboTerms<B> {
    let log_likelihood = by_sample(model, posterior.reparameterise(eps), x, given);
    ElboTerms {
        reconstruction: log_likelihood.mean_dim(0).squeeze_dim::<1>(0).neg(),
        kl_per_latent: match model.prior(given) {
            None => posterior.kl_per_latent(),
            Some(prior) => posterior.kl_to(&prior),
        },
    }
}

/// The KL of each example, and what an objective charges for it, both `[examples]`, from that of
/// each latent, `[examples, latent]`.
///
/// It is the KL itself, or with `free` above 0 sum_j max(KL_j, free), with KL_j the mean over the
/// batch of latent j's KL (free bits as in Kingma et al. 2016), which the size of the batch moves.
pub fn charged_kl<B: Backend>(kl_per_latent: Tensor<B, 2>, free: f64) -> [Tensor<B, 1>; 2] {
    let kl = row_sums(kl_per_latent.clone());
    let charged = if free > 0.0 {
        let mean = kl_per_latent.mean_dim(0).clamp_min(free);
        row_sums(mean).expand(kl.dims())
    } else {
        kl.clone()
    };
    [kl, charged]
}

/// Log importance weights log p(x, z) - log q(z|x) with z ~ q(z|x), `[samples, examples]`
/// (Burda et al. 2016, equation 8). Arguments as for [`elbo_terms`].
pub fn log_weights<B: Backend, M: Autoencoder<B>>(
    model: &M,
    posterior: &DiagonalGaussian<B>,
    x: Tensor<B, 2>,
    given: Given<'_, B>,
    eps: Tensor<B, 2>,
) -> Tensor<B, 2> {
    let examples = x.dims()[0];
    let samples = eps.dims()[0] / examples.max(1);
    let z = posterior.reparameterise(eps.clone());
    // log p(z) - log q(z|x): the constants cancel, and (z - mu) / sigma is eps.
    let distance = match model.prior(given) {
        None => row_sums(eps.square() - z.clone().square()).mul_scalar(0.5),
        Some(prior) => row_sums(eps.square()).mul_scalar(0.5) + prior.log_density(z.clone()),
    };
    let volume: Tensor<B, 2> = row_sums(posterior.log_var.clone()).mul_scalar(0.5).unsqueeze();
    by_sample(model, z, x, given) + distance.reshape([samples, examples]) + volume
}

/// log p(x|z) with z drawn from the prior, `[samples, examples]`: what a plain Monte Carlo estimate
/// of log p(x) averages. `eps` is `[samples * examples, latent]`.
pub fn log_likelihoods_from_prior<B: Backend, M: Autoencoder<B>>(
    model: &M,
    x: Tensor<B, 2>,
    given: Given<'_, B>,
    eps: Tensor<B, 2>,
) -> Tensor<B, 2> {
    by_sample(model, model.sample_prior(eps, given), x, given)
}

/// log p(x|z) by sample and example, `[samples, examples]`.
fn by_sample<B: Backend, M: Autoencoder<B>>(
    model: &M,
    z: Tensor<B, 2>,
    x: Tensor<B, 2>,
    given: Given<'_, B>,
) -> Tensor<B, 2> {
    let examples = x.dims()[0];
    let samples = z.dims()[0] / examples.max(1);
    // A single image is broadcast, which saves K copies of it.
    let x = if examples == 1 { x } else { repeat_rows(x, samples) };
    let given = given.map(|given| repeat_rows(given.clone(), samples));
    model.decode(z, given.as_ref()).log_prob(x).reshape([samples, examples])
}

/// log (1/K) sum_k w_k of each example from log-weights `[samples, examples]`, in nats: the
/// importance-weighted bound (Burda et al. 2016, equation 8). Differentiable.
pub fn log_mean_exp<B: Backend>(log_weights: Tensor<B, 2>) -> Tensor<B, 1> {
    let samples = log_weights.dims()[0] as f64;
    log_sum_exp(log_weights, 0).sub_scalar(samples.ln()).squeeze_dim(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backend::Flex,
        identity::Identity,
        laws::values,
        matrix,
        noise::{Noise, Stream},
        posterior::Posterior,
        statistics::Estimate,
    };

    #[test]
    fn the_elbo_is_the_mean_log_weight_whatever_the_prior() {
        let (device, samples) = (Default::default(), 40_000);
        let rows = |values: [f32; 4]| matrix::<Flex>(values.to_vec(), [2, 2], &device);
        let (x, c) = (rows([1.0, -0.5, 0.25, 2.0]), rows([0.0, 1.0, -1.0, 0.5]));
        let eps = Noise::new(1).normal(Stream::Posterior, 0, &[0], samples * 4);
        let eps = matrix(eps, [samples * 2, 2], &device);
        let model = Identity::new(2);
        for given in [None, Some(&c)] {
            let Posterior::Gaussian(posterior) = model.encode(x.clone(), given) else {
                panic!("a point")
            };
            let terms = elbo_terms(&model, &posterior, x.clone(), given, eps.clone());
            let elbo = values((terms.reconstruction + row_sums(terms.kl_per_latent)).neg());
            let standard = DiagonalGaussian { mean: x.zeros_like(), log_var: x.zeros_like() };
            let prior = model.prior(given).unwrap_or(standard);
            let apart = prior.kl_to(&posterior) - posterior.kl_to(&prior);
            let apart = values(row_sums(apart));
            let weights = log_weights(&model, &posterior, x.clone(), given, eps.clone());
            for (example, weights) in weights.iter_dim(1).enumerate() {
                let one = Estimate::of(&values(weights));
                let error = one.standard_error.unwrap();
                assert!(apart[example].abs() > 10.0 * error, "{apart:?} {error}");
                assert!((one.mean - elbo[example]).abs() < 4.0 * error, "{one:?} {elbo:?}");
            }
        }
    }
}
