//! Demographic parity by a reduction to weighted classification (Agarwal, Beygelzimer, Dudík, Langford & Wallach
//! 2018, "A Reductions Approach to Fair Classification"): exponentiated gradient, the baseline of today.
//!
//! ```text
//! min_Q err(Q)  such that  |E[h(x)|s] - E[h(x)]| <= epsilon  for both groups s
//! L(Q, lambda) = err(Q) + sum_k lambda_k (gamma_k(Q) - epsilon),  lambda >= 0, |lambda|_1 <= B
//! gamma_(s,+) = E[h|s] - E[h],  gamma_(s,-) = -gamma_(s,+)
//! ```
//!
//! Q, a distribution over classifiers h, plays against lambda (algorithm 1): lambda by exponentiated gradient, Q by
//! the best response h to it, which is a weighted classification. Theirs is any learner; ours is a logistic
//! regression, so that a response is best in the weighted logistic loss, not in the weighted error.
//!
//! After each step the least error under the constraints is sought among all mixtures of the responses so far, as the
//! authors' own program does by linear programming. With two groups all constraints bound one number, the gap
//! E[h|1] - E[h|0], so two classifiers suffice and the pair can be looked for.

use anyhow::{Context, Result};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use shared::{
    minimise::{Stopping, minimise},
    progress,
};

use crate::{config::ReductionConfig, sparse::SparseRows};

const STOPPING: Stopping = Stopping { gradient: 1e-5, gain: 0.0, iterations: 300 };
/// What is searched for, for people.
const WHAT: &str = "best response";
/// Constraints: both groups, either sign.
const CONSTRAINTS: usize = 4;
/// Two multipliers closer than this are the same question to the learner.
const SAME: f64 = 1e-9;

type Multipliers = [f64; CONSTRAINTS];

/// h(x) = 1 if slopes . x + bias >= 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier {
    /// `[columns]`.
    pub slopes: Array1<f64>,
    /// One number.
    pub bias: f64,
}

/// Q: a classifier drawn for each decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Randomised {
    /// Two classifiers, the same twice where one suffices.
    pub classifiers: [Classifier; 2],
    /// Their probabilities, which sum to 1.
    pub weights: [f64; 2],
    /// err(Q) on the training rows.
    pub error: f64,
    /// |E[h|1] - E[h|0]| of Q on the training rows.
    pub gap: f64,
    /// How far err(Q), with B times what exceeds epsilon, is above the best lower bound: the duality gap, as far as the
    /// learner finds best responses.
    pub duality_gap: f64,
    /// Steps taken.
    pub steps: usize,
    /// The largest norm of a gradient at which the search for a best response ended.
    pub gradient_norm: f64,
}

/// A response h, and all that the game asks of it.
struct Response {
    classifier: Classifier,
    /// err(h).
    error: f64,
    /// E[h|1] - E[h|0].
    gap: f64,
    /// Norm of the gradient where the search for it ended.
    gradient_norm: f64,
}

/// A mixture of two responses.
#[derive(Clone, Copy)]
struct Mixture {
    /// Which.
    pair: [usize; 2],
    /// Probability of the first.
    weight: f64,
    /// err(Q) + B max(0, max_k gamma_k(Q) - epsilon), the value that Q guarantees.
    value: f64,
}

/// The game over training rows.
pub struct Reduction {
    /// Rows, each column by its standard deviation.
    x: SparseRows,
    /// The reciprocal of that; 0 for a constant column.
    scale: Array1<f64>,
    y: Vec<f64>,
    s: Vec<u8>,
    /// Shares of both groups among the people.
    shares: [f64; 2],
    config: ReductionConfig,
    penalty: f64,
    stopping: Stopping,
}

