//! The quality of a model's samples and interpolations, in the features of a classifier that is
//! independent of the model ([`crate::classifier`]).

mod judge;

pub use judge::Judge;
pub use run::SamplesConfig;
pub use statistics::{Gaussian, Manifold, TwoSample, frechet_distance, two_sample};

use std::collections::BTreeMap;

use anyhow::Result;
use ndarray::{Array2, ArrayView2, Axis, s};

use super::{
    LinearProbe, classification_error, encode_split,
    evaluate::{measured, plain},
};
use crate::{
    data::{Split, Splits},
    metric::{Better, Metric},
    noise::{Noise, Stream},
    progress,
    trained::Trained,
};

/// All metrics of `[evaluate.samples]`.
///
/// # Errors
/// If a classifier cannot be fitted or features are not finite.
pub(super) fn sample_quality(
    model: &dyn Trained,
    data: &Splits,
    judge: &dyn Judge,
    config: &SamplesConfig,
    noise: Noise,
) -> Result<BTreeMap<String, Metric>> {
    let mut metrics = BTreeMap::new();
    let mut add = |name: &str, metric: Metric| metrics.insert(name.to_owned(), metric);
    let test = data.test.take(config.count);
    let count = test.len();
    let images = test.all_grey();
    let real = judge.features(images.view());
    let reference = Gaussian::of(real.view())?;
    let classifier = "features of the classifier";

    add(
        "classifier_error",
        Metric {
            better: Better::Neither,
            ..measured(
                classification_error(&judge.log_classes(images.view()), &test.labels()),
                "share",
                format!("share of {count} test images that the classifier gets wrong"),
            )
        },
    );

    if model.has_decoder() {
        // Between two test images; the midpoint gets the condition of the first.
        let between = midpoints(model, &test, noise);
        let features = judge.features(between.view());
        add(
            "interpolation_frechet",
            plain(
                reference.distance(&Gaussian::of(features.view())?)?,
                "squared features",
                Better::Lower,
                format!(
                    "Frechet distance of {count} decoded midpoints of codes of test images to {count} test images, {classifier}"
                ),
            ),
        );
        add(
            "interpolation_confidence",
            plain(
                confidence(&judge.log_classes(between.view())),
                "probability",
                Better::Higher,
                format!(
                    "what the classifier gives the likeliest class of {count} decoded midpoints"
                ),
            ),
        );
    }

    if model.has_prior() {
        let samples = draw(model, data, count, noise);
        let generated = judge.features(samples.view());
        let what = format!("{count} decoded draws from the prior and {count} test images");
        add(
            "frechet_distance",
            plain(
                reference.distance(&Gaussian::of(generated.view())?)?,
                "squared features",
                Better::Lower,
                format!("Frechet distance of {what}, {classifier}"),
            ),
        );
        let k = config.neighbours;
        if count > k {
            let precision = Manifold::of(real.view(), k)?.share_inside(generated.view())?;
            let recall = Manifold::of(generated.view(), k)?.share_inside(real.view())?;
            let about = |share: &str| format!("{share}, k = {k}, {what}, {classifier}");
            add(
                "precision",
                plain(
                    precision,
                    "share",
                    Better::Higher,
                    about("share of draws that lie among test images"),
                ),
            );
            add(
                "recall",
                plain(
                    recall,
                    "share",
                    Better::Higher,
                    about("share of test images that lie among draws"),
                ),
            );
        } else {
            progress::line(&format!(
                "evaluating: {count} test images have no {k} neighbours each, so precision and recall are left out \
                 (evaluate.samples.neighbours)"
            ));
        }
        // The first half of MNIST's test images is by other writers than the second.
        let mixed = real.select(Axis(0), &noise.permutation(Stream::Pair, 1, count));
        let test = two_sample(mixed.view(), generated.view(), |features, labels| {
            let probe = LinearProbe::fit(features, labels)?;
            Ok(move |features: ArrayView2<'_, f32>| probe.predict(features))
        })?;
        add(
            "two_sample_accuracy",
            Metric {
                standard_error: Some(test.standard_error),
                ..plain(
                    test.accuracy,
                    "accuracy",
                    Better::Lower,
                    format!(
                        "how often a linear classifier tells draws from test images, 0.5 if it cannot: half of {what}, {classifier}"
                    ),
                )
            },
        );
    }
    Ok(metrics)
}

/// The decoded midpoints between the codes of each image and another one, drawn regardless of class.
fn midpoints(model: &dyn Trained, split: &Split, noise: Noise) -> Array2<f32> {
    let all: Vec<usize> = (0..split.len()).collect();
    let codes = encode_split(model, split, &all).mean;
    let order = noise.permutation(Stream::Pair, 0, split.len());
    // A cycle through all: no image is its own partner.
    let mut partner = vec![0; order.len()];
    for (place, &index) in order.iter().enumerate() {
        partner[index] = order[(place + 1) % order.len()];
    }
    let between = (&codes + &codes.select(Axis(0), &partner)).mapv(|sum| 0.5 * sum);
    let images = split.all_grey();
    let given = model.condition(images.view(), &split.labels());
    model.decode(between.view(), given.as_ref().map(|given| given.view()))
}

/// Decoded draws from the prior; a conditional model gets the conditions of validation images in turn.
fn draw(model: &dyn Trained, data: &Splits, count: usize, noise: Noise) -> Array2<f32> {
    let latent = model.latent_dim();
    let keys: Vec<u64> = (0..count as u64).collect();
    let eps = noise.normal(Stream::Prior, 1, &keys, latent);
    let eps = Array2::from_shape_fn((count, latent), |(row, column)| eps[row * latent + column]);
    let told: Vec<usize> = (0..count).map(|index| index % data.valid.len().max(1)).collect();
    let images = data.valid.grey(&told);
    let given = model.condition(images.view(), &data.valid.labels_of(&told));
    let given = given.as_ref().map(|given| given.view());
    let codes = model.sample_prior(eps.view(), given);
    model.decode(codes.view(), given)
}

/// Mean probability of the likeliest class.
fn confidence(log_classes: &Array2<f32>) -> f64 {
    let best = |row: ArrayView2<'_, f32>| {
        f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max)).exp()
    };
    let rows = log_classes.nrows();
    (0..rows).map(|row| best(log_classes.slice(s![row..=row, ..]))).sum::<f64>()
        / rows.max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{backend::Flex, data::ExampleSet, identity::Identity, trained::OnDevice};

    /// Sure of every other image, and sees to the nearest ten.
    struct Tens;

    impl Judge for Tens {
        fn log_classes(&self, x: ArrayView2<'_, f32>) -> Array2<f32> {
            let p = [[0.7f32, 0.3], [0.4, 0.6]];
            Array2::from_shape_fn((x.nrows(), 2), |(row, class)| p[row % 2][class].ln())
        }

        fn features(&self, x: ArrayView2<'_, f32>) -> Array2<f32> {
            x.mapv(|x| 10.0 * (x / 10.0).round())
        }
    }

    fn model() -> OnDevice<Flex, Identity<Flex>> {
        OnDevice::new(Identity::new(1), Default::default())
    }

    #[test]
    fn draws_of_half_the_test_images_are_precise_and_recall_half() {
        let rows = Array2::from_shape_fn((21, 1), |(row, _)| 10.0 * (row % 2) as f32);
        let rows = Arc::new(ExampleSet::rows(&rows, vec![0; 21]));
        let data = Splits::consecutive(rows, [0, 1], BTreeMap::new());
        let config = SamplesConfig { count: 20, neighbours: 3 };
        // Draws are standard normal: none is 5.
        let found = sample_quality(&model(), &data, &Tens, &config, Noise::new(1)).unwrap();
        assert_eq!(found["precision"].value, 1.0);
        assert_eq!(found["recall"].value, 0.5);
        let confidence = found["interpolation_confidence"].value;
        assert!((confidence - 0.65).abs() < 1e-6, "{confidence}");
    }

    #[test]
    fn a_midpoint_is_half_way_to_another_code_and_every_code_is_that_of_one() {
        let codes = Array2::from_shape_fn((12, 1), |(row, _)| 2f32.powi(row as i32));
        let split = ExampleSet::rows(&codes, vec![0; 12]).into();
        let others = 2.0 * midpoints(&model(), &split, Noise::new(1)) - &codes;
        assert!(others.iter().zip(&codes).all(|(other, own)| other != own), "{others}");
        let mut others = others.into_raw_vec_and_offset().0;
        others.sort_by(f32::total_cmp);
        assert_eq!(others, codes.into_raw_vec_and_offset().0);
    }
}
