//! Products with a matrix that is mostly zeros, as pixels are: the terms that are zero are left out.
//!
//! A sum has the bits that faer's kernels give it: one chain of fused multiply-adds for every so many terms, in their
//! order, and a term of zero changes no chain of finite numbers. Zero times infinity, which faer makes NaN, is left out
//! like any other zero.

use std::ops::Range;

use faer::{
    Accum, ContiguousFwd, MatMut, MatRef,
    reborrow::{IntoConst as _, ReborrowMut as _},
};
use pulp::{NullaryFnOnce, Simd, WithSimd};

/// Terms of one chain in faer's kernels; the sums of chains are added.
pub(crate) const CHAIN: usize = 512;
/// Terms of a part of a chain, whose rows of b are copied to lie side by side in the nearest cache.
const PART: usize = 64;
/// Rows of the result for which that pays.
const COPIED: usize = 64;
/// Vectors of a result that are summed side by side: with a factor and a row they are all registers.
const WIDEST: usize = 12;
/// Columns of the result below which finding the terms takes as long as what is saved.
pub(crate) const NARROWEST: usize = 32;
/// Multiplications below which a product is left to faer, which sums those of 4,096 or fewer in another order.
pub(crate) const LEAST: usize = 1 << 15;
/// Share of the terms that may be other than zero; at 0.6 finding them takes what leaving out the others saves.
const MOST: f64 = 0.4;
/// What is looked at to tell: this many stretches of this many numbers.
const STRETCHES: usize = 32;
const STRETCH: usize = 32;

/// Whether `rows` x `columns` sums of products with the numbers of `a` are worth leaving out zeros, by a sample of it.
pub(crate) fn pays(a: &[f32], rows: usize, columns: usize) -> bool {
    let depth = a.len() / rows.max(1);
    let ordered = rows > 1 && depth > 1 && rows * depth * columns > LEAST;
    if !fused() || !ordered || columns < NARROWEST || a.len() < STRETCH {
        return false;
    }
    // Multiples of the golden ratio fall everywhere, whatever the length of a row.
    let start = |stretch: usize| {
        let share = (stretch as f64 * 0.618_033_988_749_895).fract();
        (share * (a.len() - STRETCH) as f64) as usize
    };
    let set = |stretch| a[start(stretch)..][..STRETCH].iter().filter(|&&v| v != 0.0).count();
    (0..STRETCHES).map(set).sum::<usize>() as f64 <= MOST * (STRETCHES * STRETCH) as f64
}

