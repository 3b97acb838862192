//! The element-wise part of a recurrent cell. A thread has a hidden unit of one row.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{Rows, sigmoid};
use crate::operation::Cell;

#[cube(launch_unchecked)]
fn recur(
    input: &Array<f32>,
    hidden: &Array<f32>,
    state: &Array<f32>,
    after: &mut Array<f32>,
    gates: &mut Array<f32>,
    units: usize,
    width: usize,
    #[comptime] cell: Cell,
) {
    let at = ABSOLUTE_POS;
    if at < units {
        let row = at / width;
        let unit = at % width;
        match comptime!(cell) {
            Cell::Gru => {
                let base = row * 3 * width + unit;
                let r = sigmoid(input[base] + hidden[base]);
                let u = sigmoid(input[base + width] + hidden[base + width]);
                let n = (input[base + 2 * width] + r * hidden[base + 2 * width]).tanh();
                gates[base] = r;
                gates[base + width] = u;
                gates[base + 2 * width] = n;
                after[at] = n + u * (state[at] - n);
            }
            Cell::Lstm => {
                let base = row * 4 * width + unit;
                let i = sigmoid(input[base] + hidden[base]);
                let f = sigmoid(input[base + width] + hidden[base + width]);
                let g = (input[base + 2 * width] + hidden[base + 2 * width]).tanh();
                let o = sigmoid(input[base + 3 * width] + hidden[base + 3 * width]);
                gates[base] = i;
                gates[base + width] = f;
                gates[base + 2 * width] = g;
                gates[base + 3 * width] = o;
                let both = row * 2 * width + unit;
                let c = f * state[both + width] + i * g;
                after[both] = o * c.tanh();
                after[both + width] = c;
            }
        }
    }
}

/// The width of h and the numbers of h in all rows, from sums of a step.
///
/// # Panics
/// If a row of the sums is not one number for each gate and unit, or others have not as many numbers, or states not a
/// number for each unit and part of the state.
fn sizes<R: CubeRuntime>(
    cell: Cell,
    sums: &Rows<R>,
    others: &[&Rows<R>],
    states: &[&Rows<R>],
) -> (usize, usize) {
    let (width, units) = (sums.width() / cell.gates(), sums.count() / cell.gates());
    assert_eq!(width * cell.gates(), sums.width(), "sums of all gates");
    for other in others {
        assert_eq!(other.count(), sums.count(), "sums and gates of a step");
    }
    for state in states {
        assert_eq!(state.count(), units * cell.state_parts(), "states of a step");
    }
    (width, units)
}

pub(crate) fn recur_cube<R: CubeRuntime>(
    cell: Cell,
    input: CubeTensor<R>,
    hidden: CubeTensor<R>,
    state: CubeTensor<R>,
) -> (CubeTensor<R>, CubeTensor<R>) {
    let [input, hidden, state] = [input, hidden, state].map(Rows::of);
    let (width, units) = sizes(cell, &input, &[&hidden], &[&state]);
    let (after, gates) = (state.like(), input.like());
    let (cubes, threads) = input.threads(units);
    // SAFETY: a position is one of `units`; as `sizes` asserts, sums and gates have a number for each of them and each
    // gate, states for each of them and each part of the state.
    unsafe {
        recur::launch_unchecked(
            &input.0.client,
            cubes,
            threads,
            input.array(),
            hidden.array(),
            state.array(),
            after.array(),
            gates.array(),
            units,
            width,
            cell,
        );
    }
    (after.0, gates.0)
}

#[cube(launch_unchecked)]
fn recur_gradient(
    gates: &Array<f32>,
    hidden: &Array<f32>,
    before: &Array<f32>,
    after: &Array<f32>,
    gradient: &Array<f32>,
    to_input: &mut Array<f32>,
    to_hidden: &mut Array<f32>,
    to_state: &mut Array<f32>,
    units: usize,
    width: usize,
    #[comptime] cell: Cell,
) {
    let at = ABSOLUTE_POS;
    if at < units {
        let row = at / width;
        let unit = at % width;
        match comptime!(cell) {
            Cell::Gru => {
                let base = row * 3 * width + unit;
                let r = gates[base];
                let u = gates[base + width];
                let n = gates[base + 2 * width];
                let g = gradient[at];
                let inner_n = g * (1.0 - u) * (1.0 - n * n);
                let inner_u = g * (before[at] - n) * (u - u * u);
                let inner_r = inner_n * hidden[base + 2 * width] * (r - r * r);
                to_input[base] = inner_r;
                to_input[base + width] = inner_u;
                to_input[base + 2 * width] = inner_n;
                to_hidden[base] = inner_r;
                to_hidden[base + width] = inner_u;
                to_hidden[base + 2 * width] = inner_n * r;
                to_state[at] = g * u;
            }
            Cell::Lstm => {
                let base = row * 4 * width + unit;
                let i = gates[base];
                let f = gates[base + width];
                let g = gates[base + 2 * width];
                let o = gates[base + 3 * width];
                let both = row * 2 * width + unit;
                let squashed = after[both + width].tanh();
                let to_h = gradient[both];
                let to_c = gradient[both + width] + to_h * o * (1.0 - squashed * squashed);
                let inner_i = to_c * g * (i - i * i);
                let inner_f = to_c * before[both + width] * (f - f * f);
                let inner_g = to_c * i * (1.0 - g * g);
                let inner_o = to_h * squashed * (o - o * o);
                to_input[base] = inner_i;
                to_input[base + width] = inner_f;
                to_input[base + 2 * width] = inner_g;
                to_input[base + 3 * width] = inner_o;
                to_hidden[base] = inner_i;
                to_hidden[base + width] = inner_f;
                to_hidden[base + 2 * width] = inner_g;
                to_hidden[base + 3 * width] = inner_o;
                to_state[both] = 0.0;
                to_state[both + width] = to_c * f;
            }
        }
    }
}

pub(crate) fn recur_gradient_cube<R: CubeRuntime>(
    cell: Cell,
    gates: CubeTensor<R>,
    hidden: CubeTensor<R>,
    before: CubeTensor<R>,
    after: CubeTensor<R>,
    gradient: CubeTensor<R>,
) -> [CubeTensor<R>; 3] {
    let [gates, hidden, before, after, gradient] =
        [gates, hidden, before, after, gradient].map(Rows::of);
    let (width, units) = sizes(cell, &gates, &[&hidden], &[&before, &after, &gradient]);
    let (to_input, to_hidden, to_state) = (gates.like(), gates.like(), before.like());
    let (cubes, threads) = gates.threads(units);
    // SAFETY: as in the forward pass, by the same assertions.
    unsafe {
        recur_gradient::launch_unchecked(
            &gates.0.client,
            cubes,
            threads,
            gates.array(),
            hidden.array(),
            before.array(),
            after.array(),
            gradient.array(),
            to_input.array(),
            to_hidden.array(),
            to_state.array(),
            units,
            width,
            cell,
        );
    }
    [to_input.0, to_hidden.0, to_state.0]
}