impl Reduction {
    /// The game over `rows` `[people, columns]`, s among the columns or not; `penalty` as that of the other logistic
    /// regressions.
    pub fn new(
        rows: ArrayView2<'_, f32>,
        targets: &[u8],
        groups: &[u8],
        config: ReductionConfig,
        penalty: f64,
    ) -> Self {
        let deviation = rows.mapv(f64::from).std_axis(Axis(0), 0.0);
        let scale = deviation.mapv(|d| if d > 1e-6 { d.recip() } else { 0.0 });
        let members =
            groups.iter().filter(|s| **s == 1).count() as f64 / groups.len().max(1) as f64;
        let scaled: Array2<f32> = &rows * &scale.mapv(|s| s as f32);
        Self {
            x: SparseRows::of(scaled.view()),
            scale: scale.mapv(|s| f64::from(s as f32)),
            y: targets.iter().map(|&y| f64::from(y)).collect(),
            s: groups.to_vec(),
            shares: [1.0 - members, members],
            config,
            penalty,
            stopping: STOPPING,
        }
    }

    /// Plays until the duality gap is within the tolerance, and returns the best mixture.
    ///
    /// # Errors
    /// If a weighted logistic regression is not finite.
    pub fn fit(&self) -> Result<Randomised> {
        let ReductionConfig { multiplier, rate, tolerance, iterations, .. } = self.config;
        let mut theta = Multipliers::default();
        let mut responses: Vec<Response> = Vec::new();
        let mut asked: Vec<Multipliers> = Vec::new();
        let (mut step, mut free) = (0, vec![0.0; self.x.columns() + 1]);
        loop {
            step += 1;
            let lambda = exponentiated(theta, multiplier);
            responses.push(self.best_response(lambda, &mut free)?);
            asked.push(lambda);
            let gamma = self.gamma(responses[responses.len() - 1].gap);
            let mixture = self.best_mixture(&responses);
            let dual = self.dual_of(&mixture, &responses);
            if asked.iter().all(|known| distance(known, &dual) > SAME) {
                responses.push(self.best_response(dual, &mut free)?);
                asked.push(dual);
            }
            let mixture = self.best_mixture(&responses);
            let bound =
                asked.iter().map(|lambda| self.least(*lambda, &responses)).fold(f64::MIN, f64::max);
            let duality_gap = (mixture.value - bound).max(0.0);
            if duality_gap <= tolerance || step >= iterations {
                let found = self.randomised(mixture, &responses, duality_gap, step);
                self.tell(&found, responses.len());
                return Ok(found);
            }
            // theta moves along gamma(h) - epsilon.
            for (theta, gamma) in theta.iter_mut().zip(gamma) {
                *theta += rate / multiplier * (gamma - self.config.bound);
            }
        }
    }

    /// Says what was found among this many classifiers, and whether one of them is no best response.
    fn tell(&self, found: &Randomised, classifiers: usize) {
        progress::line(&format!(
            "epsilon {}: error {:.4}, |E[h|1] - E[h|0]| {:.4}, duality gap {:.1e} after {} steps, {classifiers} \
             classifiers",
            self.config.bound, found.error, found.gap, found.duality_gap, found.steps
        ));
        let people = self.y.len();
        if let Some(text) = self.stopping.not_converged(WHAT, people, found.gradient_norm) {
            progress::line(&text);
        }
    }

    /// gamma_k of a gap E[h|1] - E[h|0]: E[h|0] - E[h], its negative, E[h|1] - E[h], its negative.
    fn gamma(&self, gap: f64) -> Multipliers {
        let (zero, one) = (-self.shares[1] * gap, self.shares[0] * gap);
        [zero, -zero, one, -one]
    }

    /// Most that a constraint is exceeded by; below 0 if none is.
    fn excess(&self, gap: f64) -> f64 {
        self.gamma(gap).into_iter().fold(f64::MIN, f64::max) - self.config.bound
    }

    /// min_h L(h, lambda) over the responses known.
    fn least(&self, lambda: Multipliers, responses: &[Response]) -> f64 {
        let value = |response: &Response| {
            let excess = self.gamma(response.gap).map(|gamma| gamma - self.config.bound);
            response.error + lambda.iter().zip(excess).map(|(l, e)| l * e).sum::<f64>()
        };
        responses.iter().map(value).fold(f64::MAX, f64::min)
    }

