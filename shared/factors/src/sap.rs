use ndarray::ArrayView1;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{
    DisentanglementConfig, FactorCodes, Score, WIDE,
    grid::{Grid, Sample},
};

/// C of the classifiers (Kumar et al. 2018; disentanglement_lib).
const STRENGTH: f64 = 0.01;
/// A fit ends when the gradient has shrunk to this part of the first one.
const TOLERANCE: f64 = 1e-10;
const STEPS: usize = 200;

/// Separated attribute predictability (Kumar et al. 2018, section 3) for discrete factors: the
/// accuracy of a linear support vector machine from each latent's posterior mean alone to each
/// factor; the mean over factors of the gap between the two best latents. `None` for codes wider
/// than [`WIDE`].
///
/// The classifiers are scikit-learn's `LinearSVC(C=0.01, class_weight="balanced")`: one against the
/// rest, squared hinge, weight and bias penalised. A line per class orders a latent's values but
/// cannot single out those in the middle, and a latent without variance scores what the commonest
/// value does: the best code is far below 1.
pub fn sap(
    codes: &dyn FactorCodes,
    config: &DisentanglementConfig,
    generator: &mut ChaCha8Rng,
) -> Option<Score> {
    if codes.latent_dim() > WIDE {
        return None;
    }
    let grid = Grid::new(codes.sizes());
    let train = Sample::draw(codes, &grid, config.train_points, generator);
    let test = Sample::draw(codes, &grid, config.test_points, generator);
    let gap = |count: usize| {
        let of_factor = |(factor, &size): (usize, &usize)| {
            let accuracy = |latent: usize| {
                let z: Vec<f64> =
                    train.mean.column(latent).iter().take(count).map(|z| f64::from(*z)).collect();
                let lines = lines(&z, &train.values[factor][..count], size);
                accuracy(&lines, test.mean.column(latent), &test.values[factor])
            };
            let mut found: Vec<f64> =
                (0..codes.latent_dim()).into_par_iter().map(accuracy).collect();
            found.sort_by(|a, b| b.total_cmp(a));
            let at = |place: usize| found.get(place).copied().unwrap_or(0.0);
            at(0) - at(1)
        };
        grid.sizes().iter().enumerate().map(of_factor).sum::<f64>() / grid.factors() as f64
    };
    Some(Score { value: gap(config.train_points), tenth: gap(config.train_points / 10) })
}

/// Slope and bias of every class; `None` for a class without examples.
fn lines(z: &[f64], labels: &[usize], classes: usize) -> Vec<Option<[f64; 2]>> {
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&label| counts[label] += 1);
    let present = counts.iter().filter(|count| **count > 0).count();
    let balanced = |count: usize| labels.len() as f64 / (present * count) as f64;
    let line = |(class, &count): (usize, &usize)| {
        // liblinear weighs the examples of the class by its weight and all others by 1, but if
        // there are but two classes each by its own.
        let rest = if present == 2 { balanced(labels.len() - count) } else { 1.0 };
        let problem =
            Hinge { z, labels, class, costs: [STRENGTH * rest, STRENGTH * balanced(count.max(1))] };
        (count > 0).then(|| problem.minimum())
    };
    counts.iter().enumerate().map(line).collect()
}

fn accuracy(lines: &[Option<[f64; 2]>], z: ArrayView1<'_, f32>, labels: &[usize]) -> f64 {
    let predicted = |z: f64| {
        let scores = lines
            .iter()
            .enumerate()
            .filter_map(|(class, line)| line.map(|[slope, bias]| (class, slope * z + bias)));
        let best = scores.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or(0, |(class, _)| class)
    };
    let correct =
        z.iter().zip(labels).filter(|(z, label)| predicted(f64::from(**z)) == **label).count();
    correct as f64 / labels.len().max(1) as f64
}

/// (w² + b²) / 2 + Σ cost max(0, 1 - y (w z + b))², y = 1 for the class and -1 for the rest.
struct Hinge<'a> {
    z: &'a [f64],
    labels: &'a [usize],
    class: usize,
    /// Of the rest and of the class.
    costs: [f64; 2],
}

/// Value, gradient and the Hessian's entries ww, wb, bb.
type Local = (f64, [f64; 2], [f64; 3]);

