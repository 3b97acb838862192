//! `fair-repr`: fair representations.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::cli::run_with::<fair_repr::Paper, fair_repr::commands::Own>()
}
