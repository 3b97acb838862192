//! What this program does besides the shared commands.

pub mod complete;
pub mod generate;
pub mod show;
pub mod surprise;

use anyhow::Result;
use shared::cli::OwnCommands;

/// The commands.
#[derive(clap::Subcommand)]
pub enum Own {
    /// Sequences drawn from the model: images, a MIDI file and a piano roll, drawings or text.
    Generate(generate::Args),
    /// The second half of sequences, drawn after their first half.
    Complete(complete::Args),
    /// How unexpected each step of a sequence is to the model, drawn under the sequence.
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
