//! `pca`: principal component analysis as an autoencoder.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::cli::run::<pca::Paper>()
}
