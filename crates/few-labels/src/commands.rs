//! The paper's own command, besides the shared ones.

pub mod analogies;

use anyhow::Result;
use clap::Subcommand;
use shared::cli::OwnCommands;

/// Commands of this paper.
#[derive(Subcommand)]
pub enum Own {
    /// Draw every class in the style of a given image.
    Analogies(analogies::Args),
}

impl OwnCommands for Own {
    fn run(self) -> Result<()> {
        match self {
            Self::Analogies(args) => analogies::run(&args),
        }
    }
}
