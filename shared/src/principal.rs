//! Principal components by eigendecomposition of the covariance, exact.

use std::ops::Range;

use anyhow::{Result, anyhow, bail};
use faer::{
    Accum, Mat, MatMut, MatRef, Par,
    diag::Diag,
    dyn_stack::{MemBuffer, MemStack},
    linalg::{
        evd,
        matmul::triangular::{BlockStructure, matmul},
    },
};
use ndarray::Array2;
use rayon::prelude::*;

/// Rows whose products are summed in single precision before they join the double-precision sum.
const BLOCK: usize = 2048;
/// Rows of a block that one task fills; a fixed number, so that sums do not depend on threads.
const PART: usize = 128;

/// The decomposition's sums depend on the number of parts, and so would the bits of the result;
/// it gains nothing from threads at these sizes. The products' sums do not.
const DECOMPOSITION: Par = Par::Seq;

/// All principal components of some rows, in order of decreasing variance.
#[derive(Clone, Debug)]
pub struct PrincipalComponents {
    /// Mean row, `[width]`.
    pub mean: Vec<f64>,
    /// Variance along each component, divided by n - 1, `[width]`.
    pub variances: Vec<f64>,
    /// Components as rows, orthonormal, `[width, width]`; the entry of greatest size is positive.
    pub components: Array2<f64>,
}

impl PrincipalComponents {
    /// Components of `rows` rows of `width` numbers; `fill` writes a range of rows.
    ///
    /// # Errors
    /// With fewer than two rows, or numbers that are not finite.
    pub fn fit(
        rows: usize,
        width: usize,
        fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
    ) -> Result<Self> {
        if rows < 2 || width == 0 {
            bail!("principal components need at least two examples, not {rows}");
        }
        let blocks = || (0..rows).step_by(BLOCK).map(|start| start..rows.min(start + BLOCK));
        let mut buffer = vec![0f32; BLOCK.min(rows) * width];
        let mut sums = vec![0f64; width];
        let mut first = vec![0f32; width];
        fill(0..1, &mut first);
        let mut varies = vec![false; width];
        for block in blocks() {
            let values = &mut buffer[..block.len() * width];
            let parts: Vec<(Vec<f32>, Vec<bool>)> = values
                .par_chunks_mut(PART * width)
                .enumerate()
                .map(|(part, values)| {
                    fill(part_of(&block, part), values);
                    column_sums(values, &first)
                })
                .collect();
            for (part, changed) in parts {
                sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += f64::from(part));
                varies.iter_mut().zip(changed).for_each(|(varies, changed)| *varies |= changed);
            }
        }
        let mean: Vec<f64> = sums.iter().map(|sum| sum / rows as f64).collect();
        if mean.iter().any(|m| !m.is_finite()) {
            bail!("principal components of numbers that are not finite");
        }

        // A column that never changes, as at the edge of a digit, has no covariance with any: it is
        // a component of its own, without variance, and need not be multiplied.
        let columns: Vec<usize> = (0..width).filter(|&column| varies[column]).collect();
        let constant: Vec<usize> = (0..width).filter(|&column| !varies[column]).collect();
        let runs = runs(&columns);
        let centre: Vec<f32> = mean.iter().map(|&m| m as f32).collect();
        let count = columns.len();
        let mut centred = vec![0f32; BLOCK.min(rows) * count];
        let mut covariance = Mat::<f64>::zeros(count, count);
        let mut products = vec![0f32; count * count];
        for block in blocks().filter(|_| count > 0) {
            let values = &mut buffer[..block.len() * width];
            let centred = &mut centred[..block.len() * count];
            values
                .par_chunks_mut(PART * width)
                .zip(centred.par_chunks_mut(PART * count))
                .enumerate()
                .for_each(|(part, (values, centred))| {
                    fill(part_of(&block, part), values);
                    for (row, target) in values.chunks(width).zip(centred.chunks_mut(count)) {
                        let mut target = target;
                        for run in &runs {
                            let (part, rest) = target.split_at_mut(run.len());
                            let values = row[run.clone()].iter().zip(&centre[run.clone()]);
                            for (target, (&value, &centre)) in part.iter_mut().zip(values) {
                                *target = value - centre;
                            }
                            target = rest;
                        }
                    }
                });
            let x = MatRef::from_row_major_slice(centred, block.len(), count);
            matmul(
                MatMut::from_column_major_slice_mut(&mut products, count, count),
                BlockStructure::TriangularLower,
                Accum::Replace,
                x.transpose(),
                BlockStructure::Rectangular,
                x,
                BlockStructure::Rectangular,
                1.0f32,
                Par::rayon(0),
            );
            for column in 0..count {
                let from = &products[column * count + column..(column + 1) * count];
                let into = covariance.col_mut(column).subrows_mut(column, count - column);
                for (sum, &product) in into.iter_mut().zip(from) {
                    *sum += f64::from(product);
                }
            }
        }
        let scale = 1.0 / (rows - 1) as f64;
        let covariance = covariance * faer::Scale(scale);
        let (vectors, values) = decompose(&covariance)?;
        // faer orders from least to greatest; constant columns come last.
        let mut variances: Vec<f64> = values.iter().rev().map(|value| value.max(0.0)).collect();
        variances.resize(width, 0.0);
        let mut components = Array2::zeros((width, width));
        for component in 0..count {
            for (row, &column) in columns.iter().enumerate() {
                components[[component, column]] = vectors[(row, count - 1 - component)];
            }
        }
        for (component, &column) in constant.iter().enumerate() {
            components[[count + component, column]] = 1.0;
        }
        for mut component in components.rows_mut() {
            let largest =
                component.iter().copied().fold(0f64, |a, b| if b.abs() > a.abs() { b } else { a });
            if largest < 0.0 {
                component.mapv_inplace(|v| -v);
            }
        }
        Ok(Self { mean, variances, components })
    }

    /// Components of the rows of an array.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub fn of(rows: &Array2<f32>) -> Result<Self> {
        Self::fit(rows.nrows(), rows.ncols(), |range, values| {
            for (target, source) in values.chunks_mut(rows.ncols()).zip(range) {
                for (target, &value) in target.iter_mut().zip(rows.row(source)) {
                    *target = value;
                }
            }
        })
    }

    /// Coordinates of the rows of an array along the first two components.
    pub(crate) fn plane(&self, rows: &Array2<f32>) -> Vec<[f32; 2]> {
        rows.rows()
            .into_iter()
            .map(|row| {
                std::array::from_fn(|axis| {
                    row.iter()
                        .zip(&self.mean)
                        .zip(self.components.row(axis))
                        .map(|((&x, m), u)| (f64::from(x) - m) * u)
                        .sum::<f64>() as f32
                })
            })
            .collect()
    }
}

