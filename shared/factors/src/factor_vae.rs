use ndarray::{ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;

use super::{
    DisentanglementConfig, FactorCodes, Score,
    grid::{Grid, Sample, points_at_once},
};

/// Latents whose means have a smaller standard deviation over the data are left out, as
/// disentanglement_lib does (`prune_dims.threshold`).
const PRUNED: f64 = 0.05;

/// Tells from the latent that varies least which factor some images share (Kim & Mnih 2018,
/// section 4).
///
/// A point is made of one factor and `batch` images alike in it and independent in all others: its
/// feature is the latent whose variance over them, divided by its variance over the data, is least.
/// Each latent votes for the factor it met most often; the score is the accuracy of that vote on
/// new points, and 0 if every latent is left out.
pub fn factor_vae(
    codes: &dyn FactorCodes,
    config: &DisentanglementConfig,
    generator: &mut ChaCha8Rng,
) -> Score {
    let grid = Grid::new(codes.sizes());
    let sample = Sample::draw(codes, &grid, config.variance_points, generator);
    let active: Vec<(usize, f64)> = variances(sample.mean.view())
        .into_iter()
        .enumerate()
        .filter(|(_, variance)| variance.sqrt() >= PRUNED)
        .collect();
    if active.is_empty() {
        return Score { value: 0.0, tenth: 0.0 };
    }
    let (train, test) = config.points(codes.latent_dim());
    let train = points(codes, &grid, &active, train, config.batch, generator);
    let test = points(codes, &grid, &active, test, config.batch, generator);
    let accuracy = |train: &[(usize, usize)]| {
        let mut votes = vec![vec![0; grid.factors()]; codes.latent_dim()];
        for &(latent, factor) in train {
            votes[latent][factor] += 1;
        }
        let winners: Vec<usize> = votes.iter().map(|votes| winner(votes)).collect();
        let correct = test.iter().filter(|(latent, factor)| winners[*latent] == *factor).count();
        correct as f64 / test.len() as f64
    };
    Score { value: accuracy(&train), tenth: accuracy(&train[..train.len() / 10]) }
}

/// The factor with most votes, the first of equals.
fn winner(votes: &[usize]) -> usize {
    votes.iter().enumerate().rev().max_by_key(|(_, votes)| **votes).map_or(0, |(best, _)| best)
}

/// The latent that varies least and the factor held, point by point.
fn points(
    codes: &dyn FactorCodes,
    grid: &Grid,
    active: &[(usize, f64)],
    count: usize,
    batch: usize,
    generator: &mut ChaCha8Rng,
) -> Vec<(usize, usize)> {
    let mut points = Vec::with_capacity(count);
    while points.len() < count {
        let block = points_at_once(batch, codes.latent_dim()).min(count - points.len());
        let mut factors = Vec::with_capacity(block);
        let mut images = Vec::with_capacity(block * batch);
        for _ in 0..block {
            let factor = grid.draw_factor(generator);
            factors.push(factor);
            let first = grid.draw(generator);
            images.push(first);
            images.extend((1..batch).map(|_| grid.sharing(grid.draw(generator), factor, first)));
        }
        let means = codes.codes(&images).mean;
        for (&factor, point) in factors.iter().zip(means.axis_chunks_iter(Axis(0), batch)) {
            let local = variances(point);
            let ratio = |(latent, variance): &(usize, f64)| local[*latent] / variance;
            let least = active.iter().min_by(|a, b| ratio(a).total_cmp(&ratio(b)));
            points.extend(least.map(|(latent, _)| (*latent, factor)));
        }
    }
    points
}

/// Unbiased variance of each column.
fn variances(codes: ArrayView2<'_, f32>) -> Vec<f64> {
    let rows = codes.nrows() as f64;
    let mut centre = vec![0.0; codes.ncols()];
    for row in codes.rows() {
        centre.iter_mut().zip(row).for_each(|(sum, &z)| *sum += f64::from(z));
    }
    centre.iter_mut().for_each(|sum| *sum /= rows);
    let mut squares = vec![0.0; codes.ncols()];
    for row in codes.rows() {
        for ((sum, &z), centre) in squares.iter_mut().zip(row).zip(&centre) {
            *sum += (f64::from(z) - centre).powi(2);
        }
    }
    squares.iter().map(|sum| sum / (rows - 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::{self, Made};

    fn score(codes: &Made) -> f64 {
        factor_vae(codes, &made::config(), &mut made::generator()).value
    }

    #[test]
    fn a_perfect_code_tells_every_factor_and_a_constant_one_none() {
        assert_eq!(score(&Made::perfect()), 1.0);
        assert_eq!(score(&Made::constant()), 0.0);
    }

    #[test]
    fn a_latent_of_its_own_for_every_factor_is_not_needed_but_no_mixture_will_do() {
        assert_eq!(score(&Made::doubled()), 1.0);
        let mixed = score(&Made::mixed_pairs());
        assert!(mixed < 0.8, "{mixed}");
    }

    #[test]
    fn variances_are_unbiased_and_the_first_of_equal_votes_wins() {
        let codes = ndarray::array![[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]];
        assert_eq!(variances(codes.view()), [1.0, 0.0]);
        assert_eq!(winner(&[1, 3, 3]), 1);
    }
}
