//! The element-wise part of a recurrent cell on burn-flex.

use burn_flex::FlexTensor;
use pulp::NullaryFnOnce;

use super::{
    buffers,
    elementary::{sigmoid, tanh},
    flex::{by_block, dense, dims, tensor},
    kernels::run,
};
use crate::operation::Cell;

/// Rows one task works on.
const ROWS: usize = 16;

/// See [`super::recurrent::recur_composed`].
pub(crate) fn recur_flex(
    cell: Cell,
    input: FlexTensor,
    hidden: FlexTensor,
    state: FlexTensor,
) -> (FlexTensor, FlexTensor) {
    let (rows, wide) = dims(&input);
    let (narrow, width) = (dims(&state).1, wide / cell.gates());
    let (input, hidden, state) = (dense(input), dense(hidden), dense(state));
    let (mut gates, mut after) = (buffers::take(rows * wide), buffers::take(rows * narrow));
    if width > 0 {
        let tasks: Vec<_> = (gates.chunks_mut(ROWS * wide))
            .zip(after.chunks_mut(ROWS * narrow))
            .zip(input.storage::<f32>().chunks(ROWS * wide))
            .zip(hidden.storage::<f32>().chunks(ROWS * wide))
            .zip(state.storage::<f32>().chunks(ROWS * narrow))
            .collect();
        by_block(tasks, rows * wide, |((((gates, after), a), b), before)| {
            Step { a, b, before, gates, after, width }.run(cell);
        });
    }
    buffers::give_back(input);
    (tensor(after, [rows, narrow]), tensor(gates, [rows, wide]))
}

/// What a step reads and writes, some rows of each.
pub(super) struct Step<'a> {
    /// Sums of the input.
    pub(super) a: &'a [f32],
    /// Sums of the state.
    pub(super) b: &'a [f32],
    pub(super) before: &'a [f32],
    pub(super) gates: &'a mut [f32],
    pub(super) after: &'a mut [f32],
    pub(super) width: usize,
}

impl Step<'_> {
    pub(super) fn run(self, cell: Cell) {
        match cell {
            Cell::Gru => run(Gru(self)),
            Cell::Lstm => run(Lstm(self)),
        }
    }
}

struct Gru<'a>(Step<'a>);

impl NullaryFnOnce for Gru<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Step { a, b, before, gates, after, width } = self.0;
        let wide = 3 * width;
        let sums = a.chunks_exact(wide).zip(b.chunks_exact(wide));
        let states = before.chunks_exact(width).zip(after.chunks_exact_mut(width));
        for (((a, b), (before, after)), gates) in sums.zip(states).zip(gates.chunks_exact_mut(wide))
        {
            let (ru, n) = gates.split_at_mut(2 * width);
            for ((gate, &a), &b) in ru.iter_mut().zip(a).zip(b) {
                *gate = sigmoid(a + b);
            }
            let (r, u) = ru.split_at(width);
            let sums = a[2 * width..].iter().zip(&b[2 * width..]);
            let gates = n.iter_mut().zip(r).zip(u);
            for ((((n, &r), &u), (&a, &b)), (&before, after)) in
                gates.zip(sums).zip(before.iter().zip(after))
            {
                *n = tanh(a + r * b);
                *after = *n + u * (before - *n);
            }
        }
    }
}

struct Lstm<'a>(Step<'a>);

impl NullaryFnOnce for Lstm<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Step { a, b, before, gates, after, width } = self.0;
        let sums = a.chunks_exact(4 * width).zip(b.chunks_exact(4 * width));
        let states = before.chunks_exact(2 * width).zip(after.chunks_exact_mut(2 * width));
        for (((a, b), (before, after)), gates) in
            sums.zip(states).zip(gates.chunks_exact_mut(4 * width))
        {
            for ((gate, &a), &b) in gates.iter_mut().zip(a).zip(b) {
                *gate = a + b;
            }
            let (input_forget, rest) = gates.split_at_mut(2 * width);
            let (g, o) = rest.split_at_mut(width);
            input_forget.iter_mut().for_each(|gate| *gate = sigmoid(*gate));
            g.iter_mut().for_each(|gate| *gate = tanh(*gate));
            o.iter_mut().for_each(|gate| *gate = sigmoid(*gate));
            let (i, f) = input_forget.split_at(width);
            let (h, c) = after.split_at_mut(width);
            let gates = i.iter().zip(f).zip(g).zip(o);
            for ((((&i, &f), &mut g), &mut o), (&before, (h, c))) in
                gates.zip(before[width..].iter().zip(h.iter_mut().zip(c)))
            {
                *c = f * before + i * g;
                *h = o * tanh(*c);
            }
        }
    }
}

