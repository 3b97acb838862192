//! Matrix products on burn-flex, by faer's kernels.

use burn::tensor::ops::FloatTensorOps as _;
use burn_flex::{Flex, FlexTensor};
use faer::{Accum, MatMut, MatRef, reborrow::ReborrowMut as _};

use super::{
    awake::stay_awake,
    buffers, flex,
    tiles::{STRIP, TILE, multiply},
};
use crate::sparse;

/// Multiplications that are worth a thread of their own.
pub(super) const WORTH_A_THREAD: usize = 1 << 18;
/// Terms of a chain of a long sum over rows of memory.
const SHORT_CHAIN: usize = 256;
/// A part's rows or columns are a multiple of this, the kernels' vectors.
const STEP: usize = 16;

/// a b for matrices a and b, transposed views included.
///
/// The result is shared out by rows or columns, never within a sum: its bits do not depend on the
/// number of threads (a law test below).
pub(crate) fn product_flex(a: FlexTensor, b: FlexTensor) -> FlexTensor {
    product_then(a, b, None)
}

/// The same, `then` done with each row of a part, from this column on, while it is in the cache: one fork of
/// the threads for both.
pub(super) fn product_then(a: FlexTensor, b: FlexTensor, then: Option<&Then<'_>>) -> FlexTensor {
    let (a, b) = (readable(a), readable(b));
    let (x, y) = (matrix(&a), matrix(&b));
    let (rows, columns) = (x.nrows(), y.ncols());
    let sparse = sparse::pays(a.storage(), rows, columns);
    let values = on_threads(x, y, sparse, then);
    buffers::give_back(a);
    buffers::give_back(b);
    flex::tensor(values, [rows, columns])
}

/// The rows of a b, one after another, on as many threads as it is worth.
pub(super) fn on_threads(
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
    sparse: bool,
    then: Option<&Then<'_>>,
) -> Vec<f32> {
    let (rows, columns) = (a.nrows(), b.ncols());
    let mut values = buffers::take(rows * columns);
    let c = MatMut::from_row_major_slice_mut(&mut values, rows, columns);
    share_out(Part { c, a, b, first: 0, sparse, accum: Accum::Replace }, then);
    values
}

/// a b added to a sum, in its place: the same bits as the product and then the sum of both.
pub(crate) fn add_product_flex(sum: FlexTensor, a: FlexTensor, b: FlexTensor) -> FlexTensor {
    let (a, b) = (readable(a), readable(b));
    let (x, y) = (matrix(&a), matrix(&b));
    let (rows, depth, columns) = (x.nrows(), x.ncols(), y.ncols());
    // Several chains would be added one after the other, and faer sums small products and those with vectors in an order
    // of their own.
    let is_one_chain = depth <= chain(x);
    let is_vector = [rows, depth, columns].contains(&1);
    if !is_one_chain || is_vector || rows * depth * columns <= sparse::LEAST {
        return Flex::float_add(product_flex(a, b), sum);
    }
    let mut sum = flex::dense(sum);
    let c = MatMut::from_row_major_slice_mut(sum.storage_mut(), rows, columns);
    let sparse = sparse::pays(a.storage(), rows, columns);
    share_out(Part { c, a: x, b: y, first: 0, sparse, accum: Accum::Add }, None);
    buffers::give_back(a);
    buffers::give_back(b);
    sum
}

/// As many threads as it is worth.
fn share_out(part: Part<'_>, then: Option<&Then<'_>>) {
    let work = part.c.nrows() * part.c.ncols() * part.a.ncols();
    let parts = (work / WORTH_A_THREAD).clamp(1, rayon::current_num_threads());
    stay_awake(parts);
    on_each_thread(part.shares(parts), then);
}

/// Halves of the shares side by side, down to a single one.
fn on_each_thread(mut shares: Vec<Vec<Part<'_>>>, then: Option<&Then<'_>>) {
    if shares.len() > 1 {
        let others = shares.split_off(shares.len() / 2);
        rayon::join(|| on_each_thread(shares, then), || on_each_thread(others, then));
    } else {
        shares.into_iter().flatten().for_each(|part| part.multiply(then));
    }
}

/// What follows a product: from a column on, a part of a row.
pub(super) type Then<'a> = dyn Fn(usize, &mut [f32]) + Sync + 'a;

