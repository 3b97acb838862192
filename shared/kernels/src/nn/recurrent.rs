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
        let sums = cell.gates() * width;
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

    /// The state after a step with input x `[rows, inputs]`.
    pub fn step(&self, x: Tensor<B, 2>, state: Tensor<B, 2>) -> Tensor<B, 2> {
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
}
