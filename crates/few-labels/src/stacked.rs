//! M1+M2: M2 on the codes z_1 of M1 (Kingma et al. 2014, section 2.3).

use burn::{module::Module, tensor::Tensor};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    data::{Batch, one_hot},
    likelihood::Likelihood,
    network::{Coder, Condition, Decoder, Input, Layer, Network, Prior, Trunk},
    nn::Initialiser,
    noise::{Noise, Stream},
    posterior::Posterior,
};

use crate::{config::Config, m1::M1, m2::M2};

/// Beyond the parameters of any M1, so that M2's are not taken for those.
const FIRST_PARAMETER: u64 = 1 << 32;

/// p(y) p(z_2) p(z_1|y, z_2) p(x|z_1).
#[derive(Module, Debug)]
pub struct Stacked<B: Backend> {
    /// Fitted first, then fixed.
    pub lower: M1<B>,
    /// A model of the codes of `lower`.
    pub upper: M2<B>,
}

impl<B: Backend> Stacked<B> {
    /// A model with fresh weights for inputs of width `input`.
    pub fn new(config: &Config, input: usize, noise: Noise, device: &B::Device) -> Self {
        let lower = M1::new(&config.m1, config.labels, input, noise, device);
        Self::above(lower, config, noise, device)
    }

    /// A fresh M2 on a fitted M1.
    pub fn above(lower: M1<B>, config: &Config, noise: Noise, device: &B::Device) -> Self {
        let mut init = Initialiser::new(config.m2.init, noise, device).from(FIRST_PARAMETER);
        let (codes, classes) = (lower.latent_dim(), config.labels.classes);
        let upper = M2::new(&config.m2, classes, codes, true, &mut init);
        Self { lower, upper }
    }

    /// z_1 ~ q(z_1|x) of the examples of a batch, `[examples, codes]`.
    pub fn codes(&self, batch: &Batch<B>) -> Tensor<B, 2> {
        let mut eps = batch.normals(Stream::Draw, &[(self.upper.inputs(), 1.0)]);
        let posterior = self.lower.fixed_posterior(batch.x.clone());
        match eps.pop() {
            Some(eps) => posterior.reparameterise(eps),
            None => posterior.mean,
        }
    }
}

/// The code is z_2; there are latents z_1 below it.
impl<B: Backend> Autoencoder<B> for Stacked<B> {
    fn input_dim(&self) -> usize {
        self.lower.input_dim()
    }

    fn latent_dim(&self) -> usize {
        self.upper.latents()
    }

    fn condition(&self, x: &Tensor<B, 2>, labels: &[u8]) -> Option<Tensor<B, 2>> {
        let codes = || self.lower.posterior(x.clone()).mean;
        Some(self.upper.known_or_likeliest(labels, &x.device(), codes))
    }

    fn condition_of_classes(&self, labels: &[u8], device: &B::Device) -> Option<Tensor<B, 2>> {
        Some(one_hot(labels, self.upper.class_count(), device))
    }

    fn encode(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Posterior<B> {
        self.upper.encode(self.lower.posterior(x).mean, given)
    }

    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B> {
        self.lower.decode(self.upper.decode(z, given).mean(), None)
    }

    fn has_bound(&self) -> bool {
        false
    }

    fn network(&self) -> Result<Network, String> {
        let lower = self.lower.network()?;
        let [above, mean, log_var] = self.upper.recognition_layers();
        // The mean of z_1, and the class beside it.
        let mut encoder = [lower.encoder.trunk.layers, lower.encoder.mean].concat();
        let classes = [&encoder[..], &self.upper.classifying_layers()].concat();
        encoder.push(Layer::Join);
        encoder.extend(above);
        let mut decoder = self.upper.generation_layers().concat();
        decoder.extend(lower.decoder.trunk.layers);
        Ok(Network {
            encoder: Coder {
                trunk: Trunk::of(Input::Image, encoder),
                mean,
                log_var: Some(log_var),
            },
            decoder: Decoder::of(
                vec![Input::Code, Input::Condition],
                decoder,
                lower.decoder.output,
                lower.decoder.pixels,
            ),
            prior: Prior::Standard,
            condition: Condition::Class { classes: self.upper.class_count() },
            classes: Some(classes),
        })
    }

    fn log_classes(&self, x: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(self.upper.log_q(self.lower.posterior(x).mean))
    }
}
