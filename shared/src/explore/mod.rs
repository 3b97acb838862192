//! `explore`: a model as one file of HTML, with its networks run in JavaScript.
//!
//! [`content`] collects what a page knows of a run, [`page`] of [`explorer`] puts the page around it, [`differences`] says how
//! far the description of a network is from the model, and [`expected`] has what a page is tested by.

mod compare;
mod content;
mod expected;
mod sequences;

pub use compare::{Differences, at_most, differences, differences_of_steps};
pub use content::{Precision, Subject, content};
pub use expected::expected;
pub use explorer::{Content, content_of, page, page_of_steps};
pub use sequences::{content_of_steps, expected_of_steps};
