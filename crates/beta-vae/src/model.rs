//! Encoder and decoder, dense or convolutional, and one type for them and the baselines.
#![allow(clippy::large_enum_variant)] // A program has one model.

use burn::{module::Module, tensor::Tensor};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given, Measure},
    backend::Window,
    data::PixelShape,
    likelihood::{Likelihood, LikelihoodKind},
    network::{self, Coder, Condition, Decoder, Input, Layer, Pixels, Prior, layers_of},
    nn::{
        Activation, Convolution, Dense, GaussianMlp, Initialiser, LogisticScale, Mlp,
        TransposedConvolution,
    },
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

/// A VAE with Bernoulli pixels, or logistic ones in 256 levels.
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
    /// Scales of logistic pixels.
    scale: Option<LogisticScale<B>>,
    /// What the networks are trained by, with those it trains beside them.
    pub loss: AnyLoss<B>,
}

/// True if both sides can be halved by so many convolutions.
fn can_be_halved(shape: PixelShape, layers: usize) -> bool {
    let halves = |side: usize| side > 0 && side.is_multiple_of(1 << layers.min(16));
    halves(shape.height) && halves(shape.width)
}

/// What is wrong with these networks for such images, if anything.
pub fn image_problem(model: &ModelConfig, shape: PixelShape) -> Option<String> {
    let layers = model.channels.len();
    (model.network == Network::Convolutional && !can_be_halved(shape, layers)).then(|| {
        format!(
            "[model] channels: {} x {} pixels cannot be halved {layers} times",
            shape.height, shape.width
        )
    })
}

impl<B: Backend> Vae<B> {
    /// Networks with fresh weights for images of this shape.
    pub fn new(config: &Config, shape: PixelShape, noise: Noise, device: &B::Device) -> Self {
        let model = &config.model;
        let mut init = Initialiser::new(model.init, noise, device);
        let (below, above) = (model.encoder_activation, model.decoder_activation);
        let mut convolutions = Vec::new();
        let mut image = [shape.height, shape.width, shape.channels];
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
            let channels = shape.channels;
            transposed
                .push(TransposedConvolution::new(image, channels, HALVING, linear, &mut init));
        }
        let loss = config.objective.loss(model.latent, &mut init);
        let scale = (model.likelihood == LikelihoodKind::Logistic)
            .then(|| LogisticScale::new(shape.pixels(), &mut init));
        Self { convolutions, encoder, decoder, output, transposed, scale, loss }
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

    fn measure(&self) -> Measure {
        Measure::of_levels(self.scale.is_some())
    }

    fn network(&self) -> Result<network::Network, String> {
        let below = self.convolutions.iter().map(Layer::from).collect();
        let mut output = vec![Layer::from(&self.output)];
        output.extend(self.transposed.iter().map(Layer::from));
        let pixels = match &self.scale {
            None => Pixels::Bernoulli,
            Some(scale) => Pixels::Logistic(scale.log_scales()),
        };
        Ok(network::Network {
            encoder: Coder::gaussian(vec![Input::Image], below, &self.encoder),
            decoder: Decoder::of(vec![Input::Code], layers_of(&self.decoder), output, pixels),
            prior: Prior::Standard,
            condition: Condition::None,
            classes: None,
        })
    }

    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        let logits = self.logits(z);
        match &self.scale {
            None => Likelihood::Bernoulli { logits },
            Some(scale) => scale.likelihood(logits),
        }
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

    fn measure(&self) -> Measure {
        match self {
            Self::Variational(model) => model.measure(),
            Self::Linear(model) => model.measure(),
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

    fn network(&self) -> Result<network::Network, String> {
        match self {
            Self::Variational(model) => model.network(),
            Self::Linear(model) => model.network(),
        }
    }

    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B> {
        match self {
            Self::Variational(model) => model.decode(z, given),
            Self::Linear(model) => model.decode(z, given),
        }
    }
}