/// `a` `b` for `c`, columns of the whole result from `first` on.
struct Part<'a> {
    c: MatMut<'a, f32>,
    a: MatRef<'a, f32>,
    b: MatRef<'a, f32>,
    first: usize,
    /// The zeros of `a` are left out where `b` is by rows, in every part or in none, however many threads there are: zero
    /// times infinity is NaN where it is multiplied.
    sparse: bool,
    /// In the place of what `c` holds, or added to it.
    accum: Accum,
}

impl<'a> Part<'a> {
    /// What each thread does. None is a product with a vector, nor one of few terms: faer takes the sums of either in another
    /// order.
    fn shares(self, parts: usize) -> Vec<Vec<Self>> {
        let (rows, columns) = (self.c.nrows(), self.c.ncols());
        if parts <= 1 || rows.max(columns) < 2 * STEP {
            return vec![vec![self]];
        }
        let tiles = columns / (parts * TILE) * TILE;
        let strip = columns - parts * tiles;
        let is_worth = (2..=TILE).contains(&strip)
            && rows >= 2 * STEP
            && rows / (2 * parts) * strip * self.a.ncols() > sparse::LEAST;
        if columns >= rows && tiles > 0 && is_worth && !self.sparse {
            return self.in_tiles(parts, tiles);
        }
        let left = parts / 2;
        let middle =
            |length: usize, step: usize| (length * left / parts).next_multiple_of(step).min(length);
        let at = middle(columns, STEP);
        let is_narrow =
            self.sparse && self.b.col_stride() == 1 && at.min(columns - at) < sparse::NARROWEST;
        let (one, other) = if columns < rows {
            self.split_rows(middle(rows, STEP))
        } else if !is_narrow {
            self.split_columns(at)
        } else if rows >= 2 * STRIP {
            // Each finds the terms of its own rows, where narrow parts would all look for the same.
            self.split_rows(middle(rows, STRIP))
        } else {
            return vec![vec![self]];
        };
        let mut shares = one.shares(left);
        shares.extend(other.shares(parts - left));
        shares
    }

    /// As many columns for each, of whole tiles; of the strip that remains, whose tiles are not filled and take as long as
    /// wider ones, some rows for each.
    fn in_tiles(self, parts: usize, columns: usize) -> Vec<Vec<Self>> {
        let rows = self.c.nrows();
        let (mut tiles, mut strip) = self.split_columns(parts * columns);
        let mut shares = Vec::with_capacity(parts);
        for part in 1..parts {
            let (one, others) = tiles.split_columns(columns);
            let from = rows * (part - 1) / parts / STRIP * STRIP;
            let (some, below) = strip.split_rows(rows * part / parts / STRIP * STRIP - from);
            shares.push(vec![one, some]);
            (tiles, strip) = (others, below);
        }
        shares.push(vec![tiles, strip]);
        shares
    }

    fn split_columns(self, at: usize) -> (Self, Self) {
        let Self { c, a, b, first, sparse, accum } = self;
        let ((c, d), (b, e)) = (c.split_at_col_mut(at), b.split_at_col(at));
        let one = Self { c, a, b, first, sparse, accum };
        (one, Self { c: d, a, b: e, first: first + at, sparse, accum })
    }

    fn split_rows(self, at: usize) -> (Self, Self) {
        let Self { c, a, b, first, sparse, accum } = self;
        let ((c, d), (a, e)) = (c.split_at_row_mut(at), a.split_at_row(at));
        let one = Self { c, a, b, first, sparse, accum };
        (one, Self { c: d, a: e, b, first, sparse, accum })
    }

    fn multiply(self, then: Option<&Then<'_>>) {
        let Self { mut c, a, b, first, sparse, mut accum } = self;
        let length = chain(a);
        let done = sparse && sparse::multiply(c.rb_mut(), accum, a, b, length);
        if !done && length == sparse::CHAIN {
            // faer cuts at its own length by itself.
            multiply(c.rb_mut(), accum, a, b);
        } else if !done {
            for terms in sparse::chains(a.ncols(), length) {
                let (start, count) = (terms.start, terms.len());
                multiply(c.rb_mut(), accum, a.subcols(start, count), b.subrows(start, count));
                accum = Accum::Add;
            }
        }
        let Some(then) = then else { return };
        for row in c.row_iter_mut() {
            if let Some(row) = row.try_as_row_major_mut() {
                then(first, row.as_slice_mut());
            }
        }
    }
}

