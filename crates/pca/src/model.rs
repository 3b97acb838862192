//! A linear encoder and its transpose as decoder, and the probabilistic model they belong to.
//!
//! Maximum likelihood of probabilistic PCA (Tipping & Bishop 1999), with t for our x, d pixels, q
//! components, and S the covariance of the N training images, whose eigenvalues are lambda_j:
//!
//! ```text
//! t ~ N(mu, C),  C = W W^T + sigma^2 I
//! L          = -N/2 { d ln(2 pi) + ln |C| + tr(C^-1 S) }         (4)
//! W_ML       = U_q (Lambda_q - sigma^2 I)^(1/2) R                (7)
//! sigma^2_ML = 1/(d - q) sum_{j = q+1..d} lambda_j               (8)
//! ```

use std::f64::consts::PI;

use burn::{
    module::{Module, Param},
    tensor::{Tensor, TensorData},
};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given, Measure},
    likelihood::{Likelihood, row_sums},
    network::{Coder, Condition, Decoder, Input, Layer, LogVar, Network, Pixels, Prior, numbers},
    nn::{parameter, product, zeros},
    posterior::Posterior,
    principal::{PrincipalComponents, rounding_variance},
    run::{Better, Metric},
};

use crate::config::ModelConfig;

/// The first k principal components.
///
/// With mean mu, components U (rows) and variances lambda: z = U (x - mu), divided by
/// sqrt(lambda) when whitened, and back.
#[derive(Module, Debug)]
pub struct Model<B: Backend> {
    /// mu, `[pixels]`.
    mean: Param<Tensor<B, 1>>,
    /// U, `[components, pixels]`.
    components: Param<Tensor<B, 2>>,
    /// lambda of all components, kept or not, divided by n - 1, `[pixels]`.
    variances: Param<Tensor<B, 1>>,
    whiten: bool,
}

impl<B: Backend> Model<B> {
    /// The first components of a fit, at most as many as there are pixels.
    pub fn new(config: &ModelConfig, fit: &PrincipalComponents, device: &B::Device) -> Self {
        let (pixels, latent) = (fit.mean.len(), config.latent.min(fit.mean.len()));
        let single = |values: &[f64]| values.iter().map(|&v| v as f32).collect::<Vec<f32>>();
        let kept: Vec<f32> =
            fit.components.rows().into_iter().take(latent).flatten().map(|&v| v as f32).collect();
        Self {
            mean: parameter(1, single(&fit.mean), [pixels], device),
            components: parameter(2, kept, [latent, pixels], device),
            variances: parameter(3, single(&fit.variances), [pixels], device),
            whiten: config.whiten,
        }
    }

    /// A model to load weights into.
    pub fn zeros(config: &ModelConfig, pixels: usize, device: &B::Device) -> Self {
        let latent = config.latent;
        Self {
            mean: zeros(1, [pixels], device),
            components: zeros(2, [latent, pixels], device),
            variances: zeros(3, [pixels], device),
            whiten: config.whiten,
        }
    }

    /// lambda of all components, in order.
    fn all_variances(&self) -> Vec<f64> {
        self.variances.val().into_data().iter::<f64>().collect()
    }

    /// sigma^2 of probabilistic PCA: the mean variance of the components left out (Tipping &
    /// Bishop 1999, equation 8).
    fn noise_variance(&self) -> f64 {
        let variances = self.all_variances();
        let left_out = &variances[self.latent_dim()..];
        left_out.iter().sum::<f64>() / left_out.len().max(1) as f64
    }

    /// True for a variance above rounding error.
    fn is_variance(&self) -> impl Fn(f64) -> bool + use<B> {
        let rounding = rounding_variance(&self.all_variances());
        move |variance| variance > rounding
    }

    /// Why p(x) has no finite density, if so: probabilistic PCA needs variance along every component it
    /// keeps, and some left for the noise.
    pub fn without_density(&self) -> Option<String> {
        let (is_variance, variances) = (self.is_variance(), self.all_variances());
        let (latent, pixels) = (self.latent_dim(), variances.len());
        let varying = variances.iter().filter(|&&variance| is_variance(variance)).count();
        if varying < 2 {
            let varies = ["consists of identical examples", "varies along one component alone"];
            return Some(format!(
                "the training split {}, and p(x) is infinite: no nll with any number of components",
                varies[varying]
            ));
        }
        if varying < latent {
            return Some(format!(
                "the training split varies along {varying} of the {latent} components alone, and \
                 p(x) is infinite there: no nll; fewer than {varying} components have one"
            ));
        }
        (!is_variance(self.noise_variance())).then(|| {
            format!(
                "the {latent} components leave no variance of {pixels} for the noise, and p(x) is \
                 infinite: no nll; fewer components have one"
            )
        })
    }

    /// One number per latent, `[1, latent]`.
    fn per_latent(&self, of: impl Fn(f64) -> f64) -> Tensor<B, 2> {
        let latent = self.latent_dim();
        let values: Vec<f32> =
            self.all_variances()[..latent].iter().map(|&variance| of(variance) as f32).collect();
        Tensor::from_data(TensorData::new(values, [1, latent]), &self.mean.val().device())
    }

