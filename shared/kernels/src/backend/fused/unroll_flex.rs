//! A recurrence over all steps on burn-flex. A row's states depend on no other row, so a thread takes its share of the
//! rows through all steps, without waiting for others in between.

use burn_flex::FlexTensor;
use faer::{Accum, MatMut, MatRef};
use rayon::prelude::*;

use super::{
    buffers,
    flex::{add_and, bias_gradient_flex, dense, dims, tensor},
    product::{WORTH_A_THREAD, matrix, on_threads, readable},
    recurrent_flex::{Gradient, Step},
    tiles::{STRIP, multiply},
};
use crate::operation::{Activation, Cell};

/// Sizes of a recurrence.
#[derive(Clone, Copy)]
struct Sizes {
    rows: usize,
    steps: usize,
    /// Of h.
    width: usize,
    /// Of a step's sums.
    wide: usize,
    /// Of the state.
    narrow: usize,
}

impl Sizes {
    fn of(cell: Cell, sums: &FlexTensor, rows: usize) -> Self {
        let (all, wide) = dims(sums);
        let width = wide / cell.gates();
        let narrow = cell.state_parts() * width;
        Self { rows, steps: all / rows.max(1), width, wide, narrow }
    }

    /// How many rows each thread takes, never a single one: that would be a product with a vector, whose sums faer takes in
    /// another order.
    fn shares(self) -> Vec<usize> {
        let work = self.steps * self.rows * self.width * self.wide;
        let threads = rayon::current_num_threads().min(self.rows / STRIP).max(1);
        let parts = (work / WORTH_A_THREAD).clamp(1, threads);
        let end =
            |part| if part == parts { self.rows } else { self.rows * part / parts / STRIP * STRIP };
        (0..parts).map(|part| end(part + 1) - end(part)).collect()
    }
}

/// For each share of the rows, its part of each step of a matrix of this width; `cut` takes the next numbers off it.
fn by_share<T>(
    steps: usize,
    width: usize,
    shares: &[usize],
    mut cut: impl FnMut(usize) -> Option<T>,
) -> Vec<Vec<T>> {
    let mut parts: Vec<_> = shares.iter().map(|_| Vec::with_capacity(steps)).collect();
    for _ in 0..steps {
        for (part, rows) in parts.iter_mut().zip(shares) {
            part.extend(cut(rows * width));
        }
    }
    parts
}

/// The parts of a matrix `[steps * rows, width]` that are read.
fn read<'a>(
    mut values: &'a [f32],
    steps: usize,
    width: usize,
    shares: &[usize],
) -> Vec<Vec<&'a [f32]>> {
    by_share(steps, width, shares, |count| values.split_off(..count))
}

/// Those that are written.
fn written<'a>(
    mut values: &'a mut [f32],
    steps: usize,
    width: usize,
    shares: &[usize],
) -> Vec<Vec<&'a mut [f32]>> {
    by_share(steps, width, shares, |count| values.split_off_mut(..count))
}

/// h of states `[rows, state]`.
fn output(states: &[f32], sizes: Sizes) -> MatRef<'_, f32> {
    let rows = states.len() / sizes.narrow;
    MatRef::from_row_major_slice(states, rows, sizes.narrow).subcols(0, sizes.width)
}

/// See [`super::unroll::unroll_composed`].
pub(crate) fn unroll_flex(
    cell: Cell,
    input: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    start: FlexTensor,
) -> FlexTensor {
    let [states, gates, hidden] = through_steps(cell, input, [weight, bias], start, false);
    buffers::give_back(gates);
    buffers::give_back(hidden);
    states
}

/// See [`super::unroll::unroll_keeping_composed`].
pub(crate) fn unroll_keeping_flex(
    cell: Cell,
    input: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    start: FlexTensor,
) -> [FlexTensor; 3] {
    through_steps(cell, input, [weight, bias], start, true)
}

