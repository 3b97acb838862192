//! The objective of learning fair representations (Zemel et al. 2013) with its gradient, and its
//! minimisation.
//!
//! ```text
//! L   = A_z L_z + A_x L_x + A_y L_y
//! L_z = sum_k |M_k^+ - M_k^-|,  M_k^+ and M_k^- the mean of M_nk over each group
//! L_x = sum_n (x_n - x^_n)^2,  x^_n = sum_k M_nk v_k
//! L_y = sum_n -y_n log y^_n - (1 - y_n) log (1 - y^_n),  y^_n = sum_k M_nk w_k
//! M_nk = exp(-d(x_n, v_k)) / sum_j exp(-d(x_n, v_j)),  d(x_n, v_k) = sum_i alpha_si (x_ni - v_ki)^2
//! ```
//!
//! with an alpha for each group s.
//!
//! Here L_x and L_y are means over people, not sums: the weights do not depend on how many there are.

use anyhow::{Result, anyhow};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use shared::{
    minimise::{Stopping, minimise},
    noise::{Noise, Stream, uniform},
    progress,
};

use crate::{config::LfrConfig, sparse::SparseRows};

/// Rows handled at once; their sums are added in order, so that results do not depend on threads.
const CHUNK: usize = 1024;
/// Predictions are kept this far from 0 and 1.
const EDGE: f64 = 1e-9;
/// |d| is minimised as sqrt(d^2 + e^2) for these e, one after the other: gradient
/// methods stall at kinks, of which parity has many.
const SMOOTHING: [f64; 4] = [1e-1, 1e-2, 1e-3, 1e-4];
/// The search ends when the gradient is this small, or a step gains less than the second.
const GRADIENT: f64 = 1e-6;
const GAIN: f64 = 1e-9;

/// alpha starts below this. With weights up to 1 the distances of a hundred features differ by tens, so that everybody
/// belongs to one prototype alone and a search has hardly a gradient to go by.
const LARGEST_WEIGHT: f64 = 0.02;

/// The fitted parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// v, `[prototypes, features]`.
    pub prototypes: Array2<f64>,
    /// w, the prediction of each prototype, in [0, 1], `[prototypes]`.
    pub predictions: Array1<f64>,
    /// alpha, the weight of each feature in the distance, for s = 0 and s = 1, `[2, features]`.
    pub weights: Array2<f64>,
}

/// The parts of the objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// L_x: mean squared distance of x and its reconstruction.
    pub reconstruction: f64,
    /// L_y: mean cross-entropy, nats.
    pub prediction: f64,
    /// L_z: sum over prototypes of |M_k^+ - M_k^-|.
    pub parity: f64,
}

impl Terms {
    /// A_x L_x + A_y L_y + A_z L_z.
    pub fn loss(&self, config: &LfrConfig) -> f64 {
        config.a_x * self.reconstruction + config.a_y * self.prediction + config.a_z * self.parity
    }
}

/// Some people of one group, s = 0 or s = 1.
struct Chunk {
    /// `[people, features]`.
    x: SparseRows,
    /// 0 or 1.
    y: Vec<f64>,
    /// Sum of the squares of x.
    squares: f64,
}

/// The objective over a training split.
pub struct Lfr {
    groups: [Vec<Chunk>; 2],
    /// People of each group.
    people: [usize; 2],
    config: LfrConfig,
    features: usize,
    prototypes: usize,
}

/// What the prototypes make of a chunk of people. Plain slices here and in [`Lfr::sums`]: this is where a fit spends its
/// time.
struct Coded {
    /// For each person M, softmax over prototypes of -d(x, v_k), d = sum_i alpha_i (x_i - v_ki)^2 (equations 2 and
    /// 6), and x.v_k after it; `[people, 2 * prototypes]`.
    rows: Vec<f64>,
    /// Sum of M over people, `[prototypes]`.
    members: Vec<f64>,
}

