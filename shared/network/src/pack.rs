//! Networks as JSON, with their numbers in one block of bytes.

use burn::tensor::f16;
use kernels::backend::Geometry;
use serde_json::{Map, Value, json};

use super::{
    Coder, Condition, Decoder, Input, Layer, LogVar, Network, Pixels, Prior, Trunk, layer::name,
};

/// Tensors of fewer numbers stay in single precision: they cost nothing, and biases and scales matter.
const LARGE: usize = 4096;

/// Collects numbers as little-endian bytes, and says where they are.
#[derive(Debug, Default)]
pub struct Packer {
    bytes: Vec<u8>,
    /// Where weights are, so that those of tied layers are there once.
    weights: Vec<Value>,
    /// True if large tensors are rounded to half precision.
    half: bool,
}

impl Packer {
    /// An empty block; with `half`, weights of large layers are rounded to half precision.
    pub fn new(half: bool) -> Self {
        Self { half, ..Self::default() }
    }

    /// The block.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Its length so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Numbers in single precision.
    pub fn numbers(&mut self, values: &[f32]) -> Value {
        self.put("f32", values.len(), values.iter().flat_map(|value| value.to_le_bytes()))
    }

    /// Numbers in half precision.
    pub fn coarse(&mut self, values: &[f32]) -> Value {
        let bytes = values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes());
        self.put("f16", values.len(), bytes)
    }

    /// Bytes.
    pub fn levels(&mut self, values: &[u8]) -> Value {
        self.put("u8", values.len(), values.iter().copied())
    }

    /// The weights of a layer.
    fn weights(&mut self, values: &[f32]) -> Value {
        let start = self.bytes.len();
        let is_half = self.half && values.len() >= LARGE;
        let put = if is_half { self.coarse(values) } else { self.numbers(values) };
        let added = &self.bytes[start..];
        let known = self.weights.iter().find(|known| {
            let at = known["at"].as_u64().unwrap_or(0) as usize;
            known["count"] == put["count"] && self.bytes.get(at..at + added.len()) == Some(added)
        });
        if let Some(known) = known.cloned() {
            self.bytes.truncate(start);
            return known;
        }
        self.weights.push(put.clone());
        put
    }

    fn put(&mut self, kind: &str, count: usize, bytes: impl Iterator<Item = u8>) -> Value {
        let at = self.bytes.len();
        self.bytes.extend(bytes);
        // Typed arrays in JavaScript start at multiples of their width.
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        json!({ "kind": kind, "at": at, "count": count })
    }

    /// A network.
    pub fn network(&mut self, network: &Network) -> Value {
        let Network { encoder, decoder, prior, condition, classes } = network;
        json!({
            "encoder": self.coder(encoder),
            "decoder": self.decoder(decoder),
            "prior": match prior {
                Prior::None => json!({ "kind": "none" }),
                Prior::Standard => json!({ "kind": "standard" }),
                Prior::Scaled(by) => json!({ "kind": "scaled", "by": self.numbers(by) }),
                Prior::Conditional(coder) => {
                    json!({ "kind": "conditional", "coder": self.coder(coder) })
                }
            },
            "condition": match condition {
                Condition::None => json!({ "kind": "none" }),
                Condition::Class { classes } => json!({ "kind": "class", "classes": classes }),
                Condition::Observed { observed, unobserved } => {
                    let observed: Vec<u8> = observed.iter().map(|&seen| seen.into()).collect();
                    let observed = self.levels(&observed);
                    json!({ "kind": "observed", "observed": observed, "unobserved": unobserved })
                }
            },
            "classes": classes.as_ref().map(|layers| self.layers(layers)),
        })
    }

    fn trunk(&mut self, Trunk { inputs, layers }: &Trunk) -> Value {
        let name = |input: &Input| match input {
            Input::Image => "image",
            Input::Code => "code",
            Input::Condition => "condition",
        };
        json!({
            "inputs": inputs.iter().map(name).collect::<Vec<_>>(),
            "layers": self.layers(layers),
        })
    }

    pub(super) fn coder(&mut self, Coder { trunk, mean, log_var }: &Coder) -> Value {
        json!({
            "trunk": self.trunk(trunk),
            "mean": self.layers(mean),
            "log_var": log_var.as_ref().map(|layers| self.layers(layers)),
        })
    }

    fn decoder(&mut self, Decoder { trunk, output, pixels, places }: &Decoder) -> Value {
        json!({
            "trunk": self.trunk(trunk),
            "output": self.layers(output),
            "pixels": match pixels {
                Pixels::Bernoulli => json!({ "kind": "bernoulli" }),
                Pixels::Gaussian(LogVar::Constant(log_var)) => {
                    json!({ "kind": "gaussian", "constant": log_var })
                }
                Pixels::Gaussian(LogVar::Layers { layers, least }) => {
                    json!({ "kind": "gaussian", "log_var": self.layers(layers), "least": least })
                }
                Pixels::Logistic(scales) => {
                    json!({ "kind": "logistic", "log_scale": self.numbers(scales) })
                }
            },
            "places": places,
        })
    }

    pub(super) fn layers(&mut self, layers: &[Layer]) -> Value {
        layers.iter().map(|layer| self.layer(layer)).collect()
    }

    fn layer(&mut self, layer: &Layer) -> Value {
        let mut of = match layer {
            Layer::Dense { weight, is_transposed, bias, activation } => json!({
                "kind": "dense",
                "activation": name(*activation),
                "is_transposed": is_transposed,
                "weight": self.weights(weight),
                "bias": self.numbers(bias),
            }),
            Layer::Convolution { weight, bias, activation, geometry } => json!({
                "kind": "convolution",
                "activation": name(*activation),
                "weight": self.weights(weight),
                "bias": self.numbers(bias),
                "geometry": shape(geometry),
            }),
            Layer::TransposedConvolution { weight, bias, activation, geometry } => json!({
                "kind": "transposed",
                "activation": name(*activation),
                "weight": self.weights(weight),
                "bias": self.numbers(bias),
                "geometry": shape(geometry),
            }),
            Layer::Apply(activation) => json!({ "kind": "apply", "activation": name(*activation) }),
            Layer::Shift(by) => json!({ "kind": "shift", "by": self.numbers(by) }),
            Layer::Scale(by) => json!({ "kind": "scale", "by": self.numbers(by) }),
            Layer::Complete(places) => json!({ "kind": "complete", "places": places }),
            Layer::Join => json!({ "kind": "join" }),
            Layer::Fork(layers) => json!({ "kind": "fork", "layers": self.layers(layers) }),
            Layer::Softmax => json!({ "kind": "softmax" }),
            Layer::Combine(by) => json!({ "kind": "combine", "by": self.numbers(by) }),
            Layer::PriorMean(by) => json!({ "kind": "prior-mean", "by": self.numbers(by) }),
        };
        if let Some(of) = of.as_object_mut() {
            of.insert("title".into(), layer.title().into());
        }
        of
    }
}

