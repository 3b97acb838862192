//! How far a metric moves when nothing but the seed changes, and so how far it must move to have
//! changed.
//!
//! The tolerance is a prediction interval for the difference of two means,
//! t sqrt(s² (1/n_base + 1/n_new)), with t the one-sided quantile of Student's t at level
//! α = (1 - confidence) / (number of metrics tested): Bonferroni's correction, so that the confidence
//! holds for the comparison as a whole, however the metrics are correlated. Where s² comes from,
//! in order of preference:
//!
//! 1. *Seeds of this run*, if both sets together have at least two more records than means. If
//!    the change does nothing, both sets have one spread, so their squares are pooled. A change that
//!    breaks some seeds widens that and could hide in it; so the spread of base alone is asked
//!    too, and the smaller tolerance counts, each at α / 2.
//! 2. *Other runs of the paper*: the pooled spread of this metric relative to its mean, with this
//!    run's own squares if it has any. It assumes that runs spread alike, which is rough.
//! 3. *Test examples*: with a single seed everywhere, a multiple of the recorded standard error.
//!    A guess that finds gross changes alone.
//! 4. Nothing: the metric is shown and not judged.
//!
//! Few seeds are dear: at α = 1e-4, t is 13 with 4 degrees of freedom (3 seeds against 3), 70 with 2
//! (3 against 1). That is what so few seeds say, and no tolerance is made up in its place.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// A variance between seeds and the degrees of freedom it was estimated with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub variance: f64,
    pub freedom: usize,
}

/// What is known of the spread over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Spread {
    /// From the seeds of this run: of both sets pooled, and of base alone if it can tell.
    Seeds { pooled: Estimate, base: Option<Estimate> },
    /// From other runs of the paper.
    OtherRuns(Estimate),
    /// Standard error over test examples.
    Examples(f64),
}

/// How far the means may differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Tolerance {
    pub value: f64,
    /// Where it comes from.
    pub basis: String,
}

/// Seeds spread up to about this many standard errors over test examples. In results/, where both
/// are known, it is 0.2 to 1.6 on MNIST and 0.5 to 4 for most metrics on Adult. On dSprites it is far more:
/// a single seed says nothing there.
const SEEDS_PER_STANDARD_ERROR: f64 = 4.0;

/// Rounding of single precision, relative: a sum in another order is no change.
const ROUNDING: f64 = 1e-5;