impl Coded {
    fn of(x: &SparseRows, prototypes: &Array2<f64>, weights: ArrayView1<'_, f64>) -> Self {
        let k = prototypes.nrows();
        // sum_i alpha_i x_i^2 is the same for every prototype, and falls out of the softmax.
        let weighted = prototypes * &weights;
        let squares = (&weighted * prototypes).sum_axis(Axis(1)).to_vec();
        // One pass over the rows for both products.
        let both = concatenated(&weighted, prototypes);
        let mut rows = x.dot(both.t()).into_raw_vec_and_offset().0;
        let mut members = vec![0.0; k];
        for row in rows.chunks_exact_mut(2 * k) {
            let (m, _) = row.split_at_mut(k);
            let mut largest = f64::MIN;
            for (m, square) in m.iter_mut().zip(&squares) {
                *m = 2.0 * *m - square;
                largest = largest.max(*m);
            }
            let mut sum = 0.0;
            for m in m.iter_mut() {
                *m = (*m - largest).exp();
                sum += *m;
            }
            for (m, members) in m.iter_mut().zip(&mut members) {
                *m /= sum;
                *members += *m;
            }
        }
        Self { rows, members }
    }
}

/// One above the other, `[first + second, columns]`.
fn concatenated(first: &Array2<f64>, second: &Array2<f64>) -> Array2<f64> {
    let split = first.nrows();
    let mut both = Array2::zeros((split + second.nrows(), first.ncols()));
    both.slice_mut(s![..split, ..]).assign(first);
    both.slice_mut(s![split.., ..]).assign(second);
    both
}

/// What is the same for everybody of a group.
struct Fixed<'a> {
    /// V V^T, `[prototypes * prototypes]`.
    products: &'a [f64],
    /// w, `[prototypes]`.
    predictions: &'a [f64],
    /// d(A_z L_z)/dM, `[prototypes]`.
    parity: Vec<f64>,
    /// 2 A_x over the number of people.
    by_restored: f64,
    /// A_y over the number of people.
    by_predicted: f64,
}

/// Sums over a chunk of people of one group.
struct Sums {
    reconstruction: f64,
    prediction: f64,
    /// M^T (x^ - x), `[prototypes, features]`.
    toward_prototypes: Array2<f64>,
    /// `[prototypes]`.
    toward_predictions: Array1<f64>,
    /// H^T X, `[prototypes, features]`, where dL/dd = -H.
    h_x: Array2<f64>,
    /// Sum of H, `[prototypes]`.
    h: Array1<f64>,
}

impl Sums {
    fn plus(mut self, other: Self) -> Self {
        self.reconstruction += other.reconstruction;
        self.prediction += other.prediction;
        self.toward_prototypes += &other.toward_prototypes;
        self.toward_predictions += &other.toward_predictions;
        self.h_x += &other.h_x;
        self.h += &other.h;
        self
    }
}

impl Lfr {
    /// The objective over people with features `x` `[people, features]`, targets and groups.
    pub fn new(
        x: ArrayView2<'_, f32>,
        targets: &[u8],
        groups: &[u8],
        prototypes: usize,
        config: LfrConfig,
    ) -> Self {
        let chunks = |group: u8| -> Vec<Chunk> {
            let rows: Vec<usize> = (0..groups.len()).filter(|&i| groups[i] == group).collect();
            let chunk = |rows: &[usize]| {
                let x = SparseRows::of(x.select(Axis(0), rows).view());
                let y = rows.iter().map(|&row| f64::from(targets[row])).collect();
                Chunk { squares: x.squares(), x, y }
            };
            rows.chunks(CHUNK).map(chunk).collect()
        };
        let groups = [chunks(0), chunks(1)];
        let people =
            groups.each_ref().map(|chunks| chunks.iter().map(|chunk| chunk.y.len()).sum::<usize>());
        Self { groups, people, config, features: x.ncols(), prototypes }
    }

    /// The objective's parts, and the gradient of the loss by every parameter.
    pub fn gradient(&self, at: &Parameters) -> (Terms, Parameters) {
        self.smooth_gradient(at, 0.0)
    }

