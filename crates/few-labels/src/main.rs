//! `few-labels`: learning from few labels.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::cli::run_with::<few_labels::Paper, few_labels::commands::Own>()
}
