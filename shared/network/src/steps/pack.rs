//! Models of sequences as JSON.

use kernels::nn::Cell;
use serde_json::{Value, json};

use super::{Latents, Recurrence, StepDistribution, Steps};
use crate::{Coder, Layer, Packer};

impl Packer {
    /// A model of sequences.
    pub fn steps(&mut self, steps: &Steps) -> Value {
        let Steps { width, input, latents, recurrence, decoder, output, distribution } = steps;
        json!({
            "width": width,
            "input": self.layers(input),
            "latents": match latents {
                Latents::None => json!({ "kind": "none" }),
                Latents::Step(latent) => json!({
                    "kind": "step",
                    "posterior": self.coder(&latent.posterior),
                    "prior": latent.prior.as_ref().map(|prior| self.coder(prior)),
                    "features": self.layers(&latent.features),
                }),
                Latents::Whole(whole) => json!({
                    "kind": "whole",
                    "encoder": self.recurrence(&whole.encoder),
                    "posterior": self.coder(&whole.posterior),
                    "features": self.layers(&whole.features),
                    "first": self.layers(&whole.first),
                    "is_blind": whole.is_blind,
                }),
            },
            "recurrence": self.recurrence(recurrence),
            "decoder": self.layers(decoder),
            "output": self.layers(output),
            "distribution": match *distribution {
                StepDistribution::Bernoulli => json!({ "kind": "bernoulli" }),
                StepDistribution::Gaussian { least } => json!({ "kind": "gaussian", "least": least }),
                StepDistribution::Categorical => json!({ "kind": "categorical" }),
                StepDistribution::Pen { components, least, margin } => json!({
                    "kind": "pen", "components": components, "least": least, "margin": margin,
                }),
            },
        })
    }

    fn recurrence(&mut self, recurrence: &Recurrence) -> Value {
        let Recurrence { cell, input, hidden, width } = recurrence;
        let cell = match cell {
            Cell::Gru => "gru",
            Cell::Lstm => "lstm",
        };
        json!({
            "cell": cell,
            "width": width,
            "input": self.layers(std::slice::from_ref(input)),
            "hidden": self.layers(std::slice::from_ref(hidden)),
            "title": format!("{cell} of {width} units"),
        })
    }
}

impl Steps {
    /// The model with its large weights rounded to half precision, as a page in half precision has it.
    #[must_use]
    pub fn rounded(&self) -> Self {
        let mut rounded = self.clone();
        let Self { input, latents, recurrence, decoder, output, .. } = &mut rounded;
        input.iter_mut().chain(decoder).chain(output).for_each(Layer::round);
        recurrence.round();
        match latents {
            Latents::None => {}
            Latents::Step(latent) => {
                latent.posterior.round();
                latent.prior.iter_mut().for_each(Coder::round);
                latent.features.iter_mut().for_each(Layer::round);
            }
            Latents::Whole(whole) => {
                whole.encoder.round();
                whole.posterior.round();
                whole.features.iter_mut().chain(&mut whole.first).for_each(Layer::round);
            }
        }
        rounded
    }
}

impl Recurrence {
    fn round(&mut self) {
        self.input.round();
        self.hidden.round();
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::f16;
    use kernels::nn::Activation;

    use super::*;
    use crate::{
        Input, Trunk,
        steps::{StepLatent, WholeLatent},
    };

    fn layer(seed: usize) -> Layer {
        Layer::Dense {
            weight: (0..4096).map(|i| ((i + seed) as f32).sin() / 7.0).collect(),
            is_transposed: false,
            bias: vec![0.1; 64],
            activation: Activation::Tanh,
        }
    }

    fn coder(seed: usize) -> Coder {
        Coder {
            trunk: Trunk::of(Input::Image, vec![layer(seed)]),
            mean: vec![layer(seed + 1)],
            log_var: Some(vec![layer(seed + 2)]),
        }
    }

    fn recurrence(seed: usize) -> Recurrence {
        Recurrence { cell: Cell::Gru, input: layer(seed), hidden: layer(seed + 1), width: 64 }
    }

    /// Large weights in single precision, wherever they are.
    fn large(value: &Value, bytes: &[u8], found: &mut Vec<f32>) {
        let number = |name: &str| value[name].as_u64().unwrap_or(0) as usize;
        if value["kind"] == "f32" && number("count") >= 4096 {
            let numbers = bytes[number("at")..].chunks_exact(4).take(number("count"));
            found.extend(numbers.map(|four| f32::from_le_bytes(four.try_into().unwrap())));
        }
        let inside = value.as_array().into_iter().flatten();
        let inside = inside.chain(value.as_object().into_iter().flat_map(|object| object.values()));
        inside.for_each(|part| large(part, bytes, found));
    }

    #[test]
    fn every_large_weight_is_rounded_where_the_model_is() {
        let step = Latents::Step(StepLatent {
            posterior: coder(1),
            prior: Some(coder(11)),
            features: vec![layer(21)],
        });
        let whole = Latents::Whole(WholeLatent {
            encoder: recurrence(1),
            posterior: coder(11),
            features: vec![layer(21)],
            first: vec![layer(22)],
            is_blind: false,
        });
        for latents in [step, whole] {
            let steps = Steps {
                width: 64,
                input: vec![layer(31)],
                latents,
                recurrence: recurrence(41),
                decoder: vec![layer(51)],
                output: vec![layer(52)],
                distribution: StepDistribution::Bernoulli,
            };
            let mut packer = Packer::new(false);
            let packed = packer.steps(&steps.rounded());
            let mut found = Vec::new();
            large(&packed, &packer.into_bytes(), &mut found);
            assert_eq!(found.len(), 12 * 4096);
            assert!(found.iter().all(|&value| value == f16::from_f32(value).to_f32()));
        }
    }
}
