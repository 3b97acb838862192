//! The paper's own commands, besides the shared ones.

pub mod complete;
pub mod generate;
pub mod show;
pub mod surprise;

use anyhow::Result;
use shared::cli::OwnCommands;

/// The commands.
#[derive(clap::Subcommand)]
pub enum Own {
    /// Draw sequences from the model: images, a MIDI file and a piano roll, drawings or text.
    Generate(generate::Args),
    /// Draw the second half of sequences, given their first half.
    Complete(complete::Args),
    /// Plot the model's surprise at each step of a sequence.
    Surprise(surprise::Args),
}

impl OwnCommands for Own {
    fn run(self) -> Result<()> {
        match self {
            Self::Generate(args) => generate::run(&args),
            Self::Complete(args) => complete::run(&args),
            Self::Surprise(args) => surprise::run(&args),
        }
    }
}
