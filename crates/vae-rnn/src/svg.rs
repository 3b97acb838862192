//! A drawing of pen strokes as an SVG picture.

use std::fmt::Write;

use shared::plot::escaped;

/// Length of the picture's longer side without its margins.
const SIDE: f64 = 1000.0;
const MARGIN: f64 = 50.0;
const STROKE_WIDTH: f64 = 10.0;

/// A self-contained SVG file of a drawing in stroke-3: for each point its x and y offset from the
/// point before, y downwards, and whether the pen is lifted after it (above 0.5).
///
/// As in sketch-rnn the pen is in the air before the first point, so each stroke begins at the
/// point after a lift. The drawing is scaled to 1000 units along its longer side, whatever the unit
/// of the offsets; an offset that is not finite counts as 0. Without points the picture is empty.
pub fn drawing(strokes: &[[f32; 3]]) -> String {
    let points = points(strokes);
    let [(left, right), (top, bottom)] = [0, 1].map(|axis| extent(&points, axis));
    let longer = (right - left).max(bottom - top);
    let scale = if longer > 0.0 { SIDE / longer } else { 1.0 };
    let side = |length: f64| length * scale + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.1} {:.1}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <g fill=\"none\" stroke=\"black\" stroke-width=\"{STROKE_WIDTH}\" stroke-linecap=\"round\" \
         stroke-linejoin=\"round\">\n",
        side(right - left),
        side(bottom - top),
    );
    let mut start = 0;
    for (index, step) in strokes.iter().enumerate() {
        if step[2] > 0.5 || index + 1 == strokes.len() {
            let placed = points[start..=index].iter().map(|[x, y]| {
                format!("{:.1},{:.1}", (x - left) * scale + MARGIN, (y - top) * scale + MARGIN)
            });
            let mut placed: Vec<String> = placed.collect();
            // A line of a single point is not drawn; one that goes nowhere is a dot.
            if let [point] = placed.as_slice() {
                placed.push(point.clone());
            }
            // Writing into a string cannot fail.
            let _ = writeln!(svg, "<polyline points=\"{}\"/>", placed.join(" "));
            start = index + 1;
        }
    }
    svg + "</g>\n</svg>\n"
}

/// Drawings in one SVG file: labelled rows of what [`drawing`] makes, below labels of the columns.
pub fn drawings(caption: &str, columns: &[String], rows: &[(String, Vec<String>)]) -> String {
    const CELL: usize = 110;
    const LEFT: usize = 200;
    const TOP: usize = 70;
    let count = rows.iter().map(|(_, drawings)| drawings.len()).max().unwrap_or(0);
    let (width, height) = (LEFT + CELL * count.max(5), TOP + CELL * rows.len());
    let text = |x: usize, y: usize, text: &str| {
        format!("<text x=\"{x}\" y=\"{y}\">{}</text>\n", escaped(text))
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    svg.push_str(&text(10, 25, caption));
    for (column, label) in columns.iter().enumerate() {
        svg.push_str(&text(LEFT + CELL * column, TOP - 10, label));
    }
    for (row, (label, drawings)) in rows.iter().enumerate() {
        let top = TOP + CELL * row;
        svg.push_str(&text(10, top + CELL / 2, label));
        for (column, drawing) in drawings.iter().enumerate() {
            let (left, side) = (LEFT + CELL * column, CELL - 10);
            let place =
                format!("<svg x=\"{left}\" y=\"{top}\" width=\"{side}\" height=\"{side}\" ");
            svg.push_str(&drawing.replacen("<svg ", &place, 1));
        }
    }
    svg + "</svg>\n"
}

/// Where each point lies.
fn points(strokes: &[[f32; 3]]) -> Vec<[f64; 2]> {
    let mut at = [0.0; 2];
    let moved = strokes.iter().map(|step| {
        for (at, &offset) in at.iter_mut().zip(&step[..2]) {
            *at += if offset.is_finite() { f64::from(offset) } else { 0.0 };
        }
        at
    });
    moved.collect()
}

/// The smallest and the largest coordinate.
fn extent(points: &[[f64; 2]], axis: usize) -> (f64, f64) {
    let coordinates = points.iter().map(|point| point[axis]);
    let range = coordinates.fold(None, |range: Option<(f64, f64)>, value| {
        Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    });
    range.unwrap_or((0.0, SIDE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Width and height of the picture, and the points of each line.
    fn parsed(svg: &str) -> ([f64; 2], Vec<Vec<[f64; 2]>>) {
        let document = roxmltree::Document::parse(svg).unwrap();
        let numbers = |text: &str| -> Vec<f64> {
            text.split([' ', ',']).map(|number| number.parse().unwrap()).collect()
        };
        let view = numbers(document.root_element().attribute("viewBox").unwrap());
        let lines = document.descendants().filter(|node| node.has_tag_name("polyline"));
        let points = lines.map(|line| {
            let numbers = numbers(line.attribute("points").unwrap());
            numbers.chunks(2).map(|point| [point[0], point[1]]).collect()
        });
        assert_eq!(view[..2], [0.0, 0.0]);
        ([view[2], view[3]], points.collect())
    }

    #[test]
    fn each_lift_ends_a_line_within_the_picture() {
        let strokes = [
            [5.0, 5.0, 0.0],
            [10.0, 0.0, 0.0],
            [0.0, 20.0, 1.0],
            [-30.0, 0.0, 0.0],
            [5.0, -3.0, 1.0],
            [1.0, 1.0, 1.0],
        ];
        let (size, lines) = parsed(&drawing(&strokes));
        // From -15 to 15 and from 5 to 25, so that a unit is 1000 / 30.
        assert_eq!(size, [1100.0, 766.7]);
        let lengths: Vec<usize> = lines.iter().map(Vec::len).collect();
        assert_eq!(lengths, [3, 2, 2]);
        assert_eq!(lines[0], [[716.7, 50.0], [1050.0, 50.0], [1050.0, 716.7]]);
        assert_eq!(lines[2][0], lines[2][1]);
        for [x, y] in lines.into_iter().flatten() {
            assert!((50.0..=size[0] - 49.9).contains(&x) && (50.0..=size[1] - 49.9).contains(&y));
        }
    }

    #[test]
    fn a_last_stroke_is_drawn_also_where_the_pen_stays_down() {
        let (_, lines) = parsed(&drawing(&[[0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]));
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn drawings_of_no_extent_are_pictures_too() {
        assert_eq!(parsed(&drawing(&[])), ([1100.0, 1100.0], vec![]));
        let (size, lines) = parsed(&drawing(&[[7.0, 7.0, 1.0]]));
        assert_eq!((size, lines), ([100.0, 100.0], vec![vec![[50.0, 50.0]; 2]]));
        let (size, _) = parsed(&drawing(&[[f32::NAN, f32::INFINITY, 0.0], [3.0, 0.0, 1.0]]));
        assert_eq!(size, [1100.0, 100.0]);
        let (size, _) = parsed(&drawing(&[[f32::MAX, -f32::MAX, 0.0], [f32::MAX, 0.0, 1.0]]));
        assert_eq!(size, [1100.0, 100.0]);
    }
}