/// Whether this processor has the instructions whose sums are in faer's order.
pub(crate) fn fused() -> bool {
    #[cfg(target_arch = "x86_64")]
    return pulp::x86::V3::try_new().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// A matrix by rows.
type Rows<'a> = MatRef<'a, f32, usize, usize, isize, ContiguousFwd>;
type RowsMut<'a> = MatMut<'a, f32, usize, usize, isize, ContiguousFwd>;

/// The terms of each chain of a sum of `depth` terms. In chains shorter than faer's own, a last term alone joins those before
/// it: by itself faer would round its product once less.
pub(crate) fn chains(depth: usize, length: usize) -> impl Iterator<Item = Range<usize>> {
    let joins = length < CHAIN && depth > length && depth % length == 1;
    let cut = if joins { depth - 1 } else { depth };
    (0..cut).step_by(length).map(move |start| {
        let end = start + length;
        start..if end >= cut { depth } else { end }
    })
}

/// a b in the place of c or added to it, in chains of this many terms, on this thread; returns false and does nothing if
/// b or c is not by rows, or a neither by rows nor by columns.
pub(crate) fn multiply(
    c: MatMut<'_, f32>,
    accum: Accum,
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
    length: usize,
) -> bool {
    let (Some(mut c), Some(b)) = (c.try_as_row_major_mut(), b.try_as_row_major()) else {
        return false;
    };
    // With few rows, a copy takes longer than it saves.
    let part = if c.nrows() < COPIED { length } else { PART };
    for chain in chains(a.ncols(), length) {
        let parts: Option<Vec<_>> = chain
            .clone()
            .step_by(part)
            .map(|start| Terms::of(a, start..(start + part).min(chain.end)))
            .collect();
        let Some(parts) = parts else { return false };
        let chain =
            Chain { c: c.rb_mut(), parts: &parts, b, add: chain.start > 0 || accum == Accum::Add };
        pulp::Arch::new().dispatch(chain);
    }
    true
}

/// A factor other than zero and the row of b it belongs to.
#[derive(Clone, Copy, Default)]
struct Term {
    row: u32,
    factor: f32,
}

/// The terms of each row of the result in a part of a chain, one row after the other.
struct Terms {
    /// Rows of b that they may belong to.
    part: Range<usize>,
    terms: Vec<Term>,
    rows: Vec<Range<usize>>,
}

impl Terms {
    /// The terms in these columns of `a`, which is by rows or by columns.
    fn of(a: MatRef<'_, f32>, part: Range<usize>) -> Option<Self> {
        let values = if let Some(a) = a.try_as_row_major() {
            Values::ByRows(a.subcols(part.start, part.len()))
        } else {
            let turned = a.transpose().try_as_row_major()?;
            Values::ByColumns(turned.subrows(part.start, part.len()))
        };
        let (terms, rows) = pulp::Arch::new().dispatch(Find { values, rows: a.nrows() });
        Some(Self { part, terms, rows })
    }
}

/// Some columns of a matrix.
#[derive(Clone, Copy)]
enum Values<'a> {
    ByRows(Rows<'a>),
    /// The columns as rows.
    ByColumns(Rows<'a>),
}

/// Bits of a word.
const WORD: usize = u64::BITS as usize;

/// The terms of each of `rows` rows, one after the other, and which are whose.
struct Find<'a> {
    values: Values<'a>,
    rows: usize,
}

impl NullaryFnOnce for Find<'_> {
    type Output = (Vec<Term>, Vec<Range<usize>>);

    #[inline(always)]
    fn call(self) -> Self::Output {
        let set = self.set();
        let count = set.iter().map(|word| word.count_ones() as usize).sum();
        let mut terms = vec![Term::default(); count];
        let mut end = 0;
        let mut rows = Vec::with_capacity(self.rows);
        for row in 0..self.rows {
            let start = end;
            for (at, words) in set.chunks_exact(self.rows).enumerate() {
                let mut word = words[row];
                while word != 0 {
                    let column = at * WORD + word.trailing_zeros() as usize;
                    let factor = match self.values {
                        Values::ByRows(a) => a.row(row).as_slice()[column],
                        Values::ByColumns(turned) => turned.row(column).as_slice()[row],
                    };
                    terms[end] = Term { row: column as u32, factor };
                    end += 1;
                    word &= word - 1;
                }
            }
            rows.push(start..end);
        }
        (terms, rows)
    }
}

impl Find<'_> {
    /// A bit for each number that is not zero: a word of every row for the first columns, then for the next.
    #[inline(always)]
    fn set(&self) -> Vec<u64> {
        match self.values {
            Values::ByRows(a) => {
                let mut set = vec![0; self.rows * a.ncols().div_ceil(WORD)];
                for (at, words) in set.chunks_exact_mut(self.rows).enumerate() {
                    for (row, word) in words.iter_mut().enumerate() {
                        let values = &a.row(row).as_slice()[at * WORD..];
                        for (half, values) in values.chunks(WORD / 2).take(2).enumerate() {
                            let mut bits = 0;
                            for (bit, &value) in values.iter().enumerate() {
                                bits |= u32::from(value != 0.0) << bit;
                            }
                            *word |= u64::from(bits) << (half * WORD / 2);
                        }
                    }
                }
                set
            }
            Values::ByColumns(turned) => {
                let mut set = vec![0; self.rows * turned.nrows().div_ceil(WORD)];
                for column in 0..turned.nrows() {
                    let words = &mut set[column / WORD * self.rows..][..self.rows];
                    for (word, &value) in words.iter_mut().zip(turned.row(column).as_slice()) {
                        *word |= u64::from(value != 0.0) << (column % WORD);
                    }
                }
                set
            }
        }
    }
}

