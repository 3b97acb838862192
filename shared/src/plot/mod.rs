//! Pictures: grids of images, scatter plots and curves, as PNG.

mod axis;
mod chart;
mod grid;
mod sequence;

pub use axis::Axis;
pub use chart::{
    Series, Spread, curves, error_bars, latent_curves, loss_curves, mean_and_deviation, scatter,
};
pub(crate) use grid::read_row;
pub use grid::{Grid, save_animation, save_row, snapshot_strip, to_array};
pub use sequence::{Roll, rolls};
