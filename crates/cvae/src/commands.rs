//! What this program does besides the shared commands.

pub mod complete;
pub mod style;

use anyhow::Result;
use clap::Subcommand;
use shared::cli::OwnCommands;

/// Commands of this paper.
#[derive(Subcommand)]
pub enum Own {
    /// Draw what is missing from images of which some quadrants are given, several times each.
    Complete(complete::Args),
    /// Keep the handwriting of a digit and write the others in it.
    Style(style::Args),
}

impl OwnCommands for Own {
    fn run(self) -> Result<()> {
        match self {
            Self::Complete(args) => complete::run(&args),
            Self::Style(args) => style::run(&args),
        }
    }
}
