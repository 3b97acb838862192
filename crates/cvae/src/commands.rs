//! The paper's own commands, besides the shared ones.

pub mod complete;
pub mod style;

use anyhow::Result;
use clap::Subcommand;
use shared::cli::OwnCommands;

/// Commands of this paper.
#[derive(Subcommand)]
pub enum Own {
    /// Draw several completions of images whose other quadrants are given.
    Complete(complete::Args),
    /// Write every class in the handwriting of a given image.
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
