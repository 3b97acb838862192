//! Code shared by all papers: the traits of a model, the training loop, metrics, commands.
//!
//! A paper implements [`paper::Paper`] and gets every command from [`cli::run`]. Losses are sums
//! over pixels, in nats per example; `docs/architecture.md` explains the rest.
//!
//! The crates it stands on are re-exported, so that a paper needs no other: `shared::data::Splits`.

pub mod autoencoder;
pub mod bound;
pub mod classifier;
pub mod cli;
pub mod explore;
#[cfg(test)]
mod identity;
pub mod kind;
pub mod laws;
pub mod metrics;
pub mod train;
pub mod trained;

pub use cli::paper;
pub use data;
pub use files::{self, reading};
pub use kernels::{
    AutodiffBackend, Backend, backend, device, likelihood, matrix, nn, noise, operation, posterior,
};
pub use memory::{self, allocation};
pub use network;
pub use plot;
pub use processes;
pub use ranges;
pub use run::{self, metric};
pub use sequential::{self, sequence_code};
pub use statistics::{self, minimise, principal};
pub use terminal::{counted, excerpt, interrupt, print, print_line, print_text, progress};
pub use weights::{self, modules, panics};
