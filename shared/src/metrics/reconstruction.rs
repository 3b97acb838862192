use ndarray::Array2;

use super::Estimate;
use crate::{
    data::Split,
    metric::{Better, Metric},
    trained::{Codes, Trained},
};

/// Reconstruction error of grey images by a decoder's mean.
#[derive(Clone, Copy, Debug)]
pub struct Reconstruction {
    /// Mean squared error per pixel.
    pub mse: Estimate,
    /// Binary cross-entropy, nats per image: a sum over pixels.
    pub bce: Estimate,
}

/// The least probability in a cross-entropy; decoders that do not output probabilities (PCA) are
/// clipped to it.
const LEAST: f64 = 1e-6;

/// Compares images with their reconstructions, both `[examples, pixels]` in grey levels.
pub fn reconstruction(images: &Array2<f32>, decoded: &Array2<f32>) -> Reconstruction {
    let pixels = images.ncols().max(1) as f64;
    let (mse, bce): (Vec<f64>, Vec<f64>) = images
        .rows()
        .into_iter()
        .zip(decoded.rows())
        .map(|(image, decoded)| {
            let mut squares = 0f64;
            let mut cross_entropy = 0f64;
            for (&x, &p) in image.iter().zip(decoded) {
                let (x, p) = (f64::from(x), f64::from(p));
                squares += (x - p).powi(2);
                let p = p.clamp(LEAST, 1.0 - LEAST);
                cross_entropy -= x * p.ln() + (1.0 - x) * (1.0 - p).ln();
            }
            (squares / pixels, cross_entropy)
        })
        .unzip();
    Reconstruction { mse: Estimate::of(&mse), bce: Estimate::of(&bce) }
}

/// Codes of grey images of these classes, and the error of the decoded mean codes.
pub(super) fn restored(
    model: &dyn Trained,
    images: &Array2<f32>,
    labels: &[u8],
) -> (Codes, Reconstruction) {
    let given = model.condition(images.view(), labels);
    let given = given.as_ref().map(|given| given.view());
    let codes = model.encode(images.view().into(), given);
    let decoded = model.decode(codes.mean.view(), given);
    (codes, reconstruction(images, &decoded))
}

/// The unit of an error of single numbers.
pub(super) fn per_number(split: &Split) -> &'static str {
    if split.is_rows() { "per feature" } else { "per pixel" }
}

/// The error on training images, and the gap to the test error `test`, with names.
pub(super) fn gap(model: &dyn Trained, train: &Split, test: f64) -> [(String, Metric); 2] {
    let (_, restored) = restored(model, &train.all_grey(), &train.labels());
    let restored = restored.mse;
    let about = format!(
        "mean squared error of the decoded mean code, {} training {}",
        train.len(),
        train.examples()
    );
    let metric = |value, standard_error, better, about| Metric {
        value,
        standard_error,
        unit: per_number(train).into(),
        better,
        about,
    };
    let error = restored.standard_error;
    let train = metric(restored.mean, error, Better::Lower, about.clone());
    let gap = metric(test - restored.mean, None, Better::Neither, format!("test less {about}"));
    [("reconstruction_mse_train".into(), train), ("reconstruction_gap".into(), gap)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn errors_at_known_values() {
        let images = array![[1.0, 0.0, 0.0, 1.0]];
        let result = reconstruction(&images, &array![[0.5, 0.5, 0.5, 0.5]]);
        assert!((result.mse.mean - 0.25).abs() < 1e-12);
        assert!((result.bce.mean - 4.0 * 2f64.ln()).abs() < 1e-12);
        let perfect = reconstruction(&images, &images);
        assert_eq!(perfect.mse.mean, 0.0);
        assert!(perfect.bce.mean < 1e-5);
    }
}
