//! Statistics of numbers and of vectors: means, principal components, neighbours, probes, distances between
//! sets of features, and the minimiser that some of them need.

mod classification;
mod distances;
mod frechet;
mod manifold;
pub mod minimise;
mod moments;
mod nearest;
pub mod principal;
mod probe;
mod two_sample;

pub use classification::classification_error;
pub use frechet::{Gaussian, frechet_distance};
pub use manifold::Manifold;
pub use moments::{Estimate, deviation, log_sum_exp, mean, mean_and_deviation, median};
pub use nearest::{nearest, nearest_neighbour_accuracy};
pub use probe::{LinearProbe, balanced_subset};
pub use two_sample::{TwoSample, two_sample};
