//! Statistics of a few numbers, in double precision.

/// Mean; NaN of no values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation of a sample; `None` for fewer than two values.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// Mean and standard deviation, each 0 where there is none.
pub fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let mean = if values.is_empty() { 0.0 } else { mean(values) };
    (mean, deviation(values).unwrap_or_default())
}

/// Median; `None` of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(0.5 * (lower + upper))
}

/// log sum exp: negative infinity where all weights vanish or there are none, infinity where one is infinite, NaN where
/// one is NaN.
pub fn log_sum_exp(values: &[f64]) -> f64 {
    // Of NaN and a number it is the number; then the sum is NaN.
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Infinity less itself is NaN.
    let largest = if largest.is_infinite() { 0.0 } else { largest };
    largest + values.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}

/// A mean over examples with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Mean.
    pub mean: f64,
    /// Standard deviation over the root of the number of examples; of a single one it is not known.
    pub standard_error: Option<f64>,
    /// Examples.
    pub examples: usize,
}

impl Estimate {
    /// The mean of `values`.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        let standard_error = (values.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt());
        Self { mean, standard_error, examples: values.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let values = [4.0, 1.0, 2.0, 9.0];
        assert_eq!((mean(&values), median(&values)), (4.0, Some(3.0)));
        assert_eq!(median(&values[..3]), Some(2.0));
        assert_eq!(deviation(&[1.0, 3.0]), Some(2f64.sqrt()));
        assert_eq!(mean_and_deviation(&[1.0, 3.0]), (2.0, 2f64.sqrt()));
        assert_eq!(log_sum_exp(&[1000.0, 1000.0]), 1000.0 + 2f64.ln());
    }

    #[test]
    fn few_values() {
        assert_eq!((median(&[]), deviation(&[]), deviation(&[5.0])), (None, None, None));
        assert!(mean(&[]).is_nan());
        assert_eq!((mean_and_deviation(&[]), mean_and_deviation(&[5.0])), ((0.0, 0.0), (5.0, 0.0)));
        assert_eq!(log_sum_exp(&[f64::NEG_INFINITY]), f64::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[f64::NEG_INFINITY, 3.0]), 3.0);
        assert_eq!(log_sum_exp(&[f64::INFINITY, 0.0]), f64::INFINITY);
        assert_eq!(log_sum_exp(&[]), f64::NEG_INFINITY);
    }

    #[test]
    fn a_weight_that_is_none_is_not_one_that_vanishes() {
        for others in [&[0.0; 0][..], &[f64::NEG_INFINITY], &[f64::NAN], &[0.0], &[0.0, 1000.0]] {
            let none = &[f64::NAN][..];
            for values in [[none, others].concat(), [others, none].concat()] {
                assert!(log_sum_exp(&values).is_nan(), "{values:?}");
            }
        }
    }
}