    /// The same with sqrt(d^2 + e^2) for |d| in L_z.
    fn smooth_gradient(&self, at: &Parameters, smoothing: f64) -> (Terms, Parameters) {
        let LfrConfig { a_x, a_y, a_z, .. } = self.config;
        let count = self.people.iter().sum::<usize>() as f64;
        let coded: Vec<Vec<Coded>> = self
            .groups
            .iter()
            .zip(at.weights.rows())
            .map(|(chunks, weights)| {
                let of = |chunk: &Chunk| Coded::of(&chunk.x, &at.prototypes, weights);
                chunks.par_iter().map(of).collect()
            })
            .collect();
        let mean_membership = |group: usize| {
            let sum = coded[group].iter().fold(Array1::zeros(self.prototypes), |sum, coded| {
                sum + ArrayView1::from(&coded.members)
            });
            sum / self.people[group].max(1) as f64
        };
        let difference: Array1<f64> = mean_membership(1) - mean_membership(0);
        let distance = difference.mapv(|d: f64| d.hypot(smoothing));
        let sign: Array1<f64> = difference
            .iter()
            .zip(&distance)
            .map(|(d, distance)| if *distance > 0.0 { d / distance } else { 0.0 })
            .collect();

        let mut terms = Terms { reconstruction: 0.0, prediction: 0.0, parity: distance.sum() };
        let mut gradient = Parameters {
            prototypes: Array2::zeros(at.prototypes.dim()),
            predictions: Array1::zeros(self.prototypes),
            weights: Array2::zeros(at.weights.dim()),
        };
        // V V^T: with it nobody's reconstruction is computed, whose width is that of the features.
        let products = at.prototypes.dot(&at.prototypes.t()).into_raw_vec_and_offset().0;
        let predictions = at.predictions.to_vec();
        for (s, chunks) in self.groups.iter().enumerate() {
            let side = if s == 1 { 1.0 } else { -1.0 };
            // d(A_z L_z)/dM, the same for everybody of the group.
            let parity = &sign * (a_z * side / self.people[s].max(1) as f64);
            let fixed = Fixed {
                products: &products,
                predictions: &predictions,
                parity: parity.to_vec(),
                by_restored: 2.0 * a_x / count,
                by_predicted: a_y / count,
            };
            let sums = chunks
                .par_iter()
                .zip(&coded[s])
                .map(|(chunk, coded)| self.sums(chunk, coded, &fixed, at))
                .collect::<Vec<Sums>>();
            let Some(sums) = sums.into_iter().reduce(Sums::plus) else { continue };
            terms.reconstruction += sums.reconstruction / count;
            terms.prediction += sums.prediction / count;
            gradient.predictions += &sums.toward_predictions;
            gradient.prototypes += &(sums.toward_prototypes * (2.0 * a_x / count));
            // dd/dv_ki = -2 alpha_i (x_i - v_ki); dd/dalpha_i = (x_i - v_ki)^2, in which x_i^2 falls
            // out since H sums to 0 over prototypes.
            let weights = at.weights.row(s);
            let pulled = &sums.h_x - &(&at.prototypes * &sums.h.view().insert_axis(Axis(1)));
            gradient.prototypes += &(&pulled * &weights * 2.0);
            let by_weight = (&sums.h_x * &at.prototypes * 2.0
                - &at.prototypes * &at.prototypes * sums.h.view().insert_axis(Axis(1)))
            .sum_axis(Axis(0));
            gradient.weights.row_mut(s).assign(&by_weight);
        }
        (terms, gradient)
    }

