//! Laws for tests to state, whatever the paper: of its gradients, of its configurations, and of
//! the description of its network; and what they read options and tensors with.

pub mod configurations;
pub mod networks;

use burn::tensor::Tensor;
pub use kernels::laws::*;

use crate::{backend::Backend, train::Terms};

/// What a command is told by these options.
///
/// # Errors
/// What is wrong with them.
pub fn options<A: clap::Args>(given: &[&str]) -> Result<A, clap::Error> {
    let command = A::augment_args(clap::Command::new("command"));
    let words = ["command"].iter().chain(given);
    A::from_arg_matches(&command.try_get_matches_from(words)?)
}

/// The numbers of a tensor, row by row.
pub fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// A term of an objective by its name, row by row.
pub fn term<B: Backend>(terms: &Terms<B>, name: &str) -> Option<Vec<f64>> {
    let (_, term) = terms.named.iter().find(|(known, _)| *known == name)?;
    Some(values(term.clone()))
}
