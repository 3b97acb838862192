use std::{
    ops::Range,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, Result, anyhow};
use data::ClassNames;
use files::write_atomic;
use image::ImageFormat;
use plotters::{coord::Shift, prelude::*};
use statistics::mean;
use terminal::progress;

use super::{
    axis::{Axis, Ticked},
    canvas::{Canvas, Picture, is_svg_wanted},
    labels::beside,
    letters,
};

/// What plotters calls the font; the canvas has one.
pub const FONT: &str = "sans-serif";

/// What pictures are drawn on.
pub type Area<'a> = DrawingArea<Canvas<'a>, Shift>;
type Failed = Box<dyn std::error::Error + Send + Sync>;
/// What drawing comes to.
pub type Drawn = Result<(), Failed>;

/// True once a picture was written as SVG.
static IS_SVG_WRITTEN: AtomicBool = AtomicBool::new(false);

/// True once it was said that the font lacks a letter.
static IS_LACK_SAID: AtomicBool = AtomicBool::new(false);

/// Writes a picture as SVG.
///
/// # Errors
/// If the file cannot be written.
pub fn write_svg(path: &Path, svg: &str) -> Result<()> {
    write_atomic(path, svg.as_bytes())?;
    IS_SVG_WRITTEN.store(true, Ordering::Relaxed);
    Ok(())
}

/// True if [`write_svg`] wrote one.
pub fn is_svg_written() -> bool {
    IS_SVG_WRITTEN.load(Ordering::Relaxed)
}