    /// Values and gradients summed over a chunk of people.
    fn sums(&self, chunk: &Chunk, coded: &Coded, fixed: &Fixed<'_>, at: &Parameters) -> Sums {
        let Chunk { x, y, squares } = chunk;
        let k = self.prototypes;
        let (mut reconstruction, mut prediction) = (*squares, 0.0);
        let mut toward_predictions = vec![0.0; k];
        let mut h_sum = vec![0.0; k];
        let mut m_m = vec![0.0; k * k]; // M^T M
        let mut restored = vec![0.0; k]; // x^.v_k
        // H and M beside each other, [people, 2 * prototypes].
        let mut both = vec![0.0; y.len() * 2 * k];
        let people = coded.rows.chunks_exact(2 * k).zip(both.chunks_exact_mut(2 * k)).zip(y);
        for ((coded, both), y) in people {
            let ((m, x_v), (h, m_again)) = (coded.split_at(k), both.split_at_mut(k));
            restored.fill(0.0);
            let mut p = 0.0;
            for (i, (m_i, w)) in m.iter().zip(fixed.predictions).enumerate() {
                p += m_i * w;
                let products = &fixed.products[i * k..(i + 1) * k];
                let squares = &mut m_m[i * k..(i + 1) * k];
                for (((restored, product), square), m_j) in
                    restored.iter_mut().zip(products).zip(squares).zip(m)
                {
                    *restored += m_i * product;
                    *square += m_i * m_j;
                }
            }
            let p = p.clamp(EDGE, 1.0 - EDGE);
            prediction -= if *y > 0.5 { p.ln() } else { (1.0 - p).ln() };
            let slope = fixed.by_predicted * (p - y) / (p * (1.0 - p));
            // dL/dM, then through the softmax: H = M (G - sum_j M_j G_j).
            let mut mean = 0.0;
            for j in 0..k {
                // |x^ - x|^2 = x^.x^ - 2 x^.x + x.x
                reconstruction += m[j] * (restored[j] - 2.0 * x_v[j]);
                h[j] = (restored[j] - x_v[j]) * fixed.by_restored
                    + slope * fixed.predictions[j]
                    + fixed.parity[j];
                mean += m[j] * h[j];
            }
            for j in 0..k {
                h[j] = m[j] * (h[j] - mean);
                m_again[j] = m[j];
                h_sum[j] += h[j];
                toward_predictions[j] += slope * m[j];
            }
        }
        let toward = x.transposed_dot(&both); // [features, 2 * prototypes]
        let (h_x, m_x) = toward.view().split_at(Axis(1), k);
        let m_m = Array2::from_shape_fn((k, k), |(i, j)| m_m[i * k + j]);
        Sums {
            reconstruction,
            prediction,
            toward_prototypes: m_m.dot(&at.prototypes) - m_x.t(),
            toward_predictions: Array1::from(toward_predictions),
            h_x: h_x.t().to_owned(),
            h: Array1::from(h_sum),
        }
    }

    /// Minimises from several random starting points and returns the best result.
    ///
    /// # Errors
    /// If the objective is not finite.
    pub fn fit(&self, noise: Noise) -> Result<(Parameters, Terms)> {
        let mut best: Option<(f64, Parameters, Terms)> = None;
        for restart in 0..self.config.restarts {
            let mut at = self.start(noise, restart as u64);
            let (mut gradient_norm, mut ended) = (0.0, String::new());
            let stages = SMOOTHING.len() as u64;
            for (stage, smoothing) in (1..).zip(SMOOTHING) {
                // Equal shares; the last takes what is left.
                let rest = if stage == stages { self.config.iterations % stages } else { 0 };
                let iterations = self.config.iterations / stages + rest;
                let stopping = Stopping { gradient: GRADIENT, gain: GAIN, iterations };
                let found = minimise(|free| self.by_free_numbers(free, smoothing), at, stopping)?;
                (at, gradient_norm, ended) = (found.at, found.gradient_norm, found.ended);
            }
            let parameters = self.parameters(&at);
            let (terms, _) = self.gradient(&parameters);
            let value = terms.loss(&self.config);
            progress::line(&format!(
                "start {}: loss {value:.5}, L_x {:.3}, L_y {:.4}, L_z {:.4}, gradient \
                 {gradient_norm:.1e} ({ended})",
                restart + 1,
                terms.reconstruction,
                terms.prediction,
                terms.parity
            ));
            if best.as_ref().is_none_or(|(least, ..)| value < *least) {
                best = Some((value, parameters, terms));
            }
        }
        best.map(|(_, parameters, terms)| (parameters, terms)).ok_or_else(|| anyhow!("no restart"))
    }

