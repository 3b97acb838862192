//! Operations by name, as layers ask for them and backends compute them.

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

/// What a layer applies to its outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Nothing.
    #[default]
    Linear,
    /// Hyperbolic tangent.
    Tanh,
    /// max(0, x).
    Relu,
    /// max(x, x / 5).
    LeakyRelu,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// log(1 + exp(x)).
    Softplus,
}

#[cfg(test)]
impl Activation {
    pub(crate) const ALL: [Self; 6] =
        [Self::Linear, Self::Tanh, Self::Relu, Self::LeakyRelu, Self::Sigmoid, Self::Softplus];
}

/// What batch normalisation adds to a variance, so that a constant column does not divide by 0 (the value of
/// Rasmus et al.'s program).
pub const VARIANCE_FLOOR: f32 = 1e-10;

/// Slope of a leaky ReLU below zero (Kim & Mnih 2018, table 1).
pub(crate) const LEAK: f32 = 0.2;

/// Which recurrent cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cell {
    /// Gated recurrent unit (Cho et al. 2014).
    #[default]
    Gru,
    /// Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget gate.
    Lstm,
}

impl Cell {
    /// Sums a step takes for each hidden unit.
    pub fn gates(self) -> usize {
        match self {
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Numbers of the state for each hidden unit.
    pub fn state_parts(self) -> usize {
        match self {
            Self::Gru => 1,
            Self::Lstm => 2,
        }
    }
}

/// log(1 + e^a) without overflow: max(a, 0) + log(1 + e^-|a|).
pub fn softplus<B: burn::prelude::Backend, const D: usize>(a: Tensor<B, D>) -> Tensor<B, D> {
    activation::relu(a.clone()) + a.abs().neg().exp().log1p()
}
