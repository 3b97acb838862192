//! `denoising-ae`: stacked denoising autoencoders.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::cli::run_with::<denoising_ae::Paper, denoising_ae::commands::Own>()
}
