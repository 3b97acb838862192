//! Metrics of a fitted model, each defined once for every paper.

mod bounds;
mod codes;
mod collapse;
mod evaluate;
mod latent_steps;
mod reconstruction;
pub mod samples;
mod sequences;

pub use bounds::{
    Elbo, Estimator, Scores, bound_curve, elbo, marginal, negative_log_likelihood, scores,
};
pub use codes::{ACTIVE_VARIANCE, CodeStatistics, code_statistics, encode_split, nats_per_latent};
pub use evaluate::{Evaluating, Evaluation, refuse_broken};
pub use latent_steps::LatentSteps;
pub use reconstruction::{Reconstruction, reconstruction};
pub use sequences::{SequenceTerms, sequence_bound, sequence_terms};

pub use run::{DisentanglementConfig, EvaluateConfig, WIDE};
pub use statistics::{
    Estimate, LinearProbe, balanced_subset, classification_error, nearest,
    nearest_neighbour_accuracy,
};
