//! Principal components by eigendecomposition of the covariance, exact.

use std::{num::NonZeroUsize, ops::Range};

use anyhow::{Result, anyhow, bail};
use data::{Binarise, Split};
use faer::{
    Mat, Par,
    diag::Diag,
    dyn_stack::{MemBuffer, MemStack},
    linalg::evd,
};
use kernels::{gram, noise::Noise};
use ndarray::Array2;
use rayon::prelude::*;

/// Rows whose products are summed in single precision before they join the double-precision sum.
const BLOCK: usize = 1024;
/// Blocks worked on side by side; a fixed number, and their sums join in order, so that the result
/// does not depend on threads.
const TOGETHER: usize = 8;
/// Rows that give the provisional mean.
const FIRST: usize = 128;

/// The decomposition's sums depend on the number of parts, and so do the bits of the result: a fixed
/// number, whatever the threads.
pub(crate) const PARTS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Writes a range of rows, `[rows, width]`.
pub type Fill<'a> = dyn Fn(Range<usize>, &mut [f32]) + Sync + 'a;

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

/// Variance that single precision leaves along a direction in which the data do not vary: sums of
/// products err by about half a unit in the last place of the greatest variance, in every column.
/// `variances` are those along all components, in decreasing order.
pub fn rounding_variance(variances: &[f64]) -> f64 {
    let greatest = variances.first().copied().unwrap_or(0.0);
    greatest * f64::from(f32::EPSILON) * (variances.len() as f64).sqrt()
}

/// Why a training split does not have this many components, if it does not: `option` names them in
/// the configuration. Deviations from the mean of n examples span n - 1 directions at most.
pub fn too_many_components(option: &str, count: usize, train: &Split) -> Option<String> {
    let (examples, width) = (train.len(), train.input_dim());
    let most = examples.saturating_sub(1);
    // More than the width is refused elsewhere, in the paper's own words.
    (count > most && count <= width).then(|| {
        format!(
            "{option} = {count}: {examples} training examples vary along at most {most} directions; \
             take no more components, or more examples",
        )
    })
}

impl PrincipalComponents {
    /// Components along which the rows vary by more than rounding.
    pub fn rank(&self) -> usize {
        let noise = rounding_variance(&self.variances);
        self.variances.iter().filter(|&&variance| variance > noise).count()
    }

    /// Components of `rows` rows of `width` numbers; `fill` writes a range of rows.
    ///
    /// # Errors
    /// With fewer than two rows, or numbers that are not finite.
    pub fn fit(
        rows: usize,
        width: usize,
        // Behind `dyn`: generic code is compiled in the crate that calls it, and papers are hardly optimised.
        fill: &Fill<'_>,
    ) -> Result<Self> {
        if rows < 2 || width == 0 {
            bail!("principal components need at least two examples, not {rows}");
        }
        // Rows are summed less a provisional mean, that of the first of them, and what it differs
        // from the mean is taken out at the end: one pass suffices. Where those rows are constant,
        // the provisional mean is exactly that constant. Where most are zero it is zero: products of zeros are left
        // out, and the squares of such a column sum to at most twice its squared deviations, if the first rows are
        // like the others.
        let shift = provisional_mean(rows.min(FIRST), width, fill);
        let blocks: Vec<_> =
            (0..rows).step_by(BLOCK).map(|start| start..rows.min(start + BLOCK)).collect();
        let mut sums = vec![0f64; width];
        let mut scatter = vec![0f64; width * width];
        let mut varies = vec![false; width];
        let mut work: Vec<Block> = Vec::new();
        work.resize_with(TOGETHER.min(blocks.len()), Block::default);
        for blocks in blocks.chunks(TOGETHER) {
            let work = &mut work[..blocks.len()];
            work.par_iter_mut()
                .zip(blocks)
                .for_each(|(work, rows)| work.sum(rows.clone(), &shift, fill));
            for block in &*work {
                sums.iter_mut().zip(&block.sums).for_each(|(sum, &part)| *sum += f64::from(part));
                block.columns.iter().for_each(|&column| varies[column] = true);
            }
            scatter.par_chunks_mut(width).enumerate().for_each(|(column, into)| {
                work.iter().for_each(|block| block.add_products(column, into));
            });
        }
        // The decomposition needs as much memory again.
        drop(work);
        let offset: Vec<f64> = sums.iter().map(|sum| sum / rows as f64).collect();
        let mean: Vec<f64> = shift.iter().zip(&offset).map(|(&s, o)| f64::from(s) + o).collect();
        if mean.iter().any(|m| !m.is_finite()) {
            bail!("principal components of numbers that are not finite");
        }

        // A column that never changes has no covariance with any: it is a component of its own,
        // without variance.
        let columns: Vec<usize> = (0..width).filter(|&column| varies[column]).collect();
        let constant: Vec<usize> = (0..width).filter(|&column| !varies[column]).collect();
        let count = columns.len();
        let covariance = Mat::from_fn(count, count, |row, column| {
            let (row, column) = (columns[row.max(column)], columns[row.min(column)]);
            (scatter[column * width + row] - rows as f64 * offset[row] * offset[column])
                / (rows - 1) as f64
        });
        drop(scatter);
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

    /// Numbers of single precision that a fit to many inputs of this width holds at once, at least: the products of
    /// columns of each block and their sums in double precision; later the covariance, its eigenvectors and the
    /// decomposition's three matrices, which are as many.
    pub fn numbers(width: usize) -> u64 {
        let width = width as u64;
        width.saturating_mul(width).saturating_mul(TOGETHER as u64 + 2)
    }

    /// Components of the rows of an array.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub fn of(rows: &Array2<f32>) -> Result<Self> {
        Self::fit(rows.nrows(), rows.ncols(), &|range, values| {
            for (target, source) in values.chunks_mut(rows.ncols()).zip(range) {
                for (target, &value) in target.iter_mut().zip(rows.row(source)) {
                    *target = value;
                }
            }
        })
    }

