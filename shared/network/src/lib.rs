//! A model's networks as data: layers with their weights, that another program can run.
//!
//! A paper derives the description in one place, `Autoencoder::network`, from the layers its `encode` and
//! `decode` use; `explore` puts it into a page, where JavaScript runs it. It is also run here, in double precision: a law of each paper compares that with the model.

mod evaluate;
mod layer;
mod onnx;
mod pack;
pub mod steps;

pub use layer::{Layer, layers_of, numbers};
pub use onnx::Model;
pub use pack::Packer;
pub use steps::Steps;

use kernels::{Backend, nn::GaussianMlp};

/// What a chain of layers starts from; several are joined in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// x, the image.
    Image,
    /// z, the code.
    Code,
    /// c, the condition.
    Condition,
}

/// Layers on top of one or more inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Trunk {
    /// What is joined to the input of the first layer.
    pub inputs: Vec<Input>,
    /// The layers, the lowest first; with none, the identity.
    pub layers: Vec<Layer>,
}

/// A distribution of the code: q(z|x), q(z|x, c) or p(z|c).
#[derive(Clone, Debug, PartialEq)]
pub struct Coder {
    /// The layers below both heads.
    pub trunk: Trunk,
    /// From there to mu, or to the code if it is a point.
    pub mean: Vec<Layer>,
    /// From there to log sigma^2; `None` if the code is a point.
    pub log_var: Option<Vec<Layer>>,
}

/// p(x|z), or p(x|z, c).
#[derive(Clone, Debug, PartialEq)]
pub struct Decoder {
    /// The layers below all heads.
    pub trunk: Trunk,
    /// From there to the logits of Bernoulli and logistic pixels, or to the mean of Gaussian ones.
    pub output: Vec<Layer>,
    /// The distribution of a pixel.
    pub pixels: Pixels,
    /// The pixels that are modelled, ascending, if others are known from the condition: those of
    /// `output`. `None` if all are.
    pub places: Option<Vec<usize>>,
}

/// The distribution of a pixel given the decoder's output.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// p(x = 1) = sigmoid(output).
    Bernoulli,
    /// N(output, exp(log_var)).
    Gaussian(LogVar),
    /// A discretised logistic distribution with location sigmoid(output) and these logarithms of the scale,
    /// `[pixels]`.
    Logistic(Vec<f32>),
}

/// The log-variance of Gaussian pixels.
#[derive(Clone, Debug, PartialEq)]
pub enum LogVar {
    /// One for all.
    Constant(f64),
    /// From the decoder's trunk, but no less than `least`.
    Layers {
        /// The layers.
        layers: Vec<Layer>,
        /// The least value.
        least: f32,
    },
}

/// The distribution that codes are sampled from.
#[derive(Clone, Debug, PartialEq)]
pub enum Prior {
    /// None: codes cannot be sampled.
    None,
    /// N(0, I).
    Standard,
    /// N(0, diag(s^2)) with these s, `[latent]`.
    Scaled(Vec<f32>),
    /// p(z|c).
    Conditional(Coder),
}

/// The condition c.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// None.
    None,
    /// The class, one-hot.
    Class {
        /// Number of classes.
        classes: usize,
    },
    /// The image with a constant where it is not observed.
    Observed {
        /// True where a pixel is observed, `[pixels]`.
        observed: Vec<bool>,
        /// The constant.
        unobserved: f32,
    },
}

/// An autoencoder as layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// q(z|x).
    pub encoder: Coder,
    /// p(x|z).
    pub decoder: Decoder,
    /// p(z).
    pub prior: Prior,
    /// c.
    pub condition: Condition,
    /// From x to the log-odds of its classes, where the model tells them apart.
    pub classes: Option<Vec<Layer>>,
}

impl Network {
    /// Width of c; 0 without a condition.
    fn condition_width(&self) -> usize {
        match &self.condition {
            Condition::None => 0,
            Condition::Class { classes } => *classes,
            Condition::Observed { observed, .. } => observed.len(),
        }
    }
}

impl Trunk {
    /// Layers on top of one input.
    pub fn of(input: Input, layers: Vec<Layer>) -> Self {
        Self { inputs: vec![input], layers }
    }
}

impl Decoder {
    /// Layers on top of the code, and of the condition where there is one, whose pixels are all modelled.
    pub fn of(inputs: Vec<Input>, layers: Vec<Layer>, output: Vec<Layer>, pixels: Pixels) -> Self {
        Self { trunk: Trunk { inputs, layers }, output, pixels, places: None }
    }
}

impl Coder {
    /// The code that these layers make of `input`, a point.
    pub fn point(input: Input, layers: Vec<Layer>) -> Self {
        Self { trunk: Trunk::of(input, layers), mean: Vec::new(), log_var: None }
    }

    /// A perceptron of `inputs` with two heads, above `below`.
    pub fn gaussian<B: Backend>(
        inputs: Vec<Input>,
        below: Vec<Layer>,
        network: &GaussianMlp<B>,
    ) -> Self {
        let layers = below.into_iter().chain(layers_of(network.hidden())).collect();
        Self {
            trunk: Trunk { inputs, layers },
            mean: vec![network.mean().into()],
            log_var: Some(vec![network.log_var().into()]),
        }
    }
}