/// The sums of one chain, in the place of c or added to it.
struct Chain<'a> {
    c: RowsMut<'a>,
    parts: &'a [Terms],
    b: Rows<'a>,
    add: bool,
}

impl WithSimd for Chain<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (rows, columns) = (self.c.nrows(), self.c.ncols());
        let vectors = columns / S::F32_LANES;
        let panels = vectors.div_ceil(WIDEST);
        let (mut copy, mut other) = (Vec::new(), Vec::new());
        let mut first = 0;
        // After the last panel come the columns that fill no vector.
        for panel in 0..=panels {
            let width = if panel < panels {
                (panel + 1) * vectors / panels - panel * vectors / panels
            } else {
                0
            };
            let count = if width > 0 { width * S::F32_LANES } else { columns - first };
            if count == 0 {
                break;
            }
            let mut c = self.c.rb_mut().subcols_mut(first, count);
            let mut sums = None;
            if self.add {
                other.resize(rows * count, 0.0);
                let other = &mut other[..rows * count];
                sums = MatMut::from_row_major_slice_mut(other, rows, count).try_as_row_major_mut();
            }
            for (at, terms) in self.parts.iter().enumerate() {
                let mut b = self.b.submatrix(terms.part.start, first, terms.part.len(), count);
                if rows >= COPIED {
                    copy.clear();
                    (0..b.nrows()).for_each(|row| copy.extend_from_slice(b.row(row).as_slice()));
                    let copied = MatRef::from_row_major_slice(&copy, b.nrows(), count);
                    b = copied.try_as_row_major().unwrap_or(b);
                }
                let c = sums.as_mut().map_or_else(|| c.rb_mut(), |sums| sums.rb_mut());
                let mut panel = Panel { c, b, terms, add: at > 0 };
                match width {
                    0 => panel.rest(simd),
                    1 => panel.sum::<S, 1>(simd),
                    2 => panel.sum::<S, 2>(simd),
                    3 => panel.sum::<S, 3>(simd),
                    4 => panel.sum::<S, 4>(simd),
                    5 => panel.sum::<S, 5>(simd),
                    6 => panel.sum::<S, 6>(simd),
                    7 => panel.sum::<S, 7>(simd),
                    8 => panel.sum::<S, 8>(simd),
                    9 => panel.sum::<S, 9>(simd),
                    10 => panel.sum::<S, 10>(simd),
                    11 => panel.sum::<S, 11>(simd),
                    _ => panel.sum::<S, WIDEST>(simd),
                }
            }
            let added = sums.into_iter().flat_map(|sums| sums.into_const().row_iter().enumerate());
            for (row, sums) in added {
                let c = c.rb_mut().row_mut(row).as_slice_mut();
                c.iter_mut().zip(sums.as_slice()).for_each(|(c, sum)| *c += sum);
            }
            first += count;
        }
    }
}

/// Some columns of c, and a part of the terms of their chain.
struct Panel<'a> {
    c: RowsMut<'a>,
    /// The rows of the part, these columns alone.
    b: Rows<'a>,
    terms: &'a Terms,
    /// The chain has begun.
    add: bool,
}