    /// Components of a split's inputs, with the noise of epoch 0.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub fn of_split(split: &Split, binarise: Binarise, noise: Noise) -> Result<Self> {
        Self::fit(split.len(), split.input_dim(), &|rows, values| {
            let rows: Vec<usize> = rows.collect();
            split.write_inputs(&rows, binarise, noise, 0, values);
        })
    }

    /// Coordinates of the rows of an array along the first two components.
    pub fn plane(&self, rows: &Array2<f32>) -> Vec<[f32; 2]> {
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

/// The mean of the first rows, in single precision; exactly the constant where a column has one, and zero where most
/// of it is.
fn provisional_mean(rows: usize, width: usize, fill: &Fill<'_>) -> Vec<f32> {
    let mut values = vec![0f32; rows * width];
    fill(0..rows, &mut values);
    let first = &values[..width];
    let mut sums = vec![0f32; width];
    let mut zeros = vec![0; width];
    for row in values.chunks(width) {
        let columns = sums.iter_mut().zip(&mut zeros);
        for ((sum, zeros), (&value, &first)) in columns.zip(row.iter().zip(first)) {
            *sum += value - first;
            *zeros += usize::from(value == 0.0);
        }
    }
    let mean = |first: f32, sum: f32| first + sum / rows as f32;
    let columns = first.iter().zip(sums).zip(zeros);
    columns
        .map(|((&first, sum), zeros)| if 2 * zeros > rows { 0.0 } else { mean(first, sum) })
        .collect()
}

/// Sums over one block of rows, and the memory they need.
#[derive(Default)]
struct Block {
    /// The rows, centred, `[rows, width]`.
    values: Vec<f32>,
    /// The same without the columns that are zero throughout, `[rows, columns]`.
    packed: Vec<f32>,
    /// Columns that are not zero throughout, increasing.
    columns: Vec<usize>,
    /// Sum of each column, `[width]`.
    sums: Vec<f32>,
    /// Sums of products of two columns, the lower triangle by columns, `[columns, columns]`.
    products: Vec<f32>,
}

impl Block {
    /// Sums over the given rows less `centre`.
    fn sum(&mut self, rows: Range<usize>, centre: &[f32], fill: &Fill<'_>) {
        let (count, width) = (rows.len(), centre.len());
        self.values.resize(count * width, 0.0);
        fill(rows, &mut self.values);
        self.sums.clear();
        self.sums.resize(width, 0.0);
        let mut bits = vec![0u32; width];
        for row in self.values.chunks_mut(width) {
            let columns = centre.iter().zip(&mut self.sums).zip(&mut bits);
            for (value, ((&centre, sum), bits)) in row.iter_mut().zip(columns) {
                *value -= centre;
                *sum += *value;
                *bits |= value.to_bits();
            }
        }
        // A column that keeps its constant, as at the edge of a digit, adds nothing.
        self.columns = (0..width).filter(|&column| bits[column] != 0).collect();
        let columns = self.columns.len();
        if columns == 0 {
            return;
        }
        self.packed.resize(count * columns, 0.0);
        let runs = runs(&self.columns);
        for (row, mut target) in self.values.chunks(width).zip(self.packed.chunks_mut(columns)) {
            for run in &runs {
                let (part, rest) = target.split_at_mut(run.len());
                part.copy_from_slice(&row[run.clone()]);
                target = rest;
            }
        }
        self.products.resize(columns * columns, 0.0);
        gram(&self.packed, columns, &mut self.products);
    }

    /// Adds the products of one column with itself and those after it to their sums, `[width]`.
    fn add_products(&self, column: usize, sums: &mut [f64]) {
        let Ok(index) = self.columns.binary_search(&column) else { return };
        let mut products = &self.products[index * self.columns.len() + index..];
        for run in runs(&self.columns[index..]) {
            let (part, rest) = products.split_at(run.len());
            sums[run].iter_mut().zip(part).for_each(|(sum, &product)| *sum += f64::from(product));
            products = rest;
        }
    }
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

/// Eigenvectors as columns, and eigenvalues from least to greatest, of a symmetric matrix of which
/// the lower triangle is given.
pub(crate) fn decompose(matrix: &Mat<f64>) -> Result<(Mat<f64>, Vec<f64>)> {
    let size = matrix.nrows();
    // Where no column varies there is nothing to decompose.
    if size == 0 {
        return Ok((Mat::zeros(0, 0), Vec::new()));
    }
    let mut vectors = Mat::<f64>::zeros(size, size);
    let mut values = Diag::<f64>::zeros(size);
    let scratch = evd::self_adjoint_evd_scratch::<f64>(
        size,
        evd::ComputeEigenvectors::Yes,
        Par::Rayon(PARTS),
        Default::default(),
    );
    evd::self_adjoint_evd(
        matrix.as_ref(),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Rayon(PARTS),
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|e| anyhow!("the covariance has no eigendecomposition: {e:?}"))?;
    let values = values.column_vector().iter().copied().collect();
    Ok((vectors, values))
}

#[cfg(test)]
mod tests {
    use kernels::noise::Stream;

    use super::*;

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
    fn columns_that_are_mostly_zero_have_the_covariance_of_any_others() {
        // Also where the first rows, of which the provisional mean is, are nothing like the others.
        for empty in [0, 128] {
            let mut rows = sheared(3000).mapv(|v| if v > 6.0 { v } else { 0.0 });
            rows.slice_mut(ndarray::s![..empty, ..]).fill(0.0);
            let found = PrincipalComponents::of(&rows).unwrap();
            let values = rows.mapv(f64::from);
            let deviations = &values - &values.mean_axis(ndarray::Axis(0)).unwrap();
            let covariance = deviations.t().dot(&deviations) / 2999.0;
            let spread = ndarray::Array2::from_diag(&ndarray::arr1(&found.variances));
            let back = found.components.t().dot(&spread).dot(&found.components);
            let worst = (&back - &covariance).fold(0f64, |a, b| a.max(b.abs()));
            assert!(worst < 1e-5 * covariance[[0, 0]], "{empty}: {worst:e}");
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
    fn the_rank_is_that_of_the_data_whatever_rounding_adds() {
        // So many rows of a wide space, and copies of few columns.
        for (rows, width) in [(5, 784), (40, 784), (5, 20), (21, 30)] {
            let noise = Noise::new(3).normal(Stream::Prior, 0, &[0], rows * width);
            let wide = Array2::from_shape_vec((rows, width), noise).unwrap() * 3.0 + 10.0;
            let found = PrincipalComponents::of(&wide).unwrap();
            assert_eq!(found.rank(), rows - 1, "{rows} x {width}");
        }
        let sheared = sheared(3000);
        let copied = Array2::from_shape_fn((3000, 200), |(i, j)| {
            (1 + j / 5) as f32 * sheared[[i, j % 5]] + j as f32
        });
        let found = PrincipalComponents::of(&copied).unwrap();
        let next = found.variances[5] / found.variances[0];
        assert_eq!(found.rank(), 5, "{next:e}");
        assert_eq!(PrincipalComponents::of(&sheared).unwrap().rank(), 5);
        assert_eq!(PrincipalComponents::of(&Array2::ones((9, 4))).unwrap().rank(), 0);
    }

    #[test]
    fn one_example_is_refused() {
        assert!(PrincipalComponents::of(&Array2::zeros((1, 3))).is_err());
    }
}
