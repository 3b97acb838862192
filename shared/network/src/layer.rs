//! The vocabulary of layers.

use burn::tensor::Tensor;
use kernels::{
    Backend,
    backend::{Geometry, Window},
    nn::{
        Activation, BatchNorm, Combinator, Convolution, Dense, Mlp, Shift, TransposedConvolution,
    },
};

/// One layer with its weights. Images are rows of pixels, a pixel's channels side by side.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// y = f(x W + b).
    Dense {
        /// W, `[inputs, outputs]`, row by row; or W^T, `[outputs, inputs]`.
        weight: Vec<f32>,
        /// True if `weight` is W^T, as a decoder that is the transpose of its encoder shares it.
        is_transposed: bool,
        /// b, `[outputs]`.
        bias: Vec<f32>,
        /// f.
        activation: Activation,
    },
    /// y = f(P(x) W + b) for each patch P(x) of the image.
    Convolution {
        /// W, `[side * side * channels in, channels out]`.
        weight: Vec<f32>,
        /// b, `[channels out]`.
        bias: Vec<f32>,
        /// f.
        activation: Activation,
        /// The window over the input.
        geometry: Geometry,
    },
    /// The transpose of a convolution: each pixel makes a patch of the output, and patches add up.
    TransposedConvolution {
        /// W, `[channels in, side * side * channels out]`.
        weight: Vec<f32>,
        /// b, `[channels out]`.
        bias: Vec<f32>,
        /// f.
        activation: Activation,
        /// The window over the output.
        geometry: Geometry,
    },
    /// y = f(x).
    Apply(Activation),
    /// y = x + b, `[width]`.
    Shift(Vec<f32>),
    /// y = s x, `[width]`.
    Scale(Vec<f32>),
    /// x at these places of an image, the condition's pixels at the others.
    Complete(Vec<usize>),
    /// x and the condition, joined.
    Join,
    /// x and what these layers make of it, joined.
    Fork(Vec<Layer>),
    /// y_i = exp(x_i) / sum_j exp(x_j).
    Softmax,
    /// The estimate of each unit of a ladder network's layer from z and u, joined: the coefficients of its
    /// [`Combinator`], `[10, units]`, row by row.
    Combine(Vec<f32>),
    /// The estimate from u alone, mu(u): its first five rows.
    PriorMean(Vec<f32>),
}

impl Layer {
    /// Width of y, of a dense layer.
    pub(super) fn outputs(&self) -> Option<usize> {
        match self {
            Self::Dense { bias, .. } => Some(bias.len()),
            _ => None,
        }
    }

    /// One line for people: "dense 784 -> 400, relu".
    pub fn title(&self) -> String {
        let image =
            |[height, width, channels]: [usize; 3]| format!("{height} x {width} x {channels}");
        let window = |Geometry { window: Window { side, stride, .. }, .. }: &Geometry| {
            format!("{side} x {side}, stride {stride}")
        };
        let (what, activation) = match self {
            Self::Dense { weight, bias, activation, .. } => {
                let outputs = bias.len();
                (format!("dense {} -> {outputs}", weight.len() / outputs.max(1)), *activation)
            }
            Self::Convolution { bias, activation, geometry, .. } => {
                let [down, across] = geometry.positions();
                let (from, to) = (image(geometry.image), image([down, across, bias.len()]));
                (format!("convolution {}: {from} -> {to}", window(geometry)), *activation)
            }
            Self::TransposedConvolution { weight, activation, geometry, .. } => {
                let [down, across] = geometry.positions();
                let channels = weight.len() / geometry.patch().max(1);
                let (from, to) = (image([down, across, channels]), image(geometry.image));
                (
                    format!("transposed convolution {}: {from} -> {to}", window(geometry)),
                    *activation,
                )
            }
            Self::Apply(activation) => return name(*activation).to_owned(),
            Self::Shift(by) => return format!("shift by {} numbers", by.len()),
            Self::Scale(by) => return format!("scale by {} numbers", by.len()),
            Self::Complete(places) => return format!("{} pixels into the image", places.len()),
            Self::Join => return "joined with the condition".into(),
            Self::Fork(layers) => {
                let titles: Vec<String> = layers.iter().map(Self::title).collect();
                return format!("joined with its image by [{}]", titles.join("; "));
            }
            Self::Softmax => return "softmax".into(),
            Self::Combine(by) => return format!("estimates of {} units", by.len() / 10),
            Self::PriorMean(by) => return format!("means of {} units", by.len() / 5),
        };
        match activation {
            Activation::Linear => what,
            activation => format!("{what}, {}", name(activation)),
        }
    }
}

