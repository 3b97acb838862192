//! The perceptron with batch normalisation and noise in every layer (Rasmus et al. 2015, section 3.1 and
//! algorithm 1).

use std::iter;

use burn::{
    module::{Module, Param},
    tensor::{Tensor, activation},
};
use shared::{
    Backend,
    data::Batch,
    network::{Layer as Described, numbers},
    nn::{Activation, BatchNorm, Initialiser, Projection, Shift, Statistics},
    noise::Stream,
};

use crate::config::NetworkConfig;

/// One layer: z = batchnorm(W h), z~ = z + noise, h = f(gamma (z~ + beta)).
#[derive(Module, Debug)]
pub struct Layer<B: Backend> {
    weight: Projection<B>,
    norm: BatchNorm<B>,
    /// beta, and ReLU in a hidden layer.
    shift: Shift<B>,
    /// gamma, `[units]`; only above the last layer, since a ReLU passes a scale on to the next weights.
    scale: Option<Param<Tensor<B, 1>>>,
}

/// Layers from the pixels to the classes.
#[derive(Module, Debug)]
pub struct Encoder<B: Backend> {
    layers: Vec<Layer<B>>,
    /// Standard deviation of the noise of the pixels.
    #[module(skip)]
    input_noise: f32,
    /// Standard deviation of the noise of each layer above them.
    #[module(skip)]
    noise: f32,
}

/// Where mean and variance of a normalised layer come from.
#[derive(Clone, Copy, Debug)]
pub enum Normalising<'a> {
    /// From each of these groups of consecutive rows, as in training.
    ByBatch(&'a [usize]),
    /// From the stored statistics, as in evaluation.
    Stored,
}

/// What a pass computes.
pub struct Pass<B: Backend> {
    /// z~ of each layer, from the (noisy) pixels to the classes, `[examples, width]`.
    pub z: Vec<Tensor<B, 2>>,
    /// W h of each layer above the pixels, before its normalisation, `[examples, width]`.
    pub sums: Vec<Tensor<B, 2>>,
    /// The last hidden layer, `[examples, width]`.
    pub hidden: Tensor<B, 2>,
    /// log p(class|x), `[examples, classes]`.
    pub log_p: Tensor<B, 2>,
}

impl<B: Backend> Layer<B> {
    /// From h of the layer below to z.
    fn described(&self) -> Vec<Described> {
        let mut parts = vec![Described::product(self.weight.weight.val())];
        parts.extend(Described::normalising(&self.norm));
        parts
    }

    /// From z to h.
    fn described_output(&self) -> Vec<Described> {
        let mut parts = Vec::from(Described::shifting(&self.shift));
        parts.extend(self.scale.as_ref().map(|scale| Described::Scale(numbers(scale.val()))));
        parts
    }
}

impl<B: Backend> Encoder<B> {
    /// The hidden layers above `input` pixels, and one of the classes.
    pub fn new(
        input: usize,
        config: &NetworkConfig,
        classes: usize,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let mut below = input;
        let mut layer = |width, f, has_scale: bool| {
            let layer = Layer {
                weight: Projection::new(below, width, init),
                norm: BatchNorm::new(width, init),
                shift: Shift::new(width, f, init),
                scale: has_scale.then(|| init.parameter(vec![1.0; width], [width])),
            };
            below = width;
            layer
        };
        let mut layers: Vec<Layer<B>> =
            config.hidden.iter().map(|&width| layer(width, Activation::Relu, false)).collect();
        layers.push(layer(classes, Activation::Linear, true));
        let noise = config.noise;
        Self { layers, input_noise: config.input_noise.unwrap_or(noise), noise }
    }

    /// Width of each layer, from the pixels to the classes.
    pub fn widths(&self) -> Vec<usize> {
        let first = self.layers.first().map(|layer| layer.weight.inputs());
        first.into_iter().chain(self.layers.iter().map(|layer| layer.weight.outputs())).collect()
    }

    /// The noise of each layer, from the pixels to the classes, for the examples of a batch, `[examples, width]`.
    pub fn noise_of(&self, batch: &Batch<B>) -> Vec<Tensor<B, 2>> {
        let deviations = iter::once(self.input_noise).chain(iter::repeat(self.noise));
        let layers: Vec<(usize, f32)> = self.widths().into_iter().zip(deviations).collect();
        batch.normals(Stream::Corrupt, &layers)
    }

    /// A pass of x `[examples, pixels]`, with the noise of each layer, from the pixels to the classes, or without.
    pub fn pass(
        &self,
        x: Tensor<B, 2>,
        noise: Option<Vec<Tensor<B, 2>>>,
        normalising: Normalising<'_>,
    ) -> Pass<B> {
        let mut noise = noise.into_iter().flatten();
        let mut noisy = |z: Tensor<B, 2>| match noise.next() {
            Some(noise) => z + noise,
            None => z,
        };
        let mut h = noisy(x);
        let (mut z, mut sums) = (vec![h.clone()], Vec::new());
        let mut hidden = h.clone();
        for layer in &self.layers {
            hidden = h;
            let sum = layer.weight.forward(hidden.clone()); // [examples, width]
            let normal = match normalising {
                Normalising::ByBatch(groups) => layer.norm.by_batch(sum.clone(), groups),
                Normalising::Stored => layer.norm.forward(sum.clone()),
            };
            let value = noisy(normal);
            h = layer.shift.forward(value.clone());
            if let Some(scale) = &layer.scale {
                h = h * scale.val().unsqueeze();
            }
            z.push(value);
            sums.push(sum);
        }
        Pass { z, sums, hidden, log_p: activation::log_softmax(h, 1) }
    }

    /// The hidden layers in evaluation, for [`Network`](shared::network::Network).
    pub fn described(&self) -> Vec<Described> {
        let mut parts = self.described_parts();
        parts.pop();
        parts.into_iter().flatten().flatten().collect()
    }

    /// All layers in evaluation, to the log-odds of the classes.
    pub fn described_classifier(&self) -> Vec<Described> {
        self.described_parts().into_iter().flatten().flatten().collect()
    }

    /// Each layer in evaluation: from the output of the layer below to its z, and from there to its own output.
    pub fn described_parts(&self) -> Vec<[Vec<Described>; 2]> {
        self.layers.iter().map(|layer| [layer.described(), layer.described_output()]).collect()
    }

    /// The encoder with these statistics stored, one for each layer above the pixels.
    #[must_use]
    pub fn with_statistics(self, statistics: Vec<Statistics<B>>) -> Self {
        let stored = |(layer, found): (Layer<B>, _)| Layer {
            norm: layer.norm.with_statistics(found),
            ..layer
        };
        let layers = self.layers.into_iter().zip(statistics).map(stored).collect();
        Self { layers, ..self }
    }
}