/// Rows of one part of a block.
fn part_of(block: &Range<usize>, part: usize) -> Range<usize> {
    let start = block.start + part * PART;
    start..block.end.min(start + PART)
}

/// Increasing numbers as ranges of consecutive ones.
fn runs(numbers: &[usize]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some(run) if run.end == number => run.end += 1,
            _ => runs.push(number..number + 1),
        }
    }
    runs
}

/// The sum of each column of one part, and whether it ever differs from `first`.
fn column_sums(values: &[f32], first: &[f32]) -> (Vec<f32>, Vec<bool>) {
    let mut sums = vec![0f32; first.len()];
    let mut changed = vec![false; first.len()];
    for row in values.chunks(first.len()) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
        for (changed, (&value, &first)) in changed.iter_mut().zip(row.iter().zip(first)) {
            *changed |= value != first;
        }
    }
    (sums, changed)
}

/// Eigenvectors as columns, and eigenvalues from least to greatest, of a symmetric matrix of which
/// the lower triangle is given.
fn decompose(matrix: &Mat<f64>) -> Result<(Mat<f64>, Vec<f64>)> {
    let size = matrix.nrows();
    let mut vectors = Mat::<f64>::zeros(size, size);
    let mut values = Diag::<f64>::zeros(size);
    let scratch = evd::self_adjoint_evd_scratch::<f64>(
        size,
        evd::ComputeEigenvectors::Yes,
        DECOMPOSITION,
        Default::default(),
    );
    evd::self_adjoint_evd(
        matrix.as_ref(),
        values.as_mut(),
        Some(vectors.as_mut()),
        DECOMPOSITION,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|e| anyhow!("the covariance has no eigendecomposition: {e:?}"))?;
    let values = values.column_vector().iter().copied().collect();
    Ok((vectors, values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::{Noise, Stream};

    fn sheared(rows: usize) -> Array2<f32> {
        let noise = Noise::new(6).normal(Stream::Prior, 0, &[0], rows * 5);
        let raw = Array2::from_shape_vec((rows, 5), noise).unwrap();
        let shear = ndarray::arr2(&[
            [3.0f32, 1.0, 0.0, 0.0, 0.5],
            [0.0, 2.0, 0.3, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.2, 0.0],
            [0.0, 0.0, 0.0, 0.5, 0.1],
            [0.0, 0.0, 0.0, 0.0, 0.1],
        ]);
        raw.dot(&shear) + 4.0
    }

    #[test]
    fn they_equal_a_reference_singular_value_decomposition() {
        let rows = sheared(5000);
        let found = PrincipalComponents::of(&rows).unwrap();
        let mean = rows.mapv(f64::from).mean_axis(ndarray::Axis(0)).unwrap();
        let centred = Mat::from_fn(5000, 5, |i, j| f64::from(rows[[i, j]]) - mean[j]);
        let svd = centred.svd().unwrap();
        for i in 0..5 {
            let variance = svd.S().column_vector()[i].powi(2) / 4999.0;
            let relative = (found.variances[i] - variance).abs() / variance;
            assert!(relative < 1e-4, "component {i}: {} {variance}", found.variances[i]);
            let cosine: f64 =
                (0..5).map(|j| svd.V()[(j, i)] * found.components[[i, j]]).sum::<f64>().abs();
            assert!(cosine > 1.0 - 1e-6, "component {i}: cosine {cosine}");
        }
    }

    #[test]
    fn components_are_orthonormal_and_variances_decrease() {
        let found = PrincipalComponents::of(&sheared(300)).unwrap();
        let gram = found.components.dot(&found.components.t());
        let worst = (&gram - &Array2::<f64>::eye(5)).fold(0f64, |a, b| a.max(b.abs()));
        assert!(worst < 1e-12, "{worst}");
        assert!(found.variances.windows(2).all(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn constant_columns_are_components_without_variance() {
        let mut rows = Array2::from_elem((300, 7), 0.25f32);
        rows.slice_mut(ndarray::s![.., 1..6]).assign(&sheared(300));
        let (found, inner) = (
            PrincipalComponents::of(&rows).unwrap(),
            PrincipalComponents::of(&sheared(300)).unwrap(),
        );
        assert_eq!(found.variances[..5], inner.variances[..]);
        assert_eq!(found.variances[5..], [0.0, 0.0]);
        assert_eq!((found.mean[0], found.mean[6]), (0.25, 0.25));
        let gram = found.components.dot(&found.components.t());
        assert!((&gram - &Array2::<f64>::eye(7)).iter().all(|d| d.abs() < 1e-12));
    }

    #[test]
    fn one_example_is_refused() {
        assert!(PrincipalComponents::of(&Array2::zeros((1, 3))).is_err());
    }
}
