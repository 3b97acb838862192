//! The approximate posterior q(z|x).

use burn::tensor::Tensor;
use ndarray::Array2;

use crate::{backend::Backend, likelihood::row_sums};

/// The code of each example, as the encoder outputs it.
///
/// ```
/// use burn::tensor::Tensor;
/// use kernels::{
///     backend::Flex,
///     posterior::{DiagonalGaussian, Posterior},
/// };
///
/// let device = Default::default();
/// let code = Posterior::<Flex>::Gaussian(DiagonalGaussian {
///     mean: Tensor::from_floats([[1.0, 0.0]], &device), // [examples, latent]
///     log_var: Tensor::from_floats([[0.0, 0.0]], &device), // [examples, latent]
/// });
/// let eps = Tensor::from_floats([[2.0, -1.0]], &device); // standard normal, here by hand
/// let z = code.draw(eps); // mu + sigma eps, [examples, latent]
/// assert_eq!(z.into_data().to_vec::<f32>().unwrap(), [3.0, -1.0]);
/// ```
#[derive(Clone, Debug)]
pub enum Posterior<B: Backend> {
    /// A deterministic code, `[examples, latent]`.
    Point(Tensor<B, 2>),
    /// A Gaussian code.
    Gaussian(DiagonalGaussian<B>),
}

impl<B: Backend> Posterior<B> {
    /// The code: the posterior's mean, `[examples, latent]`.
    pub fn mean(&self) -> Tensor<B, 2> {
        match self {
            Self::Point(code) => code.clone(),
            Self::Gaussian(gaussian) => gaussian.mean.clone(),
        }
    }

    /// A draw from the posterior of each example made from standard normal `eps`, `[examples, latent]`;
    /// the code itself where it is a point.
    pub fn draw(&self, eps: Tensor<B, 2>) -> Tensor<B, 2> {
        match self {
            Self::Point(code) => code.clone(),
            Self::Gaussian(gaussian) => gaussian.reparameterise(eps),
        }
    }
}

/// N(mu, diag(sigma^2)) for each example.
///
/// ```
/// use burn::tensor::Tensor;
/// use kernels::{backend::Flex, posterior::DiagonalGaussian};
///
/// let device = Default::default();
/// let q = DiagonalGaussian::<Flex> {
///     mean: Tensor::from_floats([[1.0, 0.0]], &device), // [examples, latent]
///     log_var: Tensor::from_floats([[0.0, 0.0]], &device), // [examples, latent]
/// };
/// // The second latent equals the prior N(0, 1), so it costs nothing.
/// let kl = q.kl_per_latent(); // [examples, latent], nats
/// assert_eq!(kl.into_data().to_vec::<f32>().unwrap(), [0.5, 0.0]);
/// ```
#[derive(Clone, Debug)]
pub struct DiagonalGaussian<B: Backend> {
    /// mu, `[examples, latent]`.
    pub mean: Tensor<B, 2>,
    /// log sigma^2, `[examples, latent]`.
    pub log_var: Tensor<B, 2>,
}

impl<B: Backend> DiagonalGaussian<B> {
    /// Reparameterised samples z = mu + sigma eps (Kingma & Welling 2014, equation 4).
    ///
    /// `eps` is `[samples * examples, latent]`, sample-major; so is the result.
    pub fn reparameterise(&self, eps: Tensor<B, 2>) -> Tensor<B, 2> {
        let samples = eps.dims()[0] / self.mean.dims()[0].max(1);
        // [examples, latent]
        let sigma = self.log_var.clone().mul_scalar(0.5).exp();
        repeat_rows(self.mean.clone(), samples) + repeat_rows(sigma, samples) * eps
    }

    /// KL to `prior`, another such Gaussian for each example, of each latent in nats, `[examples,
    /// latent]`, never negative:
    /// (sigma_q^2 + (mu_q - mu_p)^2) / (2 sigma_p^2) - 1/2 + log sigma_p - log sigma_q.
    pub fn kl_to(&self, prior: &Self) -> Tensor<B, 2> {
        let ratio = self.log_var.clone() - prior.log_var.clone();
        let distance = (self.mean.clone() - prior.mean.clone()).square();
        let scaled = distance * prior.log_var.clone().neg().exp();
        (scaled + ratio.clone().exp() - ratio.add_scalar(1.0)).mul_scalar(0.5)
    }

    /// log density of `z` `[samples * examples, latent]`, sample-major, but for the constant
    /// -latent log(2 pi) / 2, `[samples * examples]`.
    pub fn log_density(&self, z: Tensor<B, 2>) -> Tensor<B, 1> {
        let samples = z.dims()[0] / self.mean.dims()[0].max(1);
        let log_var = repeat_rows(self.log_var.clone(), samples);
        let distance = (z - repeat_rows(self.mean.clone(), samples)).square();
        row_sums(distance * log_var.clone().neg().exp() + log_var).mul_scalar(-0.5)
    }

    /// KL to N(0, I) of each latent in nats, `[examples, latent]`, never negative:
    /// (mu^2 + sigma^2 - 1 - log sigma^2) / 2 (Kingma & Welling 2014, appendix B, negated).
    pub fn kl_per_latent(&self) -> Tensor<B, 2> {
        let Self { mean, log_var } = self.clone();
        (mean.square() + log_var.clone().exp() - log_var.add_scalar(1.0)).mul_scalar(0.5)
    }
}

/// `tensor` stacked `times` times: row `s * rows + i` is row `i`.
///
/// Not by `repeat_dim`: in Burn 0.21 its backward pass hands the gradient of a repeated row to
/// another row (a finite-difference test of `vae` with several samples finds it).
pub fn repeat_rows<B: Backend>(tensor: Tensor<B, 2>, times: usize) -> Tensor<B, 2> {
    if times == 1 {
        return tensor;
    }
    let [rows, columns] = tensor.dims();
    tensor.unsqueeze::<3>().expand([times, rows, columns]).reshape([times * rows, columns])
}

/// Mean over examples of [`DiagonalGaussian::kl_per_latent`], for host arrays.
pub fn kl_of_gaussian(mean: &Array2<f32>, log_var: &Array2<f32>) -> Vec<f64> {
    let count = mean.nrows().max(1) as f64;
    mean.columns()
        .into_iter()
        .zip(log_var.columns())
        .map(|(mean, log_var)| {
            let sum: f64 = mean
                .iter()
                .zip(log_var)
                .map(|(&m, &v)| {
                    let (m, v) = (f64::from(m), f64::from(v));
                    0.5 * (m * m + v.exp() - v - 1.0)
                })
                .sum();
            sum / count
        })
        .collect()
}
