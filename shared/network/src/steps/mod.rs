//! A model of sequences as layers: its networks, and what becomes of them step by step.

mod follow;
mod pack;

pub use follow::{State, StepTerms};

use kernels::{
    Backend,
    nn::{Cell, Recurrent},
};

use super::{Coder, Layer};

/// A model of sequences x_1, ..., x_T. A step is drawn from the features of a latent and from h_{t-1}; the recurrence then
/// takes both the latent's features and those of x_t:
///
/// ```text
/// x_t ~ p(x | output(decoder(phi_z, h_{t-1}))),    h_t = f(phi_z, phi_x(x_t), h_{t-1})
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// Width of a step.
    pub width: usize,
    /// phi_x.
    pub input: Vec<Layer>,
    /// Where phi_z comes from.
    pub latents: Latents,
    /// f.
    pub recurrence: Recurrence,
    /// The hidden layers of a step's distribution, of phi_z and h_{t-1}.
    pub decoder: Vec<Layer>,
    /// From there to its parameters.
    pub output: Vec<Layer>,
    /// What they are parameters of.
    pub distribution: StepDistribution,
}

/// The latents of a model of sequences. In its [`Coder`]s the image is phi_x(x_t), and the condition h_{t-1}.
#[derive(Clone, Debug, PartialEq)]
pub enum Latents {
    /// None: phi_z is empty.
    None,
    /// z_t at each step.
    Step(StepLatent),
    /// One z for the whole sequence.
    Whole(WholeLatent),
}

/// The networks of z_t.
#[derive(Clone, Debug, PartialEq)]
pub struct StepLatent {
    /// q(z_t | x_t, before).
    pub posterior: Coder,
    /// p(z_t | before); none with the prior N(0, I).
    pub prior: Option<Coder>,
    /// phi_z.
    pub features: Vec<Layer>,
}

/// The networks of z ~ N(0, I).
#[derive(Clone, Debug, PartialEq)]
pub struct WholeLatent {
    /// The recurrence of the encoder, over phi_x(x_t).
    pub encoder: Recurrence,
    /// q(z | x), of its last h as the image.
    pub posterior: Coder,
    /// phi_z.
    pub features: Vec<Layer>,
    /// From phi_z to the first state.
    pub first: Vec<Layer>,
    /// True if the decoder sees no step.
    pub is_blind: bool,
}

/// A recurrent cell with its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrence {
    /// Its equations, PyTorch's.
    pub cell: Cell,
    /// From x to the sums of the gates.
    pub input: Layer,
    /// From h to them.
    pub hidden: Layer,
    /// Width of h.
    pub width: usize,
}

/// The distribution of a step, by its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepDistribution {
    /// Logits of independent elements.
    Bernoulli,
    /// Means, then log-variances, of independent elements; no variance is below `least`.
    Gaussian {
        /// Least log-variance.
        least: f32,
    },
    /// Logits of symbols.
    Categorical,
    /// Of an offset of the pen a mixture of correlated Gaussians: its weights' logits, means across and down,
    /// log-deviations across and down, and inverse hyperbolic tangents of correlations; then the logit of the pen.
    Pen {
        /// Gaussians of the mixture.
        components: usize,
        /// Least log-deviation.
        least: f32,
        /// Correlations stay this far from 1.
        margin: f32,
    },
}

impl<B: Backend> From<&Recurrent<B>> for Recurrence {
    fn from(layer: &Recurrent<B>) -> Self {
        Self {
            cell: layer.cell(),
            input: layer.input().into(),
            hidden: layer.hidden().into(),
            width: layer.width(),
        }
    }
}
