//! Products with rows that are mostly zeros.

use ndarray::{Array2, ArrayView2};

/// Rows most of whose numbers are zero, such as categories with one feature for each value: products with them cost as
/// many steps as there are other numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SparseRows {
    /// Row i has the entries `starts[i]..starts[i + 1]`, `[rows + 1]`.
    starts: Vec<usize>,
    /// Column of each entry.
    places: Vec<u32>,
    /// Value of each entry.
    values: Vec<f64>,
    columns: usize,
}

impl SparseRows {
    /// The entries other than 0 of `[rows, columns]`.
    pub(crate) fn of(dense: ArrayView2<'_, f32>) -> Self {
        let (mut starts, mut places, mut values) = (vec![0], Vec::new(), Vec::new());
        for row in dense.rows() {
            for (column, &value) in row.iter().enumerate() {
                if value != 0.0 {
                    places.push(column as u32);
                    values.push(f64::from(value));
                }
            }
            starts.push(values.len());
        }
        Self { starts, places, values, columns: dense.ncols() }
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of columns.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Sum of the squares of all numbers.
    pub(crate) fn squares(&self) -> f64 {
        self.values.iter().map(|value| value * value).sum()
    }

    /// X W, `[rows, outputs]`, of W `[columns, outputs]`.
    ///
    /// # Panics
    /// If W has another number of rows than X columns.
    pub(crate) fn dot(&self, w: ArrayView2<'_, f64>) -> Array2<f64> {
        assert_eq!(w.nrows(), self.columns, "a product of matrices that fit");
        let w = w.as_standard_layout();
        let outputs = w.ncols();
        let mut product = Array2::zeros((self.rows(), outputs));
        let (Some(w), Some(into)) = (w.as_slice(), product.as_slice_mut()) else { return product };
        for (row, sum) in into.chunks_exact_mut(outputs.max(1)).enumerate() {
            for entry in self.starts[row]..self.starts[row + 1] {
                let (place, value) = (self.places[entry] as usize, self.values[entry]);
                let weights = &w[place * outputs..(place + 1) * outputs];
                sum.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
            }
        }
        product
    }

    /// X^T H, `[columns, outputs]`, of H `[rows, outputs]`, row by row.
    ///
    /// # Panics
    /// If H is no matrix of as many rows.
    pub(crate) fn transposed_dot(&self, h: &[f64]) -> Array2<f64> {
        let outputs = h.len() / self.rows().max(1);
        assert_eq!(h.len(), self.rows() * outputs, "a product of matrices that fit");
        let mut product = Array2::zeros((self.columns, outputs));
        let Some(into) = product.as_slice_mut() else { return product };
        for (row, of_row) in h.chunks_exact(outputs.max(1)).enumerate() {
            for entry in self.starts[row]..self.starts[row + 1] {
                let (place, value) = (self.places[entry] as usize, self.values[entry]);
                let sum = &mut into[place * outputs..(place + 1) * outputs];
                sum.iter_mut().zip(of_row).for_each(|(sum, number)| *sum += value * number);
            }
        }
        product
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A third of the numbers is zero, the third row wholly.
    fn dense(rows: usize, columns: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            let number = (i * 7 + j * 5) % 9;
            if i == 2 || number % 3 == 0 { 0.0 } else { number as f32 - 4.5 }
        })
    }

    #[test]
    fn products_are_those_of_the_dense_matrix() {
        let x = dense(11, 6);
        let sparse = SparseRows::of(x.view());
        let (x, w) = (x.mapv(f64::from), dense(6, 4).mapv(f64::from));
        let h = dense(11, 3).mapv(f64::from);
        let close = |a: &Array2<f64>, b: &Array2<f64>| {
            assert_eq!(a.dim(), b.dim());
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{a} {b}");
        };
        close(&sparse.dot(w.view()), &x.dot(&w));
        close(&sparse.transposed_dot(h.as_slice().unwrap()), &x.t().dot(&h));
        close(&sparse.dot(w.view().t().to_owned().t()), &x.dot(&w));
        assert!((sparse.squares() - x.mapv(|v| v * v).sum()).abs() < 1e-12);
        assert_eq!((sparse.rows(), sparse.columns()), (11, 6));
    }
}
