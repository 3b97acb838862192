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
    /// Write a run's codes of all images of dsprites, or of an archive with latents_classes, as safetensors.
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