    /// A starting point: prototypes near the mean, everything else uniform, alpha up to [`LARGEST_WEIGHT`].
    fn start(&self, noise: Noise, restart: u64) -> Vec<f64> {
        let mut random = noise.generator(Stream::Start, restart, 0);
        let mut draw = || f64::from(uniform(&mut random));
        let (k, d) = (self.prototypes, self.features);
        let prototypes = (0..k * d).map(|_| 2.0 * draw() - 1.0).collect::<Vec<f64>>();
        let predictions = (0..k).map(|_| 4.0 * draw() - 2.0).collect::<Vec<f64>>();
        let weights = (0..2 * d).map(|_| (LARGEST_WEIGHT * draw()).sqrt()).collect::<Vec<f64>>();
        [prototypes, predictions, weights].concat()
    }

    /// Parameters from unconstrained numbers: w = 1 / (1 + exp(-u)) stays in (0, 1), alpha = a^2 is
    /// never negative.
    fn parameters(&self, free: &[f64]) -> Parameters {
        let (k, d) = (self.prototypes, self.features);
        let (prototypes, rest) = free.split_at(k * d);
        let (predictions, weights) = rest.split_at(k);
        Parameters {
            prototypes: Array2::from_shape_fn((k, d), |(i, j)| prototypes[i * d + j]),
            predictions: predictions.iter().map(|u| 1.0 / (1.0 + (-u).exp())).collect(),
            weights: Array2::from_shape_fn((2, d), |(i, j)| weights[i * d + j].powi(2)),
        }
    }

    fn by_free_numbers(&self, free: &[f64], smoothing: f64) -> (f64, Vec<f64>) {
        let at = self.parameters(free);
        let (terms, gradient) = self.smooth_gradient(&at, smoothing);
        let roots = &free[free.len() - at.weights.len()..];
        let by_logit = gradient.predictions * at.predictions.mapv(|w| w * (1.0 - w));
        let by_root = gradient.weights.iter().zip(roots).map(|(g, a)| 2.0 * a * g);
        let all = gradient.prototypes.iter().copied().chain(by_logit).chain(by_root).collect();
        (terms.loss(&self.config), all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_by_the_free_numbers_is_that_of_what_is_minimised() {
        let (people, features, prototypes) = (30, 5, 4);
        let normal = Noise::new(5).normal(Stream::Prior, 1, &[0], people * features);
        let x = Array2::from_shape_fn((people, features), |(i, j)| normal[i * features + j]);
        let targets: Vec<u8> = (0..people).map(|i| u8::from(i % 3 == 0)).collect();
        let groups: Vec<u8> = (0..people).map(|i| u8::from(i % 5 < 3)).collect();
        let config = LfrConfig { a_x: 0.3, a_y: 1.5, a_z: 0.7, restarts: 1, iterations: 100 };
        let lfr = Lfr::new(x.view(), &targets, &groups, prototypes, config);
        let at = lfr.start(Noise::new(2), 0);
        for smoothing in [1e-1, 1e-2] {
            let (_, gradient) = lfr.by_free_numbers(&at, smoothing);
            assert_eq!(gradient.len(), prototypes * features + prototypes + 2 * features);
            for (place, expected) in gradient.into_iter().enumerate() {
                let moved = |by: f64| {
                    let mut at = at.clone();
                    at[place] += by;
                    lfr.by_free_numbers(&at, smoothing).0
                };
                let found = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                assert!(
                    (found - expected).abs() < 1e-7,
                    "{smoothing}, {place}: {found} {expected}"
                );
            }
        }
        // The kinks of parity are rounded, from above.
        let rounded = SMOOTHING.map(|smoothing| lfr.by_free_numbers(&at, smoothing).0);
        assert!(rounded.is_sorted_by(|a, b| a > b), "{rounded:?}");
        assert!(rounded[3] > lfr.gradient(&lfr.parameters(&at)).0.loss(&config));
    }
}
