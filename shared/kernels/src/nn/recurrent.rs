use burn::{
    module::Module,
    tensor::{Tensor, TensorPrimitive},
};

use super::{Activation, Dense, Initialiser, outline::is_outlining};
use crate::{backend::Backend, operation::Cell};

/// A recurrent layer, h' = f(x, h), with the equations of PyTorch's GRU and LSTM.
#[derive(Module, Debug)]
pub struct Recurrent<B: Backend> {
    /// From x to the sums, with their bias.
    input: Dense<B>,
    /// From h to the sums, with a bias of its own, which a GRU needs.
    hidden: Dense<B>,
    #[module(skip)]
    cell: Cell,
}

impl<B: Backend> Recurrent<B> {
    /// A layer with fresh weights; an LSTM's forget gates start open, with a bias of 1 (Jozefowicz et
    /// al. 2015).
    pub fn new(cell: Cell, inputs: usize, width: usize, init: &mut Initialiser<'_, B>) -> Self {
        // Saturating: a layer far too large is outlined, not made.
        let sums = cell.gates().saturating_mul(width);
        let mut input = Dense::new(inputs, sums, Activation::Linear, init);
        let hidden = Dense::new(width, sums, Activation::Linear, init);
        if cell == Cell::Lstm && !is_outlining() {
            let bias = (0..sums).map(|sum| f32::from(u8::from(sum / width.max(1) == 1)));
            let values: Vec<f32> = bias.collect();
            input.bias = input.bias.map(|bias| {
                let device = bias.device();
                Tensor::<B, 1>::from_floats(&values[..], &device).require_grad()
            });
        }
        Self { input, hidden, cell }
    }

    /// The cell.
    pub fn cell(&self) -> Cell {
        self.cell
    }

    /// The layer from x to the sums of the gates.
    pub fn input(&self) -> &Dense<B> {
        &self.input
    }

    /// The layer from h to them.
    pub fn hidden(&self) -> &Dense<B> {
        &self.hidden
    }

    /// Width of h.
    pub fn width(&self) -> usize {
        self.hidden.inputs()
    }

    /// Width of the state: h, and what the cell remembers besides.
    pub fn state_width(&self) -> usize {
        self.cell.state_parts() * self.width()
    }

    /// The state before the first step, `[rows, state]`.
    pub fn start(&self, rows: usize) -> Tensor<B, 2> {
        Tensor::zeros([rows, self.state_width()], &self.hidden.weight.device())
    }

    /// h of a state `[rows, state]`, `[rows, width]`.
    pub fn output(&self, state: &Tensor<B, 2>) -> Tensor<B, 2> {
        match self.cell {
            Cell::Gru => state.clone(),
            Cell::Lstm => state.clone().narrow(1, 0, self.width()),
        }
    }

    /// The state after a step with input x `[rows, inputs]`, from the state before it `[rows, state]`: `[rows, state]`.
    ///
    /// # Panics
    /// If there is not a state for each row of x: a mistake of the model.
    pub fn step(&self, x: Tensor<B, 2>, state: Tensor<B, 2>) -> Tensor<B, 2> {
        assert_eq!(state.dims(), [x.dims()[0], self.state_width()], "a state for each row");
        let sums = self.hidden.forward(self.output(&state)); // [rows, gates * width]
        let primitive = |tensor: Tensor<B, 2>| tensor.into_primitive().tensor();
        // [rows, state]
        let (after, _) = B::recur(
            self.cell,
            primitive(self.input.forward(x)), // [rows, gates * width]
            primitive(sums),
            primitive(state), // [rows, state]
        );
        Tensor::from_primitive(TensorPrimitive::Float(after))
    }

