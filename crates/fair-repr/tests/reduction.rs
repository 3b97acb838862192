//! Laws of the reduction.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

use burn::tensor::{Tensor, TensorData};
use fair_repr::{
    Config, Paper,
    config::ReductionConfig,
    randomised::RandomisedClassifier,
    reduction::{Randomised, Reduction},
};
use ndarray::{Array2, s};
use shared::{
    backend::Flex,
    data::{FetchOptions, Split, Splits},
    metrics::LinearProbe,
    paper::Paper as _,
};
use tables::{Fairness, Predictions, groups};

const PENALTY: f64 = 1e-4;

fn people() -> Splits {
    let mut config: Config = toml::from_str(Paper::PRESETS[0].1).unwrap();
    config.data.name = "people".into();
    tables::load(&config.data, &FetchOptions::from_env(None)).unwrap()
}

/// Rows as the reduction sees them, with s or without.
fn seen(split: &Split, sees_s: bool) -> Array2<f32> {
    let rows = split.all_grey();
    rows.slice(s![.., ..rows.ncols() - usize::from(!sees_s)]).to_owned()
}

fn reduced(data: &Splits, bound: f64, sees_s: bool) -> Randomised {
    let config = ReductionConfig { bound, ..ReductionConfig::default() };
    let (targets, groups) = (data.train.labels(), groups(&data.train));
    let rows = seen(&data.train, sees_s);
    Reduction::new(rows.view(), &targets, &groups, config, PENALTY).fit().unwrap()
}

fn probabilities(found: &Randomised, split: &Split) -> Vec<f64> {
    let rows = split.all_grey();
    let (shape, device) = ([rows.nrows(), rows.ncols()], Default::default());
    let model = RandomisedClassifier::<Flex>::new(found, shape[1], &device);
    let values: Vec<f32> = rows.iter().copied().collect();
    let x = Tensor::from_data(TensorData::new(values, shape), &device);
    let log_p = model.log_classes(model.encode(x)).into_data();
    log_p.iter::<f64>().skip(1).step_by(2).map(f64::exp).collect()
}

fn judged(found: &Randomised, split: &Split) -> Fairness {
    let (targets, groups) = (split.labels(), groups(split));
    let probabilities = probabilities(found, split);
    Predictions { probabilities: &probabilities, targets: &targets, groups: &groups }
        .fairness()
        .unwrap()
}

#[test]
fn the_gap_is_within_the_bound_and_costs_accuracy() {
    let data = people();
    let shares = {
        let groups = groups(&data.train);
        let one = groups.iter().filter(|s| **s == 1).count() as f64 / groups.len() as f64;
        [1.0 - one, one]
    };
    for sees_s in [true, false] {
        let mut last = 1.0;
        for bound in [0.0, 0.02, 0.1] {
            let found = reduced(&data, bound, sees_s);
            // E[h|s] - E[h] is the gap by the share of the other group.
            let violation = found.gap * shares[0].max(shares[1]);
            assert!(violation <= bound + 1e-9, "{sees_s} {bound}: {violation}");
            assert!(found.error <= last + 0.003, "{sees_s} {bound}: {} {last}", found.error);
            last = found.error;
            assert!(found.weights.iter().all(|w| (0.0..=1.0).contains(w)), "{:?}", found.weights);
            assert!((found.weights[0] + found.weights[1] - 1.0).abs() < 1e-12);
        }
        let fair = judged(&reduced(&data, 0.0, sees_s), &data.test);
        let free = judged(&reduced(&data, 1.0, sees_s), &data.test);
        assert!(free.discrimination > 0.25 && fair.discrimination < 0.1, "{free:?} {fair:?}");
        assert!(fair.accuracy_expected > fair.majority + 0.05, "{fair:?}");
        assert!(free.accuracy_expected > fair.accuracy_expected, "{free:?} {fair:?}");
    }
}

#[test]
fn the_model_decides_as_the_game_was_played() {
    let data = people();
    for bound in [0.0, 0.05, 1.0] {
        let found = reduced(&data, bound, true);
        let judged = judged(&found, &data.train);
        // Single precision may decide a row on the edge otherwise.
        assert!(
            (1.0 - judged.accuracy_expected - found.error).abs() < 2e-3,
            "{judged:?} {found:?}"
        );
        assert!((judged.discrimination - found.gap).abs() < 4e-3, "{judged:?} {found:?}");
        let [a, b] = found.weights;
        for p in probabilities(&found, &data.test) {
            let is_one = [0.0, 1.0, a, b].iter().any(|possible| (p - possible).abs() < 1e-6);
            assert!(is_one, "{p} {a} {b}");
        }
    }
}

#[test]
fn a_bound_that_does_not_bind_leaves_the_plain_logistic_regression() {
    let data = people();
    for sees_s in [true, false] {
        let found = reduced(&data, 1.0, sees_s);
        assert_eq!((found.weights, found.steps), ([1.0, 0.0], 1));
        let rows = seen(&data.train, sees_s);
        let plain = LinearProbe::fit_with(rows.view(), &data.train.labels(), PENALTY).unwrap();
        let (slopes, biases) = plain.plain_weights();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 2e-3 * (1.0 + b.abs()), "{a} {b}");
        let classifier = &found.classifiers[0];
        for (column, slope) in classifier.slopes.iter().enumerate() {
            close(*slope, slopes[[column, 1]] - slopes[[column, 0]]);
        }
        close(classifier.bias, biases[1] - biases[0]);
        let row = rows.row(0).mapv(f64::from);
        let is_yes = plain.predict(rows.slice(s![..1, ..]))[0] == 1;
        assert_eq!(row.dot(&classifier.slopes) + classifier.bias >= 0.0, is_yes);
    }
}

#[test]
fn the_duality_gap_closes_and_two_runs_have_the_same_bits() {
    let data = people();
    for bound in [0.0, 0.03] {
        let found = reduced(&data, bound, false);
        assert!(found.duality_gap <= ReductionConfig::default().tolerance, "{found:?}");
        assert_eq!(found, reduced(&data, bound, false));
    }
}

#[test]
fn a_single_step_without_a_price_violates_the_bound() {
    let data = people();
    let config = ReductionConfig {
        bound: 0.0,
        multiplier: 1e-6,
        iterations: 1,
        ..ReductionConfig::default()
    };
    let (targets, groups) = (data.train.labels(), groups(&data.train));
    let rows = seen(&data.train, true);
    let cheap = Reduction::new(rows.view(), &targets, &groups, config, PENALTY).fit().unwrap();
    // A violation at a price of nothing is not worth an error.
    assert!(cheap.gap > 0.2, "{cheap:?}");
}
