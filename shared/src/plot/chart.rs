use std::{ops::Range, path::Path, sync::OnceLock};

use anyhow::{Context, Result, anyhow};
use image::{ImageFormat, RgbImage};
use plotters::{
    coord::Shift,
    prelude::*,
    style::{FontStyle, register_font},
};

use super::axis::{Axis, Ticked};
use crate::{data::ClassNames, files::write_atomic};

/// The font of every picture, carried in the program: nothing need be installed.
pub const FONT: &str = "sans-serif";

/// Registers the font; once is enough.
///
/// # Errors
/// If it cannot be loaded.
pub fn fonts() -> Result<()> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let done = *REGISTERED.get_or_init(|| {
        [FontStyle::Normal, FontStyle::Bold]
            .into_iter()
            .all(|style| register_font(FONT, style, epaint_default_fonts::UBUNTU_LIGHT).is_ok())
    });
    if done { Ok(()) } else { Err(anyhow!("the built-in font cannot be loaded")) }
}

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
type Failed = Box<dyn std::error::Error + Send + Sync>;
type Drawn = Result<(), Failed>;

/// Draws on a white area of `size` and writes it as PNG.
pub fn draw(path: &Path, size: (u32, u32), paint: impl FnOnce(&Area<'_>) -> Drawn) -> Result<()> {
    save(path, painted(size, paint))
}

/// Writes what was painted as PNG.
pub(super) fn save(path: &Path, painted: Result<RgbImage>) -> Result<()> {
    let image = painted.with_context(|| format!("cannot draw {}", path.display()))?;
    let mut bytes = std::io::Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, ImageFormat::Png)
        .with_context(|| format!("cannot encode {}", path.display()))?;
    write_atomic(path, bytes.get_ref())
}

/// Draws on a white area of `size`.
pub(super) fn painted(
    size: (u32, u32),
    paint: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<RgbImage> {
    let mut pixels = vec![255u8; (size.0 * size.1 * 3) as usize];
    {
        let root = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
        paint(&root)
            .and_then(|()| root.present().map_err(Into::into))
            .map_err(|e| anyhow!("{e}"))?;
    }
    RgbImage::from_raw(size.0, size.1, pixels).ok_or_else(|| anyhow!("too many pixels"))
}

/// Ten colours that stay apart (Tableau 10).
pub const COLOURS: [RGBColor; 10] = [
    RGBColor(31, 119, 180),
    RGBColor(255, 127, 14),
    RGBColor(44, 160, 44),
    RGBColor(214, 39, 40),
    RGBColor(148, 103, 189),
    RGBColor(140, 86, 75),
    RGBColor(227, 119, 194),
    RGBColor(127, 127, 127),
    RGBColor(188, 189, 34),
    RGBColor(23, 190, 207),
];

/// Classes that a legend names; there is no room for more.
const NAMED: usize = 36;

/// The colour of a class: beyond the ten, hues a golden angle apart, light and dark in turn.
fn colour_of(class: u8) -> RGBColor {
    let class = usize::from(class);
    let Some(further) = class.checked_sub(COLOURS.len()) else { return COLOURS[class] };
    let hue = (0.1 + further as f64 * 0.618_034).fract();
    let (red, green, blue) = HSLColor(hue, 0.75, [0.35, 0.6][further % 2]).rgb();
    RGBColor(red, green, blue)
}

/// Low and high end of values with a little air.
fn span(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    let air = ((high - low) * 0.04).max(1e-9);
    low - air..high + air
}

type Chart<'a, 'b> = ChartContext<'a, BitMapBackend<'b>, Cartesian2d<Ticked, Ticked>>;

/// A caption, and two axes over these ranges of positions, in which points lie at these.
fn framed<'a, 'b>(
    root: &'a Area<'b>,
    caption: &str,
    axes: [Axis<'_>; 2],
    ranges: [Range<f64>; 2],
    points: &[(f64, f64)],
) -> Result<Chart<'a, 'b>, Failed> {
    let [across, up] = ranges;
    let across = axes[0].over(across, points.iter().map(|p| p.0));
    let up = axes[1].over(up, points.iter().map(|p| p.1));
    let mut chart = ChartBuilder::on(root)
        .caption(caption, (FONT, 24))
        .margin(15)
        .x_label_area_size(45)
        .y_label_area_size(70)
        .build_cartesian_2d(across, up)?;
    chart
        .configure_mesh()
        .x_desc(axes[0].name)
        .y_desc(axes[1].name)
        .x_label_formatter(&|at| axes[0].label(*at))
        .y_label_formatter(&|at| axes[1].label(*at))
        .label_style((FONT, 16))
        .axis_desc_style((FONT, 18))
        .light_line_style(WHITE)
        .draw()?;
    Ok(chart)
}

/// Names what was drawn.
fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, position: SeriesLabelPosition) -> Drawn {
    chart
        .configure_series_labels()
        .position(position)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.4))
        .label_font((FONT, 16))
        .draw()?;
    Ok(())
}

