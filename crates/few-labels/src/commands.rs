//! The paper's own commands, besides the shared ones.

pub mod analogies;
pub mod errors;

use anyhow::Result;
use clap::Subcommand;
use shared::cli::OwnCommands;

/// Commands of this paper.
#[derive(Subcommand)]
pub enum Own {
    /// Draw every class in the style of a given image.
    Analogies(analogies::Args),
    /// Draw the test error of every model against the number of labels.
    Errors(errors::Args),
}

impl OwnCommands for Own {
    fn run(self) -> Result<()> {
        match self {
            Self::Analogies(args) => analogies::run(&args),
            Self::Errors(args) => errors::run(&args),
        }
    }
}