    /// The classifier that answers lambda: predicting yes for person i costs
    /// c_i = (1 - 2 y_i + lambda_s / P(s) - lambda_0 - lambda_1) / n more than predicting no, lambda_s the multiplier
    /// of (s, +) minus that of (s, -). It is learned from targets c_i < 0 with weights |c_i|. `free` is where the
    /// last search ended, and where this one starts.
    fn best_response(&self, lambda: Multipliers, free: &mut Vec<f64>) -> Result<Response> {
        let of_group = [lambda[0] - lambda[1], lambda[2] - lambda[3]];
        let costs: Vec<f64> = self
            .y
            .iter()
            .zip(&self.s)
            .map(|(y, &s)| {
                let s = usize::from(s == 1);
                1.0 - 2.0 * y + of_group[s] / self.shares[s] - of_group[0] - of_group[1]
            })
            .collect();
        let columns = self.x.columns();
        let is_cheap = |cost: &f64| *cost < 0.0;
        if costs.iter().all(is_cheap) || !costs.iter().any(is_cheap) {
            // One answer is the better for everybody.
            let bias = if costs.iter().all(is_cheap) { 1.0 } else { -1.0 };
            return Ok(self.judged(&Array1::zeros(columns), bias, 0.0));
        }
        let total: f64 = costs.iter().map(|cost| cost.abs()).sum();
        let function = |at: &[f64]| self.weighted_loss(at, &costs, total);
        let found = minimise(function, free.clone(), self.stopping).context(WHAT)?;
        *free = found.at;
        Ok(self.judged(&Array1::from(free[..columns].to_vec()), free[columns], found.gradient_norm))
    }

    /// Weighted mean of the logistic loss with an L2 penalty, and its gradient by slopes and bias.
    fn weighted_loss(&self, at: &[f64], costs: &[f64], total: f64) -> (f64, Vec<f64>) {
        let columns = self.x.columns();
        // A penalty on the weights of two classes, as the other regressions have it, is half of that on their
        // difference.
        let penalty = 0.5 * self.penalty;
        let slopes = ArrayView2::from_shape((columns, 1), &at[..columns]);
        let Ok(slopes) = slopes else { return (f64::NAN, vec![f64::NAN; at.len()]) };
        let mut value = 0.0;
        let mut by_score = self.x.dot(slopes).into_raw_vec_and_offset().0; // [people]
        for (score, cost) in by_score.iter_mut().zip(costs) {
            let (weight, sign) = (cost.abs() / total, if *cost < 0.0 { 1.0 } else { -1.0 });
            let margin = sign * (*score + at[columns]);
            let e = (-margin.abs()).exp();
            value += weight * ((-margin).max(0.0) + e.ln_1p());
            // -1 / (1 + exp(margin)).
            let slope = if margin > 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) };
            *score = -weight * sign * slope;
        }
        let mut gradient = self.x.transposed_dot(&by_score).into_raw_vec_and_offset().0;
        for (gradient, slope) in gradient.iter_mut().zip(&at[..columns]) {
            value += 0.5 * penalty * slope * slope;
            *gradient += penalty * slope;
        }
        gradient.push(by_score.iter().sum());
        (value, gradient)
    }

    /// What the game asks of the classifier with these slopes on the scaled rows.
    fn judged(&self, slopes: &Array1<f64>, bias: f64, gradient_norm: f64) -> Response {
        let scores = self.x.dot(slopes.view().insert_axis(Axis(1))); // [people, 1]
        let (mut wrong, mut yes) = (0.0, [0.0, 0.0]);
        for ((score, y), &s) in scores.iter().zip(&self.y).zip(&self.s) {
            let answer = f64::from(u8::from(score + bias >= 0.0));
            wrong += (answer - y).abs();
            yes[usize::from(s == 1)] += answer;
        }
        let people = self.y.len() as f64;
        let rate = |s: usize| yes[s] / (self.shares[s] * people);
        let classifier = Classifier { slopes: slopes * &self.scale, bias };
        Response { error: wrong / people, gap: rate(1) - rate(0), classifier, gradient_norm }
    }

    fn value(&self, error: f64, gap: f64) -> f64 {
        error + self.config.multiplier * self.excess(gap).max(0.0)
    }

    /// The mixture of least value. A linear program in the weights, whose only number besides the error is the gap: its
    /// solution is one response, or two on both sides of a gap at which a constraint binds.
    fn best_mixture(&self, responses: &[Response]) -> Mixture {
        let mut best = Mixture { pair: [0, 0], weight: 1.0, value: f64::MAX };
        for (i, a) in responses.iter().enumerate() {
            let value = self.value(a.error, a.gap);
            if value < best.value {
                best = Mixture { pair: [i, i], weight: 1.0, value };
            }
        }
        let widest = self.config.bound / self.shares[0].max(self.shares[1]);
        for (i, a) in responses.iter().enumerate() {
            for (j, b) in responses.iter().enumerate().skip(i + 1) {
                for gap in [-widest, widest] {
                    let weight = (gap - b.gap) / (a.gap - b.gap);
                    if !(weight > 0.0 && weight < 1.0) {
                        continue;
                    }
                    let value = weight * a.error + (1.0 - weight) * b.error;
                    if value < best.value {
                        best = Mixture { pair: [i, j], weight, value };
                    }
                }
            }
        }
        best
    }

    /// The multipliers of which a mixture is the best response: the price of the gap at which its two classifiers are
    /// equally good; 0 where no constraint binds, B where it cannot be kept.
    fn dual_of(&self, mixture: &Mixture, responses: &[Response]) -> Multipliers {
        let [a, b] = mixture.pair.map(|index| &responses[index]);
        let gap = mixture.weight * a.gap + (1.0 - mixture.weight) * b.gap;
        let gamma = self.gamma(gap);
        let tightest = (0..CONSTRAINTS).max_by(|&i, &j| gamma[i].total_cmp(&gamma[j])).unwrap_or(0);
        let price = if mixture.pair[0] == mixture.pair[1] {
            if self.excess(gap) > 0.0 { self.config.multiplier } else { 0.0 }
        } else {
            let by = |response: &Response| self.gamma(response.gap)[tightest];
            (a.error - b.error) / (by(b) - by(a))
        };
        let mut dual = Multipliers::default();
        dual[tightest] = price.clamp(0.0, self.config.multiplier);
        dual
    }

    fn randomised(
        &self,
        mixture: Mixture,
        responses: &[Response],
        duality_gap: f64,
        steps: usize,
    ) -> Randomised {
        let [a, b] = mixture.pair.map(|index| &responses[index]);
        let weights = [mixture.weight, 1.0 - mixture.weight];
        Randomised {
            classifiers: [a.classifier.clone(), b.classifier.clone()],
            weights,
            error: weights[0] * a.error + weights[1] * b.error,
            gap: (weights[0] * a.gap + weights[1] * b.gap).abs(),
            duality_gap,
            steps,
            gradient_norm: responses.iter().map(|one| one.gradient_norm).fold(0.0, f64::max),
        }
    }
}

