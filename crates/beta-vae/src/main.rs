//! `beta-vae`: learning basic visual concepts with a constrained variational framework.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::cli::run_with::<beta_vae::Paper, beta_vae::commands::Own>()
}