/// States, gates and hidden sums; without `keep`, the latter two of the last step alone.
fn through_steps(
    cell: Cell,
    input: FlexTensor,
    [weight, bias]: [FlexTensor; 2],
    start: FlexTensor,
    keep: bool,
) -> [FlexTensor; 3] {
    let sizes = Sizes::of(cell, &input, dims(&start).0);
    let Sizes { rows, steps, wide, narrow, .. } = sizes;
    let (input, weight, bias, start) = (dense(input), readable(weight), dense(bias), dense(start));
    let mut states = buffers::take((steps + 1) * rows * narrow);
    let kept = if keep { steps } else { steps.min(1) };
    let [mut gates, mut hidden] = [(); 2].map(|()| buffers::take(kept * rows * wide));
    states[..rows * narrow].copy_from_slice(start.storage());
    if rows * wide > 0 {
        let shares = sizes.shares();
        let tasks: Vec<_> = written(&mut states, steps + 1, narrow, &shares)
            .into_iter()
            .zip(written(&mut gates, kept, wide, &shares))
            .zip(written(&mut hidden, kept, wide, &shares))
            .zip(read(input.storage(), steps, wide, &shares))
            .collect();
        let (weight, bias) = (matrix(&weight), bias.storage::<f32>());
        tasks.into_par_iter().for_each(|(((mut states, mut gates), mut hidden), input)| {
            for (step, a) in input.into_iter().enumerate() {
                let (before, after) = states.split_at_mut(step + 1);
                let (before, after) = (&before[step][..], &mut after[0][..]);
                let slot = step.min(kept - 1);
                let (gates, b) = (&mut gates[slot][..], &mut hidden[slot][..]);
                let h = output(before, sizes);
                let sums = MatMut::from_row_major_slice_mut(b, h.nrows(), wide);
                multiply(sums, Accum::Replace, h, weight);
                for row in b.chunks_exact_mut(wide) {
                    add_and(row, bias, Activation::Linear);
                }
                Step { a, b, before, gates, after, width: sizes.width }.run(cell);
            }
        });
    }
    buffers::give_back(input);
    [
        tensor(states, [(steps + 1) * rows, narrow]),
        tensor(gates, [kept * rows, wide]),
        tensor(hidden, [kept * rows, wide]),
    ]
}

