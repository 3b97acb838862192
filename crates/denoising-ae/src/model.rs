//! A stack of autoencoders with tied weights, and the classifier that starts from it.

use burn::{
    module::{Module, Param},
    tensor::{Tensor, TensorData, activation},
};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    likelihood::Likelihood,
    network::{self, Coder, Condition, Decoder, Input, LogVar, Network, Pixels, Prior, numbers},
    nn::{Activation, Dense, Init, Initialiser},
    noise::Noise,
    posterior::Posterior,
    principal::{PrincipalComponents, rounding_variance},
};

use crate::config::{Config, Pretraining};

/// One layer: y = s(x W + b), x' = s(y W^T + b') (Vincent et al. 2010, equations 2 and 3, tied).
#[derive(Module, Debug)]
pub struct Layer<B: Backend> {
    /// x to y.
    pub encoder: Dense<B>,
    /// b', `[inputs]`.
    pub visible: Param<Tensor<B, 1>>,
}

impl<B: Backend> Layer<B> {
    fn new(inputs: usize, outputs: usize, f: Activation, init: &mut Initialiser<'_, B>) -> Self {
        Self { encoder: Dense::new(inputs, outputs, f, init), visible: init.bias(inputs) }
    }

    /// Output of the decoder before its sigmoid, `[examples, inputs]`.
    pub fn logits(&self, code: Tensor<B, 2>) -> Tensor<B, 2> {
        self.encoder.transposed(code, self.visible.val())
    }
}

/// The stack and its classifier.
#[derive(Module, Debug)]
pub struct Model<B: Backend> {
    /// The autoencoders, the lowest first; a single linear layer for PCA.
    pub layers: Vec<Layer<B>>,
    /// Layers of the classifier: copies of the encoders, or layers above PCA.
    pub hidden: Vec<Dense<B>>,
    /// To the classes; none without fine-tuning.
    output: Option<Dense<B>>,
    /// Standard deviations of the principal components, `[components]`; only for PCA.
    deviations: Option<Param<Tensor<B, 1>>>,
    /// Whether the autoencoders are trained, and not the classifier alone.
    #[module(skip)]
    is_autoencoder: bool,
}

impl<B: Backend> Model<B> {
    /// A model with fresh weights for inputs of width `input`.
    pub fn new(config: &Config, input: usize, noise: Noise, device: &B::Device) -> Self {
        let mut init = Initialiser::new(config.model.init, noise, device);
        let components = match config.pretraining {
            Pretraining::Pca { components } => Some(components),
            Pretraining::Denoising { .. } | Pretraining::None => None,
        };
        let layers = match components {
            Some(components) => vec![Layer::new(input, components, Activation::Linear, &mut init)],
            None => widths(input, &config.model.hidden)
                .map(|(below, width)| Layer::new(below, width, Activation::Sigmoid, &mut init))
                .collect(),
        };
        let (hidden, output) = match config.fine_tuning {
            None => (Vec::new(), None),
            Some(_) => {
                let hidden = widths(components.unwrap_or(input), &config.model.hidden)
                    .map(|(below, width)| Dense::new(below, width, Activation::Sigmoid, &mut init))
                    .collect();
                let top = config.model.hidden.last().copied().unwrap_or(input);
                // The others are sigmoid layers, and this one is not.
                init = init.with(Init::Glorot);
                let output = Dense::new(top, config.model.classes, Activation::Linear, &mut init);
                (hidden, Some(output))
            }
        };
        let deviations =
            components.map(|components| init.parameter(vec![1.0; components], [components]));
        let is_autoencoder = config.pretraining != Pretraining::None;
        Self { layers, hidden, output, deviations, is_autoencoder }
    }

    /// Clean output of the `layer` lowest layers, which stay fixed, `[examples, width]`.
    pub fn below(&self, x: Tensor<B, 2>, layer: usize) -> Tensor<B, 2> {
        // Without `no_grad` every batch would stay in the autodiff graph: docs/architecture.md.
        self.layers[..layer].iter().fold(x, |x, layer| layer.encoder.clone().no_grad().forward(x))
    }

    /// The model with its classifier initialised from the encoders; above PCA it stays random.
    #[must_use]
    pub fn with_pretrained_classifier(mut self) -> Self {
        if self.deviations.is_none() {
            for (hidden, layer) in self.hidden.iter_mut().zip(&self.layers) {
                copy(&mut hidden.weight, &layer.encoder.weight);
                copy(&mut hidden.bias, &layer.encoder.bias);
            }
        }
        self
    }

    /// The stack as a classifier to train; `None` without fine-tuning.
    pub fn into_classifier(mut self) -> Option<Classifier<B>> {
        let output = self.output.take()?;
        Some(Classifier { stack: self, output })
    }

