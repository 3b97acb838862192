//! Measures of handwriting that do not depend on the digit.

use ndarray::{Array2, ArrayView1, Axis};
use shared::data::PixelShape;

/// The ink of each pixel, row by row: the mean of its channels.
fn ink_of(image: ArrayView1<'_, f32>, shape: PixelShape) -> Vec<f64> {
    let mean = |pixel: ArrayView1<'_, f32>| {
        pixel.iter().map(|&p| f64::from(p)).sum::<f64>() / pixel.len() as f64
    };
    image.axis_chunks_iter(Axis(0), shape.channels).map(mean).collect()
}

/// How far strokes lean: the slope of the columns' regression on the rows, from the moments of the
/// ink; 0 upright, negative to the right at the top.
pub fn slant(image: ArrayView1<'_, f32>, shape: PixelShape) -> f64 {
    let pixels = ink_of(image, shape);
    let mut ink = [0f64; 3];
    let each = |f: &mut dyn FnMut(f64, f64, f64)| {
        for (index, &p) in pixels.iter().enumerate() {
            let (x, y) = ((index % shape.width) as f64, (index / shape.width) as f64);
            f(p, x, y);
        }
    };
    each(&mut |p, x, y| {
        ink[0] += p;
        ink[1] += p * x;
        ink[2] += p * y;
    });
    let total = ink[0].max(f64::MIN_POSITIVE);
    let (centre_x, centre_y) = (ink[1] / total, ink[2] / total);
    let (mut across, mut down) = (0f64, 0f64);
    each(&mut |p, x, y| {
        across += p * (x - centre_x) * (y - centre_y);
        down += p * (y - centre_y).powi(2);
    });
    // A line of one row has a height of rounding, and any slant by it.
    let rounding = total * (pixels.len() as f64 * f64::EPSILON * shape.height as f64).powi(2);
    if down > rounding { across / down } else { 0.0 }
}

/// Width of the strokes in pixels: twice the ink over the length of its outline.
pub fn stroke_width(image: ArrayView1<'_, f32>, shape: PixelShape) -> f64 {
    let pixels = ink_of(image, shape);
    let at = |x: usize, y: usize| pixels[y * shape.width + x];
    let mut outline = 0f64;
    for y in 0..shape.height {
        for x in 0..shape.width {
            if x + 1 < shape.width {
                outline += (at(x, y) - at(x + 1, y)).abs();
            }
            if y + 1 < shape.height {
                outline += (at(x, y) - at(x, y + 1)).abs();
            }
        }
    }
    let ink: f64 = pixels.iter().sum();
    if outline > 0.0 { 2.0 * ink / outline } else { 0.0 }
}

/// Correlation, over all sources and labels, of a measure of the source, `[sources]`, with the same
/// measure of its rewritten digits, `[sources, labels]`. Both are centred within each pair of source
/// class and label, so the shapes of classes and labels do not count. 0 if either varies by no more
/// than rounding.
pub fn correlation(sources: &[f64], made: &Array2<f64>, classes: &[u8]) -> f64 {
    let (mut both, mut source_squares, mut made_squares) = (0f64, 0f64, 0f64);
    for label in 0..made.ncols() {
        for class in 0..=u8::MAX {
            let members: Vec<usize> =
                (0..sources.len()).filter(|&source| classes[source] == class).collect();
            let count = members.len().max(1) as f64;
            let source_mean = members.iter().map(|&i| sources[i]).sum::<f64>() / count;
            let made_mean = members.iter().map(|&i| made[[i, label]]).sum::<f64>() / count;
            for &i in &members {
                let (a, b) = (sources[i] - source_mean, made[[i, label]] - made_mean);
                both += a * b;
                source_squares += a * a;
                made_squares += b * b;
            }
        }
    }
    let rounding = |largest: f64, count: usize| {
        count as f64 * (sources.len() as f64 * f64::EPSILON * largest).powi(2)
    };
    let largest = |values: &mut dyn Iterator<Item = &f64>| values.fold(0f64, |a, b| a.max(b.abs()));
    let of_sources = rounding(largest(&mut sources.iter()), made.len());
    let of_made = rounding(largest(&mut made.iter()), made.len());
    if source_squares > of_sources && made_squares > of_made {
        both / (source_squares * made_squares).sqrt()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;

    const SHAPE: PixelShape = PixelShape::grey(28, 28);

    /// A stroke of some width that moves by `lean` columns a row.
    fn stroke(lean: f64, width: usize) -> Array1<f32> {
        let mut image = Array1::zeros(784);
        for y in 4..24 {
            let left = (14.0 + lean * (y as f64 - 14.0)).round() as usize;
            for x in left..left + width {
                image[y * 28 + x] = 1.0;
            }
        }
        image
    }

    #[test]
    fn measures_at_known_values() {
        for lean in [-0.4, 0.0, 0.3] {
            assert!((slant(stroke(lean, 2).view(), SHAPE) - lean).abs() < 0.03, "{lean}");
        }
        for width in [1, 2, 4] {
            // An upright stroke of height 20: its outline is 40 long and has two ends.
            let exact = 2.0 * 20.0 * width as f64 / (40.0 + 2.0 * width as f64);
            let found = stroke_width(stroke(0.0, width).view(), SHAPE);
            assert!((found - exact).abs() < 1e-6, "{found} {exact}");
        }
        let blank = Array1::zeros(784);
        assert_eq!((slant(blank.view(), SHAPE), stroke_width(blank.view(), SHAPE)), (0.0, 0.0));
        // A line along a row leans nowhere, however its grey levels round.
        for row in 0..28 {
            let mut line = Array1::zeros(784);
            (0..28).for_each(|x| line[row * 28 + x] = 1.0 / (x as f32 + 3.0));
            assert_eq!(slant(line.view(), SHAPE), 0.0, "row {row}");
        }
    }

    #[test]
    fn three_equal_channels_measure_as_their_grey() {
        let shape = PixelShape { channels: 3, ..SHAPE };
        for (lean, width) in [(-0.4, 2), (0.0, 1), (0.3, 4)] {
            let grey = stroke(lean, width);
            let equal: Array1<f32> = grey.iter().flat_map(|&p| [p; 3]).collect();
            assert_eq!(slant(equal.view(), shape), slant(grey.view(), SHAPE), "{lean}");
            let wanted = stroke_width(grey.view(), SHAPE);
            assert_eq!(stroke_width(equal.view(), shape), wanted, "{width}");
        }
    }

    #[test]
    fn correlation_is_one_for_a_kept_style_and_blind_to_classes_and_labels() {
        let classes: Vec<u8> = (0..60).map(|i| (i % 3) as u8).collect();
        let sources: Vec<f64> = (0..60).map(|i| f64::from(i * 7 % 11)).collect();
        let kept = Array2::from_shape_fn((60, 4), |(i, label)| {
            2.0 * sources[i] + 100.0 * f64::from(classes[i]) + 30.0 * label as f64
        });
        assert!((correlation(&sources, &kept, &classes) - 1.0).abs() < 1e-9);
        let by_class = Array2::from_shape_fn((60, 4), |(i, _)| 100.0 * f64::from(classes[i]));
        assert_eq!(correlation(&sources, &by_class, &classes), 0.0);
        // What is always drawn alike correlates with nothing, though its mean is rounded.
        let alike = Array2::from_elem((60, 4), 0.1 + 0.2);
        assert_eq!(correlation(&sources, &alike, &classes), 0.0);
    }
}
