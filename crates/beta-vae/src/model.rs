//! Encoder and decoder, dense or convolutional, and one type for them and the baselines.
#![allow(clippy::large_enum_variant)] // A program has one model.

use burn::{module::Module, tensor::Tensor};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    backend::Window,
    likelihood::Likelihood,
    nn::{Activation, Convolution, Dense, GaussianMlp, Initialiser, Mlp, TransposedConvolution},
    noise::Noise,
    posterior::{DiagonalGaussian, Posterior},
};

use crate::{
    baselines::LinearCode,
    config::{Config, ModelConfig, Network},
    objectives::AnyLoss,
};

/// Halves height and width, or doubles them.
const HALVING: Window = Window { side: 4, stride: 2, padding: 1 };

/// A VAE with Bernoulli pixels.
#[derive(Module, Debug)]
pub struct Vae<B: Backend> {
    /// Convolutions below the encoder; none in a dense network.
    convolutions: Vec<Convolution<B>>,
    /// To q(z|x).
    encoder: GaussianMlp<B>,
    /// z to the last dense layer of the decoder.
    decoder: Mlp<B>,
    /// To the logits of the pixels in a dense network, to the image with most channels otherwise.
    output: Dense<B>,
    /// Transposed convolutions from there to the logits of the pixels.
    transposed: Vec<TransposedConvolution<B>>,
    /// The loss, with any networks of its own.
    pub loss: AnyLoss<B>,
}

/// Height, width and channels of a square image that can be halved by `layers` convolutions.
fn square(pixels: usize, layers: usize) -> Option<[usize; 3]> {
    let side = pixels.isqrt();
    let fits = side * side == pixels && side.is_multiple_of(1 << layers.min(16)) && side > 0;
    fits.then_some([side, side, 1])
}

/// The error of these networks for images of `pixels` pixels, if any.
pub fn image_problem(model: &ModelConfig, pixels: usize) -> Option<String> {
    let layers = model.channels.len();
    (model.network == Network::Convolutional && square(pixels, layers).is_none()).then(|| {
        format!(
            "[model] channels: {pixels} pixels are not a square that can be halved {layers} times"
        )
    })
}

impl<B: Backend> Vae<B> {
    /// Networks with fresh weights for `pixels` pixels.
    pub fn new(config: &Config, pixels: usize, noise: Noise, device: &B::Device) -> Self {
        let model = &config.model;
        let mut init = Initialiser::new(model.init, noise, device);
        let (below, above) = (model.encoder_activation, model.decoder_activation);
        let mut convolutions = Vec::new();
        let mut image = square(pixels, model.channels.len()).unwrap_or([1, pixels, 1]);
        if model.network == Network::Convolutional {
            for &channels in &model.channels {
                let layer = Convolution::new(image, channels, HALVING, below, &mut init);
                image = layer.outputs();
                convolutions.push(layer);
            }
        }
        let inner: usize = image.iter().product();
        let encoder = GaussianMlp::new(inner, &model.encoder, model.latent, below, &mut init);
        let decoder = Mlp::new(model.latent, &model.decoder, above, &mut init);
        let bottom = model.decoder.last().copied().unwrap_or(model.latent);
        let is_dense = convolutions.is_empty();
        let last = if is_dense { Activation::Linear } else { above };
        let output = Dense::new(bottom, inner, last, &mut init);
        let mut transposed = Vec::new();
        if !is_dense {
            let down: Vec<usize> = model.channels.iter().rev().skip(1).copied().collect();
            for channels in down {
                let layer = TransposedConvolution::new(image, channels, HALVING, above, &mut init);
                image = layer.outputs();
                transposed.push(layer);
            }
            let linear = Activation::Linear;
            transposed.push(TransposedConvolution::new(image, 1, HALVING, linear, &mut init));
        }
        let loss = config.objective.loss(model.latent, &mut init);
        Self { convolutions, encoder, decoder, output, transposed, loss }
    }

    /// q(z|x) for x `[examples, pixels]`.
    pub fn posterior(&self, x: Tensor<B, 2>) -> DiagonalGaussian<B> {
        // [examples, height * width * channels], half as high and wide after each layer
        let image = self.convolutions.iter().fold(x, |x, layer| layer.forward(x));
        self.encoder.forward(image) // [examples, latent], mean and log-variance
    }

    /// Log-odds of white pixels for z `[examples, latent]`.
    fn logits(&self, z: Tensor<B, 2>) -> Tensor<B, 2> {
        let hidden = self.decoder.forward(z); // [examples, hidden]
        // Dense: [examples, pixels]. Convolutional: [examples, height * width * channels], doubled in
        // height and width by each layer up to [examples, pixels].
        let image = self.output.forward(hidden);
        self.transposed.iter().fold(image, |image, layer| layer.forward(image))
    }
}

impl<B: Backend> Autoencoder<B> for Vae<B> {
    fn input_dim(&self) -> usize {
        let image = self.transposed.last().map(|layer| layer.outputs().iter().product());
        image.unwrap_or_else(|| self.output.outputs())
    }

    fn latent_dim(&self) -> usize {
        self.encoder.outputs()
    }

    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        Posterior::Gaussian(self.posterior(x))
    }

    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        Likelihood::Bernoulli { logits: self.logits(z) }
    }
}

/// The networks, or a baseline.
#[derive(Module, Debug)]
pub enum Model<B: Backend> {
    /// Trained or not.
    Variational(Vae<B>),
    /// Principal components, or the pixels.
    Linear(LinearCode<B>),
}

impl<B: Backend> Autoencoder<B> for Model<B> {
    fn input_dim(&self) -> usize {
        match self {
            Self::Variational(model) => model.input_dim(),
            Self::Linear(model) => model.input_dim(),
        }
    }

    fn has_prior(&self) -> bool {
        match self {
            Self::Variational(model) => model.has_prior(),
            Self::Linear(model) => model.has_prior(),
        }
    }

    fn latent_dim(&self) -> usize {
        match self {
            Self::Variational(model) => model.latent_dim(),
            Self::Linear(model) => model.latent_dim(),
        }
    }

    fn encode(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Posterior<B> {
        match self {
            Self::Variational(model) => model.encode(x, given),
            Self::Linear(model) => model.encode(x, given),
        }
    }

    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B> {
        match self {
            Self::Variational(model) => model.decode(z, given),
            Self::Linear(model) => model.decode(z, given),
        }
    }
}