    /// The model whose only layer is a projection on principal components.
    #[must_use]
    pub fn with_components(mut self, found: &PrincipalComponents, device: &B::Device) -> Self {
        let Some(layer) = self.layers.first_mut() else { return self };
        let (width, count) = (layer.encoder.inputs(), layer.encoder.outputs());
        let mut weight = vec![0f32; width * count];
        let mut bias = vec![0f32; count];
        for component in 0..count {
            for column in 0..width {
                let value = found.components[[component, column]];
                weight[column * count + component] = value as f32;
                bias[component] -= (value * found.mean[column]) as f32;
            }
        }
        let mean: Vec<f32> = found.mean.iter().map(|&m| m as f32).collect();
        replace(
            &mut layer.encoder.weight,
            Tensor::from_data(TensorData::new(weight, [width, count]), device),
        );
        replace(&mut layer.encoder.bias, Tensor::from_data(TensorData::new(bias, [count]), device));
        replace(&mut layer.visible, Tensor::from_data(TensorData::new(mean, [width]), device));
        if let Some(deviations) = &mut self.deviations {
            // What rounding leaves of a component without variance is not blown up.
            let rounding = rounding_variance(&found.variances);
            let deviation = |&variance: &f64| {
                if variance > rounding { variance.sqrt() as f32 } else { 1.0 }
            };
            let found: Vec<f32> = found.variances[..count].iter().map(deviation).collect();
            replace(deviations, Tensor::from_data(TensorData::new(found, [count]), device));
        }
        self
    }

    /// log p(class|x) with this output layer, `[examples, classes]`.
    fn log_p_class(&self, output: &Dense<B>, x: Tensor<B, 2>) -> Tensor<B, 2> {
        // [examples, inputs], or [examples, components] above PCA
        let x = match &self.deviations {
            // Sigmoid layers hardly learn from codes whose scales differ tenfold.
            Some(deviations) => {
                self.below(x, self.layers.len()) / deviations.val().detach().unsqueeze()
            }
            None => x,
        };
        // [examples, width of the top layer]
        let top = self.hidden.iter().fold(x, |x, layer| layer.forward(x));
        activation::log_softmax(output.forward(top), 1)
    }
}

fn widths(input: usize, hidden: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    std::iter::once(input).chain(hidden.iter().copied()).zip(hidden.iter().copied())
}

fn copy<B: Backend, const D: usize>(
    target: &mut Param<Tensor<B, D>>,
    source: &Param<Tensor<B, D>>,
) {
    replace(target, source.val().detach());
}

fn replace<B: Backend, const D: usize>(target: &mut Param<Tensor<B, D>>, value: Tensor<B, D>) {
    *target = Param::initialized(target.id, value.require_grad());
}

impl<B: Backend> Autoencoder<B> for Model<B> {
    fn input_dim(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.encoder.inputs())
    }

    fn latent_dim(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.encoder.outputs())
    }

    fn has_decoder(&self) -> bool {
        self.is_autoencoder
    }

    fn has_prior(&self) -> bool {
        false
    }

    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        Posterior::Point(self.below(x, self.layers.len()))
    }

    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        let mut layers = self.layers.iter().rev().peekable();
        let mut x = z; // [examples, width of the top layer]
        while let Some(layer) = layers.next() {
            x = layer.logits(x); // [examples, width of the layer below], at last [examples, pixels]
            if layers.peek().is_some() {
                x = activation::sigmoid(x);
            }
        }
        if self.deviations.is_some() {
            let log_var = x.zeros_like();
            Likelihood::Gaussian { mean: x, log_var }
        } else {
            Likelihood::Bernoulli { logits: x }
        }
    }

    fn network(&self) -> Result<Network, String> {
        let encoder =
            self.layers.iter().map(|layer| network::Layer::from(&layer.encoder)).collect();
        let decoder = self.layers.iter().enumerate().rev().map(|(place, layer)| {
            let activation = if place == 0 { Activation::Linear } else { Activation::Sigmoid };
            network::Layer::tied(&layer.encoder, numbers(layer.visible.val()), activation)
        });
        let pixels = match &self.deviations {
            Some(_) => Pixels::Gaussian(LogVar::Constant(0.0)),
            None => Pixels::Bernoulli,
        };
        Ok(Network {
            encoder: Coder::point(Input::Image, encoder),
            decoder: Decoder::of(vec![Input::Code], Vec::new(), decoder.collect(), pixels),
            prior: Prior::None,
            condition: Condition::None,
            classes: None,
        })
    }

    fn log_classes(&self, x: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(self.log_p_class(self.output.as_ref()?, x))
    }
}

/// A stack with its classifier.
#[derive(Module, Debug)]
pub struct Classifier<B: Backend> {
    stack: Model<B>,
    output: Dense<B>,
}

impl<B: Backend> Classifier<B> {
    /// log p(class|x), `[examples, classes]`.
    pub fn log_p_class(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.stack.log_p_class(&self.output, x)
    }

    /// Stack and classifier as one model.
    pub fn into_stack(self) -> Model<B> {
        Model { output: Some(self.output), ..self.stack }
    }
}

impl<B: Backend> Autoencoder<B> for Classifier<B> {
    fn input_dim(&self) -> usize {
        self.stack.input_dim()
    }

    fn latent_dim(&self) -> usize {
        self.stack.latent_dim()
    }

    fn has_prior(&self) -> bool {
        self.stack.has_prior()
    }

    fn encode(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Posterior<B> {
        self.stack.encode(x, given)
    }

    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B> {
        self.stack.decode(z, given)
    }

    fn log_classes(&self, x: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(self.log_p_class(x))
    }
}
