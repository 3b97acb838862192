//! Code shared by all papers: data, layers, training loop, metrics, pictures, commands.
//!
//! A paper implements [`paper::Paper`] and gets every command from [`cli::run`]. Losses are sums
//! over pixels, in nats per example; `docs/architecture.md` explains the rest.

pub mod allocation;
pub mod autoencoder;
pub mod bound;
pub mod classifier;
pub mod cli;
pub mod data;
pub mod device;
pub mod excerpt;
pub mod explore;
pub mod files;
pub mod kind;
pub mod laws;
pub mod memory;
pub mod metric;
pub mod metrics;
pub mod minimise;
pub mod modules;
pub mod network;
pub mod plot;
pub mod principal;
pub mod print;
pub mod progress;
pub mod reading;
pub mod run;
pub mod sequence_code;
pub mod sequential;
pub mod statistics;
pub mod train;
pub mod trained;
pub mod weights;

pub mod panics;

pub use cli::paper;
pub use kernels::{AutodiffBackend, Backend, backend, likelihood, nn, noise, operation, posterior};

#[global_allocator]
static ALLOCATOR: allocation::Counting = allocation::Counting;
