use std::ops::Range;

use anyhow::{Result, ensure};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

/// Greatest size of a feature; the products of far larger ones would overflow.
const LARGEST: f32 = 1e15;

/// Squared distance by its definition, in double precision. The order of the sum is fixed, so it is
/// the same bits from either end, and exactly 0 between equal points.
pub(super) fn squared_distance(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
}

/// Refuses what distances cannot be bounded of.
pub(super) fn check(features: ArrayView2<'_, f32>) -> Result<()> {
    let fine = features.iter().all(|x| x.abs() <= LARGEST);
    ensure!(fine, "some features are not finite, or greater than {LARGEST:e}");
    Ok(())
}

/// Examples, prepared for bounds on their distances from other points.
pub(super) struct Examples {
    /// Mean of the examples. Products are of numbers less it, because their rounding grows with
    /// the numbers' size.
    centre: Array1<f32>,
    /// The examples less the centre, `[examples, width]`.
    centred: Array2<f32>,
    /// The squared norms of these.
    squares: Vec<f64>,
    /// Greatest error of a squared distance, as a part of the two points' squared norms.
    error: f64,
}

impl Examples {
    /// Prepares `features` `[examples, width]`.
    pub(super) fn of(features: ArrayView2<'_, f32>) -> Self {
        let width = features.ncols();
        let centre = features.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(width));
        let centred = &features - &centre;
        let squares = squares(&centred);
        // With u = ε / 2, n products summed in any order are wrong by at most n u |a| |b|, and
        // rounding the centred points moves the squared distance by 4 u (|a|² + |b|²). Twice that
        // covers terms in u² and all double precision does.
        let error = (width + 4) as f64 * f64::from(f32::EPSILON);
        Self { centre, centred, squares, error }
    }

    /// Bounds on the squared distances of `points` `[points, width]` to every example.
    pub(super) fn bound(&self, points: ArrayView2<'_, f32>) -> Bounds<'_> {
        self.bound_some(0..self.squares.len(), points)
    }

    /// The same for some of the examples.
    pub(super) fn bound_some(&self, some: Range<usize>, points: ArrayView2<'_, f32>) -> Bounds<'_> {
        let centred = &points - &self.centre;
        let products = centred.dot(&self.centred.slice(s![some.clone(), ..]).t());
        let (examples, squares) = (&self.squares[some], squares(&centred));
        Bounds { examples, squares, products, error: self.error }
    }
}

fn squares(rows: &Array2<f32>) -> Vec<f64> {
    let square = |row: ArrayView1<'_, f32>| row.iter().map(|&x| f64::from(x).powi(2)).sum();
    rows.rows().into_iter().map(square).collect()
}

/// Bounds on the squared distances between some points and some examples.
pub(super) struct Bounds<'a> {
    /// Squared norms of the examples less the centre.
    examples: &'a [f64],
    /// Squared norms of the points less the centre.
    squares: Vec<f64>,
    /// Products of the two less the centre, `[points, examples]`.
    products: Array2<f32>,
    /// As of [`Examples`].
    error: f64,
}

impl Bounds<'_> {
    /// The squared distances of a point to these examples are no less than the first numbers and no
    /// greater than the second.
    pub(super) fn of(&self, point: usize) -> impl Iterator<Item = (f64, f64)> {
        let square = self.squares[point];
        let products = self.products.row(point);
        self.examples.iter().zip(products).map(move |(example, &product)| {
            // Of numbers that overflow, or are none, nothing is known.
            if !product.is_finite() {
                return (f64::NEG_INFINITY, f64::INFINITY);
            }
            let squares = square + example;
            let distance = squares - 2.0 * f64::from(product);
            // Numbers that underflow in the product are wrong by less than the least normal one.
            let error = self.error * squares + f64::from(f32::MIN_POSITIVE);
            (distance - error, distance + error)
        })
    }
}

#[cfg(test)]
mod tests {
    use kernels::noise::{Noise, Stream};

    use super::*;

    #[test]
    fn bounds_hold_and_are_narrow() {
        for (seed, width, scale, shift) in [
            (1, 3, 1.0, 0.0),
            (2, 300, 1.0, 0.0),
            (3, 40, 1e-3, 1000.0),
            (4, 40, 1e14, 0.0),
            (5, 40, 1e-21, 0.0),
            (6, 800, 0.0, 5.0),
        ] {
            let normal = |epoch, rows| {
                let noise = Noise::new(seed).normal(Stream::Prior, epoch, &[0], rows * width);
                Array2::from_shape_vec((rows, width), noise).unwrap() * scale + shift
            };
            let (examples, points) = (normal(0, 50), normal(1, 20));
            let prepared = Examples::of(examples.view());
            let bounds = prepared.bound(points.view());
            for (index, point) in points.rows().into_iter().enumerate() {
                let all: Vec<(f64, f64)> = bounds.of(index).collect();
                assert_eq!(all.len(), 50);
                for (example, (least, greatest)) in examples.rows().into_iter().zip(all) {
                    let distance = squared_distance(point, example);
                    assert!(least <= distance && distance <= greatest);
                    let scale = f64::from(scale).powi(2) * width as f64;
                    assert!(greatest - least <= 1e-3 * scale + 1e-36, "{}", greatest - least);
                }
            }
        }
    }

    #[test]
    fn distances_are_symmetric_and_zero_between_equals() {
        let noise = Noise::new(7).normal(Stream::Prior, 0, &[0], 500);
        let rows = Array2::from_shape_vec((2, 250), noise).unwrap() + 1000.0;
        let (a, b) = (rows.row(0), rows.row(1));
        assert_eq!(squared_distance(a, b), squared_distance(b, a));
        assert_eq!(squared_distance(a, a), 0.0);
        assert_eq!(
            squared_distance(ndarray::aview1(&[1.0, -2.0]), ndarray::aview1(&[4.0, 2.0])),
            25.0
        );
    }

    #[test]
    fn numbers_without_distance_are_refused() {
        for broken in [f32::NAN, f32::INFINITY, -1e16] {
            assert!(check(ndarray::arr2(&[[0.0, broken]]).view()).is_err());
        }
        assert!(check(ndarray::arr2(&[[0.0, -1e15]]).view()).is_ok());
    }
}
