//! Metrics of a fitted model, each defined once for every paper.

mod bounds;
mod classification;
mod code_table;
mod codes;
mod collapse;
mod config;
pub mod disentanglement;
mod evaluate;
mod fairness;
mod forest;
mod nearest;
mod people;
mod probe;
mod reconstruction;
pub mod samples;
mod sequences;

pub use bounds::{Elbo, Estimate, Estimator, elbo, marginal, negative_log_likelihood};
pub use classification::classification_error;
pub use code_table::CodeTable;
pub(crate) use codes::encode_split;
pub use codes::{ACTIVE_VARIANCE, CodeStatistics, code_statistics};
pub use config::EvaluateConfig;
pub use evaluate::{Evaluation, evaluate};
pub use fairness::{Fairness, FairnessError, Neighbours, OwnNeighbour, Predictions, majority};
pub use forest::ForestProbe;
pub use nearest::nearest_neighbour_accuracy;
pub use people::{fairness, probabilities, probe_fairness};
pub use probe::{LinearProbe, balanced_subset};
pub use reconstruction::{Reconstruction, reconstruction};
