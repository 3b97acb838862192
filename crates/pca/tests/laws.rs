//! Laws of principal components as an autoencoder and as a probabilistic model.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

use burn::tensor::{Tensor, TensorData};
use ndarray::Array2;
use pca::{Model, config::ModelConfig};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    backend::Flex,
    bound::{elbo_terms, log_mean_exp, log_weights},
    laws::values,
    likelihood::{Likelihood, row_sums},
    noise::{Noise, Stream},
    posterior::{DiagonalGaussian, Posterior},
    principal::PrincipalComponents,
};

const WIDTH: usize = 6;
const ROWS: usize = 500;

fn rows() -> Array2<f32> {
    let keys: Vec<u64> = (0..ROWS as u64).collect();
    let values = Noise::new(2).normal(Stream::Prior, 0, &keys, WIDTH);
    let raw = Array2::from_shape_vec((ROWS, WIDTH), values).unwrap();
    let mix = Array2::from_shape_fn((WIDTH, WIDTH), |(i, j)| {
        if i == j { 2.0 / (1.0 + i as f32) } else { 0.3 / (1.0 + (i + 2 * j) as f32) }
    });
    raw.dot(&mix) + 1.0
}

fn model(latent: usize, whiten: bool) -> Model<Flex> {
    let fit = PrincipalComponents::of(&rows()).unwrap();
    Model::new(&ModelConfig { latent, whiten }, &fit, &Default::default())
}

fn tensor(array: &Array2<f32>) -> Tensor<Flex, 2> {
    let values: Vec<f32> = array.iter().copied().collect();
    Tensor::from_data(TensorData::new(values, [array.nrows(), array.ncols()]), &Default::default())
}

fn largest_difference(a: Tensor<Flex, 2>, b: Tensor<Flex, 2>) -> f64 {
    values((a - b).abs()).into_iter().fold(0.0, f64::max)
}

#[test]
fn whitening_is_undone_by_decoding_and_gives_unit_variance() {
    let x = tensor(&rows());
    let plain = model(3, false);
    let white = model(3, true);
    let restored = |m: &Model<Flex>| m.decode(m.encode(x.clone(), None).mean(), None).mean();
    assert!(largest_difference(restored(&plain), restored(&white)) < 1e-4);
    let code = white.encode(x.clone(), None).mean();
    let variance = code.square().sum_dim(0).div_scalar((ROWS - 1) as f64);
    for v in values(variance) {
        assert!((v - 1.0).abs() < 1e-3, "variance {v}");
    }
    // With every component nothing is lost, whitened or not.
    let all = model(WIDTH, true);
    assert!(largest_difference(restored(&all), x) < 1e-4);
}

#[test]
fn the_reconstruction_error_is_the_variance_left_out() {
    let (x, m) = (tensor(&rows()), model(2, false));
    let restored = m.decode(m.encode(x.clone(), None).mean(), None).mean();
    let error: f64 = values((x - restored).square()).iter().sum::<f64>() / (ROWS - 1) as f64;
    let fit = PrincipalComponents::of(&rows()).unwrap();
    let left_out: f64 = fit.variances[2..].iter().sum();
    assert!((error - left_out).abs() < 1e-4 * left_out, "{error} {left_out}");
    let explained = m.own_metrics()[0].1.value;
    let total: f64 = fit.variances.iter().sum();
    assert!((explained - (1.0 - left_out / total)).abs() < 1e-6);
}

/// log N(x; mean, covariance) by Gaussian elimination, in double precision.
fn log_normal(x: &[f64], mean: &[f64], covariance: &Array2<f64>) -> f64 {
    let n = x.len();
    let mut a = covariance.clone();
    let d: Vec<f64> = x.iter().zip(mean).map(|(x, m)| x - m).collect();
    let mut b = d.clone();
    let mut log_determinant = 0.0;
    for i in 0..n {
        log_determinant += a[[i, i]].ln();
        for j in i + 1..n {
            let factor = a[[j, i]] / a[[i, i]];
            for k in i..n {
                a[[j, k]] -= factor * a[[i, k]];
            }
            b[j] -= factor * b[i];
        }
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            b[i] -= a[[i, k]] * b[k];
        }
        b[i] /= a[[i, i]];
    }
    let distance: f64 = d.iter().zip(&b).map(|(d, b)| d * b).sum();
    -0.5 * (n as f64 * (2.0 * std::f64::consts::PI).ln() + log_determinant + distance)
}

