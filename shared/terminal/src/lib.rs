//! What a program says to people: results on standard output, progress and errors on standard error.

pub mod excerpt;
pub mod interrupt;
pub mod print;
pub mod progress;

/// So many of what has this name in the singular.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
