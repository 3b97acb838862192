//! The paper's own commands, besides the shared ones.

pub mod codes;
pub mod sweep;

use anyhow::Result;
use shared::cli::OwnCommands;

/// The commands.
#[derive(clap::Subcommand)]
pub enum Own {
    /// Fit every combination of objective, weight and seed, and plot the scores of all runs.
    Sweep(Box<sweep::Args>),
    /// Write a run's codes of every dSprites image as safetensors, for numpy and others.
    Codes(codes::Args),
}

impl OwnCommands for Own {
    fn run(self) -> Result<()> {
        match self {
            Self::Sweep(args) => sweep::run(&args),
            Self::Codes(args) => codes::run(&args),
        }
    }
}