    /// The states before the first step and after each, `[(steps + 1) * rows, state]`, step by step, of inputs
    /// that are all known, x `[steps * rows, inputs]`, from the state `start` `[rows, state]` on: what
    /// [`Self::step`] gives one after the other, sooner.
    ///
    /// # Panics
    /// If x is not a whole number of steps for the rows of `start`, or the width of a state is another: a mistake of the
    /// model.
    pub fn unroll(&self, x: Tensor<B, 2>, start: Tensor<B, 2>) -> Tensor<B, 2> {
        let ([all, _], [rows, state]) = (x.dims(), start.dims());
        assert_eq!(state, self.state_width(), "width of a state");
        assert!(all.is_multiple_of(rows), "whole steps: {all} rows of x, {rows} of the state");
        if all == 0 {
            return start;
        }
        let primitive = |tensor: Tensor<B, 2>| tensor.into_primitive().tensor();
        let states = B::unroll(
            self.cell,
            primitive(self.input.forward(x)), // [steps * rows, gates * width]
            primitive(self.hidden.weight.val()),
            self.hidden.bias.val().into_primitive().tensor(),
            primitive(start),
        );
        Tensor::from_primitive(TensorPrimitive::Float(states))
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Autodiff;

    use super::*;
    use crate::{
        backend::{AutodiffBackend, Flex, NdArray},
        laws::gradients,
        matrix,
        nn::Init,
        noise::{Noise, Stream},
    };

    const STEPS: usize = 4;
    const ROWS: usize = 3;

    /// All states and the gradients of all weights and of the first state, all steps at once or one after the other.
    fn found<B: AutodiffBackend>(cell: Cell, at_once: bool) -> (Vec<f64>, Vec<Vec<f64>>) {
        let device = B::Device::default();
        let noise = Noise::new(1);
        let mut init = Initialiser::<B>::new(Init::Glorot, noise, &device);
        let layer = Recurrent::new(cell, 5, 7, &mut init);
        let random = |key, rows, columns| {
            let values = noise.normal(Stream::Generate, key, &[0], rows * columns);
            matrix::<B>(values, [rows, columns], &device)
        };
        let x = random(1, STEPS * ROWS, 5);
        let start = random(2, ROWS, layer.state_width()).require_grad();
        let weights = random(3, (STEPS + 1) * ROWS, layer.state_width());
        let states = if at_once {
            layer.unroll(x, start.clone())
        } else {
            let mut states = vec![start.clone()];
            for step in 0..STEPS {
                let x = x.clone().narrow(0, step * ROWS, ROWS);
                states.push(layer.step(x, states[step].clone()));
            }
            Tensor::cat(states, 0)
        };
        let backward = (states.clone() * weights).sum().backward();
        let to_start = start.grad(&backward).unwrap().into_data().iter::<f64>().collect();
        let of = burn::optim::GradientsParams::from_grads(backward, &layer);
        let mut slopes: Vec<_> =
            gradients::<B, _>(&layer, &of).into_iter().map(|gradient| gradient.values).collect();
        slopes.push(to_start);
        (states.into_data().iter::<f64>().collect(), slopes)
    }

    /// A GRU of 3 units on 5 inputs.
    fn gru() -> Recurrent<Flex> {
        let device = Default::default();
        Recurrent::new(Cell::Gru, 5, 3, &mut Initialiser::new(Init::Glorot, Noise::new(1), &device))
    }

    fn stepped(rows: usize, state: [usize; 2]) {
        gru().step(zeros([rows, 5]), zeros(state));
    }

    fn unrolled(rows: usize, start: [usize; 2]) {
        gru().unroll(zeros([rows, 5]), zeros(start));
    }

    fn zeros(shape: [usize; 2]) -> Tensor<Flex, 2> {
        Tensor::zeros(shape, &Default::default())
    }

    #[test]
    #[should_panic(expected = "a state for each row")]
    fn a_step_of_fewer_states_than_rows_is_refused() {
        stepped(4, [3, 3]);
    }

    #[test]
    #[should_panic(expected = "a state for each row")]
    fn a_step_from_a_state_of_another_width_is_refused() {
        stepped(4, [4, 6]);
    }

    #[test]
    #[should_panic(expected = "whole steps")]
    fn steps_that_are_not_whole_are_refused() {
        unrolled(5, [2, 3]);
    }

    #[test]
    #[should_panic(expected = "width of a state")]
    fn steps_from_a_state_of_another_width_are_refused() {
        unrolled(4, [2, 6]);
    }

    #[test]
    fn known_inputs_have_the_states_and_gradients_of_steps() {
        fn check<B: AutodiffBackend>(cell: Cell) {
            let (states, slopes) = found::<B>(cell, true);
            let (expected, expected_slopes) = found::<B>(cell, false);
            assert_eq!(slopes.len(), 5);
            let pairs = slopes.iter().flatten().zip(expected_slopes.iter().flatten());
            for (a, b) in states.iter().zip(&expected).chain(pairs) {
                assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{cell:?}: {a} {b}");
            }
            assert_eq!(states.len(), expected.len());
            assert!(slopes.iter().zip(&expected_slopes).all(|(a, b)| a.len() == b.len()));
        }
        for cell in [Cell::Gru, Cell::Lstm] {
            check::<Autodiff<Flex>>(cell);
            check::<Autodiff<NdArray>>(cell);
        }
    }
}
