//! `vae-rnn`: a recurrent latent variable model for sequential data.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::cli::run_with::<vae_rnn::Paper, vae_rnn::commands::Own>()
}
