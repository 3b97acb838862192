//! Models of sequences as JSON.

use kernels::nn::Cell;
use serde_json::{Value, json};

use super::{Latents, Recurrence, StepDistribution, Steps};
use crate::Packer;

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