impl Panel<'_> {
    /// The chain of each row, `N` vectors wide.
    #[inline(always)]
    fn sum<S: Simd, const N: usize>(&mut self, simd: S) {
        for (row, terms) in self.terms.rows.iter().enumerate() {
            let c = self.c.rb_mut().row_mut(row).as_slice_mut();
            let Some(c) = S::as_mut_simd_f32s(c).0.first_chunk_mut::<N>() else { return };
            let mut sums = if self.add { *c } else { [simd.splat_f32s(0.0); N] };
            for term in &self.terms.terms[terms.clone()] {
                let b = S::as_simd_f32s(self.b.row(term.row as usize).as_slice()).0;
                let Some(b) = b.first_chunk::<N>() else { return };
                let factor = simd.splat_f32s(term.factor);
                // By index: an iterator would keep the sums in memory.
                for at in 0..N {
                    sums[at] = simd.mul_add_f32s(factor, b[at], sums[at]);
                }
            }
            *c = sums;
        }
    }

    /// The same of columns that fill no vector.
    #[inline(always)]
    fn rest<S: Simd>(&mut self, simd: S) {
        for (row, terms) in self.terms.rows.iter().enumerate() {
            let c = self.c.rb_mut().row_mut(row).as_slice_mut();
            let mut sum = if self.add { simd.partial_load_f32s(c) } else { simd.splat_f32s(0.0) };
            for term in &self.terms.terms[terms.clone()] {
                let b = simd.partial_load_f32s(self.b.row(term.row as usize).as_slice());
                sum = simd.mul_add_f32s(simd.splat_f32s(term.factor), b, sum);
            }
            simd.partial_store_f32s(c, sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use faer::{Accum, Par, linalg::matmul::matmul};

    use super::*;
    use crate::noise::{Noise, Stream};

    fn random(count: usize, key: u64) -> Vec<f32> {
        Noise::new(6).normal(Stream::Generate, key, &[0], count)
    }

    /// Numbers of which one in six is not zero, and a stretch without any.
    fn mostly_zero(count: usize) -> Vec<f32> {
        let keep = |(at, v): (usize, f32)| if v > 1.0 && !(40..90).contains(&at) { v } else { 0.0 };
        random(count, 1).into_iter().enumerate().map(keep).collect()
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|v| v.to_bits()).collect()
    }

    #[test]
    fn terms_of_zero_change_no_bit() {
        if !fused() {
            return;
        }
        // Columns that fill vectors or not, one chain and several, the fewest rows for which zeros are left out.
        let shapes = [(20, 784, 400), (130, 1300, 33), (2, 512, 96), (600, 20, 201), (65, 513, 39)];
        for (m, k, n) in shapes {
            for binary in [false, true] {
                let one = |v: f32| if binary { f32::from(v != 0.0) } else { v };
                let a: Vec<f32> = mostly_zero(m * k).into_iter().map(one).collect();
                let b = random(k * n, 2);
                let b = MatRef::from_row_major_slice(&b, k, n);
                for a in [
                    MatRef::from_row_major_slice(&a, m, k),
                    MatRef::from_column_major_slice(&a, m, k),
                ] {
                    let (mut whole, mut sparse) = (vec![f32::NAN; m * n], vec![f32::NAN; m * n]);
                    let c = MatMut::from_row_major_slice_mut(&mut whole, m, n);
                    matmul(c, Accum::Replace, a, b, 1.0, Par::Seq);
                    let c = MatMut::from_row_major_slice_mut(&mut sparse, m, n);
                    assert!(multiply(c, Accum::Replace, a, b, CHAIN));
                    assert_eq!(bits(&whole), bits(&sparse), "{m} {k} {n}");
                }
            }
        }
    }

    #[test]
    fn it_pays_for_pixels_and_not_for_numbers_without_zeros_or_small_results() {
        if !fused() {
            return;
        }
        let pixels = mostly_zero(100 * 784);
        assert!(pays(&pixels, 100, 400));
        assert!(!pays(&pixels, 100, 10));
        assert!(!pays(&pixels[..784], 1, 400));
        assert!(!pays(&random(100 * 784, 3), 100, 400));
        let relu: Vec<f32> = random(100 * 784, 3).into_iter().map(|v| v.max(0.0)).collect();
        assert!(!pays(&relu, 100, 400));
        assert!(!pays(&[], 0, 400));
    }
}
