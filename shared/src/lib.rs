//! Code shared by all papers: data, layers, training loop, metrics, pictures, commands.
//!
//! A paper implements [`paper::Paper`] and gets every command from [`cli::run`]. Losses are sums
//! over pixels, in nats per example; `docs/architecture.md` explains the rest.

pub mod autoencoder;
pub mod bound;
pub mod classifier;
pub mod cli;
pub mod device;
pub mod explore;
pub mod kind;
pub mod laws;
pub mod metric;
pub mod metrics;
pub mod minimise;
pub mod modules;
pub mod network;
pub mod plot;
pub mod principal;
pub mod run;
pub mod sequence_code;
pub mod sequential;
pub mod statistics;
pub mod train;
pub mod trained;
pub mod weights;

pub mod panics;

pub use cli::paper;
pub use data;
pub use files::{self, reading};
pub use kernels::{AutodiffBackend, Backend, backend, likelihood, nn, noise, operation, posterior};
pub use memory::{self, allocation};
pub use terminal::{excerpt, print, print_line, print_text, progress};
