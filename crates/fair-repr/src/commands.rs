//! The paper's own commands, besides the shared ones.

pub mod audit;
pub mod frontier;
pub mod predict;
pub mod transfer;

use anyhow::Result;
use shared::cli::OwnCommands;

/// The commands.
#[derive(clap::Subcommand)]
pub enum Own {
    /// Plot accuracy against discrimination for every method, over several splits of the table.
    Frontier(Box<frontier::Args>),
    /// Compute every fairness metric for a CSV file of predictions.
    Audit(audit::Args),
    /// Write the prediction for every row, as audit reads it.
    Predict(predict::Args),
    /// Predict a second target from a run's code.
    Transfer(transfer::Args),
}

impl OwnCommands for Own {
    fn run(self) -> Result<()> {
        match self {
            Self::Frontier(args) => frontier::run(&args),
            Self::Audit(args) => audit::run(&args),
            Self::Predict(args) => predict::run(&args),
            Self::Transfer(args) => transfer::run(&args),
        }
    }
}
