//! `blank`: a plain autoencoder.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::cli::run::<blank::Paper>()
}