/// Draws on a white area of `size` and writes it as PNG, and as SVG beside it if that is wanted.
///
/// # Errors
/// If the file cannot be written.
pub fn draw(path: &Path, size: (u32, u32), paint: impl FnOnce(&Area<'_>) -> Drawn) -> Result<()> {
    save(path, painted(size, paint))
}

/// Writes what was painted: as SVG alone if the path ends so.
pub(super) fn save(path: &Path, painted: Result<Picture>) -> Result<()> {
    let picture = painted.with_context(|| format!("cannot draw {}", path.display()))?;
    let is_svg = path.extension().is_some_and(|ending| ending == "svg");
    if is_svg || is_svg_wanted() {
        write_svg(&path.with_extension("svg"), &picture.svg())?;
    }
    if is_svg {
        return Ok(());
    }
    if let Some(letter) = picture.lacking()
        && !is_svg_wanted()
        && !IS_LACK_SAID.swap(true, Ordering::Relaxed)
    {
        progress::line(&format!(
            "the font of pictures lacks {letter:?}: a PNG shows a box; --format svg keeps the letter"
        ));
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .image()?
        .write_to(&mut bytes, ImageFormat::Png)
        .with_context(|| format!("cannot encode {}", path.display()))?;
    write_atomic(path, bytes.get_ref())
}

/// Draws on a white area of `size`.
pub(super) fn painted(size: (u32, u32), paint: impl FnOnce(&Area<'_>) -> Drawn) -> Result<Picture> {
    let mut picture = Picture::new(size)?;
    {
        let root = picture.canvas().into_drawing_area();
        paint(&root)
            .and_then(|()| root.present().map_err(Into::into))
            .map_err(|e| anyhow!("{e}"))?;
    }
    Ok(picture)
}

/// Ten colours that stay apart, also for eyes that tell red from green badly (Petroff 2021).
pub const COLOURS: [RGBColor; 10] = [
    RGBColor(63, 144, 218),
    RGBColor(255, 169, 14),
    RGBColor(189, 31, 1),
    RGBColor(148, 164, 162),
    RGBColor(131, 45, 182),
    RGBColor(169, 107, 89),
    RGBColor(231, 99, 0),
    RGBColor(185, 172, 112),
    RGBColor(113, 117, 129),
    RGBColor(146, 218, 221),
];

/// Letters of captions, of a legend, and the height of its lines.
const CAPTION: f64 = 24.0;
pub(super) const LETTERS: f64 = 16.0;
const LINE: i32 = 23;
/// Radius of a dot with error bars.
const DOT: i32 = 5;
/// Width, without its legend, and height of a map.
const SQUARE: (u32, u32) = (940, 900);
/// Margin around a chart, and width of a mark in the legend.
pub(super) const MARGIN: i32 = 15;
const MARK: i32 = 28;
/// From an axis to its labels, as plotters draws them, and from labels wider than usual to the axis's name.
const FROM_AXIS: i32 = 10;
const FROM_NAME: i32 = 6;
/// Letters of the values and the names of axes.
const AXES: [i32; 2] = [16, 18];

/// The colour of a class or a series: beyond the ten, hues a golden angle apart, light and dark in
/// turn.
pub(super) fn colour_of(place: usize) -> RGBColor {
    let Some(further) = place.checked_sub(COLOURS.len()) else { return COLOURS[place] };
    let hue = (0.1 + further as f64 * 0.618_034).fract();
    let (red, green, blue) = HSLColor(hue, 0.75, [0.35, 0.6][further % 2]).rgb();
    RGBColor(red, green, blue)
}

/// The same as a page has it: `#rrggbb`.
pub fn web_colour(class: u8) -> String {
    let RGBColor(red, green, blue) = colour_of(class.into());
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Low and high end of values with a little air.
pub(super) fn span(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    let size = low.abs().max(high.abs());
    // One value stands in the middle: ticks a billionth apart would say nothing.
    let air = match high - low {
        little if little <= 1e-9 * size => {
            if size > 0.0 {
                0.5 * size
            } else {
                0.5
            }
        }
        range => 0.04 * range,
    };
    low - air..high + air
}

pub(super) type Chart<'a, 'b> = ChartContext<'a, Canvas<'b>, Cartesian2d<Ticked, Ticked>>;

/// A caption, and two axes over these ranges of positions, in which points lie at these.
fn framed<'a, 'b>(
    root: &'a Area<'b>,
    caption: &str,
    axes: [Axis<'_>; 2],
    ranges: [Range<f64>; 2],
    points: &[(f64, f64)],
    legend: &Legend,
) -> Result<Chart<'a, 'b>, Failed> {
    let [across, up] = ranges;
    let across = axes[0].over(across, points.iter().map(|p| p.0));
    let up = axes[1].over(up, points.iter().map(|p| p.1));
    let caption_style = style(caption_size(caption, root.dim_in_pixel().0));
    root.draw_text(caption, &caption_style, (MARGIN, MARGIN))?;
    let mut chart = ChartBuilder::on(root)
        .margin(MARGIN)
        .margin_top(MARGIN + 36)
        .margin_right(MARGIN + legend.width())
        .x_label_area_size(45)
        .y_label_area_size(label_area(70, axes[1], &up, AXES))
        .build_cartesian_2d(across, up)?;
    mesh(&mut chart, axes, AXES)?;
    legend.draw(root)?;
    Ok(chart)
}

/// Width of the labels and the name of a vertical axis in letters of these sizes: the usual one, unless
/// the labels would run into the name.
pub(super) fn label_area(
    usual: i32,
    axis: Axis<'_>,
    ticked: &Ticked,
    [values, names]: [i32; 2],
) -> i32 {
    let labels = axis.labels(ticked);
    let widths = labels.iter().map(|label| letters::width(label, values.into()));
    let needed = FROM_AXIS + widths.fold(0.0, f64::max) as i32 + names;
    if needed > usual { needed + FROM_NAME } else { usual }
}

/// Lines at the ticks of both axes, with letters of these sizes for their values and the axes' names.
pub(super) fn mesh(
    chart: &mut Chart<'_, '_>,
    axes: [Axis<'_>; 2],
    [values, names]: [i32; 2],
) -> Drawn {
    let (across, up) = (chart.x_range(), chart.y_range());
    chart
        .configure_mesh()
        .x_desc(axes[0].name)
        .y_desc(axes[1].name)
        .x_label_formatter(&|at| axes[0].label(*at, &across))
        .y_label_formatter(&|at| axes[1].label(*at, &up))
        .label_style((FONT, values))
        .axis_desc_style((FONT, names))
        .light_line_style(WHITE)
        .draw()?;
    Ok(())
}

/// Black letters of this size.
pub(super) fn style(size: f64) -> TextStyle<'static> {
    TextStyle::from((FONT, size).into_font()).color(&BLACK)
}

/// Letters of a caption that fit into this width.
pub(super) fn caption_size(caption: &str, across: u32) -> f64 {
    let room = f64::from(across) - 2.0 * f64::from(MARGIN);
    (CAPTION * room / letters::width(caption, CAPTION).max(1.0)).clamp(13.0, CAPTION)
}

/// How a series is drawn, in the legend too.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Dot(RGBColor),
    Ring,
    Line(RGBColor),
}

/// What stands for what, to the right of a chart, where it hides nothing.
pub(super) struct Legend(Vec<(Mark, String)>);

impl Legend {
    /// The entries for which there is room in this height; how many are left out, if any.
    pub(super) fn fitting(mut entries: Vec<(Mark, String)>, height: u32) -> Self {
        let room = ((height as i32 - 2 * MARGIN - 36) / LINE).max(2) as usize;
        if entries.len() > room {
            let more = entries.len() - (room - 1);
            entries.truncate(room - 1);
            entries.push((Mark::Ring, format!("and {more} more")));
        }
        Self(entries)
    }

    pub(super) fn width(&self) -> i32 {
        let longest = self.0.iter().map(|(_, name)| letters::width(name, LETTERS));
        let longest = longest.fold(0.0, f64::max);
        if self.0.is_empty() { 0 } else { longest.ceil() as i32 + MARK + 12 }
    }

    pub(super) fn draw(&self, root: &Area<'_>) -> Drawn {
        let left = root.dim_in_pixel().0 as i32 - self.width() - MARGIN + 12;
        for (line, (mark, name)) in (0..).zip(&self.0) {
            let y = MARGIN + 36 + line * LINE + LINE / 2;
            let (from, to, at) = ((left, y), (left + MARK - 8, y), (left + MARK / 2 - 4, y));
            match *mark {
                Mark::Dot(colour) => root.draw(&Circle::new(at, 5, colour.filled()))?,
                Mark::Ring => root.draw(&Circle::new(at, 5, BLACK.stroke_width(1)))?,
                Mark::Line(colour) => {
                    root.draw(&PathElement::new([from, to], colour.stroke_width(3)))?;
                }
            }
            root.draw_text(name, &style(LETTERS), (left + MARK, y - LETTERS as i32 / 2))?;
        }
        Ok(())
    }
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
    let axis = |i: usize| span(points.iter().map(move |p| f64::from(p[i])));
    let mut present = classes.to_vec();
    present.sort_unstable();
    present.dedup();
    let named = |&class: &u8| (Mark::Dot(colour_of(class.into())), names.name(class));
    let legend = Legend::fitting(present.iter().map(named).collect(), SQUARE.1);
    draw(path, (SQUARE.0 + legend.width() as u32, SQUARE.1), |root| {
        let ranges = [axis(0), axis(1)];
        let mut chart = framed(root, caption, axes.map(Axis::linear), ranges, &[], &legend)?;
        for class in present {
            let colour = colour_of(class.into());
            let own = points.iter().zip(classes).filter(|(_, c)| **c == class);
            let own = own.map(|(p, _)| (f64::from(p[0]), f64::from(p[1])));
            chart.draw_series(own.map(|p| Circle::new(p, 3, colour.mix(0.6).filled())))?;
        }
        Ok(())
    })
}

/// A named line of a chart.
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Points from left to right.
    pub points: Vec<(f64, f64)>,
}

/// Lines over a common axis, on which something is counted, with a legend.
///
/// # Errors
/// If the file cannot be written.
pub fn curves(path: &Path, caption: &str, axes: [&str; 2], series: &[Series]) -> Result<()> {
    let points: Vec<(f64, f64)> = series.iter().flat_map(|s| s.points.iter().copied()).collect();
    let ranges = [span(points.iter().map(|p| p.0)), span(points.iter().map(|p| p.1))];
    let entry = |(index, line): (usize, &Series)| (Mark::Line(colour_of(index)), line.name.clone());
    let legend = Legend::fitting(series.iter().enumerate().map(entry).collect(), 640);
    draw(path, (940 + legend.width() as u32, 640), |root| {
        let axes = [Axis::whole(axes[0]), Axis::linear(axes[1])];
        let mut chart = framed(root, caption, axes, ranges, &points, &legend)?;
        for (index, line) in series.iter().enumerate() {
            let colour = colour_of(index);
            chart.draw_series(LineSeries::new(
                line.points.iter().copied(),
                colour.stroke_width(2),
            ))?;
            if line.points.len() <= 40 {
                chart
                    .draw_series(line.points.iter().map(|&p| Circle::new(p, 3, colour.filled())))?;
            }
        }
        Ok(())
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
    /// Pixels that the dot stands beside its place, so that it hides no other.
    pub aside: i32,
}

impl Spread {
    /// A point without a label.
    pub fn new(x: (f64, f64), y: (f64, f64)) -> Self {
        Self { x, y, label: String::new(), aside: 0 }
    }

    /// The same with a label.
    #[must_use]
    pub fn labelled(self, label: String) -> Self {
        Self { label, ..self }
    }
}

/// Points with error bars, those of a series joined.
///
/// # Errors
/// If the file cannot be written.
pub fn error_bars(
    path: &Path,
    caption: &str,
    axes: [Axis<'_>; 2],
    series: &[(String, Vec<Spread>)],
) -> Result<()> {
    let ends = |axis: Axis<'_>, (mean, spread): (f64, f64)| {
        [mean - spread, mean + spread].map(|end| axis.position(end))
    };
    let middle = |p: &Spread| (axes[0].position(p.x.0), axes[1].position(p.y.0));
    let all = || series.iter().flat_map(|(_, points)| points);
    let ranges = [
        span(all().flat_map(|p| ends(axes[0], p.x))),
        span(all().flat_map(|p| ends(axes[1], p.y))),
    ];
    let points: Vec<(f64, f64)> = all().map(middle).collect();
    let entry = |(index, (name, _)): (usize, &(String, Vec<Spread>))| {
        (Mark::Dot(colour_of(index)), name.clone())
    };
    // One without points keeps the colours of those behind it as they are in other pictures.
    let drawn = series.iter().enumerate().filter(|(_, (_, points))| !points.is_empty());
    let legend = Legend::fitting(drawn.map(entry).collect(), 720);
    draw(path, (940 + legend.width() as u32, 720), |root| {
        let mut chart = framed(root, caption, axes, ranges.clone(), &points, &legend)?;
        for (index, (_, points)) in series.iter().enumerate() {
            let colour = colour_of(index);
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
        }
        let at = |chart: &Chart<'_, '_>, p: &Spread| {
            let (x, y) = chart.backend_coord(&middle(p));
            (x + p.aside, y)
        };
        let mut dots: Vec<((i32, i32), &str)> = Vec::new();
        for (index, (_, points)) in series.iter().enumerate() {
            for point in points {
                let (x, y) = at(&chart, point);
                // A dot on another is smaller, so that both are seen.
                let below = dots.iter().filter(|((u, v), _)| (x - u).abs().max((y - v).abs()) < 3);
                let radius = DOT - (2 * below.count() as i32).min(DOT - 2);
                root.draw(&Circle::new((x, y), radius, colour_of(index).filled()))?;
                dots.push(((x, y), &point.label));
            }
        }
        let frame = chart.plotting_area().get_pixel_range();
        for (label, (dot, text)) in beside(&dots, LETTERS, &frame).into_iter().zip(&dots) {
            let Some(label) = label else { continue };
            if let Some(end) = label.line {
                root.draw(&PathElement::new([*dot, end], BLACK.mix(0.5).stroke_width(1)))?;
            }
            root.draw_text(text, &style(LETTERS), label.corner)?;
        }
        Ok(())
    })
}

/// A place along the first axis, and the values of several runs there.
pub type Place = (f64, Vec<f64>);

/// Values of several runs at places along the first axis, by series: each a small point, their means joined.
///
/// # Errors
/// If the file cannot be written.
pub fn means(
    path: &Path,
    caption: &str,
    axes: [Axis<'_>; 2],
    series: &[(String, Vec<Place>)],
) -> Result<()> {
    let [across, up] = axes;
    let all = || series.iter().flat_map(|(_, places)| places);
    let points: Vec<(f64, f64)> = all()
        .flat_map(|(x, values)| values.iter().map(|y| (across.position(*x), up.position(*y))))
        .collect();
    let ranges = [span(points.iter().map(|p| p.0)), span(points.iter().map(|p| p.1))];
    let entry =
        |(index, (name, _)): (usize, &(String, _))| (Mark::Line(colour_of(index)), name.clone());
    // One series without a name needs no legend.
    let named = series.iter().enumerate().filter(|(_, (name, _))| !name.is_empty());
    let legend = Legend::fitting(named.map(entry).collect(), 720);
    draw(path, (940 + legend.width() as u32, 720), |root| {
        let mut chart = framed(root, caption, axes, ranges.clone(), &points, &legend)?;
        for (index, (_, places)) in series.iter().enumerate() {
            let colour = colour_of(index);
            let middles = || {
                let middle = |(x, values): &Place| (across.position(*x), up.position(mean(values)));
                places.iter().map(middle)
            };
            chart.draw_series(LineSeries::new(middles(), colour.stroke_width(2)))?;
            chart.draw_series(middles().map(|p| Circle::new(p, 5, colour.filled())))?;
            let runs = places.iter().flat_map(|(x, values)| values.iter().map(move |y| (*x, *y)));
            let runs = runs.map(|(x, y)| (across.position(x), up.position(y)));
            chart.draw_series(runs.map(|p| Circle::new(p, 4, colour.stroke_width(2))))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use plotters::coord::ranged1d::{BoldPoints, Ranged};

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
    fn one_value_has_an_axis_of_its_size_around_it() {
        for (values, wanted) in [
            (&[1.0][..], 0.5..1.5),
            (&[0.0, 0.0], -0.5..0.5),
            (&[93.5, 93.5 + 1e-8], 46.75..140.25),
            (&[0.0, 100.0], -4.0..104.0),
        ] {
            let found = span(values.iter().copied());
            assert!((found.start - wanted.start).abs() < 1e-6, "{found:?}");
            assert!((found.end - wanted.end).abs() < 1e-6, "{found:?}");
        }
        let (across, up) = (span([1.0].into_iter()), Axis::whole("epoch"));
        let ticks = up.over(across, [].into_iter()).key_points(BoldPoints(5));
        assert_eq!(ticks, [1.0]);
    }

    /// A chart up to this value, whose vertical axis has this name.
    fn up_to(highest: f64, name: &str) -> image::RgbImage {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.png");
        let points = vec![(1.0, 0.0), (2.0, highest)];
        curves(&path, "", ["epoch", name], &[Series { name: String::new(), points }]).unwrap();
        image::open(&path).unwrap().to_rgb8()
    }

    #[test]
    fn the_name_of_an_axis_lies_beside_its_labels() {
        for highest in [0.05, 1e5, 1.6e6, -9e6] {
            let (bare, named) = (up_to(highest, ""), up_to(highest, "loss per glyph"));
            let columns = bare.enumerate_pixels().zip(named.pixels());
            let name = columns.clone().filter(|((.., bare), named)| bare != named);
            let name = name.map(|((x, ..), _)| x).max();
            let labels = columns.filter(|((.., bare), _)| bare.0 != [255; 3]);
            assert!(name.is_some() && name < labels.map(|((x, ..), _)| x).min(), "{highest}");
        }
    }

    #[test]
    fn usual_labels_have_the_usual_room() {
        let axis = Axis::linear("loss");
        for range in [0.0..1.0, 0.0..0.05, 93.0..94.5, 0.0..60_000.0] {
            let ticked = axis.over(range, [].into_iter());
            assert_eq!(label_area(70, axis, &ticked, AXES), 70);
        }
    }

    #[test]
    fn every_series_has_a_colour_of_its_own_in_the_chart_and_in_the_legend() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let flat =
            |name: String, level: f64| Series { name, points: vec![(1.0, level), (2.0, level)] };
        let lines: Vec<Series> =
            (0..12).map(|series| flat(format!("#{series}"), f64::from(series))).collect();
        curves(&at("curves.png"), "curves", ["epoch", "loss"], &lines).unwrap();
        let places: Vec<(String, Vec<Place>)> = lines
            .iter()
            .map(|line| (line.name.clone(), line.points.iter().map(|p| (p.0, vec![p.1])).collect()))
            .collect();
        let axes = [Axis::linear("place"), Axis::linear("value")];
        means(&at("means.png"), "means", axes, &places).unwrap();
        for name in ["curves.png", "means.png"] {
            let image = image::open(at(name)).unwrap().to_rgb8();
            for series in 0..12 {
                let RGBColor(red, green, blue) = colour_of(series);
                // Two pixels for each unit of length; the legend is right of the chart.
                let is_drawn = |in_legend: bool| {
                    image.enumerate_pixels().any(|(x, _, pixel)| {
                        (x > 2 * 932) == in_legend && pixel.0 == [red, green, blue]
                    })
                };
                assert!(is_drawn(false) && is_drawn(true), "{name}: series {series}");
            }
        }
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
