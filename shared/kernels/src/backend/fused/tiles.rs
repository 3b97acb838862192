//! Products on one thread, cut into the columns that faer's kernels multiply fastest.

use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};

use crate::{registers, sparse};

/// Columns of faer's tile with AVX-512, of four of them with AVX2.
pub(super) const TILE: usize = 96;
/// Rows of a tile.
pub(super) const STRIP: usize = 4;
/// Columns of a piece of a product that is cut.
const PIECE: usize = 4 * TILE;
/// Columns of a product that is not: of more at once faer packs the same numbers again and again, so 1,200 or 2,000 take up
/// to a fifth longer than their pieces.
const WHOLE: usize = 10 * TILE;
/// A tile of so few columns takes as long as one of twice as many: its sums wait for one another.
const NARROW: usize = TILE / 6;
/// Of a tile and a narrow one, the first of two that take less time.
const HALF: usize = 2 * TILE / 3;

/// a b in the place of c or added to it, on this thread. The bits are those of the product in one piece: no sum is cut.
pub(super) fn multiply(
    mut c: MatMut<'_, f32>,
    accum: Accum,
    a: MatRef<'_, f32>,
    mut b: MatRef<'_, f32>,
) {
    // Products with vectors and small ones are summed in an order of their own.
    let can_be_cut =
        c.col_stride() == 1 && c.nrows() > 1 && c.nrows() * a.ncols() * NARROW > sparse::LEAST;
    while c.ncols() > 0 {
        let columns = if can_be_cut { next_piece(c.ncols()) } else { c.ncols() };
        let (piece, others) = c.split_at_col_mut(columns);
        let (factor, others_of_b) = b.split_at_col(columns);
        matmul(piece, accum, a, factor, 1.0, Par::Seq);
        (c, b) = (others, others_of_b);
    }
    registers::clear();
}

/// Columns of the next piece of so many that are left.
fn next_piece(columns: usize) -> usize {
    if columns > WHOLE {
        return PIECE;
    }
    let last = columns % TILE;
    if columns < TILE || !is_narrow(last) {
        return columns;
    }
    if columns > 2 * TILE { columns - TILE - last } else { HALF }
}

/// Whether columns that are left over from whole tiles are too few for a tile of their own.
fn is_narrow(columns: usize) -> bool {
    has_wide_tiles() && (1..=NARROW).contains(&columns)
}

fn has_wide_tiles() -> bool {
    #[cfg(target_arch = "x86_64")]
    return pulp::x86::V4::try_new().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::{Noise, Stream};

    fn random(rows: usize, columns: usize, key: u64) -> Vec<f32> {
        Noise::new(4).normal(Stream::Generate, key, &[0], rows * columns)
    }

    #[test]
    fn a_product_in_pieces_has_the_bits_of_one() {
        // One piece, a narrow rest behind one tile, two and more, several pieces, those of one column more.
        let widths = [1, 33, 96, 97, 112, 193, 208, 400, 784, 961, 1000, 1200, 2001];
        for (rows, depth) in [(1, 900), (2, 700), (20, 784), (130, 40), (40, 1100)] {
            for columns in widths {
                let (a, b) = (random(rows, depth, 1), random(depth, columns, 2));
                let a = MatRef::from_row_major_slice(&a, rows, depth);
                for b in [
                    MatRef::from_row_major_slice(&b, depth, columns),
                    MatRef::from_column_major_slice(&b, depth, columns),
                ] {
                    for accum in [Accum::Replace, Accum::Add] {
                        let [mut whole, mut pieces] = [0, 1].map(|_| random(rows, columns, 3));
                        let c = MatMut::from_row_major_slice_mut(&mut whole, rows, columns);
                        matmul(c, accum, a, b, 1.0, Par::Seq);
                        let c = MatMut::from_row_major_slice_mut(&mut pieces, rows, columns);
                        multiply(c, accum, a, b);
                        assert_eq!(whole, pieces, "{rows} x {depth} x {columns}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_piece_is_narrow_if_another_could_be_less_wide() {
        for columns in 1..3000 {
            let mut left = columns;
            while left > 0 {
                let piece = next_piece(left);
                assert!((1..=WHOLE).contains(&piece), "{columns}: {piece}");
                assert!(!is_narrow(piece % TILE) || columns < TILE, "{columns}: {piece}");
                left -= piece;
            }
        }
    }
}
