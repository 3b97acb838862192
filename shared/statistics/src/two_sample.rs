use std::{f64::consts::SQRT_2, ops::Range};

use anyhow::{Result, ensure};
use ndarray::{ArrayView2, Axis, concatenate, s};

/// Outcome of a classifier two-sample test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoSample {
    /// Share of held-out examples that the classifier assigns to their own set: 1/2 if the sets
    /// are indistinguishable, 1 if they are always distinguished.
    pub accuracy: f64,
    /// Standard error of the accuracy if both sets are of one distribution.
    pub standard_error: f64,
    /// Probability of this accuracy or a greater one if both sets are of one distribution.
    pub p_value: f64,
}

/// Classifier two-sample test (Lopez-Paz & Oquab 2017, section 3): a classifier learns to
/// distinguish the first halves of both sets `[examples, width]`; its accuracy on the second halves is
/// the statistic. Under the null hypothesis it is N(1/2, 1 / (4 n)), with n held-out examples.
///
/// `fit` gets the examples and labels of the first halves, 0 for real and 1 for generated, and
/// returns a function that predicts labels. Examples must be in random order.
///
/// # Errors
/// Unless both sets are of the same size, at least two examples, and of the same width; and those of
/// `fit`.
pub fn two_sample<Predict: Fn(ArrayView2<'_, f32>) -> Vec<u8>>(
    real: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
    fit: impl FnOnce(ArrayView2<'_, f32>, &[u8]) -> Result<Predict>,
) -> Result<TwoSample> {
    let (rows, width) = real.dim();
    // With unequal sets a classifier that always says the same would beat 1/2.
    ensure!(
        (rows, width) == generated.dim(),
        "{rows} real examples of width {width}, but {} generated ones of width {}",
        generated.nrows(),
        generated.ncols()
    );
    ensure!(rows >= 2, "a two-sample test needs at least two examples of each set, not {rows}");
    let half = rows / 2;
    let both = |rows: Range<usize>| {
        let labels = [vec![0u8; rows.len()], vec![1; rows.len()]].concat();
        let part = s![rows, ..];
        concatenate(Axis(0), &[real.slice(part), generated.slice(part)])
            .map(|examples| (examples, labels))
    };
    let (train, labels) = both(0..half)?;
    let predict = fit(train.view(), &labels)?;
    let (test, labels) = both(half..rows)?;
    let predicted = predict(test.view());
    ensure!(
        predicted.len() == labels.len(),
        "{} predictions for {} examples",
        predicted.len(),
        labels.len()
    );
    let correct = predicted.iter().zip(&labels).filter(|(p, l)| p == l).count();
    Ok(TwoSample::of(correct, labels.len()))
}

impl TwoSample {
    fn of(correct: usize, examples: usize) -> Self {
        let accuracy = correct as f64 / examples as f64;
        let standard_error = 0.5 / (examples as f64).sqrt();
        Self {
            accuracy,
            standard_error,
            p_value: 0.5 * libm::erfc((accuracy - 0.5) / standard_error / SQRT_2),
        }
    }
}

#[cfg(test)]
mod tests {
    use kernels::noise::{Noise, Stream};
    use ndarray::{Array1, Array2};

    use super::*;

    fn normal(rows: usize, seed: u64) -> Array2<f32> {
        let noise = Noise::new(seed).normal(Stream::Prior, 0, &[0], rows * 6);
        Array2::from_shape_vec((rows, 6), noise).unwrap()
    }

    /// The class with the nearer mean.
    fn centroids(
        codes: ArrayView2<'_, f32>,
        labels: &[u8],
    ) -> Result<impl Fn(ArrayView2<'_, f32>) -> Vec<u8> + use<>> {
        let mean = |class: u8| {
            let rows: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == class).collect();
            codes.select(Axis(0), &rows).mean_axis(Axis(0)).unwrap()
        };
        let means = [mean(0), mean(1)];
        Ok(move |codes: ArrayView2<'_, f32>| {
            let far = |row: &Array1<f32>, class: usize| (row - &means[class]).pow2().sum();
            let rows = codes.rows().into_iter().map(|row| row.to_owned());
            rows.map(|row| u8::from(far(&row, 1) < far(&row, 0))).collect()
        })
    }

    fn test(a: &Array2<f32>, b: &Array2<f32>) -> TwoSample {
        two_sample(a.view(), b.view(), centroids).unwrap()
    }

    #[test]
    fn one_distribution_cannot_be_told_apart() {
        let runs: Vec<TwoSample> =
            (0..10).map(|seed| test(&normal(400, 2 * seed), &normal(400, 2 * seed + 1))).collect();
        for run in &runs {
            assert!((run.accuracy - 0.5).abs() < 3.0 * run.standard_error, "{run:?}");
        }
        let mean = runs.iter().map(|run| run.accuracy).sum::<f64>() / 10.0;
        assert!((mean - 0.5).abs() < 3.0 * runs[0].standard_error / 10f64.sqrt(), "{mean}");
    }

    #[test]
    fn memory_does_not_help() {
        // What remembers its examples knows nothing of those held out.
        let (a, b) = (normal(400, 30), normal(400, 31));
        let remember = |train: ArrayView2<'_, f32>, labels: &[u8]| {
            let (train, labels) = (train.to_owned(), labels.to_vec());
            Ok(move |codes: ArrayView2<'_, f32>| {
                let known = |row| train.rows().into_iter().position(|other| other == row);
                let rows = codes.rows().into_iter();
                rows.map(|row| known(row).map_or(0, |index| labels[index])).collect()
            })
        };
        assert_eq!(two_sample(a.view(), b.view(), remember).unwrap().accuracy, 0.5);
    }

    #[test]
    fn distant_sets_are_told_apart() {
        let (a, b) = (normal(400, 32), normal(400, 33) + 10.0);
        let found = test(&a, &b);
        assert_eq!((found.accuracy, found.standard_error), (1.0, 0.025));
        assert!(found.p_value < 1e-80, "{}", found.p_value);
        assert_eq!(test(&b, &a), found);
    }

    #[test]
    fn the_first_halves_train_and_the_second_are_held_out() {
        let (a, b) = (normal(5, 34), normal(5, 35));
        let spy = |train: ArrayView2<'_, f32>, labels: &[u8]| {
            assert_eq!(train.slice(s![..2, ..]), a.slice(s![..2, ..]));
            assert_eq!(train.slice(s![2.., ..]), b.slice(s![..2, ..]));
            assert_eq!(labels, [0, 0, 1, 1]);
            let (a, b) = (a.clone(), b.clone());
            Ok(move |test: ArrayView2<'_, f32>| {
                assert_eq!(test.slice(s![..3, ..]), a.slice(s![2.., ..]));
                assert_eq!(test.slice(s![3.., ..]), b.slice(s![2.., ..]));
                vec![0, 0, 1, 1, 1, 0]
            })
        };
        let found = two_sample(a.view(), b.view(), spy).unwrap();
        assert_eq!(found.accuracy, 4.0 / 6.0);
    }

    #[test]
    fn p_values_at_known_points() {
        for (correct, examples, p_value) in [
            (50, 100, 0.5),
            // z = 1, 2, -1 and 6.3.
            (55, 100, 0.158_655_253_931_457),
            (60, 100, 0.022_750_131_948_179_2),
            (45, 100, 0.841_344_746_068_543),
            (120, 160, 1.269_814_294_735e-10),
        ] {
            let found = TwoSample::of(correct, examples).p_value;
            assert!((found - p_value).abs() < 1e-9 * p_value, "{found}, expected {p_value}");
        }
    }

    #[test]
    fn errors_are_refused_or_passed_on() {
        let (a, b) = (normal(6, 36), normal(8, 37));
        assert!(two_sample(a.view(), b.view(), centroids).is_err());
        assert!(two_sample(a.view(), a.slice(s![.., ..3]), centroids).is_err());
        let one = s![..1, ..];
        assert!(two_sample(a.slice(one), b.slice(one), centroids).is_err());
        let few = |_: ArrayView2<'_, f32>, _: &[u8]| Ok(|_: ArrayView2<'_, f32>| vec![0u8]);
        assert!(two_sample(a.view(), a.view(), few).is_err());
        let broken = |_: ArrayView2<'_, f32>, _: &[u8]| {
            if a.is_empty() { Ok(|_: ArrayView2<'_, f32>| vec![]) } else { anyhow::bail!("no") }
        };
        assert!(two_sample(a.view(), a.view(), broken).is_err());
    }
}
