use anyhow::{Context, Result, anyhow};
use kernels::noise::{Noise, Stream};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use terminal::progress;

use crate::minimise::{Minimum, Stopping, minimise};

/// L2 penalty on the weights of the mean cross-entropy: small, but it makes the optimum unique.
const PENALTY: f64 = 1e-4;
/// The fit ends when the gradient is this small, or after this many iterations.
const TOLERANCE: f64 = 1e-5;
const ITERATIONS: u64 = 500;
/// A column of codes with no more variance than this counts as constant. The cut is absolute since latents have a prior of
/// variance 1: an unused latent or prototype would otherwise be scaled up to weigh as much as the others.
const CONSTANT: f64 = 1e-12;
/// Where all columns are small, the cut is this share of the greatest variance: a code does not become fair by being
/// shrunk.
const CONSTANT_SHARE: f64 = 1e-6;
/// What is fitted, for people.
const WHAT: &str = "linear probe";

/// Multinomial logistic regression on frozen, standardised codes, fitted to convergence by L-BFGS. Constant columns
/// are left out.
pub struct LinearProbe {
    centre: Array1<f64>,
    scale: Array1<f64>,
    /// `[features + 1, classes]`, the last row the biases.
    weights: Array2<f64>,
}

impl LinearProbe {
    /// Fits to `codes` `[examples, features]` and their labels.
    ///
    /// # Errors
    /// If the optimiser breaks down.
    pub fn fit(codes: ArrayView2<'_, f32>, labels: &[u8]) -> Result<Self> {
        Self::fit_with(codes, labels, PENALTY)
    }

    /// The same with an L2 penalty of the caller's choice on the mean cross-entropy.
    ///
    /// # Errors
    /// If the optimiser breaks down.
    pub fn fit_with(codes: ArrayView2<'_, f32>, labels: &[u8], penalty: f64) -> Result<Self> {
        let (inputs, centre) = centred(codes)?;
        let scale = scale_of(codes, &inputs);
        Self::fit_to(inputs * &scale, labels, penalty, centre, scale)
    }

    /// Fits to codes without standardisation: the minimum of `strength` times the summed
    /// cross-entropy plus half the squared norm of the weights, biases free. It is the
    /// optimum of scikit-learn's `LogisticRegression(C = strength)`.
    ///
    /// # Errors
    /// If the optimiser breaks down.
    pub fn fit_plain(codes: ArrayView2<'_, f32>, labels: &[u8], strength: f64) -> Result<Self> {
        // Free biases take up any shift: the same minimum, found in fewer steps.
        let (codes, centre) = centred(codes)?;
        let scale = Array1::ones(codes.ncols());
        let penalty = (strength * labels.len() as f64).recip();
        Self::fit_to(codes, labels, penalty, centre, scale)
    }

    fn fit_to(
        inputs: Array2<f64>,
        labels: &[u8],
        penalty: f64,
        centre: Array1<f64>,
        scale: Array1<f64>,
    ) -> Result<Self> {
        let features = inputs.ncols();
        let classes = usize::from(labels.iter().copied().max().unwrap_or(0)) + 1;
        let problem = CrossEntropy {
            inputs,
            labels: labels.iter().map(|&label| usize::from(label)).collect(),
            classes,
            penalty,
        };
        let start = vec![0.0; (features + 1) * classes];
        let stopping = Stopping { gradient: TOLERANCE, gain: 0.0, iterations: ITERATIONS };
        let Minimum { at, gradient_norm, .. } =
            minimise(|at| problem.at(at), start, stopping).context(WHAT)?;
        let weights = Array2::from_shape_vec((features + 1, classes), at)?;
        if let Some(text) = stopping.not_converged(WHAT, labels.len(), gradient_norm) {
            progress::line(&text);
        }
        Ok(Self { centre, scale, weights })
    }

