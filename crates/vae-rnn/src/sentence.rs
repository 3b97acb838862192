//! One latent for a whole sequence: the networks of q(z|x), and what z gives the decoder (Bowman et al.
//! 2016, "Generating Sentences from a Continuous Space", section 3). The paper's model is
//!
//! ```text
//! p(x, z) = p(z) prod_t p(x_t | x_1, ..., x_{t-1}, z),    z ~ N(0, I)
//! q(z|x) = N(mu, diag(sigma^2)), both linear in the encoder's last state
//! ```
//!
//! The decoder is the recurrent network of [`model`](crate::model) with h_0 = tanh(W phi_z(z) + b) as its first state, and
//! phi_z(z) in place of phi_z(z_t) at every step. The paper's decoder has z in its first state alone (recalled).

use burn::{
    module::Module,
    tensor::{Int, Tensor},
};
use shared::{
    Backend,
    network::{Coder, Input, layers_of, steps::WholeLatent},
    nn::{Activation, Dense, GaussianMlp, Initialiser, Mlp, Recurrent},
    posterior::DiagonalGaussian,
};

use crate::{config::ModelConfig, step_major::step_major};

/// The networks of z.
#[derive(Module, Debug)]
pub(crate) struct Sentence<B: Backend> {
    /// The recurrence of the encoder, over phi_x(x_t).
    encoder: Recurrent<B>,
    /// From its last state to mu and log sigma^2.
    posterior: GaussianMlp<B>,
    /// phi_z.
    features: Mlp<B>,
    /// From phi_z(z) to the state of the decoder before the first step.
    first: Dense<B>,
    /// Steps of the longest sequence: as many are decoded where a symbol ends a sequence.
    pub(crate) longest: usize,
    /// Probability that a step is hidden from the decoder in training.
    word_dropout: f64,
}

impl<B: Backend> Sentence<B> {
    /// Fresh networks for phi_x of `inputs` and a decoder with a state of `state` numbers.
    pub(crate) fn new(
        config: &ModelConfig,
        inputs: usize,
        state: usize,
        longest: usize,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let (features, activation) = (&config.features[..], config.activation);
        let top = features.last().copied().unwrap_or(config.latent);
        Self {
            encoder: Recurrent::new(config.cell, inputs, config.hidden, init),
            posterior: GaussianMlp::new(config.hidden, &[], config.latent, activation, init),
            features: Mlp::new(config.latent, features, activation, init),
            first: Dense::new(top, state, Activation::Tanh, init),
            longest,
            word_dropout: config.word_dropout,
        }
    }

    /// Width of z.
    pub(crate) fn latents(&self) -> usize {
        self.posterior.outputs()
    }

    /// Probability that a step is hidden from the decoder: outside of training none is, unless all are.
    pub(crate) fn hides(&self, is_training: bool) -> f64 {
        if is_training || self.word_dropout >= 1.0 { self.word_dropout } else { 0.0 }
    }

    /// The networks as layers.
    pub(crate) fn layers(&self) -> WholeLatent {
        WholeLatent {
            encoder: (&self.encoder).into(),
            posterior: Coder::gaussian(vec![Input::Image], Vec::new(), &self.posterior),
            features: layers_of(&self.features),
            first: vec![(&self.first).into()],
            is_blind: self.hides(false) > 0.0,
        }
    }

    /// phi_z(z), `[rows, features]`, for z `[rows, latents]`.
    pub(crate) fn features(&self, z: Tensor<B, 2>) -> Tensor<B, 2> {
        self.features.forward(z)
    }

    /// h_0 and what the cell remembers besides, `[rows, state]`, for phi_z(z) `[rows, features]`.
    pub(crate) fn first(&self, features: Tensor<B, 2>) -> Tensor<B, 2> {
        self.first.forward(features)
    }

    /// q(z|x), `[rows, latents]`, for x `[rows, steps * width]` and phi_x; rows have this many steps.
    pub(crate) fn posterior(
        &self,
        x: Tensor<B, 2>,
        steps: &[usize],
        input: &Mlp<B>,
        width: usize,
    ) -> DiagonalGaussian<B> {
        let (rows, columns) = (steps.len(), x.dims()[1] / width);
        let start = self.encoder.start(rows); // [rows, state]
        // phi_x(x_t), [steps * rows, features]
        let features = input.forward(step_major(&x, width));
        let states = self.encoder.unroll(features, start); // [(steps + 1) * rows, state]
        // Of each sequence the state after its own last step: chosen, not multiplied, since beyond the end a number may
        // be anything.
        let last: Vec<i64> = steps
            .iter()
            .zip(0..)
            .map(|(&own, row)| (own.min(columns) * rows) as i64 + row)
            .collect();
        let last = Tensor::<B, 1, Int>::from_data(&last[..], &x.device());
        let state = states.select(0, last); // [rows, state]
        self.posterior.forward(self.encoder.output(&state))
    }
}
