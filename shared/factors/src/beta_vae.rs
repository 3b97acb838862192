use anyhow::Result;
use ndarray::{Array2, Axis, s};
use rand_chacha::ChaCha8Rng;

use super::{
    DisentanglementConfig, FactorCodes, Score,
    grid::{Grid, points_at_once},
};
use shared::metrics::LinearProbe;

/// C of scikit-learn's `LogisticRegression`.
const STRENGTH: f64 = 1.0;

/// Accuracies of two linear classifiers on the same points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BetaVae {
    /// Of one on standardised features, penalised next to nothing.
    pub z_diff: Score,
    /// Of disentanglement_lib's: features as they are, C = 1.
    pub score: Score,
}

/// Tells from differences of codes which factor two images share (Higgins et al. 2017, section 3;
/// Locatello et al. 2019).
///
/// A point is made of one factor and `batch` pairs of images, alike in that factor (each pair in a
/// value of its own) and independent in all others: its features are the means over the pairs of
/// |z1 - z2|, z the posterior's mean, its label the factor.
///
/// # Errors
/// If a classifier cannot be fitted.
pub fn beta_vae(
    codes: &dyn FactorCodes,
    config: &DisentanglementConfig,
    generator: &mut ChaCha8Rng,
) -> Result<BetaVae> {
    let grid = Grid::new(codes.sizes());
    let (train, test) = config.points(codes.latent_dim());
    let (features, labels) = points(codes, &grid, train, config.batch, generator);
    let (test, test_labels) = points(codes, &grid, test, config.batch, generator);
    let scored = |fit: &dyn Fn(usize) -> Result<LinearProbe>| -> Result<Score> {
        let accuracy = |count| Ok(fit(count)?.accuracy(test.view(), &test_labels));
        let accuracy: &dyn Fn(usize) -> Result<f64> = &accuracy;
        Ok(Score { value: accuracy(train)?, tenth: accuracy(train / 10)? })
    };
    Ok(BetaVae {
        z_diff: scored(&|n| LinearProbe::fit(features.slice(s![..n, ..]), &labels[..n]))?,
        score: scored(&|n| {
            LinearProbe::fit_plain(features.slice(s![..n, ..]), &labels[..n], STRENGTH)
        })?,
    })
}

/// Features `[points, latent]` and labels.
fn points(
    codes: &dyn FactorCodes,
    grid: &Grid,
    count: usize,
    pairs: usize,
    generator: &mut ChaCha8Rng,
) -> (Array2<f32>, Vec<u8>) {
    let latent = codes.latent_dim();
    let mut features = Array2::<f32>::zeros((count, latent));
    let mut labels = Vec::with_capacity(count);
    let block = points_at_once(2 * pairs, latent);
    for mut features in features.axis_chunks_iter_mut(Axis(0), block) {
        let mut images = Vec::with_capacity(features.nrows() * 2 * pairs);
        for _ in 0..features.nrows() {
            let factor = grid.draw_factor(generator);
            labels.push(factor as u8);
            for _ in 0..pairs {
                let (one, other) = (grid.draw(generator), grid.draw(generator));
                images.extend([one, grid.sharing(other, factor, one)]);
            }
        }
        let means = codes.codes(&images).mean;
        let points = means.axis_chunks_iter(Axis(0), 2 * pairs);
        for (mut feature, point) in features.rows_mut().into_iter().zip(points) {
            for pair in point.axis_chunks_iter(Axis(0), 2) {
                for ((sum, one), other) in feature.iter_mut().zip(pair.row(0)).zip(pair.row(1)) {
                    *sum += (one - other).abs();
                }
            }
            feature /= pairs as f32;
        }
    }
    (features, labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::{self, Made};

    fn score(codes: &Made) -> BetaVae {
        beta_vae(codes, &made::config(), &mut made::generator()).unwrap()
    }

    #[test]
    fn a_perfect_code_tells_every_factor_and_a_constant_one_none() {
        let perfect = score(&Made::perfect());
        assert!(perfect.z_diff.value >= 0.98 && perfect.score.value >= 0.98, "{perfect:?}");
        let constant = score(&Made::constant());
        for found in [constant.z_diff.value, constant.score.value] {
            assert!((found - 0.2).abs() < 0.06, "{constant:?}");
        }
    }

    #[test]
    fn a_rotated_code_passes_for_disentangled() {
        // The known weakness of these scores: any linear mixture that differs from factor to factor
        // is good enough for a linear classifier.
        let rotated = score(&Made::rotated());
        assert!(rotated.z_diff.value >= 0.9 && rotated.score.value >= 0.9, "{rotated:?}");
    }

    #[test]
    fn pairs_are_alike_in_the_labelled_factor() {
        let (codes, grid) = (Made::perfect(), Grid::new(&made::SIZES));
        let (features, labels) = points(&codes, &grid, 50, 64, &mut made::generator());
        for (feature, &label) in features.rows().into_iter().zip(&labels) {
            for (factor, &difference) in feature.iter().enumerate() {
                assert_eq!(difference == 0.0, factor == usize::from(label));
            }
        }
    }
}
