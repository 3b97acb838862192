//! What a program says to people: results on standard output, progress and errors on standard error.

pub mod excerpt;
pub mod print;
pub mod progress;
