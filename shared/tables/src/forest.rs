use anyhow::{Result, anyhow};
use ndarray::ArrayView2;
use smartcore::{
    ensemble::random_forest_classifier::{
        RandomForestClassifier, RandomForestClassifierParameters,
    },
    linalg::basic::matrix::DenseMatrix,
};

use shared::noise::{Noise, Stream};

/// A random forest (Breiman 2001): a probe that needs no straight line.
pub struct ForestProbe {
    forest: RandomForestClassifier<f32, u8, DenseMatrix<f32>, Vec<u8>>,
}

impl ForestProbe {
    /// Fits `trees` trees to `codes` `[examples, features]` and their labels.
    ///
    /// # Errors
    /// If there is nothing to fit to.
    pub fn fit(
        codes: ArrayView2<'_, f32>,
        labels: &[u8],
        trees: u16,
        noise: Noise,
    ) -> Result<Self> {
        let seed = noise.permutation(Stream::Subset, 1, 1 << 16)[0] as u64;
        let parameters = RandomForestClassifierParameters::default()
            .with_n_trees(trees)
            .with_min_samples_leaf(5)
            .with_seed(seed);
        let forest = RandomForestClassifier::fit(&matrix(codes)?, &labels.to_vec(), parameters)
            .map_err(|e| anyhow!("random forest: {e}"))?;
        Ok(Self { forest })
    }

    /// Share of rows whose label is predicted.
    ///
    /// # Errors
    /// If the rows are not as wide as those it was fitted to.
    pub fn accuracy(&self, codes: ArrayView2<'_, f32>, labels: &[u8]) -> Result<f64> {
        let predicted =
            self.forest.predict(&matrix(codes)?).map_err(|e| anyhow!("random forest: {e}"))?;
        let correct = predicted.iter().zip(labels).filter(|(p, l)| p == l).count();
        Ok(correct as f64 / labels.len().max(1) as f64)
    }
}

fn matrix(codes: ArrayView2<'_, f32>) -> Result<DenseMatrix<f32>> {
    let (rows, columns) = codes.dim();
    DenseMatrix::new(rows, columns, codes.iter().copied().collect(), false)
        .map_err(|e| anyhow!("random forest: {e}"))
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn an_exclusive_or_is_found_and_noise_is_not() {
        let draw = |epoch: u64| {
            let values = Noise::new(5).normal(Stream::Prior, epoch, &[0], 1200);
            let codes = Array2::from_shape_vec((400, 3), values).unwrap();
            let labels: Vec<u8> =
                codes.rows().into_iter().map(|r| u8::from(r[0] * r[1] > 0.0)).collect();
            (codes, labels)
        };
        let ((train, labels), (test, test_labels)) = (draw(0), draw(1));
        let fit =
            |labels: &[u8]| ForestProbe::fit(train.view(), labels, 50, Noise::new(1)).unwrap();
        let found = fit(&labels).accuracy(test.view(), &test_labels).unwrap();
        assert!(found > 0.85, "{found}");
        let unrelated: Vec<u8> = (0..400).map(|i| (i % 2) as u8).collect();
        let found = fit(&unrelated).accuracy(test.view(), &unrelated).unwrap();
        assert!(found < 0.65, "{found}");
    }
}
