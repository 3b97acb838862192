//! Pictures: grids of images, scatter plots and curves, as PNG and SVG.

mod axis;
mod canvas;
mod chart;
mod grid;
mod labels;
mod letters;
mod panels;

pub use axis::Axis;
pub use canvas::{Canvas, Picture, also_as_svg, escaped, is_svg_wanted};
pub use chart::{
    Area, COLOURS, Drawn, FONT, Place, Series, Spread, curves, draw, error_bars, is_svg_written,
    means, scatter, web_colour, write_svg,
};
pub use grid::{Grid, read_row, save_animation, save_row, snapshot_strip, to_array};
pub use panels::{Panel, panels};
