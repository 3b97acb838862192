//! Sums of products of columns.

use faer::{
    Accum, MatMut, MatRef, Par,
    linalg::matmul::triangular::{BlockStructure, matmul},
    reborrow::ReborrowMut as _,
};

use crate::{registers, sparse};

/// Columns whose products with those after them are found at once, where zeros are left out.
const TOGETHER: usize = 128;

/// The sum over rows of the product of any two columns of `x`, `[rows, columns]`: the lower triangle by columns,
/// `[columns, columns]`; what is above it keeps no particular value.
///
/// # Panics
/// If `products` has another size, or there are no columns.
pub fn gram(x: &[f32], columns: usize, products: &mut [f32]) {
    let rows = x.len() / columns;
    let x_rows = MatRef::from_row_major_slice(x, rows, columns);
    if sparse::pays(x, columns, columns) {
        // By rows, the triangle is an upper one.
        let mut upper = MatMut::from_row_major_slice_mut(products, columns, columns);
        let done = (0..columns).step_by(TOGETHER).all(|first| {
            let count = TOGETHER.min(columns - first);
            sparse::multiply(
                upper.rb_mut().submatrix_mut(first, first, count, columns - first),
                Accum::Replace,
                x_rows.subcols(first, count).transpose(),
                x_rows.subcols(first, columns - first),
                sparse::CHAIN,
            )
        });
        if done {
            return;
        }
    }
    whole_triangle(x_rows, products);
}

/// The same with the products of zeros.
fn whole_triangle(x: MatRef<'_, f32>, products: &mut [f32]) {
    let columns = x.ncols();
    matmul(
        MatMut::from_column_major_slice_mut(products, columns, columns),
        BlockStructure::TriangularLower,
        Accum::Replace,
        x.transpose(),
        BlockStructure::Rectangular,
        x,
        BlockStructure::Rectangular,
        1.0f32,
        Par::Seq,
    );
    registers::clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::{Noise, Stream};

    #[test]
    fn leaving_out_zeros_changes_no_bit() {
        // One chain of faer's and several, columns that are no multiple of anything.
        for (rows, columns) in [(300, 140), (1024, 333)] {
            let normal = Noise::new(2).normal(Stream::Generate, 0, &[0], rows * columns);
            let x: Vec<f32> = normal.into_iter().map(|v| if v > 0.8 { v } else { 0.0 }).collect();
            let (mut found, mut whole) =
                (vec![0.0; columns * columns], vec![0.0; columns * columns]);
            assert_eq!(sparse::pays(&x, columns, columns), sparse::fused());
            gram(&x, columns, &mut found);
            whole_triangle(MatRef::from_row_major_slice(&x, rows, columns), &mut whole);
            for first in 0..columns {
                let lower = first * columns + first..(first + 1) * columns;
                assert_eq!(found[lower.clone()], whole[lower], "{rows} {columns}, {first}");
            }
        }
    }
}
