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

/// Rows whose products are summed in single precision before they join the double-precision sum.
const BLOCK: usize = 2048;

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
    pub fn fit(rows: usize, width: usize, fill: impl Fn(Range<usize>, &mut [f32])) -> Result<Self> {
        if rows < 2 || width == 0 {
            bail!("principal components need at least two examples, not {rows}");
        }
        let blocks = || (0..rows).step_by(BLOCK).map(|start| start..rows.min(start + BLOCK));
        let mut buffer = vec![0f32; BLOCK.min(rows) * width];
        let mut mean = vec![0f64; width];
        for block in blocks() {
            let values = &mut buffer[..block.len() * width];
            fill(block, values);
            for row in values.chunks(width) {
                for (sum, &value) in mean.iter_mut().zip(row) {
                    *sum += f64::from(value);
                }
            }
        }
        mean.iter_mut().for_each(|sum| *sum /= rows as f64);
        if mean.iter().any(|m| !m.is_finite()) {
            bail!("principal components of numbers that are not finite");
        }

        let centre: Vec<f32> = mean.iter().map(|&m| m as f32).collect();
        let mut covariance = Mat::<f64>::zeros(width, width);
        let mut products = vec![0f32; width * width];
        for block in blocks() {
            let count = block.len();
            let values = &mut buffer[..count * width];
            fill(block, values);
            for row in values.chunks_mut(width) {
                for (value, &centre) in row.iter_mut().zip(&centre) {
                    *value -= centre;
                }
            }
            let x = MatRef::from_row_major_slice(values, count, width);
            matmul(
                MatMut::from_column_major_slice_mut(&mut products, width, width),
                BlockStructure::TriangularLower,
                Accum::Replace,
                x.transpose(),
                BlockStructure::Rectangular,
                x,
                BlockStructure::Rectangular,
                1.0f32,
                Par::rayon(0),
            );
            for column in 0..width {
                let from = &products[column * width + column..(column + 1) * width];
                let into = covariance.col_mut(column).subrows_mut(column, width - column);
                for (sum, &product) in into.iter_mut().zip(from) {
                    *sum += f64::from(product);
                }
            }
        }
        let scale = 1.0 / (rows - 1) as f64;
        let covariance = covariance * faer::Scale(scale);
        let mut vectors = Mat::<f64>::zeros(width, width);
        let mut values = Diag::<f64>::zeros(width);
        let scratch = evd::self_adjoint_evd_scratch::<f64>(
            width,
            evd::ComputeEigenvectors::Yes,
            DECOMPOSITION,
            Default::default(),
        );
        evd::self_adjoint_evd(
            covariance.as_ref(),
            values.as_mut(),
            Some(vectors.as_mut()),
            DECOMPOSITION,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        )
        .map_err(|e| anyhow!("the covariance has no eigendecomposition: {e:?}"))?;
        let values = values.column_vector();
        // faer orders from least to greatest.
        let from = |component: usize| width - 1 - component;
        let variances = (0..width).map(|i| values[from(i)].max(0.0)).collect();
        let mut components = Array2::from_shape_fn((width, width), |(i, j)| vectors[(j, from(i))]);
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
    fn one_example_is_refused() {
        assert!(PrincipalComponents::of(&Array2::zeros((1, 3))).is_err());
    }
}