/// The name of an activation, as the page has it.
pub(super) fn name(activation: Activation) -> &'static str {
    match activation {
        Activation::Linear => "linear",
        Activation::Tanh => "tanh",
        Activation::Relu => "relu",
        Activation::LeakyRelu => "leaky-relu",
        Activation::Sigmoid => "sigmoid",
        Activation::Softplus => "softplus",
    }
}

/// The layers of a perceptron.
pub fn layers_of<B: Backend>(network: &Mlp<B>) -> Vec<Layer> {
    network.layers().iter().map(Layer::from).collect()
}

/// All numbers of a tensor, row by row.
pub fn numbers<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

impl<B: Backend> From<&Dense<B>> for Layer {
    fn from(layer: &Dense<B>) -> Self {
        Self::Dense {
            weight: numbers(layer.weight.val()),
            is_transposed: false,
            bias: numbers(layer.bias.val()),
            activation: layer.activation(),
        }
    }
}

impl Layer {
    /// Batch normalisation by the stored statistics, as two layers.
    pub fn normalising<B: Backend>(layer: &BatchNorm<B>) -> [Self; 2] {
        let mean = numbers(layer.mean().neg());
        [Self::Shift(mean), Self::Scale(numbers(layer.deviation().recip()))]
    }

    /// y = f(x + b), as two layers.
    pub fn shifting<B: Backend>(layer: &Shift<B>) -> [Self; 2] {
        [Self::Shift(numbers(layer.bias.val())), Self::Apply(layer.activation())]
    }

    /// g(z, u) of a ladder network.
    pub fn combining<B: Backend>(combinator: &Combinator<B>) -> Self {
        Self::Combine(numbers(combinator.coefficients()))
    }

    /// mu(u) of a ladder network.
    pub fn prior_mean<B: Backend>(combinator: &Combinator<B>) -> Self {
        Self::PriorMean(numbers(combinator.coefficients().narrow(0, 0, 5)))
    }

    /// A dense layer backwards, y = x W^T + b, as tied weights have it.
    pub fn tied<B: Backend>(layer: &Dense<B>, bias: Vec<f32>, activation: Activation) -> Self {
        Self::Dense { weight: numbers(layer.weight.val()), is_transposed: true, bias, activation }
    }

    /// y = x U, for U `[inputs, outputs]`.
    pub fn product<B: Backend>(u: Tensor<B, 2>) -> Self {
        Self::linear(u, false)
    }

    /// y = x U^T, for U `[outputs, inputs]`.
    pub fn product_transposed<B: Backend>(u: Tensor<B, 2>) -> Self {
        Self::linear(u, true)
    }

    fn linear<B: Backend>(u: Tensor<B, 2>, is_transposed: bool) -> Self {
        let bias = vec![0.0; u.dims()[usize::from(!is_transposed)]];
        Self::Dense { weight: numbers(u), is_transposed, bias, activation: Activation::Linear }
    }
}

impl<B: Backend> From<&Convolution<B>> for Layer {
    fn from(layer: &Convolution<B>) -> Self {
        Self::Convolution {
            weight: numbers(layer.weight.val()),
            bias: numbers(layer.bias.val()),
            activation: layer.activation(),
            geometry: layer.geometry(),
        }
    }
}

impl<B: Backend> From<&TransposedConvolution<B>> for Layer {
    fn from(layer: &TransposedConvolution<B>) -> Self {
        Self::TransposedConvolution {
            weight: numbers(layer.weight.val()),
            bias: numbers(layer.bias.val()),
            activation: layer.activation(),
            geometry: layer.geometry(),
        }
    }
}