/// A scatter plot of points coloured by class, with a legend of the classes: by name where they have names.
///
/// # Errors
/// If the file cannot be written.
pub fn scatter(
    path: &Path,
    caption: &str,
    axes: [&str; 2],
    points: &[[f32; 2]],
    classes: &[u8],
    names: &ClassNames,
) -> Result<()> {
    fonts()?;
    let axis = |i: usize| span(points.iter().map(move |p| f64::from(p[i])));
    draw(path, (1000, 900), |root| {
        let mut chart = framed(root, caption, axes.map(Axis::linear), [axis(0), axis(1)], &[])?;
        let mut present = classes.to_vec();
        present.sort_unstable();
        present.dedup();
        for (place, class) in present.iter().copied().enumerate() {
            let colour = colour_of(class);
            let own: Vec<(f64, f64)> = points
                .iter()
                .zip(classes)
                .filter(|(_, c)| **c == class)
                .map(|(p, _)| (f64::from(p[0]), f64::from(p[1])))
                .collect();
            let circles = own.iter().map(|&p| Circle::new(p, 2, colour.mix(0.6).filled()));
            let drawn = chart.draw_series(circles)?;
            if place < NAMED {
                drawn
                    .label(names.name(class))
                    .legend(move |(x, y)| Circle::new((x + 8, y), 5, colour.filled()));
            } else if place == NAMED {
                drawn
                    .label(format!("and {} more", present.len() - NAMED))
                    .legend(move |(x, y)| Circle::new((x + 8, y), 5, BLACK.stroke_width(1)));
            }
        }
        legend(&mut chart, SeriesLabelPosition::UpperRight)
    })
}

/// A named line of a chart.
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Points from left to right.
    pub points: Vec<(f64, f64)>,
}

/// Lines over a common axis, with a legend.
///
/// # Errors
/// If the file cannot be written.
pub fn curves(path: &Path, caption: &str, axes: [&str; 2], series: &[Series]) -> Result<()> {
    fonts()?;
    let points: Vec<(f64, f64)> = series.iter().flat_map(|s| s.points.iter().copied()).collect();
    let ranges = [span(points.iter().map(|p| p.0)), span(points.iter().map(|p| p.1))];
    draw(path, (1000, 640), |root| {
        let mut chart = framed(root, caption, axes.map(Axis::linear), ranges.clone(), &points)?;
        for (index, line) in series.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))?
                .label(line.name.clone())
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(3))
                });
            if line.points.len() <= 40 {
                chart
                    .draw_series(line.points.iter().map(|&p| Circle::new(p, 3, colour.filled())))?;
            }
        }
        legend(&mut chart, emptiest_corner(&points, &ranges))
    })
}

/// A point with the standard deviations of both coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// Mean and standard deviation, horizontal.
    pub x: (f64, f64),
    /// Mean and standard deviation, vertical.
    pub y: (f64, f64),
    /// What stands beside it.
    pub label: String,
}

impl Spread {
    /// A point without a label.
    pub fn new(x: (f64, f64), y: (f64, f64)) -> Self {
        Self { x, y, label: String::new() }
    }

    /// The same with a label.
    #[must_use]
    pub fn labelled(self, label: String) -> Self {
        Self { label, ..self }
    }
}