impl Hinge<'_> {
    fn local(&self, [w, b]: [f64; 2]) -> Local {
        let mut value = 0.5 * (w * w + b * b);
        let mut gradient = [w, b];
        let mut hessian = [1.0, 0.0, 1.0];
        for (&z, &label) in self.z.iter().zip(self.labels) {
            let in_class = label == self.class;
            let (y, cost) = (if in_class { 1.0 } else { -1.0 }, self.costs[usize::from(in_class)]);
            let short = 1.0 - y * (w * z + b);
            if short > 0.0 {
                value += cost * short * short;
                let slope = -2.0 * cost * y * short;
                gradient[0] += slope * z;
                gradient[1] += slope;
                hessian[0] += 2.0 * cost * z * z;
                hessian[1] += 2.0 * cost * z;
                hessian[2] += 2.0 * cost;
            }
        }
        (value, gradient, hessian)
    }

    /// Newton's method; the function is convex and piecewise quadratic.
    fn minimum(&self) -> [f64; 2] {
        let norm = |g: [f64; 2]| g[0].hypot(g[1]);
        let mut line = [0.0, 0.0];
        let mut here = self.local(line);
        let enough = TOLERANCE * norm(here.1);
        for _ in 0..STEPS {
            let (value, gradient, [ww, wb, bb]) = here;
            if norm(gradient) <= enough {
                break;
            }
            let determinant = ww * bb - wb * wb;
            let step = [
                (wb * gradient[1] - bb * gradient[0]) / determinant,
                (wb * gradient[0] - ww * gradient[1]) / determinant,
            ];
            let descent = gradient[0] * step[0] + gradient[1] * step[1];
            let mut length = 1.0;
            let next = loop {
                let next = [line[0] + length * step[0], line[1] + length * step[1]];
                let there = self.local(next);
                if there.0 <= value + 1e-4 * length * descent {
                    break Some((next, there));
                }
                length *= 0.5;
                if length < 1e-8 {
                    break None;
                }
            };
            // Rounding leaves nothing to gain.
            let Some((next, there)) = next else { break };
            (line, here) = (next, there);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::{self, Made};

    fn score(codes: &Made) -> f64 {
        sap(codes, &made::config(), &mut made::generator()).unwrap().value
    }

    #[test]
    fn only_a_latent_of_its_own_for_every_factor_has_a_gap() {
        // Values in the middle are never predicted: the best there is on this grid is not 1.
        let perfect = score(&Made::perfect());
        assert!(perfect > 0.25, "{perfect}");
        assert_eq!(score(&Made::constant()), 0.0);
        assert!(score(&Made::doubled()) <= 1e-9);
        for codes in [Made::rotated(), Made::mixed_pairs()] {
            let found = score(&codes);
            assert!(found < 0.6 * perfect, "{found} of {perfect}");
        }
    }

    #[test]
    fn the_fit_is_a_minimum() {
        let z: Vec<f64> = (0..60).map(|i| (f64::from(i) * 0.7).sin() + f64::from(i % 3)).collect();
        let labels: Vec<usize> = (0..60).map(|i| i % 3).collect();
        for (class, line) in lines(&z, &labels, 3).iter().enumerate() {
            let line = line.unwrap();
            let problem = Hinge { z: &z, labels: &labels, class, costs: [0.01, 0.01] };
            let (value, gradient, _) = problem.local(line);
            assert!(gradient.iter().all(|g| g.abs() < 1e-9), "{gradient:?}");
            for shift in [[1e-3, 0.0], [-1e-3, 0.0], [0.0, 1e-3], [0.0, -1e-3]] {
                assert!(problem.local([line[0] + shift[0], line[1] + shift[1]]).0 > value);
            }
        }
    }

    #[test]
    fn a_rare_class_weighs_as_much_as_a_common_one() {
        let z_of = |labels: &[usize]| -> Vec<f64> {
            let z = |(i, &label): (usize, &usize)| (i as f64 * 0.7).sin() + label as f64;
            labels.iter().enumerate().map(z).collect()
        };
        let is_minimum = |labels: &[usize], class: usize, costs: [f64; 2]| {
            let z = z_of(labels);
            let classes = labels.iter().max().map_or(0, |most| most + 1);
            let line = lines(&z, labels, classes)[class].unwrap();
            let (_, gradient, _) = Hinge { z: &z, labels, class, costs }.local(line);
            gradient.iter().all(|g| g.abs() < 1e-9)
        };
        // Of 60 examples 6, 18 and 36: n / (classes * count) is 10/3, 10/9 and 5/9. The rest of a class weighs 1.
        let three: Vec<usize> =
            (0..60).map(|i| usize::from(i % 10 > 0) + usize::from(i % 10 > 3)).collect();
        for (class, weight) in [10.0 / 3.0, 10.0 / 9.0, 5.0 / 9.0].into_iter().enumerate() {
            assert!(is_minimum(&three, class, [0.01, 0.01 * weight]), "{class}");
            assert!(!is_minimum(&three, class, [0.01, 0.01]), "{class}");
        }
        // Of 60 examples 15 and 45: 2 and 2/3, each class with its own.
        let two: Vec<usize> = (0..60).map(|i| usize::from(i % 4 > 0)).collect();
        let costs = [0.01 * 2.0, 0.01 * 2.0 / 3.0];
        assert!(is_minimum(&two, 0, [costs[1], costs[0]]) && is_minimum(&two, 1, costs));
        assert!(!is_minimum(&two, 0, [0.01, costs[0]]) && !is_minimum(&two, 1, [0.01, costs[1]]));
    }

    #[test]
    fn a_class_without_examples_is_never_predicted() {
        let lines = lines(&[-1.0, -2.0, 1.0, 2.0], &[0, 0, 2, 2], 3);
        assert!(lines[1].is_none());
        assert_eq!(accuracy(&lines, ndarray::aview1(&[-1.0, 3.0]), &[0, 2]), 1.0);
    }
}
