//! `super-intelligent`: an autoencoder that learns nothing and reconstructs everything.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::cli::run::<super_intelligent::Paper>()
}