    /// Weights `[features, classes]` and biases `[classes]` on codes without standardisation:
    /// scores are codes · weights + biases.
    pub fn plain_weights(&self) -> (Array2<f64>, Array1<f64>) {
        let (slopes, biases) = self.weights.view().split_at(Axis(0), self.centre.len());
        let slopes = &slopes * &self.scale.view().insert_axis(Axis(1));
        let biases = &biases.row(0) - &self.centre.dot(&slopes);
        (slopes, biases)
    }

    fn scores(&self, codes: ArrayView2<'_, f32>) -> Array2<f64> {
        let inputs = (codes.mapv(f64::from) - &self.centre) * &self.scale;
        scores(&inputs, self.weights.view())
    }

    /// Class probabilities of each row, `[rows, classes]`.
    pub fn probabilities(&self, codes: ArrayView2<'_, f32>) -> Array2<f64> {
        let mut p = self.scores(codes);
        for mut row in p.rows_mut() {
            let largest = row.fold(f64::MIN, |a, &b| a.max(b));
            row.mapv_inplace(|v| (v - largest).exp());
            let sum = row.sum();
            row.mapv_inplace(|v| (v / sum).min(1.0));
        }
        p
    }

    /// The most probable class of each row.
    pub fn predict(&self, codes: ArrayView2<'_, f32>) -> Vec<u8> {
        self.scores(codes)
            .rows()
            .into_iter()
            .map(|row| {
                let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                best.map_or(0, |(class, _)| class as u8)
            })
            .collect()
    }

    /// Fraction of rows whose label is predicted.
    pub fn accuracy(&self, codes: ArrayView2<'_, f32>, labels: &[u8]) -> f64 {
        let predicted = self.predict(codes);
        let correct = predicted.iter().zip(labels).filter(|(p, l)| p == l).count();
        correct as f64 / labels.len().max(1) as f64
    }
}

/// Codes less their mean, and the mean.
fn centred(codes: ArrayView2<'_, f32>) -> Result<(Array2<f64>, Array1<f64>)> {
    let codes = codes.mapv(f64::from);
    let centre = codes.mean_axis(Axis(0)).ok_or_else(|| anyhow!("no codes to probe"))?;
    Ok((codes - &centre, centre))
}

/// One over the deviation of each column of codes, 0 for a constant one; `inputs` are the codes less their mean.
fn scale_of(codes: ArrayView2<'_, f32>, inputs: &Array2<f64>) -> Array1<f64> {
    let variance = inputs.mapv(|d| d * d).mean_axis(Axis(0)).unwrap_or_default();
    let greatest = variance.fold(0.0, |greatest: f64, &variance| greatest.max(variance));
    let constant = CONSTANT.min(CONSTANT_SHARE * greatest);
    let magnitude = codes.fold_axis(Axis(0), 0.0, |largest: &f32, code| largest.max(code.abs()));
    let scale = variance.iter().zip(&magnitude).map(|(&variance, &magnitude)| {
        // Numbers that differ by their rounding alone.
        let rounding = f64::from(f32::EPSILON) * f64::from(magnitude);
        let varies = variance > constant && variance > rounding * rounding;
        if varies { variance.sqrt().recip() } else { 0.0 }
    });
    scale.collect()
}

fn scores(inputs: &Array2<f64>, weights: ArrayView2<'_, f64>) -> Array2<f64> {
    let (slopes, biases) = weights.split_at(Axis(0), inputs.ncols());
    inputs.dot(&slopes) + biases.row(0)
}

/// Mean cross-entropy with an L2 penalty on the slopes.
struct CrossEntropy {
    inputs: Array2<f64>,
    labels: Vec<usize>,
    classes: usize,
    penalty: f64,
}

