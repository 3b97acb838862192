//! `cvae`: conditional variational autoencoders.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::cli::run_with::<cvae::Paper, cvae::commands::Own>()
}
