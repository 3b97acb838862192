//! Codes without a network: principal components, and the pixels themselves.

use burn::{
    module::{Module, Param},
    tensor::Tensor,
};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given, Measure},
    likelihood::Likelihood,
    network::{Coder, Condition, Decoder, Input, Layer, LogVar, Network, Pixels, Prior, numbers},
    nn::{parameter, product, zeros},
    posterior::Posterior,
    principal::PrincipalComponents,
};

/// z = U (x - mu), or z = x without a U.
#[derive(Module, Debug)]
pub struct LinearCode<B: Backend> {
    /// mu, `[pixels]`.
    mean: Param<Tensor<B, 1>>,
    /// U with orthonormal rows, `[latent, pixels]`.
    components: Option<Param<Tensor<B, 2>>>,
}

impl<B: Backend> LinearCode<B> {
    /// The first components of a fit.
    pub fn components(latent: usize, fit: &PrincipalComponents, device: &B::Device) -> Self {
        let pixels = fit.mean.len();
        let mean = fit.mean.iter().map(|&v| v as f32).collect();
        let rows = fit.components.rows().into_iter().take(latent);
        let kept = rows.flatten().map(|&v| v as f32).collect();
        Self {
            mean: parameter(1, mean, [pixels], device),
            components: Some(parameter(2, kept, [latent, pixels], device)),
        }
    }

    /// Components to load weights into.
    pub fn zeros(latent: usize, pixels: usize, device: &B::Device) -> Self {
        Self {
            components: Some(zeros(2, [latent, pixels], device)),
            ..Self::pixels(pixels, device)
        }
    }

    /// The pixels themselves.
    pub fn pixels(pixels: usize, device: &B::Device) -> Self {
        Self { mean: zeros(1, [pixels], device), components: None }
    }
}

impl<B: Backend> Autoencoder<B> for LinearCode<B> {
    fn input_dim(&self) -> usize {
        self.mean.dims()[0]
    }

    fn latent_dim(&self) -> usize {
        self.components
            .as_ref()
            .map_or(self.input_dim(), |components| components.lazy_shape().dims::<2>()[0])
    }

    fn measure(&self) -> Measure {
        Measure::Density
    }

    fn has_prior(&self) -> bool {
        false
    }

    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        let centred = x - self.mean.val().unsqueeze(); // [examples, pixels]
        Posterior::Point(match &self.components {
            Some(components) => product(centred, components.val().transpose()), // [examples, latent]
            None => centred,
        })
    }

    fn network(&self) -> Result<Network, String> {
        let mean = numbers(self.mean.val());
        let mut encoder = vec![Layer::Shift(mean.iter().map(|mean| -mean).collect())];
        let mut decoder = Vec::new();
        if let Some(components) = &self.components {
            encoder.push(Layer::product_transposed(components.val()));
            decoder.push(Layer::product(components.val()));
        }
        decoder.push(Layer::Shift(mean));
        let pixels = Pixels::Gaussian(LogVar::Constant(0.0));
        Ok(Network {
            encoder: Coder::point(Input::Image, encoder),
            decoder: Decoder::of(vec![Input::Code], Vec::new(), decoder, pixels),
            prior: Prior::None,
            condition: Condition::None,
            classes: None,
        })
    }

    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        let centred = match &self.components {
            Some(components) => product(z, components.val()), // [examples, pixels]
            None => z, // [examples, pixels]: the code is the image
        };
        let mean = centred + self.mean.val().unsqueeze(); // [examples, pixels]
        let log_var = Tensor::zeros([1, 1], &mean.device()); // one variance for every pixel
        Likelihood::Gaussian { mean, log_var }
    }
}