/// Sum of squares about the mean, and its degrees of freedom.
fn squares(values: &[f64]) -> (f64, usize) {
    let mean = mean(values);
    let sum = values.iter().map(|value| (value - mean).powi(2)).sum();
    (sum, values.len().saturating_sub(1))
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation, of more than one value.
pub(super) fn deviation(values: &[f64]) -> Option<f64> {
    let (sum, freedom) = squares(values);
    (freedom > 0).then(|| (sum / freedom as f64).sqrt())
}

impl Spread {
    /// From the values of both sets, `others`: those of each set of each other run of the paper,
    /// and the standard error over test examples if recorded.
    pub(super) fn of(
        base: &[f64],
        new: &[f64],
        others: &[Vec<f64>],
        standard_error: Option<f64>,
    ) -> Option<Self> {
        let examples = standard_error.filter(|error| *error > 0.0).map(Self::Examples);
        let own = [base, new].map(squares);
        let (sum, freedom) = (own[0].0 + own[1].0, own[0].1 + own[1].1);
        if freedom >= 2 {
            let estimate = |(sum, freedom)| Estimate { variance: sum / freedom as f64, freedom };
            let base = Some(own[0]).filter(|(sum, freedom)| *freedom >= 2 && *sum > 0.0);
            let seeds = Self::Seeds { pooled: estimate((sum, freedom)), base: base.map(estimate) };
            // Not one seed differs: either nothing is random here, or the metric is too coarse.
            return if sum > 0.0 { Some(seeds) } else { examples.or(Some(seeds)) };
        }
        let scale = mean(base).powi(2);
        let (mut sum, mut freedom) = (sum, freedom);
        for values in others {
            let other = mean(values).powi(2);
            if other > 0.0 {
                let (squares, count) = squares(values);
                sum += squares / other * scale;
                freedom += count;
            }
        }
        let is_known = freedom >= 2 && sum > 0.0;
        let estimate = Estimate { variance: sum / freedom.max(1) as f64, freedom };
        if is_known { Some(Self::OtherRuns(estimate)) } else { examples }
    }

    /// How far the means of `base` and `new` may differ at one-sided level `alpha`.
    pub(super) fn tolerance(&self, base: &[f64], new: &[f64], alpha: f64) -> Tolerance {
        let per_mean = 1.0 / base.len() as f64 + 1.0 / new.len() as f64;
        let interval =
            |of: &Estimate, alpha| student(alpha, of.freedom) * (of.variance * per_mean).sqrt();
        let (value, basis) = match self {
            Self::Seeds { pooled, base: None } => {
                (interval(pooled, alpha), format!("seeds, {} df", pooled.freedom))
            }
            Self::Seeds { pooled, base: Some(base) } => {
                let [both, alone] = [pooled, base].map(|of| interval(of, 0.5 * alpha));
                let freedom = if both <= alone { pooled.freedom } else { base.freedom };
                (both.min(alone), format!("seeds, {freedom} df"))
            }
            Self::OtherRuns(of) => {
                (interval(of, alpha), format!("other runs' seeds, {} df", of.freedom))
            }
            Self::Examples(error) => {
                let deviation = SEEDS_PER_STANDARD_ERROR * error;
                (normal(alpha) * deviation * per_mean.sqrt(), "test examples".into())
            }
        };
        Tolerance { value: value.max(ROUNDING * mean(base).abs()), basis }
    }
}

/// The t that Student's distribution exceeds with probability `alpha`.
fn student(alpha: f64, freedom: usize) -> f64 {
    StudentsT::new(0.0, 1.0, freedom as f64).map_or(f64::INFINITY, |t| -t.inverse_cdf(alpha))
}

/// The same of the normal distribution.
fn normal(alpha: f64) -> f64 {
    Normal::new(0.0, 1.0).map_or(f64::INFINITY, |normal| -normal.inverse_cdf(alpha))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_tables_far_into_the_tail() {
        // In closed form for 2 degrees of freedom: t = (1 - 2 α) / sqrt(2 α (1 - α)).
        for alpha in [1e-2, 1e-4, 1e-6, 1e-8_f64] {
            let exact = (1.0 - 2.0 * alpha) / (2.0 * alpha * (1.0 - alpha)).sqrt();
            assert!((student(alpha, 2) / exact - 1.0).abs() < 1e-6, "{alpha}");
        }
        // R: qt(1e-4, 4, lower = FALSE), qt(1e-5, 10, lower = FALSE), qnorm(1e-4, lower = FALSE).
        for (found, exact) in
            [(student(1e-3, 4), 7.173182), (student(1e-3, 10), 4.143700), (normal(1e-4), 3.719016)]
        {
            assert!((found - exact).abs() < 1e-5, "{found} {exact}");
        }
    }

    #[test]
    fn three_seeds_against_three_know_four_degrees_of_freedom() {
        let (base, new) = ([1.0, 2.0, 3.0], [1.5, 2.5, 3.5]);
        let spread = Spread::of(&base, &new, &[], Some(9.0)).unwrap();
        let one = Estimate { variance: 1.0, freedom: 4 };
        let alone = Estimate { variance: 1.0, freedom: 2 };
        assert_eq!(spread, Spread::Seeds { pooled: one, base: Some(alone) });
        let tolerance = spread.tolerance(&base, &new, 2e-3);
        assert!((tolerance.value - 7.173182 * (2.0_f64 / 3.0).sqrt()).abs() < 1e-4);
    }

    #[test]
    fn seeds_that_break_cannot_hide_in_the_spread_they_make() {
        let base = [90.0, 90.1, 89.9];
        let new = [95.0, 180.0, 250.0];
        let tolerance = Spread::of(&base, &new, &[], None).unwrap().tolerance(&base, &new, 1e-3);
        assert!(tolerance.value < mean(&new) - mean(&base), "{tolerance:?}");
    }

    #[test]
    fn a_single_seed_borrows_the_relative_spread_of_other_runs_then_that_of_examples() {
        let others = [vec![9.0, 10.0, 11.0], vec![1.0]];
        let spread = Spread::of(&[100.0], &[100.0], &others, Some(1.0)).unwrap();
        assert_eq!(spread, Spread::OtherRuns(Estimate { variance: 100.0, freedom: 2 }));
        let spread = Spread::of(&[100.0], &[100.0], &[vec![1.0]], Some(1.0));
        assert_eq!(spread, Some(Spread::Examples(1.0)));
        assert_eq!(Spread::of(&[100.0], &[100.0], &[], None), None);
    }

    #[test]
    fn seeds_that_all_agree_leave_rounding_or_the_examples() {
        let same = [2.0, 2.0];
        let exact = Spread::of(&same, &same, &[], None).unwrap().tolerance(&same, &same, 1e-4);
        assert_eq!(exact.value, 2.0 * ROUNDING);
        assert_eq!(Spread::of(&same, &same, &[], Some(0.1)), Some(Spread::Examples(0.1)));
    }

    #[test]
    fn more_seeds_are_a_narrower_tolerance() {
        let of = |count: usize| {
            let values: Vec<f64> = (0..count).map(|i| f64::from(i as u32 % 2)).collect();
            Spread::of(&values, &values, &[], None).unwrap().tolerance(&values, &values, 1e-4).value
        };
        assert!(of(4) > of(6) && of(6) > of(20));
    }
}
