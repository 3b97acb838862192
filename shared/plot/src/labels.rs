//! Where labels of points stand, so that they hide neither a point nor one another.

use std::ops::Range;

use super::letters;

/// Pixels between a point and its label: close by, and further off with a line to it.
const DISTANCES: [i32; 4] = [9, 24, 42, 64];
/// Reach of a point's dot, with a little air.
const DOT: i32 = 6;
/// What a step to the next distance costs, in pixels hidden.
const STEP: i32 = 12;

/// A label, as high as its letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// Its upper left corner.
    pub(super) corner: (i32, i32),
    /// Where a line to its point ends, if it stands too far off to be seen as the point's.
    pub(super) line: Option<(i32, i32)>,
}

/// A rectangle: left, top, right, bottom.
type Box = [i32; 4];

/// Pixels that two have in common.
fn shared([left, top, right, bottom]: Box, other: Box) -> i32 {
    let across = right.min(other[2]) - left.max(other[0]);
    let down = bottom.min(other[3]) - top.max(other[1]);
    across.max(0) * down.max(0)
}

/// Places for the labels of these points, in their order; `None` where a point has none. Of eight directions and
/// several distances each takes the one that hides the least, the closest of equals.
pub(super) fn beside(
    points: &[((i32, i32), &str)],
    size: f64,
    frame: &(Range<i32>, Range<i32>),
) -> Vec<Option<Label>> {
    let dots: Vec<Box> =
        points.iter().map(|&((x, y), _)| [x - DOT, y - DOT, x + DOT, y + DOT]).collect();
    let mut taken: Vec<Box> = Vec::new();
    let mut labels = Vec::new();
    for &(point, text) in points {
        if text.is_empty() {
            labels.push(None);
            continue;
        }
        let extent = (letters::width(text, size).ceil() as i32, size.ceil() as i32);
        let cost = |place: &(Box, usize)| {
            let (place, distance) = *place;
            let [left, top, right, bottom] = place;
            let whole = (right - left) * (bottom - top);
            let inside = shared(place, [frame.0.start, frame.1.start, frame.0.end, frame.1.end]);
            let hidden: i32 = taken.iter().chain(&dots).map(|other| shared(place, *other)).sum();
            10 * (whole - inside) + hidden + STEP * distance as i32
        };
        let places = DISTANCES.iter().enumerate().flat_map(|(index, &distance)| {
            around(point, extent, distance).map(|place| (place, index))
        });
        if let Some((place, index)) = places.min_by_key(cost) {
            taken.push(place);
            let [left, top, right, bottom] = place;
            let nearest = (point.0.clamp(left, right), point.1.clamp(top, bottom));
            labels.push(Some(Label { corner: (left, top), line: (index > 0).then_some(nearest) }));
        }
    }
    labels
}

/// Rectangles of this extent around a point, the upper right one first.
fn around((x, y): (i32, i32), (width, height): (i32, i32), distance: i32) -> [Box; 8] {
    // Aslant, half the distance either way is about as far off.
    let slant = (distance * 2 / 3).max(7);
    let at = |left, top| [left, top, left + width, top + height];
    let (right, left) = (x + slant, x - slant - width);
    let (above, below) = (y - slant - height, y + slant);
    [
        at(right, above),
        at(right, below),
        at(x + distance, y - height / 2),
        at(left, above),
        at(left, below),
        at(x - distance - width, y - height / 2),
        at(x - width / 2, y - distance - height),
        at(x - width / 2, y + distance),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: (Range<i32>, Range<i32>) = (0..400, 0..300);

    fn boxes(points: &[((i32, i32), &str)]) -> Vec<Box> {
        beside(points, 16.0, &FRAME)
            .into_iter()
            .zip(points)
            .filter_map(|(label, (_, text))| {
                let (left, top) = label?.corner;
                Some([left, top, left + letters::width(text, 16.0).ceil() as i32, top + 16])
            })
            .collect()
    }

    #[test]
    fn labels_of_crowded_points_hide_nothing() {
        let crowd: Vec<_> =
            [(200, 150), (200, 150), (204, 152), (212, 149), (190, 160), (207, 141)]
                .into_iter()
                .zip(["0.001", "0.01", "0.1", "10", "100", "1000"])
                .collect();
        let boxes = boxes(&crowd);
        assert_eq!(boxes.len(), 6);
        for (index, &label) in boxes.iter().enumerate() {
            assert!(boxes[..index].iter().all(|&other| shared(label, other) == 0), "{boxes:?}");
            let dot = |x: i32, y: i32| [x - 5, y - 5, x + 5, y + 5];
            assert!(crowd.iter().all(|&((x, y), _)| shared(label, dot(x, y)) == 0), "{boxes:?}");
        }
    }

    #[test]
    fn a_lonely_label_is_close_and_inside_the_frame() {
        for point in [(200, 150), (1, 1), (399, 299), (399, 1)] {
            let [label] = beside(&[(point, "0.5")], 16.0, &FRAME)[..] else { panic!("one label") };
            assert_eq!(label.and_then(|label| label.line), None, "{point:?}");
            let [left, top, right, bottom] = boxes(&[(point, "0.5")])[0];
            assert!(left >= 0 && top >= 0 && right <= 400 && bottom <= 300, "{point:?}");
        }
    }

    #[test]
    fn a_point_without_a_label_has_none() {
        assert_eq!(beside(&[((5, 5), "")], 16.0, &FRAME), [None]);
    }
}
