use std::sync::OnceLock;

use burn::tensor::Tensor;

use crate::{backend::Backend, data::Batch};

/// Where in the run a batch is looked at; schedules of the objective depend on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Epochs done, with the fraction of the one under way.
    pub epochs: f64,
}

impl Moment {
    /// A weight that rises in a line from `from` at the start to 1 after this many epochs, and stays there.
    pub fn warmed_up(self, from: f64, epochs: f64) -> f64 {
        if self.epochs >= epochs {
            return 1.0;
        }
        from + (1.0 - from) * self.epochs / epochs
    }
}

/// What an objective says of each example of a batch, in nats, `[examples]` each.
pub struct Terms<B: Backend> {
    /// The parts, by name: reconstruction, kl, ...
    pub named: Vec<(&'static str, Tensor<B, 1>)>,
    /// What is minimised: a function of the parts that the objective's documentation states.
    pub loss: Tensor<B, 1>,
}

/// What names of terms for one latent each begin with.
pub(super) const PER_LATENT: &str = "kl_z";

/// Name of the term that is the KL of one latent: stands in `metrics.jsonl`, not on the screen.
///
/// # Panics
/// Beyond latent 1023.
pub fn latent_term(latent: usize) -> &'static str {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    &NAMES.get_or_init(|| (0..1024).map(|latent| format!("{PER_LATENT}{latent}")).collect())[latent]
}

/// A training objective, the same in training and in validation.
pub trait Objective<B: Backend, M> {
    /// The terms of a batch.
    fn terms(&self, model: &M, batch: &Batch<B>, at: Moment) -> Terms<B>;

    /// The term whose validation mean chooses the best epoch: the loss, unless something else is
    /// what counts.
    fn criterion(&self) -> &'static str {
        "loss"
    }

    /// False while a warm-up still changes the objective: values are not comparable between
    /// epochs then, and none is chosen as the best.
    fn is_settled(&self, _model: &M, _at: Moment) -> bool {
        true
    }
}
