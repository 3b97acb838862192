//! Charts side by side.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::{
    axis::Axis,
    chart::{
        LETTERS, Legend, MARGIN, Mark, Series, caption_size, colour_of, draw, label_area, mesh,
        span, style,
    },
};

/// Width and height of a panel, of a lower one where there are many rows.
const SIZE: (i32, i32) = (760, 300);
const LOW: i32 = 200;
const MANY: usize = 4;
/// Height of the caption, and of a panel's title.
const HEAD: i32 = 36;
const TITLE: i32 = 26;
/// Letters of the values and the names of axes.
const AXES: [i32; 2] = [14, 16];

/// Lines over a common axis, one of several charts.
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// Name of the vertical axis.
    pub up: String,
    /// Its lines.
    pub lines: Vec<Series>,
}

/// Rows of as many panels each, in which a line of the same name has the same colour, and the panels of a column
/// have the same range; `across` is counted.
///
/// # Errors
/// If the file cannot be written.
pub fn panels(path: &Path, caption: &str, across: &str, rows: &[Vec<Panel>]) -> Result<()> {
    let mut names: Vec<&str> = Vec::new();
    for line in rows.iter().flatten().flat_map(|panel| &panel.lines) {
        if !names.contains(&&*line.name) {
            names.push(&line.name);
        }
    }
    let colour = |name: &str| {
        let place = names.iter().position(|known| *known == name).unwrap_or_default();
        colour_of(place)
    };
    let height = if rows.len() > MANY { LOW } else { SIZE.1 };
    let whole = 2 * MARGIN + HEAD + height * rows.len() as i32;
    let entries = names.iter().map(|name| (Mark::Line(colour(name)), (*name).to_owned()));
    let legend = Legend::fitting(entries.collect(), whole as u32);
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = 2 * MARGIN + SIZE.0 * columns.max(1) as i32 + legend.width();
    let range_of = |column: usize, of: fn(&(f64, f64)) -> f64| {
        let panels = rows.iter().filter_map(|row| row.get(column));
        span(panels.flat_map(|panel| &panel.lines).flat_map(|line| &line.points).map(of))
    };
    let ranges: Vec<_> =
        (0..columns).map(|column| [range_of(column, |p| p.0), range_of(column, |p| p.1)]).collect();
    draw(path, (width as u32, whole as u32), |root| {
        root.draw_text(caption, &style(caption_size(caption, width as u32)), (MARGIN, MARGIN))?;
        for (place, row) in rows.iter().enumerate() {
            let top = MARGIN + HEAD + height * place as i32;
            for (column, panel) in row.iter().enumerate() {
                let left = MARGIN + SIZE.0 * column as i32;
                let area = root.clone().shrink((left, top), (SIZE.0, height));
                area.draw_text(&panel.title, &style(LETTERS), (0, 4))?;
                let is_last = place + 1 == rows.len();
                let axes =
                    [Axis::whole(if is_last { across } else { "" }), Axis::linear(&panel.up)];
                let [horizontal, vertical] = ranges[column].clone();
                let up = axes[1].over(vertical, [].into_iter());
                let mut chart = ChartBuilder::on(&area)
                    .margin_top(TITLE)
                    .margin_right(MARGIN)
                    .x_label_area_size(if is_last { 45 } else { 22 })
                    .y_label_area_size(label_area(80, axes[1], &up, AXES))
                    .build_cartesian_2d(axes[0].over(horizontal, [].into_iter()), up)?;
                mesh(&mut chart, axes, AXES)?;
                // The first on top: what others begin like is seen as it.
                for line in panel.lines.iter().rev() {
                    let own = colour(&line.name).stroke_width(2);
                    chart.draw_series(LineSeries::new(line.points.iter().copied(), own))?;
                }
            }
        }
        legend.draw(root)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(values: [f64; 2]) -> image::RgbImage {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("panels.png");
        let line = |name: &str, value: f64| Series {
            name: name.into(),
            points: (0..20).map(|step| (f64::from(step), value * f64::from(step))).collect(),
        };
        let panel = |up: &str, value| Panel {
            title: "input".into(),
            up: up.into(),
            lines: vec![line("#0", value), line("#1", -value)],
        };
        let rows = [
            vec![panel("degrees", values[0]), panel("load", 100.0)],
            vec![panel("degrees", 1.0), panel("load", values[1])],
        ];
        panels(&path, "Series", "step", &rows).unwrap();
        image::open(&path).unwrap().to_rgb8()
    }

    #[test]
    fn every_panel_shows_its_lines() {
        let whole = pixels([1.0, 100.0]);
        for (values, x, y) in [([0.5, 100.0], 0, 0), ([1.0, 50.0], 1, 1)] {
            let other = pixels(values);
            let changed = |column: u32, row: u32| {
                let (width, height) = (2 * SIZE.0 as u32, 2 * SIZE.1 as u32);
                let left = 2 * MARGIN as u32 + column * width;
                let top = 2 * (MARGIN + HEAD) as u32 + row * height;
                (left..left + width)
                    .flat_map(|x| (top..top + height).map(move |y| (x, y)))
                    .any(|(x, y)| whole.get_pixel(x, y) != other.get_pixel(x, y))
            };
            for (column, row) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                assert_eq!(changed(column, row), (column, row) == (x, y), "{column} {row}");
            }
        }
    }
}
