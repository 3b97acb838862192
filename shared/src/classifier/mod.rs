//! An image classifier, the same for all papers: an independent judge of images that models make.
//!
//! A perceptron trained on deformed training images (Simard, Steinkraus & Platt 2003). It is fitted
//! once for each data set, on first use, and kept among the runs.

mod deform;
mod judge;
mod model;

pub use judge::{CLASSIFIER, judge};
pub use model::{ClassifierModel, ClassifierObjective, classification};
