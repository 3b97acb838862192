//! Pictures: grids of images, scatter plots and curves, as PNG.

mod axis;
mod chart;
mod grid;

pub use axis::Axis;
pub use chart::{COLOURS, FONT, Series, Spread, curves, draw, error_bars, fonts, scatter};
pub use grid::{Grid, read_row, save_animation, save_row, snapshot_strip, to_array};