/// C of probabilistic PCA.
fn covariance(fit: &PrincipalComponents, latent: usize) -> Array2<f64> {
    let noise = fit.variances[latent..].iter().sum::<f64>() / (WIDTH - latent) as f64;
    Array2::from_shape_fn((WIDTH, WIDTH), |(i, j)| {
        let along: f64 = (0..latent)
            .map(|k| (fit.variances[k] - noise) * fit.components[[k, i]] * fit.components[[k, j]])
            .sum();
        along + if i == j { noise } else { 0.0 }
    })
}

#[test]
fn the_likelihood_is_the_gaussian_with_the_models_covariance() {
    let fit = PrincipalComponents::of(&rows()).unwrap();
    for latent in [1, 3, 5] {
        let covariance = covariance(&fit, latent);
        for whiten in [false, true] {
            // Whitening is a change of code, not of the model of x.
            let m = Model::<Flex>::new(&ModelConfig { latent, whiten }, &fit, &Default::default());
            let x = rows();
            let found = values(m.log_marginal(tensor(&x), None).unwrap());
            for (row, found) in x.rows().into_iter().zip(found).take(20) {
                let row: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
                let expected = log_normal(&row, &fit.mean, &covariance);
                assert!((found - expected).abs() < 1e-3, "{latent}: {found} {expected}");
            }
        }
    }
    assert!(model(WIDTH, false).log_marginal(tensor(&rows()), None).is_none());
}

#[test]
fn draws_from_the_prior_are_decoded_with_the_models_covariance() {
    let fit = PrincipalComponents::of(&rows()).unwrap();
    for (latent, whiten) in [(1, false), (3, false), (5, false), (1, true), (3, true), (5, true)] {
        let m = model(latent, whiten);
        let decoded = |eps| m.decode(m.sample_prior(eps, None), None);
        let Likelihood::Gaussian { mean: origin, log_var } =
            decoded(Tensor::zeros([1, latent], &Default::default()))
        else {
            panic!("a Gaussian")
        };
        // Decoding is linear, so draws are W eps with the decoded unit vectors as the columns of W.
        let w = decoded(Tensor::eye(latent, &Default::default())).mean() - origin;
        let w = Array2::from_shape_vec((latent, WIDTH), values(w)).unwrap();
        let noise = Array2::<f64>::eye(WIDTH) * values(log_var)[0].exp();
        let apart = w.t().dot(&w) + noise - covariance(&fit, latent);
        assert!(apart.iter().all(|d| d.abs() < 1e-4), "{latent} {whiten}: {apart}");
    }
}

#[test]
fn a_missing_density_comes_with_what_would_have_one() {
    let reason = |varying: usize, latent: usize| {
        let rows = Array2::from_shape_fn((ROWS, WIDTH), |(row, column)| {
            if column < varying { (row >> column & 1) as f32 } else { 1.0 }
        });
        let fit = PrincipalComponents::of(&rows).unwrap();
        let config = ModelConfig { latent, whiten: false };
        Model::<Flex>::new(&config, &fit, &Default::default()).without_density()
    };
    for (varying, latent, part) in [
        (0, 1, "identical examples"),
        (0, 3, "identical examples"),
        (1, 1, "along one component alone"),
        (1, 3, "along one component alone"),
        (2, 3, "fewer than 2 components have one"),
        (3, 3, "no variance of 6 for the noise"),
    ] {
        let reason = reason(varying, latent).unwrap();
        assert!(reason.contains(part), "{varying} {latent}: {reason}");
    }
    assert_eq!(reason(4, 3), None);
}

/// A linear VAE: PCA's decoder with an encoder of its own (Lucas et al. 2019).
#[derive(burn::module::Module, Debug)]
struct LinearVae<B: Backend> {
    pca: Model<B>,
    /// Scale of the posterior mean, `[1, latent]`.
    shrink: Tensor<B, 2>,
    /// Log-variance of the posterior, `[1, latent]`.
    log_var: Tensor<B, 2>,
}

