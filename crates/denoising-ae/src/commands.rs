//! The paper's own commands, besides the shared ones.

pub mod denoise;
pub mod filters;
pub mod search;

use anyhow::Result;
use clap::Subcommand;
use shared::cli::OwnCommands;

/// Commands of this paper.
#[derive(Subcommand)]
pub enum Own {
    /// Draw first-layer weights as pictures, for several amounts of corruption.
    Filters(filters::Args),
    /// Draw corrupted images and their reconstructions.
    Denoise(denoise::Args),
    /// Choose hyper-parameters on the validation split.
    Search(search::Args),
}

impl OwnCommands for Own {
    fn run(self) -> Result<()> {
        match self {
            Self::Filters(args) => filters::run(&args),
            Self::Denoise(args) => denoise::run(&args),
            Self::Search(args) => search::run(&args),
        }
    }
}