/// Terms that are summed in one chain. Where a lies by columns, faer reads its numbers one row of memory apart: over 512
/// of them they do not stay in the nearest cache.
fn chain(a: MatRef<'_, f32>) -> usize {
    let is_by_columns = a.row_stride() == 1 && a.col_stride() != 1;
    if is_by_columns && a.ncols() >= sparse::CHAIN { SHORT_CHAIN } else { sparse::CHAIN }
}

/// The tensor itself if it is a whole matrix by rows or by columns, a copy by rows otherwise.
pub(super) fn readable(tensor: FlexTensor) -> FlexTensor {
    if by_columns(&tensor) { tensor } else { flex::dense(tensor) }
}

/// True for the transposed view of a whole matrix.
fn by_columns(tensor: &FlexTensor) -> bool {
    let layout = tensor.layout();
    let (shape, strides) = (layout.shape(), layout.strides());
    layout.start_offset() == 0
        && tensor.bytes().len() == layout.num_elements() * size_of::<f32>()
        && strides[0] == 1
        && usize::try_from(strides[1]) == Ok(shape[0])
}

/// What [`readable`] gave, as faer sees it.
pub(super) fn matrix(tensor: &FlexTensor) -> MatRef<'_, f32> {
    let shape = tensor.layout().shape();
    let (rows, columns) = (shape[0], shape[1]);
    if by_columns(tensor) {
        MatRef::from_column_major_slice(tensor.storage(), rows, columns)
    } else {
        MatRef::from_row_major_slice(tensor.storage(), rows, columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::{Noise, Stream};

    fn random(rows: usize, columns: usize, key: u64) -> FlexTensor {
        let values = Noise::new(4).normal(Stream::Generate, key, &[0], rows * columns);
        flex::tensor(values, [rows, columns])
    }

    fn in_a_pool(threads: usize, task: impl FnOnce() -> Vec<f32> + Send) -> Vec<f32> {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(task)
    }

    fn values(tensor: FlexTensor) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    #[test]
    fn it_equals_burns_and_does_not_depend_on_threads() {
        let shapes = [(1, 1, 1), (3, 5, 7), (20, 784, 400), (130, 700, 333), (600, 20, 33)];
        // Tiles for each thread and a strip, of two columns and of more, with few terms and with many.
        let strips =
            [(128, 784, 400), (64, 400, 194), (32, 1100, 784), (96, 40, 698), (40, 999, 290)];
        // Short chains of which the last has few terms.
        let remainders = [(32, 520, 32), (32, 516, 64), (40, 513, 40)];
        // Halves that would leave one row, and one column.
        let lonely = [(17, 12_288, 10), (33, 12_288, 10), (10, 12_288, 49), (64, 4096, 17)];
        for (m, k, n) in shapes.into_iter().chain(strips).chain(remainders).chain(lonely) {
            for (a_turned, b_turned) in [(false, false), (true, false), (false, true), (true, true)]
            {
                let turned = |t: FlexTensor, turn| if turn { t.transpose(0, 1) } else { t };
                let size = |a, b, turn| if turn { (b, a) } else { (a, b) };
                let (rows, columns) = size(m, k, a_turned);
                let a = turned(random(rows, columns, 1), a_turned);
                let (rows, columns) = size(k, n, b_turned);
                let b = turned(random(rows, columns, 2), b_turned);
                let one = in_a_pool(1, || values(product_flex(a.clone(), b.clone())));
                for threads in [2, 3, 7] {
                    let many = in_a_pool(threads, || values(product_flex(a.clone(), b.clone())));
                    assert_eq!(one, many, "{m} {k} {n}, {threads} threads");
                }
                let reference = values(Flex::float_matmul(a, b));
                let scale = (k as f32).sqrt();
                for (x, y) in one.iter().zip(reference) {
                    assert!((x - y).abs() < 1e-5 * scale, "{m} {k} {n}: {x} {y}");
                }
            }
        }
    }

    #[test]
    fn zeros_that_are_left_out_change_no_bit_at_any_number_of_threads() {
        for (m, k, n) in [
            (20, 784, 400),
            (130, 700, 333),
            (600, 20, 133),
            (784, 128, 400),
            (784, 512, 40),
            (33, 769, 60),
            (60, 513, 70),
            // Shared out by a few rows, or not at all, since columns would be too few.
            (20, 1700, 48),
            (10, 2000, 60),
            (5, 3000, 50),
        ] {
            for a_turned in [false, true] {
                let (rows, columns) = if a_turned { (k, m) } else { (m, k) };
                let lit = |v: f32| if v > 0.9 { v } else { 0.0 };
                let a = values(random(rows, columns, 1)).into_iter().map(lit).collect();
                let a = flex::tensor(a, [rows, columns]);
                let a = if a_turned { a.transpose(0, 1) } else { a };
                let b = random(k, n, 2);
                assert_eq!(sparse::pays(a.storage(), m, n), sparse::fused());
                let whole = in_a_pool(1, || on_threads(matrix(&a), matrix(&b), false, None));
                for threads in [1, 2, 3, 7] {
                    let many = in_a_pool(threads, || values(product_flex(a.clone(), b.clone())));
                    assert_eq!(whole, many, "{m} {k} {n}, {threads} threads");
                }
            }
        }
    }

    #[test]
    fn zeros_times_infinity_are_left_out_at_any_number_of_threads() {
        // Columns that halves leave 8 of, and few rows of a wide result.
        for (m, k, n) in [(40, 512, 40), (20, 1700, 48), (20, 784, 400)] {
            let lit = |(at, v): (usize, f32)| if v > 0.9 && at % k != 5 { v } else { 0.0 };
            let a = values(random(m, k, 1)).into_iter().enumerate().map(lit).collect();
            let a = flex::tensor(a, [m, k]);
            let mut b = values(random(k, n, 2));
            b[5 * n + n - 1] = f32::INFINITY;
            let b = flex::tensor(b, [k, n]);
            assert_eq!(sparse::pays(a.storage(), m, n), sparse::fused());
            let sum = random(m, n, 3);
            let found = |threads| {
                in_a_pool(threads, || {
                    let product = values(product_flex(a.clone(), b.clone()));
                    let added = values(add_product_flex(sum.clone(), a.clone(), b.clone()));
                    [product, added].concat()
                })
            };
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
            let one = found(1);
            assert_eq!(one.iter().all(|v| v.is_finite()), sparse::fused(), "{m} {k} {n}");
            for threads in [2, 3, 7] {
                assert_eq!(bits(&one), bits(&found(threads)), "{m} {k} {n}, {threads} threads");
            }
        }
    }

    #[test]
    fn a_product_that_is_added_has_the_bits_of_both_steps() {
        // Chains in one piece and in several; factors with and without zeros.
        let shapes = [(3, 5, 7), (400, 128, 784), (256, 512, 96), (40, 700, 333), (300, 257, 33)];
        let vectors = [(400, 1, 784), (1, 300, 400), (300, 200, 1), (2, 200, 10)];
        for (m, k, n) in shapes.into_iter().chain(vectors) {
            for share in [-9.0, 0.9] {
                let a = values(random(k, m, 1)).into_iter();
                let a = a.map(|v| if v > share { v } else { 0.0 }).collect();
                let a = flex::tensor(a, [k, m]).transpose(0, 1);
                let sum = random(m, n, 3);
                for (threads, b) in [1, 2, 3].into_iter().flat_map(|threads| {
                    [(threads, random(k, n, 2)), (threads, random(n, k, 2).transpose(0, 1))]
                }) {
                    let apart = Flex::float_add(product_flex(a.clone(), b.clone()), sum.clone());
                    let (a, b, sum) = (a.clone(), b.clone(), sum.clone());
                    let added = in_a_pool(threads, || values(add_product_flex(sum, a, b)));
                    assert_eq!(
                        added,
                        values(apart.clone()),
                        "{m} {k} {n}, {share}, {threads} threads"
                    );
                }
            }
        }
    }

    #[test]
    fn a_part_of_a_matrix_is_read_through_its_strides() {
        let a = random(8, 6, 1).narrow(0, 2, 4).narrow(1, 1, 3);
        let b = random(3, 5, 2);
        let product = values(product_flex(a.clone(), b.clone()));
        assert_eq!(product, values(product_flex(a.to_contiguous(), b)));
    }
}