/// lambda_k = B exp(theta_k) / (1 + sum_j exp(theta_j)).
fn exponentiated(theta: Multipliers, multiplier: f64) -> Multipliers {
    let largest = theta.into_iter().fold(0.0, f64::max);
    let powers = theta.map(|theta| (theta - largest).exp());
    let sum = (-largest).exp() + powers.iter().sum::<f64>();
    powers.map(|power| multiplier * power / sum)
}

fn distance(a: &Multipliers, b: &Multipliers) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_ended_early_is_known_by_its_gradient() {
        let groups: Vec<u8> = (0..200).map(|i| (i % 2) as u8).collect();
        let rows = Array2::from_shape_fn((200, 2), |(i, column)| match column {
            0 => (i * 37 % 200) as f32 / 100.0 + f32::from(groups[i]),
            _ => (i * 61 % 200) as f32 / 50.0,
        });
        let targets: Vec<u8> = (0..200)
            .map(|i| u8::from(rows[[i, 0]] - 0.3 * rows[[i, 1]] + (i % 7) as f32 / 7.0 > 1.0))
            .collect();
        let game = || Reduction::new(rows.view(), &targets, &groups, Default::default(), 1e-3);
        let norm = |game: Reduction| game.fit().unwrap().gradient_norm;
        let told = |norm: f64| STOPPING.not_converged(WHAT, 200, norm);
        let converged = norm(game());
        assert_eq!(told(converged), None, "{converged}");
        let early = Stopping { iterations: 1, ..STOPPING };
        let text = told(norm(Reduction { stopping: early, ..game() })).unwrap();
        assert!(text.starts_with("best response on 200 examples: not converged, "), "{text}");
    }
}