/// See [`super::recurrent::recur_gradient_composed`].
pub(crate) fn recur_gradient_flex(
    cell: Cell,
    gates: FlexTensor,
    hidden: FlexTensor,
    before: FlexTensor,
    after: FlexTensor,
    gradient: FlexTensor,
) -> [FlexTensor; 3] {
    let (rows, wide) = dims(&gates);
    let (narrow, width) = (dims(&before).1, wide / cell.gates());
    let (gates, hidden, gradient) = (dense(gates), dense(hidden), dense(gradient));
    let (before, after) = (dense(before), dense(after));
    let mut to_input = buffers::take(rows * wide);
    let mut to_hidden = buffers::take(rows * wide);
    let mut to_state = buffers::take(rows * narrow);
    if width > 0 {
        let tasks: Vec<_> = (to_input.chunks_mut(ROWS * wide))
            .zip(to_hidden.chunks_mut(ROWS * wide))
            .zip(to_state.chunks_mut(ROWS * narrow))
            .zip(gates.storage::<f32>().chunks(ROWS * wide))
            .zip(hidden.storage::<f32>().chunks(ROWS * wide))
            .zip(before.storage::<f32>().chunks(ROWS * narrow))
            .zip(after.storage::<f32>().chunks(ROWS * narrow))
            .zip(gradient.storage::<f32>().chunks(ROWS * narrow))
            .collect();
        by_block(
            tasks,
            rows * wide,
            |(((((((to_input, to_hidden), to_state), gates), b), before), after), gradient)| {
                let rows = Gradient {
                    gates,
                    b,
                    before,
                    after,
                    gradient,
                    to_input,
                    to_hidden,
                    to_state,
                    width,
                };
                rows.run(cell);
            },
        );
    }
    buffers::give_back(gates);
    buffers::give_back(gradient);
    [
        tensor(to_input, [rows, wide]),
        tensor(to_hidden, [rows, wide]),
        tensor(to_state, [rows, narrow]),
    ]
}

/// What a backward step reads and writes, some rows of each.
pub(super) struct Gradient<'a> {
    pub(super) gates: &'a [f32],
    /// Sums of the state.
    pub(super) b: &'a [f32],
    pub(super) before: &'a [f32],
    pub(super) after: &'a [f32],
    /// Of the state after the step.
    pub(super) gradient: &'a [f32],
    pub(super) to_input: &'a mut [f32],
    pub(super) to_hidden: &'a mut [f32],
    pub(super) to_state: &'a mut [f32],
    pub(super) width: usize,
}

impl Gradient<'_> {
    pub(super) fn run(self, cell: Cell) {
        match cell {
            Cell::Gru => run(GruGradient(self)),
            Cell::Lstm => run(LstmGradient(self)),
        }
    }
}

struct GruGradient<'a>(Gradient<'a>);

impl NullaryFnOnce for GruGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Gradient { gates, b, before, gradient, to_input, to_hidden, to_state, width, .. } =
            self.0;
        let wide = 3 * width;
        for row in 0..gates.len() / wide {
            let (start, first) = (row * wide, row * width);
            let (r, rest) = gates[start..start + wide].split_at(width);
            let (u, n) = rest.split_at(width);
            let b = &b[start + 2 * width..start + wide];
            let before = &before[first..first + width];
            let gradient = &gradient[first..first + width];
            let (input_r, rest) = to_input[start..start + wide].split_at_mut(width);
            let (input_u, input_n) = rest.split_at_mut(width);
            let (hidden_r, rest) = to_hidden[start..start + wide].split_at_mut(width);
            let (hidden_u, hidden_n) = rest.split_at_mut(width);
            let state = &mut to_state[first..first + width];
            // One result after the other: a loop over all of them is not compiled to vectors.
            for ((state, &g), &u) in state.iter_mut().zip(gradient).zip(u) {
                *state = g * u;
            }
            for (((inner, &g), &u), &n) in input_n.iter_mut().zip(gradient).zip(u).zip(n) {
                *inner = g * (1.0 - u) * (1.0 - n * n);
            }
            let states = before.iter().zip(n);
            for (((inner, &g), &u), (&before, &n)) in
                input_u.iter_mut().zip(gradient).zip(u).zip(states)
            {
                *inner = g * (before - n) * (u - u * u);
            }
            for (((inner, &inner_n), &b), &r) in input_r.iter_mut().zip(&*input_n).zip(b).zip(r) {
                *inner = inner_n * b * (r - r * r);
            }
            for ((inner, &inner_n), &r) in hidden_n.iter_mut().zip(&*input_n).zip(r) {
                *inner = inner_n * r;
            }
            hidden_r.copy_from_slice(input_r);
            hidden_u.copy_from_slice(input_u);
        }
    }
}