/// See [`super::unroll::unroll_gradient_composed`].
pub(crate) fn unroll_gradient_flex(
    cell: Cell,
    weight: FlexTensor,
    [states, gates, hidden]: [FlexTensor; 3],
    gradient: FlexTensor,
) -> [FlexTensor; 4] {
    let rows = dims(&states).0 - dims(&gates).0;
    let sizes = Sizes::of(cell, &gates, rows);
    let Sizes { rows, steps, width, wide, narrow, .. } = sizes;
    let [states, gates, hidden, gradient] = [states, gates, hidden, gradient].map(dense);
    // By rows: faer packs it at each step, which is then a copy of whole vectors.
    let backwards = dense(weight.transpose(0, 1)); // [wide, width]
    let [mut to_input, mut to_hidden] = [(); 2].map(|()| buffers::take(steps * rows * wide));
    let mut to_start = buffers::take(rows * narrow);
    let to_weight = if rows * wide > 0 {
        let shares = sizes.shares();
        let tasks: Vec<_> = written(&mut to_input, steps, wide, &shares)
            .into_iter()
            .zip(written(&mut to_hidden, steps, wide, &shares))
            .zip(written(&mut to_start, 1, narrow, &shares))
            .zip(read(gates.storage(), steps, wide, &shares))
            .zip(read(hidden.storage(), steps, wide, &shares))
            .zip(read(states.storage(), steps + 1, narrow, &shares))
            .zip(read(gradient.storage(), steps + 1, narrow, &shares))
            .collect();
        let backwards = matrix(&backwards);
        tasks.into_par_iter().for_each(
            |((((((to_input, to_hidden), mut to_start), gates), hidden), states), gradient)| {
                let Some(to_state) = to_start.first_mut() else { return };
                to_state.copy_from_slice(gradient[steps]);
                let mut after = vec![0.0; to_state.len()];
                let by_step = to_input.into_iter().zip(to_hidden).enumerate().rev();
                for (step, (to_input, to_hidden)) in by_step {
                    after.copy_from_slice(to_state);
                    Gradient {
                        gates: gates[step],
                        b: hidden[step],
                        before: states[step],
                        after: states[step + 1],
                        gradient: &after,
                        to_input,
                        to_hidden,
                        to_state,
                        width,
                    }
                    .run(cell);
                    let own = to_hidden.len() / wide;
                    let to_hidden = MatRef::from_row_major_slice(to_hidden, own, wide);
                    let to_h = MatMut::from_row_major_slice_mut(to_state, own, narrow);
                    multiply(to_h.subcols_mut(0, width), Accum::Add, to_hidden, backwards);
                    add_and(to_state, gradient[step], Activation::Linear);
                }
            },
        );
        let h = output(&states.storage::<f32>()[..steps * rows * narrow], sizes);
        let to_hidden = MatRef::from_row_major_slice(&to_hidden, steps * rows, wide);
        on_threads(h.transpose(), to_hidden, false, None)
    } else {
        vec![0.0; width * wide]
    };
    [states, gates, hidden, gradient].into_iter().for_each(buffers::give_back);
    let to_hidden = tensor(to_hidden, [steps * rows, wide]);
    [
        tensor(to_input, [steps * rows, wide]),
        tensor(to_weight, [width, wide]),
        bias_gradient_flex(to_hidden),
        tensor(to_start, [rows, narrow]),
    ]
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::{
        backend::fused::unroll::{unroll_gradient_composed, unroll_keeping_composed},
        noise::{Noise, Stream},
    };

    fn random(rows: usize, columns: usize, key: u64) -> FlexTensor {
        let values = Noise::new(2).normal(Stream::Generate, key, &[0], rows * columns);
        tensor(values.iter().map(|v| 0.3 * v).collect(), [rows, columns])
    }

    fn values(tensor: FlexTensor) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    /// Input's sums, weight, bias and first state of so many steps of rows, and a gradient of the states.
    fn arguments(cell: Cell, [steps, rows, width]: [usize; 3]) -> [FlexTensor; 5] {
        let (wide, narrow) = (cell.gates() * width, cell.state_parts() * width);
        [
            random(steps * rows, wide, 1),
            random(width, wide, 2),
            random(1, wide, 3).reshape([wide].into()),
            random(rows, narrow, 4),
            random((steps + 1) * rows, narrow, 5),
        ]
    }

    /// States, and the four gradients.
    fn found(cell: Cell, sizes: [usize; 3]) -> [Vec<f32>; 5] {
        let [input, weight, bias, start, gradient] = arguments(cell, sizes);
        let found = unroll_keeping_flex(cell, input, weight.clone(), bias, start);
        let states = found[0].clone();
        let [input, weight, bias, start] = unroll_gradient_flex(cell, weight, found, gradient);
        [states, input, weight, bias, start].map(values)
    }

    /// Steps, rows and width: rows that are shared out unevenly or not at all, steps that are worth no thread, and so many
    /// of those that a thread's rows of a step are a product so small that faer has another kernel for it.
    const SIZES: [[usize; 3]; 7] =
        [[1, 1, 1], [3, 1, 40], [2, 3, 17], [9, 5, 80], [3, 70, 100], [5, 21, 130], [100, 24, 10]];

    #[test]
    fn all_steps_equal_one_after_the_other() {
        for sizes in SIZES {
            for cell in [Cell::Gru, Cell::Lstm] {
                let [input, weight, bias, start, gradient] = arguments(cell, sizes);
                let one = [input, weight.clone(), bias, start];
                let [input, other_weight, bias, start] = one.clone();
                let composed =
                    unroll_keeping_composed::<Flex>(cell, input, other_weight, bias, start);
                let [input, other_weight, bias, start] = one;
                let states = unroll_flex(cell, input, other_weight, bias, start);
                let [found, gradients @ ..] = found(cell, sizes);
                // To the bit: a row's sums do not depend on its neighbours.
                assert_eq!(found, values(composed[0].clone()), "{sizes:?} {cell:?}");
                assert_eq!(found, values(states), "{sizes:?} {cell:?}");
                let expected = unroll_gradient_composed::<Flex>(cell, weight, composed, gradient);
                for (a, b) in gradients.into_iter().zip(expected.map(values)) {
                    assert_eq!(a.len(), b.len());
                    for (a, b) in a.iter().zip(&b) {
                        assert!((a - b).abs() <= 2e-5 * b.abs().max(1.0), "{sizes:?} {a} {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_threads() {
        for (sizes, cell) in
            SIZES.into_iter().flat_map(|sizes| [(sizes, Cell::Gru), (sizes, Cell::Lstm)])
        {
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| found(cell, sizes))
            };
            let one = on(1);
            for threads in [2, 3, 7] {
                assert_eq!(one, on(threads), "{sizes:?} {cell:?}, {threads} threads");
            }
        }
    }

    #[test]
    fn no_steps_and_no_rows_are_none() {
        for sizes in [[0, 3, 4], [2, 0, 4]] {
            let [states, gradients @ ..] = found(Cell::Gru, sizes);
            assert_eq!(states.len(), (sizes[0] + 1) * sizes[1] * 4);
            assert!(gradients[1].iter().all(|&slope| slope == 0.0));
        }
    }

    #[test]
    fn rows_are_shared_out_without_one_alone() {
        for threads in 1..9 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for rows in 1..60 {
                let sizes = Sizes { rows, steps: 100, width: 100, wide: 300, narrow: 100 };
                let shares = pool.install(|| sizes.shares());
                assert_eq!(shares.iter().sum::<usize>(), rows);
                assert!(rows < STRIP || shares.iter().all(|&share| share >= STRIP), "{shares:?}");
                assert!(rows < threads * STRIP || shares.len() == threads, "{shares:?}");
            }
        }
    }
}
