//! Loops over slices, compiled for AVX-512, AVX2 and the baseline, chosen at run time.
//!
//! Each is a struct, not a closure: the call of a closure goes through a function that need not be
//! inlined, and then the loop is compiled for the baseline alone.

use pulp::NullaryFnOnce;

use super::{
    AdagradStep, AdamStep,
    elementary::{exp, ln, sigmoid},
};

/// Runs a kernel with the widest vectors this processor has.
pub(super) fn run<K: NullaryFnOnce>(kernel: K) -> K::Output {
    pulp::Arch::new().dispatch(kernel)
}

/// f(a + b) in the place of a.
pub(super) struct AddAnd<'a, F> {
    pub(super) values: &'a mut [f32],
    pub(super) bias: &'a [f32],
    pub(super) f: F,
}

impl<F: Fn(f32) -> f32> NullaryFnOnce for AddAnd<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (value, &bias) in self.values.iter_mut().zip(self.bias) {
            *value = (self.f)(*value + bias);
        }
    }
}

/// The sum over rows, added to `sum`.
pub(super) struct SumRows<'a> {
    pub(super) rows: &'a [f32],
    pub(super) sum: &'a mut [f32],
}

impl NullaryFnOnce for SumRows<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for row in self.rows.chunks_exact(self.sum.len()) {
            for (sum, &value) in self.sum.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

/// g f'(a) for each row g, from y = f(a), and the sum over rows.
pub(super) struct ScaleAndSum<'a, F> {
    pub(super) gradient: &'a mut [f32],
    pub(super) y: &'a [f32],
    pub(super) sum: &'a mut [f32],
    /// f' in terms of y.
    pub(super) slope: F,
}

impl<F: Fn(f32) -> f32> NullaryFnOnce for ScaleAndSum<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let width = self.sum.len();
        for (g, y) in self.gradient.chunks_exact_mut(width).zip(self.y.chunks_exact(width)) {
            for ((g, &y), sum) in g.iter_mut().zip(y).zip(self.sum.iter_mut()) {
                *g *= (self.slope)(y);
                *sum += *g;
            }
        }
    }
}

/// Rows of pixels: one for each row of logits, or one for all.
#[derive(Clone, Copy)]
pub(super) struct Pixels<'a> {
    pub(super) values: &'a [f32],
    pub(super) width: usize,
    /// Row of the first row of logits.
    pub(super) first: usize,
}

impl<'a> Pixels<'a> {
    #[inline(always)]
    fn row(self, row: usize) -> &'a [f32] {
        let start = (self.first + row) * self.width;
        if self.values.len() == self.width {
            self.values
        } else {
            &self.values[start..][..self.width]
        }
    }
}

/// sum_j x_j l_j - softplus(l_j) of each row of logits.
pub(super) struct BernoulliLogProb<'a> {
    pub(super) logits: &'a [f32],
    pub(super) x: Pixels<'a>,
    pub(super) result: &'a mut [f32],
}

impl NullaryFnOnce for BernoulliLogProb<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let logits = self.logits.chunks_exact(self.x.width);
        for (row, (logits, result)) in logits.zip(self.result).enumerate() {
            *result = row_log_prob(logits, self.x.row(row));
        }
    }
}

/// Numbers summed side by side, so that a row's sum is a vector sum with a fixed order.
const LANES: usize = 16;
/// Factors between 1 and 2 that can be multiplied without leaving single precision.
const FACTORS: usize = 96;

/// softplus(l) = max(l, 0) + log(1 + exp(-|l|)); the logarithms are taken of products of
/// [`FACTORS`] numbers.
#[inline(always)]
fn row_log_prob(logits: &[f32], x: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    for (logits, x) in logits.chunks(FACTORS * LANES).zip(x.chunks(FACTORS * LANES)) {
        let mut products = [1f32; LANES];
        let (logits, rest) = logits.as_chunks::<LANES>();
        let (x, x_rest) = x.as_chunks::<LANES>();
        for (l, x) in logits.iter().zip(x) {
            for lane in 0..LANES {
                let (l, x) = (l[lane], x[lane]);
                sums[lane] += x * l - positive(l);
                products[lane] *= 1.0 + exp(-l.abs());
            }
        }
        for (lane, (&l, &x)) in rest.iter().zip(x_rest).enumerate() {
            sums[lane] += x * l - positive(l);
            products[lane] *= 1.0 + exp(-l.abs());
        }
        for lane in 0..LANES {
            sums[lane] -= ln(products[lane]);
        }
    }
    // Pairs of lanes, pairs of pairs, ...
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}

/// max(l, 0), and NaN for NaN.
#[inline(always)]
fn positive(l: f32) -> f32 {
    if l < 0.0 { 0.0 } else { l }
}

/// (x - sigmoid(l)) times the gradient of the row, in the logits' place.
pub(super) struct BernoulliGradient<'a> {
    pub(super) logits: &'a mut [f32],
    pub(super) x: Pixels<'a>,
    /// One number a row.
    pub(super) gradient: &'a [f32],
}

impl NullaryFnOnce for BernoulliGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let logits = self.logits.chunks_exact_mut(self.x.width);
        for (row, (logits, &gradient)) in logits.zip(self.gradient).enumerate() {
            for (value, &x) in logits.iter_mut().zip(self.x.row(row)) {
                *value = (x - sigmoid(*value)) * gradient;
            }
        }
    }
}

/// One step of Adam in place.
pub(super) struct Adam<'a> {
    pub(super) step: AdamStep,
    pub(super) weight: &'a mut [f32],
    pub(super) gradient: &'a [f32],
    pub(super) first: &'a mut [f32],
    pub(super) second: &'a mut [f32],
}

impl NullaryFnOnce for Adam<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let AdamStep { beta1, beta2, rate, root, epsilon } = self.step;
        let moments = self.first.iter_mut().zip(self.second);
        for ((w, &g), (m, v)) in self.weight.iter_mut().zip(self.gradient).zip(moments) {
            *m = *m * beta1 + g * (1.0 - beta1);
            *v = *v * beta2 + g * g * (1.0 - beta2);
            // The square of a gradient above 1.8e19 is infinite for good, and over infinity the weight would stand still
            // in silence: 0 times infinity is NaN. Of a finite moment nothing is added.
            *w -= *m / (v.sqrt() * root + (epsilon + 0.0 * *v)) * rate;
        }
    }
}

/// One step of Adagrad in place.
pub(super) struct Adagrad<'a> {
    pub(super) step: AdagradStep,
    pub(super) weight: &'a mut [f32],
    pub(super) gradient: &'a [f32],
    pub(super) sum: &'a mut [f32],
}

impl NullaryFnOnce for Adagrad<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let AdagradStep { rate, epsilon, weight_decay } = self.step;
        for ((w, &g), sum) in self.weight.iter_mut().zip(self.gradient).zip(self.sum) {
            let g = g + *w * weight_decay;
            *sum += g * g;
            // NaN where the sum is infinite, as above.
            *w -= g / (sum.sqrt() + (epsilon + 0.0 * *sum)) * rate;
        }
    }
}

/// An average, moved by this share of the way to a value.
pub(super) struct Approach<'a> {
    pub(super) average: &'a mut [f32],
    pub(super) value: &'a [f32],
    pub(super) share: f32,
}

impl NullaryFnOnce for Approach<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (average, &value) in self.average.iter_mut().zip(self.value) {
            *average += (value - *average) * self.share;
        }
    }
}