struct LstmGradient<'a>(Gradient<'a>);

impl NullaryFnOnce for LstmGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Gradient {
            gates, before, after, gradient, to_input, to_hidden, to_state, width, ..
        } = self.0;
        let (wide, narrow) = (4 * width, 2 * width);
        for row in 0..gates.len() / wide {
            let (start, first) = (row * wide, row * narrow);
            let (input_forget, rest) = gates[start..start + wide].split_at(narrow);
            let ((i, f), (g, o)) = (input_forget.split_at(width), rest.split_at(width));
            let before = &before[first + width..first + narrow];
            let after = &after[first + width..first + narrow];
            let (to_h, to_c) = gradient[first..first + narrow].split_at(width);
            let inner = &mut to_input[start..start + wide];
            let (inner_if, rest) = inner.split_at_mut(narrow);
            let ((inner_i, inner_f), (inner_g, inner_o)) =
                (inner_if.split_at_mut(width), rest.split_at_mut(width));
            let (state_h, state_c) = to_state[first..first + narrow].split_at_mut(width);
            // One result after the other: a loop over all of them is not compiled to vectors. The places of the
            // state hold tanh(c') and dL/dc' until those of the gates are there.
            for (squashed, &after) in state_h.iter_mut().zip(after) {
                *squashed = tanh(after);
            }
            let cells = to_c.iter().zip(to_h).zip(o);
            for ((c, &squashed), ((&to_c, &to_h), &o)) in
                state_c.iter_mut().zip(&*state_h).zip(cells)
            {
                *c = to_c + to_h * o * (1.0 - squashed * squashed);
            }
            for (((inner, &c), &g), &i) in inner_i.iter_mut().zip(&*state_c).zip(g).zip(i) {
                *inner = c * g * (i - i * i);
            }
            for (((inner, &c), &before), &f) in inner_f.iter_mut().zip(&*state_c).zip(before).zip(f)
            {
                *inner = c * before * (f - f * f);
            }
            for (((inner, &c), &i), &g) in inner_g.iter_mut().zip(&*state_c).zip(i).zip(g) {
                *inner = c * i * (1.0 - g * g);
            }
            for (((inner, &to_h), &squashed), &o) in
                inner_o.iter_mut().zip(to_h).zip(&*state_h).zip(o)
            {
                *inner = to_h * squashed * (o - o * o);
            }
            state_h.fill(0.0);
            for (c, &f) in state_c.iter_mut().zip(f) {
                *c *= f;
            }
        }
        to_hidden.copy_from_slice(to_input);
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::{
        backend::fused::recurrent::{recur_composed, recur_gradient_composed},
        noise::{Noise, Stream},
    };

    fn random(rows: usize, columns: usize, key: u64) -> FlexTensor {
        tensor(Noise::new(2).normal(Stream::Generate, key, &[0], rows * columns), [rows, columns])
    }

    #[track_caller]
    fn close(a: FlexTensor, b: FlexTensor) {
        let read = |t: FlexTensor| t.into_data().iter::<f32>().collect::<Vec<f32>>();
        let (a, b) = (read(a), read(b));
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() <= 2e-5 * b.abs().max(1.0), "{a} {b}");
        }
    }

    #[test]
    fn cells_equal_their_compositions() {
        for (rows, width) in [(1, 1), (3, 17), (70, 200)] {
            for cell in [Cell::Gru, Cell::Lstm] {
                let (wide, narrow) = (cell.gates() * width, cell.state_parts() * width);
                let (a, b) = (random(rows, wide, 1), random(rows, wide, 2));
                let (state, gradient) = (random(rows, narrow, 3), random(rows, narrow, 4));
                let (after, gates) = recur_flex(cell, a.clone(), b.clone(), state.clone());
                let (expected, expected_gates) =
                    recur_composed::<Flex>(cell, a, b.clone(), state.clone());
                close(after.clone(), expected);
                close(gates.clone(), expected_gates);
                let arguments = (gates, b, state, after, gradient);
                let (gates, b, state, after, gradient) = arguments.clone();
                let found = recur_gradient_flex(cell, gates, b, state, after, gradient);
                let (gates, b, state, after, gradient) = arguments;
                let expected =
                    recur_gradient_composed::<Flex>(cell, gates, b, state, after, gradient);
                found.into_iter().zip(expected).for_each(|(a, b)| close(a, b));
            }
        }
    }
}
