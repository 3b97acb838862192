use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    BoostedTrees, DisentanglementConfig, FactorCodes, WIDE,
    grid::{Grid, Sample},
};
use shared::noise::Noise;

/// Keeps logarithms finite, as in disentanglement_lib.
const FLOOR: f64 = 1e-11;

/// Disentanglement, completeness and informativeness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dci {
    /// Does a latent matter to one factor only? 1 - entropy over factors of a latent's importances,
    /// in units of log of the number of factors; mean weighted by the latent's importance.
    pub disentanglement: f64,
    /// Does one latent alone matter to a factor? The same the other way round.
    pub completeness: f64,
    /// Accuracy on new points, mean over factors.
    pub informativeness: f64,
}

/// DCI (Eastwood & Williams 2018, section 2) with boosted trees from the posterior means to each
/// factor, as disentanglement_lib has it; `None` for codes wider than [`WIDE`].
pub fn dci(
    codes: &dyn FactorCodes,
    config: &DisentanglementConfig,
    generator: &mut ChaCha8Rng,
) -> Option<Dci> {
    if codes.latent_dim() > WIDE {
        return None;
    }
    let grid = Grid::new(codes.sizes());
    let train = Sample::draw(codes, &grid, config.train_points, generator);
    let test = Sample::draw(codes, &grid, config.test_points, generator);
    let mut importances = Vec::with_capacity(grid.factors());
    let mut accuracy = 0.0;
    for (factor, &size) in grid.sizes().iter().enumerate() {
        let noise = Noise::new(generator.next_u64());
        let (labels, rounds) = (&train.values[factor], config.trees);
        let trees = BoostedTrees::fit(train.mean.view(), labels, size, rounds, noise);
        let predicted = trees.predict(test.mean.view());
        let correct = predicted.iter().zip(&test.values[factor]).filter(|(p, l)| p == l).count();
        accuracy += correct as f64 / predicted.len() as f64;
        importances.push(trees.importances().to_vec());
    }
    let by_latent: Vec<Vec<f64>> = (0..codes.latent_dim())
        .map(|latent| importances.iter().map(|row| row[latent]).collect())
        .collect();
    Some(Dci {
        disentanglement: concentration(&by_latent),
        completeness: concentration(&importances),
        informativeness: accuracy / grid.factors() as f64,
    })
}

/// Mean over rows, weighted by their sums, of 1 - entropy of a row in units of its largest.
fn concentration(rows: &[Vec<f64>]) -> f64 {
    let of = |row: &Vec<f64>| {
        let sum: f64 = row.iter().map(|r| r + FLOOR).sum();
        let entropy: f64 = row.iter().map(|r| (r + FLOOR) / sum).map(|p| -p * p.ln()).sum();
        // A row of one has nowhere to spread.
        if row.len() > 1 { 1.0 - entropy / (row.len() as f64).ln() } else { 1.0 }
    };
    let total: f64 = rows.iter().flatten().sum();
    let weight = |row: &Vec<f64>| {
        if total > 0.0 { row.iter().sum::<f64>() / total } else { (rows.len() as f64).recip() }
    };
    rows.iter().map(|row| weight(row) * of(row)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::{self, Made};

    fn score(codes: &Made) -> Dci {
        dci(codes, &made::config(), &mut made::generator()).unwrap()
    }

    #[test]
    fn a_perfect_code_has_all_three() {
        let found = score(&Made::perfect());
        let all = [found.disentanglement, found.completeness, found.informativeness];
        assert!(all.iter().all(|score| *score >= 0.95), "{found:?}");
    }

    #[test]
    fn a_constant_code_has_none() {
        let found = score(&Made::constant());
        assert!(found.disentanglement.abs() < 1e-9 && found.completeness.abs() < 1e-9, "{found:?}");
        // Chance: the mean over factors of one over their sizes is 0.22.
        assert!(found.informativeness < 0.3, "{found:?}");
    }

    #[test]
    fn a_mixture_is_neither_disentangled_nor_complete() {
        for codes in [Made::rotated(), Made::mixed_pairs()] {
            let found = score(&codes);
            assert!(found.disentanglement < 0.7 && found.completeness < 0.7, "{found:?}");
        }
    }

    #[test]
    fn a_doubled_code_is_disentangled_but_not_complete() {
        let found = score(&Made::doubled());
        // Half of each factor's importance on each of two latents of ten: 1 - log 2 / log 10.
        assert!(found.disentanglement >= 0.95, "{found:?}");
        assert!((found.completeness - 0.699).abs() < 0.05, "{found:?}");
    }

    #[test]
    fn rows_are_weighted_by_their_sums() {
        let found = concentration(&[vec![3.0, 0.0], vec![0.5, 0.5]]);
        assert!((found - 0.75).abs() < 1e-9, "{found}");
        assert!(concentration(&[vec![0.0, 0.0], vec![0.0, 0.0]]).abs() < 1e-9);
    }
}
