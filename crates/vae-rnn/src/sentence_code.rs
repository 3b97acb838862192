//! The model with one latent for a whole sequence, a step at a time.

use burn::tensor::Tensor;
use shared::{
    Backend,
    nn::join,
    posterior::DiagonalGaussian,
    sequence_code::{Choice, SequenceCode},
};

use crate::model::Model;

/// The decoder's state is `[recurrence | phi_z(z)]`.
impl<B: Backend> SequenceCode<B> for Model<B> {
    fn step_width(&self) -> usize {
        self.output.width()
    }

    fn decoded_steps(&self, wanted: usize) -> usize {
        match &self.sentence {
            Some(sentence) if self.output.has_symbols() => sentence.longest,
            _ => wanted,
        }
    }

    fn posterior(&self, x: Tensor<B, 2>, steps: &[usize]) -> DiagonalGaussian<B> {
        match &self.sentence {
            Some(sentence) => sentence.posterior(x, steps, &self.input, self.output.width()),
            None => {
                let none = Tensor::zeros([steps.len(), 0], &x.device());
                DiagonalGaussian { mean: none.clone(), log_var: none }
            }
        }
    }

    fn start(&self, z: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.sentence {
            Some(sentence) => {
                let features = sentence.features(z); // [rows, features]
                join(sentence.first(features.clone()), features)
            }
            None => self.recurrence.start(z.dims()[0]),
        }
    }

    fn log_prob(&self, state: &Tensor<B, 2>, x: Tensor<B, 2>) -> Tensor<B, 1> {
        self.output.log_prob(self.hidden_of(state), x)
    }

    fn choose(&self, state: &Tensor<B, 2>, choice: Choice<'_>) -> Tensor<B, 2> {
        let hidden = self.hidden_of(state);
        match choice {
            Choice::MostLikely => self.output.most_likely(hidden),
            Choice::Drawn(generators, temperature) => {
                self.output.draw(hidden, generators, temperature)
            }
        }
    }

    fn follow(&self, state: Tensor<B, 2>, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let (recurrent, features) = self.parts(&state);
        let is_blind = self.sentence.as_ref().is_some_and(|sentence| sentence.hides(false) > 0.0);
        let x = if is_blind { x.zeros_like() } else { x };
        let input = join(features.clone(), self.input.forward(x));
        join(self.recurrence.step(input, recurrent), features)
    }
}

impl<B: Backend> Model<B> {
    /// The recurrence's state `[rows, state]` and phi_z(z) `[rows, features]`.
    fn parts(&self, state: &Tensor<B, 2>) -> (Tensor<B, 2>, Tensor<B, 2>) {
        let (own, all) = (self.recurrence.state_width(), state.dims()[1]);
        (state.clone().narrow(1, 0, own), state.clone().narrow(1, own, all - own))
    }

    /// The last hidden layer of phi_dec(phi_z(z), h_{t-1}), `[rows, features]`.
    fn hidden_of(&self, state: &Tensor<B, 2>) -> Tensor<B, 2> {
        let (recurrent, features) = self.parts(state);
        let h = self.recurrence.output(&recurrent); // [rows, hidden]
        self.decoder.forward(join(features, h))
    }
}