    /// The prior's standard deviation along a component of this variance, in the coordinates of the code.
    fn prior_deviation(&self) -> impl Fn(f64) -> f64 + use<B> {
        let (noise, is_variance) = (self.noise_variance(), self.is_variance());
        let whiten = self.whiten;
        move |variance| {
            let signal = (variance - noise).max(0.0);
            if !whiten {
                signal.sqrt()
            } else if is_variance(variance) {
                (signal / variance).sqrt()
            } else {
                0.0
            }
        }
    }

    /// U (x - mu), and x - mu.
    fn project(&self, x: Tensor<B, 2>) -> (Tensor<B, 2>, Tensor<B, 2>) {
        let centred = x - self.mean.val().unsqueeze(); // [examples, pixels]
        let z = product(centred.clone(), self.components.val().transpose()); // [examples, latent]
        (z, centred)
    }
}

impl<B: Backend> Autoencoder<B> for Model<B> {
    fn input_dim(&self) -> usize {
        self.components.dims()[1]
    }

    fn latent_dim(&self) -> usize {
        self.components.lazy_shape().dims::<2>()[0]
    }

    fn measure(&self) -> Measure {
        Measure::Density
    }

    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        let (z, _) = self.project(x); // [examples, latent]
        let is_variance = self.is_variance();
        Posterior::Point(if self.whiten {
            // A component without variance carries no information.
            z * self.per_latent(|v| if is_variance(v) { v.sqrt().recip() } else { 0.0 })
        } else {
            z
        })
    }

    fn network(&self) -> Result<Network, String> {
        let (is_variance, mean) = (self.is_variance(), numbers(self.mean.val()));
        let per_latent = |of: &dyn Fn(f64) -> f64| numbers(self.per_latent(of));
        let mut encoder = vec![
            Layer::Shift(mean.iter().map(|mean| -mean).collect()),
            Layer::product_transposed(self.components.val()),
        ];
        let mut decoder = vec![Layer::product(self.components.val()), Layer::Shift(mean)];
        if self.whiten {
            let inverse = |v: f64| if is_variance(v) { v.sqrt().recip() } else { 0.0 };
            encoder.push(Layer::Scale(per_latent(&inverse)));
            decoder.insert(0, Layer::Scale(per_latent(&f64::sqrt)));
        }
        let pixels = Pixels::Gaussian(LogVar::Constant(self.noise_variance().ln()));
        Ok(Network {
            encoder: Coder::point(Input::Image, encoder),
            decoder: Decoder::of(vec![Input::Code], Vec::new(), decoder, pixels),
            prior: Prior::Scaled(per_latent(&self.prior_deviation())),
            condition: Condition::None,
            classes: None,
        })
    }

    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        let z = if self.whiten { z * self.per_latent(f64::sqrt) } else { z }; // [examples, latent]
        // [examples, pixels]
        let mean = product(z, self.components.val()) + self.mean.val().unsqueeze();
        // [1, 1]: one variance for every pixel.
        let log_var = Tensor::full([1, 1], self.noise_variance().ln(), &mean.device());
        Likelihood::Gaussian { mean, log_var }
    }

    /// Probabilistic PCA's prior in the coordinates of the code: variance lambda - sigma^2, over
    /// lambda when whitened (Tipping & Bishop 1999, equation 7).
    fn sample_prior(&self, eps: Tensor<B, 2>, _: Given<'_, B>) -> Tensor<B, 2> {
        eps * self.per_latent(self.prior_deviation())
    }

    /// log N(x; mu, U^T (Lambda - sigma^2) U + sigma^2 I) (Tipping & Bishop 1999, equation 4).
    /// Unknown where no variance is left for the noise: the density is infinite on a subspace.
    fn log_marginal(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Option<Tensor<B, 1>> {
        if self.without_density().is_some() {
            return None;
        }
        let (noise, latent) = (self.noise_variance(), self.latent_dim());
        let variances = &self.all_variances()[..latent];
        let left_out = (self.input_dim() - latent) as f64;
        let log_determinant = variances.iter().map(|v| v.ln()).sum::<f64>() + left_out * noise.ln();
        let constant = self.input_dim() as f64 * (2.0 * PI).ln() + log_determinant;
        let (z, centred) = self.project(x); // [examples, latent], [examples, pixels]
        // [examples, pixels]
        let residual = centred - product(z.clone(), self.components.val());
        // [examples]
        let distance = row_sums(z.square() * self.per_latent(f64::recip))
            + row_sums(residual.square()).div_scalar(noise);
        Some(distance.add_scalar(constant).mul_scalar(-0.5))
    }

    fn own_metrics(&self) -> Vec<(String, Metric)> {
        let variances = self.all_variances();
        let total: f64 = variances.iter().sum();
        let kept: f64 = variances[..self.latent_dim()].iter().sum();
        vec![(
            "explained_variance".into(),
            Metric {
                value: kept / total.max(f64::MIN_POSITIVE),
                standard_error: None,
                unit: "share".into(),
                better: Better::Higher,
                about: format!(
                    "variance of the training split along the {} components kept, of all {}",
                    self.latent_dim(),
                    variances.len()
                ),
            },
        )]
    }
}