impl CrossEntropy {
    /// Value and gradient at these weights, `[features + 1, classes]` in a row.
    fn at(&self, weights: &[f64]) -> (f64, Vec<f64>) {
        let features = self.inputs.ncols();
        let Ok(weights) = ArrayView2::from_shape((features + 1, self.classes), weights) else {
            return (f64::NAN, Vec::new());
        };
        let mut p = scores(&self.inputs, weights);
        let mut loss = 0.0;
        for (mut row, &label) in p.rows_mut().into_iter().zip(&self.labels) {
            let largest = row.fold(f64::MIN, |a, &b| a.max(b));
            let own = row[label] - largest;
            row.mapv_inplace(|v| (v - largest).exp());
            let sum = row.sum();
            loss += sum.ln() - own;
            row /= sum;
            row[label] -= 1.0;
        }
        p /= self.labels.len() as f64;
        let slopes = weights.split_at(Axis(0), features).0;
        let penalty = 0.5 * self.penalty * slopes.iter().map(|w| w * w).sum::<f64>();
        let mut gradient: Vec<f64> = (self.inputs.t().dot(&p) + &slopes.mapv(|w| w * self.penalty))
            .iter()
            .copied()
            .collect();
        gradient.extend(p.sum_axis(Axis(0)));
        (loss / self.labels.len() as f64 + penalty, gradient)
    }
}

