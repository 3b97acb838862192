//! `vae`: Auto-Encoding Variational Bayes.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::cli::run::<vae::Paper>()
}
