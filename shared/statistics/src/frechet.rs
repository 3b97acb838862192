use anyhow::{Result, anyhow, ensure};
use faer::{
    Accum, Mat, Par,
    diag::Diag,
    dyn_stack::{MemBuffer, MemStack},
    linalg::{
        matmul::{
            matmul,
            triangular::{self, BlockStructure},
        },
        svd,
    },
};
use ndarray::{ArrayView2, Axis};

use crate::principal::{PARTS, decompose};

/// Rows that are widened to double precision at a time.
const BLOCK: usize = 1024;

/// The normal distribution with the mean and covariance of a set of features.
pub struct Gaussian {
    /// Mean, `[width]`.
    mean: Vec<f64>,
    /// Trace of the covariance C, which is divided by n - 1.
    variance: f64,
    /// A factor F of the covariance, F Fᵀ = C, `[width, rank]`.
    factor: Mat<f64>,
}

impl Gaussian {
    /// Fits to `features` `[examples, width]`.
    ///
    /// # Errors
    /// With fewer than two examples, no features, or numbers that are not finite.
    pub fn of(features: ArrayView2<'_, f32>) -> Result<Self> {
        let (rows, width) = features.dim();
        ensure!(rows >= 2, "a covariance needs at least two examples, not {rows}");
        ensure!(width > 0, "the examples have no features");
        ensure!(features.iter().all(|x| x.is_finite()), "some features are not finite");
        let mut mean = vec![0f64; width];
        for row in features.rows() {
            mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        mean.iter_mut().for_each(|sum| *sum /= rows as f64);
        let covariance = covariance(features, &mean);
        let variance = (0..width).map(|i| covariance[(i, i)]).sum();
        Ok(Self { mean, variance, factor: factor(&covariance)? })
    }

    /// Fréchet distance d² to another Gaussian, in squared units of the features (Dowson & Landau
    /// 1982): |μ_a - μ_b|² + tr(C_a + C_b - 2 (C_a C_b)^½).
    ///
    /// # Errors
    /// If the widths differ, or the decomposition breaks down.
    pub fn distance(&self, other: &Self) -> Result<f64> {
        let (width, others) = (self.mean.len(), other.mean.len());
        ensure!(width == others, "features of width {width} and of width {others}");
        let apart: f64 = self.mean.iter().zip(&other.mean).map(|(a, b)| (a - b).powi(2)).sum();
        // The eigenvalues of C_a C_b are those of C_a^½ C_b C_a^½, and these are the squared
        // singular values of F_aᵀ F_b. Taking the latter directly keeps rounding, about 1e-16, from
        // being raised to 1e-8 by the root wherever a covariance is singular.
        let mut product = Mat::zeros(self.factor.ncols(), other.factor.ncols());
        matmul(
            product.as_mut(),
            Accum::Replace,
            self.factor.transpose(),
            other.factor.as_ref(),
            1.0,
            Par::Rayon(PARTS),
        );
        let root: f64 = singular_values(&product)?.iter().sum();
        let distance = apart + self.variance + other.variance - 2.0 * root;
        ensure!(distance.is_finite(), "the distance is {distance}");
        Ok(distance.max(0.0))
    }
}

/// Fréchet distance between two sets of features `[examples, width]`, in squared units of the
/// features: with features of an Inception network it is the FID of Heusel et al. 2017, eq. 6.
///
/// # Errors
/// As [`Gaussian::of`] and [`Gaussian::distance`].
pub fn frechet_distance(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Result<f64> {
    let (width, others) = (a.ncols(), b.ncols());
    ensure!(width == others, "features of width {width} and of width {others}");
    Gaussian::of(a)?.distance(&Gaussian::of(b)?)
}

/// Covariance of the rows, the lower triangle, `[width, width]`.
fn covariance(features: ArrayView2<'_, f32>, mean: &[f64]) -> Mat<f64> {
    let (rows, width) = features.dim();
    let scale = ((rows - 1) as f64).recip();
    let mut covariance = Mat::zeros(width, width);
    for block in features.axis_chunks_iter(Axis(0), BLOCK) {
        let x = Mat::from_fn(block.nrows(), width, |i, j| f64::from(block[[i, j]]) - mean[j]);
        triangular::matmul(
            covariance.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Add,
            x.transpose(),
            BlockStructure::Rectangular,
            x.as_ref(),
            BlockStructure::Rectangular,
            scale,
            Par::Rayon(PARTS),
        );
    }
    covariance
}

/// F with F Fᵀ = C, `[width, rank]`: eigenvectors times the roots of their eigenvalues.
fn factor(covariance: &Mat<f64>) -> Result<Mat<f64>> {
    let (vectors, values) = decompose(covariance)?;
    let width = values.len();
    // What rounding leaves of a zero eigenvalue is as often positive as negative.
    let noise = values.last().map_or(0.0, |largest| largest * f64::EPSILON * width as f64);
    let null = values.iter().filter(|value| **value <= noise).count();
    Ok(Mat::from_fn(width, width - null, |i, j| vectors[(i, null + j)] * values[null + j].sqrt()))
}

fn singular_values(matrix: &Mat<f64>) -> Result<Vec<f64>> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let no = svd::ComputeSvdVectors::No;
    let mut values = Diag::<f64>::zeros(rows.min(columns));
    let parts = Par::Rayon(PARTS);
    let scratch = svd::svd_scratch::<f64>(rows, columns, no, no, parts, Default::default());
    svd::svd(
        matrix.as_ref(),
        values.as_mut(),
        None,
        None,
        parts,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|e| anyhow!("the covariances' product has no singular values: {e:?}"))?;
    Ok(values.column_vector().iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use kernels::noise::{Noise, Stream};
    use ndarray::{Array1, Array2, arr1, arr2, concatenate, s};

    use super::*;

    fn normal(rows: usize, width: usize, seed: u64) -> Array2<f32> {
        let noise = Noise::new(seed).normal(Stream::Prior, 0, &[0], rows * width);
        Array2::from_shape_vec((rows, width), noise).unwrap()
    }

    /// A rotation: the orthogonal factor of a matrix of noise, by Gram and Schmidt.
    fn rotation(width: usize, seed: u64) -> Array2<f32> {
        let mut basis = normal(width, width, seed).mapv(f64::from);
        for i in 0..width {
            for _twice in 0..2 {
                for j in 0..i {
                    let other = basis.row(j).to_owned();
                    let along = basis.row(i).dot(&other);
                    basis.row_mut(i).scaled_add(-along, &other);
                }
            }
            let norm = basis.row(i).dot(&basis.row(i)).sqrt();
            basis.row_mut(i).mapv_inplace(|x| x / norm);
        }
        basis.mapv(|x| x as f32)
    }

    fn distance(a: &Array2<f32>, b: &Array2<f32>) -> f64 {
        frechet_distance(a.view(), b.view()).unwrap()
    }

    fn near(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() <= relative * expected, "{found}, expected {expected}");
    }

    #[test]
    fn a_set_is_at_no_distance_from_itself() {
        for (rows, width) in [(2000, 20), (10, 60), (2, 3)] {
            let set = normal(rows, width, 1) * 3.0 + 5.0;
            let found = distance(&set, &set);
            assert!(found < 1e-12 * 9.0 * width as f64, "{rows} x {width}: {found}");
        }
        let constant = Array2::from_elem((5, 3), 7.0);
        assert_eq!(distance(&constant, &constant), 0.0);
    }

    #[test]
    fn independent_features_give_the_closed_form() {
        let (scale, shift) = (arr1(&[1.0, 2.0, 0.5, 3.0]), arr1(&[0.3, -1.0, 0.0, 2.0]));
        let a = normal(40_000, 4, 2);
        let b = normal(40_000, 4, 3) * &scale + &shift;
        let expected = shift.mapv(|m| m * m).sum() + scale.mapv(|s: f32| (s - 1.0).powi(2)).sum();
        near(distance(&a, &b), f64::from(expected), 0.02);
    }

    #[test]
    fn covariances_that_do_not_commute_give_the_closed_form() {
        // In the plane tr (A B)^½ = (tr A B + 2 (det A det B)^½)^½, by Cayley and Hamilton.
        let (sin, cos) = 0.6f32.sin_cos();
        let turn = arr2(&[[cos, sin], [-sin, cos]]);
        let a = normal(40_000, 2, 4) * &arr1(&[3.0, 0.5]);
        let b = (normal(40_000, 2, 5) * &arr1(&[2.0, 0.3])).dot(&turn);
        let (cos2, sin2) = (f64::from(cos).powi(2), f64::from(sin).powi(2));
        let cross = 9.0 * (4.0 * cos2 + 0.09 * sin2) + 0.25 * (4.0 * sin2 + 0.09 * cos2);
        let determinants: f64 = 9.0 * 0.25 * 4.0 * 0.09;
        let root = (cross + 2.0 * determinants.sqrt()).sqrt();
        near(distance(&a, &b), 9.25 + 4.09 - 2.0 * root, 0.02);
    }

    #[test]
    fn a_covariance_is_divided_by_one_less_than_the_examples() {
        // Variances 2 and 8, with n - 1 = 1: roots differ by √2.
        let (a, b) = (arr2(&[[-1.0f32], [1.0]]), arr2(&[[-2.0f32], [2.0]]));
        near(distance(&a, &b), 2.0, 1e-12);
    }

    #[test]
    fn a_shift_adds_its_square() {
        // Sets with mean zero, and numbers that are shifted without rounding.
        let symmetric = |seed, scale: f32| {
            let half = normal(1500, 6, seed).mapv(|x| (scale * x * 64.0).round() / 64.0);
            concatenate![Axis(0), half, -&half]
        };
        let (set, other) = (symmetric(6, 1.0), symmetric(7, 2.0));
        let shift = arr1(&[1.0f32, 0.0, -2.0, 0.5, 0.0, 100.0]);
        let square = 10_005.25;
        near(distance(&set, &(&set + &shift)), square, 1e-12);
        near(distance(&set, &(&other + &shift)), distance(&set, &other) + square, 1e-12);
        let both = distance(&(&set + &shift), &(&other + &shift));
        near(both, distance(&set, &other), 1e-10);
    }

    #[test]
    fn a_common_rotation_changes_nothing() {
        let turn = rotation(12, 8);
        let a = normal(500, 12, 9) * &Array1::linspace(0.2, 4.0, 12) + 1.0;
        let b = normal(400, 12, 10) * &Array1::linspace(3.0, 0.1, 12);
        near(distance(&a.dot(&turn), &b.dot(&turn)), distance(&a, &b), 1e-5);
        // Of one alone it does.
        assert!((distance(&a.dot(&turn), &b) / distance(&a, &b) - 1.0).abs() > 0.05);
    }

    #[test]
    fn it_is_symmetric() {
        for (rows, width) in [(300, 8), (7, 30)] {
            let a = normal(rows, width, 11) * 2.0;
            let b = normal(rows + 3, width, 12).dot(&rotation(width, 13)) + 0.5;
            near(distance(&a, &b), distance(&b, &a), 1e-12);
        }
    }

    #[test]
    fn sets_on_two_lines_give_the_closed_form() {
        // C_a = s² u uᵀ, C_b = t² v vᵀ: tr (C_a C_b)^½ = s t |u · v|.
        let (u, v) = (rotation(50, 14).row(3).to_owned(), rotation(50, 15).row(8).to_owned());
        let line = |at: &[f32], along: &Array1<f32>| {
            Array2::from_shape_fn((at.len(), 50), |(i, j)| at[i] * along[j])
        };
        let (a, b) = (line(&[-1.0, 0.0, 1.0], &u), line(&[-3.0, 3.0, 1.0, -1.0], &v));
        let (s, t) = (1.0f64, (20.0f64 / 3.0).sqrt());
        let expected = s * s + t * t - 2.0 * s * t * f64::from(u.dot(&v)).abs();
        near(distance(&a, &b), expected, 1e-6);
    }

    #[test]
    fn more_features_than_examples_are_fine() {
        // The same few directions, seen in a wide space.
        let (a, b) = (normal(30, 5, 16), normal(25, 5, 17) * &arr1(&[3.0, 1.0, 0.1, 2.0, 5.0]));
        let turn = rotation(200, 18);
        let wide = |set: &Array2<f32>| set.dot(&turn.slice(s![..5, ..]));
        near(distance(&wide(&a), &wide(&b)), distance(&a, &b), 1e-5);
        // Full of features, with the root by another way: the squared singular values of
        // X_a X_bᵀ / (n - 1), n by n.
        let (a, b) = (normal(6, 90, 19), normal(6, 90, 20) * 2.0);
        let centre = |set: &Array2<f32>| {
            let set = set.mapv(f64::from);
            let mean = set.mean_axis(Axis(0)).unwrap();
            (set - &mean, mean)
        };
        let ((x, from), (y, to)) = (centre(&a), centre(&b));
        let square = |x: &Array2<f64>| x.mapv(|x| x * x).sum();
        let product = x.dot(&y.t());
        let product = Mat::from_fn(6, 6, |i, j| product[[i, j]]);
        let root: f64 = product.singular_values().unwrap().iter().sum();
        let means = (from - to).mapv(|d| d * d).sum();
        near(distance(&a, &b), means + (square(&x) + square(&y) - 2.0 * root) / 5.0, 1e-10);
    }

    #[test]
    fn rounding_of_a_singular_covariance_does_not_show() {
        // C_a = s² u uᵀ: tr (C_a C_b)^½ = s (uᵀ C_b u)^½. Whole numbers keep the rank at 1.
        let u = Array1::from_shape_fn(60, |j| (j % 7) as f32 - 3.0);
        let a = Array2::from_shape_fn((5, 60), |(i, j)| (i as f32 - 2.0) * u[j]);
        let half = normal(200, 60, 26).mapv(|x| (64.0 * x).round() / 64.0);
        let b = concatenate![Axis(0), half, -&half].mapv(f64::from);
        let u = u.mapv(f64::from);
        let square = |x: Array1<f64>| x.mapv(|x| x * x).sum();
        let along = square(b.dot(&u)) / 399.0;
        let total = b.mapv(|x| x * x).sum() / 399.0;
        let expected = 2.5 * square(u) + total - 2.0 * (2.5 * along).sqrt();
        near(distance(&a, &b.mapv(|x| x as f32)), expected, 1e-12);
    }

    #[test]
    fn the_number_of_threads_does_not_matter() {
        let (a, b) = (normal(1500, 300, 21), normal(1200, 300, 22) * 1.5);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| distance(&a, &b))
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn what_has_no_distance_is_refused() {
        let fine = normal(4, 3, 23);
        let mut broken = fine.clone();
        broken[[2, 1]] = f32::INFINITY;
        let refusal = Gaussian::of(broken.view()).err().unwrap().to_string();
        assert_eq!(refusal, "some features are not finite");
        for other in [normal(1, 3, 24), normal(4, 2, 25), broken, Array2::zeros((4, 0))] {
            assert!(frechet_distance(fine.view(), other.view()).is_err());
            assert!(frechet_distance(other.view(), fine.view()).is_err());
        }
        let (a, b) = (Gaussian::of(fine.view()).unwrap(), normal(4, 2, 25));
        assert!(a.distance(&Gaussian::of(b.view()).unwrap()).is_err());
    }
}