fn shape(geometry: &Geometry) -> Value {
    let window = geometry.window;
    let mut of = Map::new();
    of.insert("image".into(), json!(geometry.image));
    of.insert("positions".into(), json!(geometry.positions()));
    of.insert("side".into(), window.side.into());
    of.insert("stride".into(), window.stride.into());
    of.insert("padding".into(), window.padding.into());
    of.into()
}

impl Network {
    /// The network with its large weights rounded to half precision, as a page in half precision has it.
    #[must_use]
    pub fn rounded(&self) -> Self {
        let mut rounded = self.clone();
        rounded.encoder.round();
        if let Prior::Conditional(prior) = &mut rounded.prior {
            prior.round();
        }
        let Decoder { trunk, output, pixels, .. } = &mut rounded.decoder;
        trunk.layers.iter_mut().chain(output).for_each(Layer::round);
        rounded.classes.iter_mut().flatten().for_each(Layer::round);
        if let Pixels::Gaussian(LogVar::Layers { layers, .. }) = pixels {
            layers.iter_mut().for_each(Layer::round);
        }
        rounded
    }
}

impl Coder {
    /// Rounds large weights to half precision.
    pub(super) fn round(&mut self) {
        let heads = self.mean.iter_mut().chain(self.log_var.iter_mut().flatten());
        self.trunk.layers.iter_mut().chain(heads).for_each(Layer::round);
    }
}

impl Layer {
    /// Rounds its weights to half precision if they are many.
    pub(super) fn round(&mut self) {
        if let Self::Fork(layers) = self {
            return layers.iter_mut().for_each(Self::round);
        }
        let (Self::Dense { weight, .. }
        | Self::Convolution { weight, .. }
        | Self::TransposedConvolution { weight, .. }) = self
        else {
            return;
        };
        if weight.len() >= LARGE {
            weight.iter_mut().for_each(|value| *value = f16::from_f32(*value).to_f32());
        }
    }
}

#[cfg(test)]
mod tests {
    use kernels::nn::Activation;

    use super::*;
    use crate::{Decoder, Trunk};

    /// An encoder and a decoder of the same weights.
    fn tied() -> Network {
        let weight: Vec<f32> = (0..8192).map(|i| (i as f32).sin() / 7.0).collect();
        let layer = |is_transposed, width| Layer::Dense {
            weight: weight.clone(),
            is_transposed,
            bias: vec![0.1; width],
            activation: Activation::Tanh,
        };
        Network {
            encoder: Coder::point(Input::Image, vec![layer(false, 2)]),
            decoder: Decoder {
                trunk: Trunk::of(Input::Code, Vec::new()),
                output: vec![layer(true, 4096)],
                pixels: Pixels::Bernoulli,
                places: None,
            },
            prior: Prior::None,
            condition: Condition::None,
            classes: None,
        }
    }

    #[test]
    fn tied_weights_are_packed_once_and_at_multiples_of_four() {
        for (half, width) in [(false, 4), (true, 2)] {
            let mut packer = Packer::new(half);
            packer.levels(&[1, 2, 3]);
            let packed = packer.network(&tied());
            let [below, above] =
                [&packed["encoder"]["trunk"]["layers"][0], &packed["decoder"]["output"][0]];
            assert_eq!(below["weight"], above["weight"]);
            assert_eq!(below["weight"]["at"], 4);
            // Both biases are in single precision.
            assert_eq!(packer.len(), 4 + width * 8192 + 4 * (2 + 4096));
        }
    }

    #[test]
    fn a_tied_decoder_is_the_transpose_and_half_precision_is_close() {
        let (network, rounded) = (tied(), tied().rounded());
        let x: Vec<f64> = (0..4096).map(|i| f64::from(i % 3)).collect();
        let (exact, _) = network.encode(&x, &[]);
        let (near, _) = rounded.encode(&x, &[]);
        assert!(exact.iter().zip(&near).all(|(a, b)| a != b && (a - b).abs() < 1e-2));
        let Layer::Dense { weight, .. } = &network.encoder.trunk.layers[0] else { panic!() };
        let decoded = network.decode(&[1.0, 0.0], &[]);
        let logit = f64::from(weight[2 * 5]) + f64::from(0.1f32);
        assert!((decoded[5] - 1.0 / (1.0 + (-logit.tanh()).exp())).abs() < 1e-12);
    }
}