/// Indices of `count` examples with an equal share of every class, or as equal as `count` and the
/// classes' sizes allow; always the same for the same seed, and each a part of the next larger.
pub fn balanced_subset(labels: &[u8], count: usize, noise: Noise) -> Vec<usize> {
    let classes = usize::from(labels.iter().copied().max().unwrap_or(0)) + 1;
    let mut by_class: Vec<Vec<usize>> = vec![Vec::new(); classes];
    for index in noise.permutation(Stream::Subset, 0, labels.len()) {
        by_class[usize::from(labels[index])].push(index);
    }
    let mut chosen = Vec::with_capacity(count.min(labels.len()));
    let mut round = 0;
    while chosen.len() < count.min(labels.len()) {
        for members in &by_class {
            if chosen.len() < count {
                chosen.extend(members.get(round));
            }
        }
        round += 1;
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four blobs in the plane.
    fn blobs(n: usize, spread: f32, epoch: u64) -> (Array2<f32>, Vec<u8>) {
        let noise = Noise::new(9).normal(Stream::Prior, epoch, &[0], n * 2);
        let labels: Vec<u8> = (0..n).map(|i| (i % 4) as u8).collect();
        let codes = Array2::from_shape_fn((n, 2), |(i, j)| {
            let corner = if labels[i] >> j & 1 == 1 { 3.0 } else { -3.0 };
            corner + spread * noise[i * 2 + j]
        });
        (codes, labels)
    }

    #[test]
    fn separable_classes_are_told_apart_and_noise_is_not() {
        let ((train, labels), (test, test_labels)) = (blobs(400, 0.5, 0), blobs(400, 0.5, 1));
        let probe = LinearProbe::fit(train.view(), &labels).unwrap();
        assert_eq!(probe.accuracy(test.view(), &test_labels), 1.0);
        let noise = Noise::new(1).normal(Stream::Prior, 7, &[0], 800);
        let noise = Array2::from_shape_vec((400, 2), noise).unwrap();
        let probe = LinearProbe::fit(noise.view(), &labels).unwrap();
        assert!(probe.accuracy(noise.view(), &labels) < 0.4);
    }

    #[test]
    fn the_fit_converges_even_where_classes_overlap() {
        let (train, labels) = blobs(1000, 3.0, 0);
        let probe = LinearProbe::fit(train.view(), &labels).unwrap();
        let problem = CrossEntropy {
            inputs: (train.mapv(f64::from) - &probe.centre) * &probe.scale,
            labels: labels.iter().map(|&l| usize::from(l)).collect(),
            classes: 4,
            penalty: PENALTY,
        };
        let at: Vec<f64> = probe.weights.iter().copied().collect();
        let norm = problem.at(&at).1.iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!(norm < 2e-5, "gradient norm {norm}");
    }

    #[test]
    fn a_code_that_is_shrunk_holds_what_it_held() {
        let (codes, labels) = blobs(400, 0.5, 0);
        let probe = LinearProbe::fit(codes.view(), &labels).unwrap();
        for power in [-10, -30, -60] {
            let shrunk = codes.mapv(|code| code * 2f32.powi(power));
            let of_shrunk = LinearProbe::fit(shrunk.view(), &labels).unwrap();
            assert_eq!(of_shrunk.accuracy(shrunk.view(), &labels), 1.0, "2^{power}");
            assert_eq!(of_shrunk.weights, probe.weights, "2^{power}");
        }
    }

    #[test]
    fn a_column_that_is_next_to_constant_or_varies_by_its_rounding_is_left_out() {
        let (codes, labels) = blobs(400, 0.5, 0);
        let column = |of: fn(f32) -> f32| {
            let mut codes = codes.clone();
            codes.column_mut(1).mapv_inplace(of);
            LinearProbe::fit(codes.view(), &labels).unwrap().scale[1]
        };
        assert_eq!(column(|_| 0.1), 0.0);
        assert_eq!(column(|code| 1e-7 * code), 0.0);
        assert!(column(|code| 1e-6 * code) > 0.0);
        assert_eq!(column(|code| 1e4 + 3e-4 * code), 0.0);
        assert!(column(|code| 1e4 + 3e-3 * code) > 0.0);
    }

    #[test]
    fn the_gradient_is_the_derivative_of_the_cost() {
        let (codes, labels) = blobs(40, 2.0, 3);
        let problem = CrossEntropy {
            inputs: codes.mapv(f64::from),
            labels: labels.iter().map(|&l| usize::from(l)).collect(),
            classes: 4,
            penalty: 0.01,
        };
        let at: Vec<f64> = (0..12).map(|i| f64::from(i) * 0.1 - 0.6).collect();
        let gradient = problem.at(&at).1;
        for i in 0..at.len() {
            let shifted = |by: f64| {
                let mut at = at.clone();
                at[i] += by;
                problem.at(&at).0
            };
            let slope = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
            assert!((slope - gradient[i]).abs() < 1e-8, "{i}: {slope} {}", gradient[i]);
        }
    }

    #[test]
    fn plain_weights_score_as_the_probe_does() {
        let (codes, labels) = blobs(60, 2.0, 4);
        let probe = LinearProbe::fit(codes.view(), &labels).unwrap();
        let (weights, biases) = probe.plain_weights();
        let plain = codes.mapv(f64::from).dot(&weights) + &biases;
        let difference = (plain - probe.scores(codes.view())).mapv(f64::abs);
        assert!(difference.iter().all(|d| *d < 1e-9));
    }

    #[test]
    fn a_plain_fit_is_a_minimum_on_the_codes_as_they_are() {
        let (codes, labels) = blobs(200, 2.0, 5);
        let codes = codes.mapv(|z| 0.1 * z + 3.0);
        let probe = LinearProbe::fit_plain(codes.view(), &labels, 0.5).unwrap();
        let (weights, biases) = probe.plain_weights();
        let problem = CrossEntropy {
            inputs: codes.mapv(f64::from),
            labels: labels.iter().map(|&l| usize::from(l)).collect(),
            classes: 4,
            penalty: 1.0 / (0.5 * 200.0),
        };
        let at: Vec<f64> = weights.iter().chain(&biases).copied().collect();
        let gradient = problem.at(&at).1;
        assert!(gradient.iter().all(|g| g.abs() < 1e-4), "{gradient:?}");
    }

    #[test]
    fn subsets_are_balanced_and_nested() {
        let labels: Vec<u8> = (0..1000).map(|i| (i % 10) as u8).collect();
        let small = balanced_subset(&labels, 100, Noise::new(1));
        let large = balanced_subset(&labels, 500, Noise::new(1));
        assert_eq!(small[..], large[..100]);
        for class in 0..10 {
            assert_eq!(small.iter().filter(|&&i| labels[i] == class).count(), 10);
        }
    }
}
