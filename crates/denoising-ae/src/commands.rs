//! The paper's own commands, besides the shared ones.

pub mod denoise;
pub mod filters;
pub mod search;

use anyhow::Result;
use clap::Subcommand;
use shared::cli::OwnCommands;

/// Commands of this paper.
#[derive(Subcommand)]
pub enum Own {
    /// Draw first-layer weights as pictures, for several amounts of corruption.
    Filters(filters::Args),
    /// Draw corrupted images and their reconstructions.
    Denoise(denoise::Args),
    /// Choose hyper-parameters on the validation split.
    Search(search::Args),
}

/// Each of these values once, in their order: what is named twice is run once.
fn once<T: Copy + PartialEq>(values: &[T]) -> Vec<T> {
    let is_first = |&(place, value): &(usize, &T)| !values[..place].contains(value);
    values.iter().enumerate().filter(is_first).map(|(_, value)| *value).collect()
}

impl OwnCommands for Own {
    fn run(self) -> Result<()> {
        match self {
            Self::Filters(args) => filters::run(&args),
            Self::Denoise(args) => denoise::run(&args),
            Self::Search(args) => search::run(&args),
        }
    }
}
