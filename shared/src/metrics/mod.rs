//! Metrics of a fitted model, each defined once for every paper.

mod bounds;
mod classification;
mod codes;
mod collapse;
mod config;
mod disentanglement;
mod evaluate;
mod nearest;
mod probe;
mod reconstruction;
pub mod samples;
mod sequences;

pub use bounds::{
    Elbo, Estimate, Estimator, Scores, elbo, marginal, negative_log_likelihood, scores,
};
pub use classification::classification_error;
pub use codes::{ACTIVE_VARIANCE, CodeStatistics, code_statistics, encode_split};
pub use config::EvaluateConfig;
pub use disentanglement::{DisentanglementConfig, WIDE};
pub use evaluate::{Evaluating, Evaluation};
pub use nearest::{nearest, nearest_neighbour_accuracy};
pub use probe::{LinearProbe, balanced_subset};
pub use reconstruction::{Reconstruction, reconstruction};
pub use sequences::{SequenceTerms, sequence_bound, sequence_terms};