/// Points with error bars, those of a series joined, and perhaps a horizontal line with a name.
///
/// # Errors
/// If the file cannot be written.
pub fn error_bars(
    path: &Path,
    caption: &str,
    axes: [Axis<'_>; 2],
    series: &[(String, Vec<Spread>)],
    line: Option<(&str, f64)>,
) -> Result<()> {
    fonts()?;
    let ends = |axis: Axis<'_>, (mean, spread): (f64, f64)| {
        [mean - spread, mean + spread].map(|end| axis.position(end))
    };
    let middle = |p: &Spread| (axes[0].position(p.x.0), axes[1].position(p.y.0));
    let all = || series.iter().flat_map(|(_, points)| points);
    let line = line.map(|(name, height)| (name, axes[1].position(height)));
    let ranges = [
        span(all().flat_map(|p| ends(axes[0], p.x))),
        span(all().flat_map(|p| ends(axes[1], p.y)).chain(line.map(|line| line.1))),
    ];
    let points: Vec<(f64, f64)> = all().map(middle).collect();
    draw(path, (1000, 720), |root| {
        let mut chart = framed(root, caption, axes, ranges.clone(), &points)?;
        let grey = BLACK.mix(0.5);
        if let Some((name, height)) = line {
            chart
                .draw_series(DashedLineSeries::new(
                    [(ranges[0].start, height), (ranges[0].end, height)],
                    6,
                    5,
                    grey.stroke_width(2),
                ))?
                .label(name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 20, y)], grey.stroke_width(2))
                });
        }
        for (index, (name, points)) in series.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let bar = colour.mix(0.45).stroke_width(1);
            for point in points {
                let ([left, right], [low, high]) = (ends(axes[0], point.x), ends(axes[1], point.y));
                let (x, y) = middle(point);
                chart.draw_series([
                    PathElement::new([(left, y), (right, y)], bar),
                    PathElement::new([(x, low), (x, high)], bar),
                ])?;
            }
            let middles = || points.iter().map(middle);
            chart.draw_series(LineSeries::new(middles(), colour.mix(0.6).stroke_width(1)))?;
            chart.draw_series(points.iter().filter(|p| !p.label.is_empty()).map(|p| {
                let style = TextStyle::from((FONT, 16).into_font()).color(&BLACK);
                EmptyElement::at(middle(p)) + Text::new(p.label.clone(), (8, -18), style)
            }))?;
            chart
                .draw_series(middles().map(|p| Circle::new(p, 5, colour.filled())))?
                .label(name.clone())
                .legend(move |(x, y)| Circle::new((x + 10, y), 5, colour.filled()));
        }
        legend(&mut chart, emptiest_corner(&points, &ranges))
    })
}

/// The corner with the fewest points in the quarter of the area around it.
fn emptiest_corner(points: &[(f64, f64)], [across, up]: &[Range<f64>; 2]) -> SeriesLabelPosition {
    let middle = |range: &Range<f64>| 0.5 * (range.start + range.end);
    let count = |right: bool, upper: bool| {
        let is_near =
            |p: &&(f64, f64)| (p.0 > middle(across)) == right && (p.1 > middle(up)) == upper;
        points.iter().filter(is_near).count()
    };
    [
        (count(true, false), SeriesLabelPosition::LowerRight),
        (count(true, true), SeriesLabelPosition::UpperRight),
        (count(false, true), SeriesLabelPosition::UpperLeft),
        (count(false, false), SeriesLabelPosition::LowerLeft),
    ]
    .into_iter()
    .min_by_key(|(count, _)| *count)
    .map_or(SeriesLabelPosition::LowerRight, |(_, corner)| corner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(classes: &[u8]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.png");
        let points: Vec<[f32; 2]> =
            (0..classes.len()).map(|i| [i as f32, (i % 7) as f32]).collect();
        scatter(&path, "map", ["a", "b"], &points, classes, &ClassNames::default()).unwrap();
        image::open(&path).unwrap().to_rgb8().into_raw()
    }

    #[test]
    fn a_map_draws_and_names_every_class() {
        let classes: Vec<u8> = (0..20).collect();
        let whole = map(&classes);
        // Each class has a colour of its own in points and legend: to change one changes the picture.
        for class in [3, 10, 15, 19] {
            let mut other = classes.clone();
            other[class] = 20;
            let differing = map(&other).iter().zip(&whole).filter(|(a, b)| a != b).count();
            assert!(differing > 20, "class {class}: {differing}");
        }
        let mut colours: Vec<_> = (0..=255).map(colour_of).map(|c| (c.0, c.1, c.2)).collect();
        assert_eq!(colours[..10], COLOURS.map(|c| (c.0, c.1, c.2)));
        colours.sort_unstable();
        colours.dedup();
        assert!(colours.len() > 240, "{}", colours.len());
        // A legend of more than there is room for says how many it leaves out.
        map(&(0..=255).collect::<Vec<u8>>());
    }
}
