//! Logistic regression with a penalty on discrimination: the baseline that is fair without learning
//! a representation.

use anyhow::{Context, Result};
use ndarray::{Array1, Array2, ArrayView1, Axis, stack};
use shared::{
    minimise::{Minimum, Stopping, minimise},
    progress,
};

use crate::config::LogisticConfig;

const STOPPING: Stopping = Stopping { gradient: 1e-6, gain: 0.0, iterations: 500 };
/// What is fitted, for people.
const WHAT: &str = "regularised logistic regression";

/// Mean cross-entropy + penalty |w|^2 / 2 + fairness (E[p|s = 1] - E[p|s = 0])^2, minimised. After
/// Kamishima et al. 2012, with discrimination itself where they penalise the mutual information of
/// prediction and group. Slopes `[features, 2]` and biases `[2]` of both classes.
///
/// # Errors
/// If the objective is not finite.
pub fn regularised(
    rows: &Array2<f32>,
    targets: &[u8],
    groups: &[u8],
    config: LogisticConfig,
) -> Result<(Array2<f64>, Array1<f64>)> {
    let found = minimum(rows, targets, groups, config, STOPPING)?;
    if let Some(text) = STOPPING.not_converged(WHAT, rows.nrows(), found.gradient_norm) {
        progress::line(&text);
    }
    let features = rows.ncols();
    let slopes = Array1::from(found.at[..features].to_vec());
    let both = stack(Axis(1), &[Array1::zeros(features).view(), slopes.view()])?;
    Ok((both, Array1::from(vec![0.0, found.at[features]])))
}

/// Slopes and, last, the bias at which the objective is least.
fn minimum(
    rows: &Array2<f32>,
    targets: &[u8],
    groups: &[u8],
    config: LogisticConfig,
    stopping: Stopping,
) -> Result<Minimum> {
    let x = rows.mapv(f64::from);
    let (count, features) = x.dim();
    let members = groups.iter().filter(|s| **s == 1).count() as f64;
    // Weights whose product with p is E[p|s = 1] - E[p|s = 0].
    let contrast: Array1<f64> = groups
        .iter()
        .map(|&s| if s == 1 { members.recip() } else { -(count as f64 - members).recip() })
        .collect();
    let y: Array1<f64> = targets.iter().map(|&y| f64::from(y)).collect();
    let function = |at: &[f64]| {
        let (slopes, bias) = (ArrayView1::from(&at[..features]), at[features]);
        let score = x.dot(&slopes) + bias;
        let p = score.mapv(|a| 1.0 / (1.0 + (-a).exp()));
        let softplus = |a: f64| a.max(0.0) + (-a.abs()).exp().ln_1p();
        let entropy: f64 = score.iter().zip(&y).map(|(&a, y)| softplus(a) - y * a).sum();
        let gap = contrast.dot(&p);
        let value = entropy / count as f64
            + 0.5 * config.penalty * slopes.dot(&slopes)
            + config.fairness * gap * gap;
        let by_score = (&p - &y) / count as f64
            + &contrast * &p.mapv(|p| p * (1.0 - p)) * (2.0 * config.fairness * gap);
        let mut gradient = (x.t().dot(&by_score) + &slopes * config.penalty).to_vec();
        gradient.push(by_score.sum());
        (value, gradient)
    };
    minimise(function, vec![0.0; features + 1], stopping).context(WHAT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half a group of each; the feature is the group and a target that leans to it.
    fn people() -> (Array2<f32>, Vec<u8>, Vec<u8>) {
        let groups: Vec<u8> = (0..200).map(|i| (i % 2) as u8).collect();
        let targets: Vec<u8> =
            (0..200).map(|i| u8::from((i / 2) % 4 < if groups[i] == 1 { 3 } else { 1 })).collect();
        let rows = Array2::from_shape_fn((200, 1), |(i, _)| f32::from(groups[i]) - 0.5);
        (rows, targets, groups)
    }

    #[test]
    fn the_penalty_takes_the_gap_away_and_nothing_else_does() {
        let (rows, targets, groups) = people();
        let gap = |fairness: f64| {
            let config = LogisticConfig { penalty: 0.0, fairness };
            let (slopes, biases) = regularised(&rows, &targets, &groups, config).unwrap();
            let p = |x: f64| 1.0 / (1.0 + (-(x * slopes[[0, 1]] + biases[1])).exp());
            p(0.5) - p(-0.5)
        };
        // Without it the regression finds the rates of both groups, 3/4 and 1/4.
        assert!((gap(0.0) - 0.5).abs() < 1e-4, "{}", gap(0.0));
        assert!(gap(1.0) < 0.35 && gap(1000.0) < 0.01, "{} {}", gap(1.0), gap(1000.0));
    }

    #[test]
    fn the_minimum_is_where_the_three_terms_balance() {
        let (rows, targets, groups) = people();
        for (penalty, fairness) in [(0.0, 1.0), (0.1, 0.0), (0.2, 0.0), (0.1, 1.0)] {
            let config = LogisticConfig { penalty, fairness };
            let (slopes, biases) = regularised(&rows, &targets, &groups, config).unwrap();
            // Of 3/4 and 1/4 at the features 1/2 and -1/2: p and 1 - p, without a bias.
            let w = slopes[[0, 1]];
            let p = 1.0 / (1.0 + (-w / 2.0).exp());
            let by_fairness = 2.0 * fairness * (2.0 * p - 1.0) * p * (1.0 - p);
            let derivative = 0.5 * (p - 0.75) + penalty * w + by_fairness;
            assert!(derivative.abs() < 1e-5 && biases[1].abs() < 1e-5, "{config:?} {derivative}");
        }
    }

    #[test]
    fn a_fit_that_did_not_converge_is_told_and_one_that_did_is_not() {
        let (rows, targets, groups) = people();
        let config = LogisticConfig { penalty: 0.0, fairness: 1.0 };
        let told = |stopping: Stopping| {
            let found = minimum(&rows, &targets, &groups, config, stopping).unwrap();
            STOPPING.not_converged(WHAT, rows.nrows(), found.gradient_norm)
        };
        assert_eq!(told(STOPPING), None);
        let text = told(Stopping { iterations: 1, ..STOPPING }).unwrap();
        let begins =
            "regularised logistic regression on 200 examples: not converged, gradient norm ";
        assert!(text.starts_with(begins), "{text}");
    }
}