impl<B: Backend> LinearVae<B> {
    fn posterior(&self, x: Tensor<B, 2>) -> DiagonalGaussian<B> {
        let mean = self.pca.encode(x, None).mean() * self.shrink.clone();
        let log_var = self.log_var.clone().expand(mean.dims());
        DiagonalGaussian { mean, log_var }
    }
}

impl<B: Backend> Autoencoder<B> for LinearVae<B> {
    fn input_dim(&self) -> usize {
        self.pca.input_dim()
    }

    fn latent_dim(&self) -> usize {
        self.pca.latent_dim()
    }

    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        Posterior::Gaussian(self.posterior(x))
    }

    /// z is standard normal; PCA's own code is wider by the root of its signal variance.
    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        self.pca.decode(self.pca.sample_prior(z, None), None)
    }
}

#[test]
fn a_linear_vaes_optimum_is_probabilistic_pcas_exact_likelihood() {
    let latent = 3;
    let fit = PrincipalComponents::of(&rows()).unwrap();
    let noise = fit.variances[latent..].iter().sum::<f64>() / (WIDTH - latent) as f64;
    let row = |of: &dyn Fn(f64) -> f64| {
        let values: Vec<f32> = fit.variances[..latent].iter().map(|&v| of(v) as f32).collect();
        Tensor::<Flex, 2>::from_data(TensorData::new(values, [1, latent]), &Default::default())
    };
    // The exact posterior (Tipping & Bishop 1999, equation 6) in these coordinates.
    let vae = |shrink_by: f64, variance_by: f64| LinearVae {
        pca: model(latent, false),
        shrink: row(&|v| shrink_by * (v - noise).sqrt() / v),
        log_var: row(&|v| (variance_by * noise / v).ln()),
    };
    let x = tensor(&rows());
    let exact = values(model(latent, false).log_marginal(x.clone(), None).unwrap());
    let eps = |samples: usize| {
        let values = Noise::new(5).normal(Stream::Posterior, 0, &[0], samples * ROWS * latent);
        Tensor::from_data(TensorData::new(values, [samples * ROWS, latent]), &Default::default())
    };
    let optimum = vae(1.0, 1.0);
    // With the exact posterior every importance weight is p(x): the bound is tight at any K.
    for samples in [1, 7] {
        let posterior = optimum.posterior(x.clone());
        let weights = log_weights(&optimum, &posterior, x.clone(), None, eps(samples));
        for (bound, exact) in values(log_mean_exp(weights)).iter().zip(&exact) {
            assert!((bound - exact).abs() < 1e-3, "{bound} {exact}");
        }
    }
    let elbo = |vae: &LinearVae<Flex>| {
        let terms = elbo_terms(vae, &vae.posterior(x.clone()), x.clone(), None, eps(64));
        let nats = values(terms.reconstruction + row_sums(terms.kl_per_latent));
        -nats.iter().sum::<f64>() / ROWS as f64
    };
    let exact = exact.iter().sum::<f64>() / ROWS as f64;
    let best = elbo(&optimum);
    assert!((best - exact).abs() < 0.01, "ELBO {best}, log p {exact}");
    for (shrink, variance) in [(0.9, 1.0), (1.1, 1.0), (1.0, 0.7), (1.0, 1.4)] {
        assert!(elbo(&vae(shrink, variance)) < best - 0.005, "{shrink} {variance}");
    }
}

#[test]
fn every_mistake_in_a_configuration_is_named() {
    let unnamed = shared::laws::configurations::mistakes_not_named::<pca::Paper>();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn how_large_a_model_will_be_is_known_before_it_is_made() {
    let shape = shared::data::PixelShape::grey(28, 28);
    let wrong =
        shared::laws::configurations::sizes_misjudged::<pca::Paper, shared::backend::Flex>(shape);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_network_as_layers_is_the_model() {
    for whiten in [false, true] {
        let apart = shared::laws::networks::network_apart(model(3, whiten), 1).unwrap();
        assert!(apart.largest() < 1e-5, "whiten {whiten}: {apart:?}");
    }
}
