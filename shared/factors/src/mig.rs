use std::f64::consts::PI;

use ndarray::ArrayView1;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{
    DisentanglementConfig, FactorCodes, Score,
    grid::{Grid, Sample},
};
use shared::trained::Codes;

/// How many standard deviations of a Gaussian are integrated over on either side.
const REACH: f64 = 6.0;
/// Most nodes of the quadrature in the range of a latent.
const NODES: usize = 4096;
/// The least standard deviation: a posterior narrower than this is taken for as wide.
const NARROW: f64 = 1e-6;

/// True for the factors that Higgins et al. 2017 and Chen et al. 2018 count: all but the shape, which has no order.
/// Images of the user's have none of this name.
pub(super) fn is_counted(name: &str) -> bool {
    name != "shape"
}

/// Mutual information gap as disentanglement_lib has it: I(z_j; v_k) in nats between posterior
/// means in `bins` bins of equal width and the factors; the mean over factors of the gap between
/// the two most informative latents, as a share of the factor's entropy.
pub fn mig(
    codes: &dyn FactorCodes,
    config: &DisentanglementConfig,
    generator: &mut ChaCha8Rng,
) -> Score {
    let grid = Grid::new(codes.sizes());
    let sample = Sample::draw(codes, &grid, config.mig_points, generator);
    let gap = |count: usize| {
        let information: Vec<Vec<f64>> = (0..sample.mean.ncols())
            .into_par_iter()
            .map(|latent| {
                let means = sample.mean.column(latent);
                let bins = histogram(means.iter().take(count).copied(), config.bins);
                let of_factor = |(values, &size): (&Vec<usize>, &usize)| {
                    mutual_information(&bins, &values[..count], config.bins, size)
                };
                sample.values.iter().zip(grid.sizes()).map(of_factor).collect()
            })
            .collect();
        let entropy = |(values, &size): (&Vec<usize>, &usize)| entropy(&values[..count], size);
        let entropies: Vec<f64> = sample.values.iter().zip(grid.sizes()).map(entropy).collect();
        mean_gap(&information, &entropies)
    };
    Score { value: gap(config.mig_points), tenth: gap(config.mig_points / 10) }
}

/// Mutual information gap with z ~ q(z|x) (Chen et al. 2018, section 4.1) over the factors not
/// named "shape"; `None` where codes are points.
///
/// I(z_j; v_k) = H(z_j) - H(z_j|v_k), where q(z_j) and q(z_j|v_k) are mixtures of the posteriors of
/// `posterior_points` images, every value of a factor with its share. The authors draw z; here the
/// entropies are integrated by the trapezoid rule, at a spacing of half the smallest standard
/// deviation. Where that takes too many nodes, narrower posteriors are widened to the spacing,
/// which can only lose information.
pub fn mig_posterior(
    codes: &dyn FactorCodes,
    config: &DisentanglementConfig,
    generator: &mut ChaCha8Rng,
) -> Option<Score> {
    // One image tells whether codes have a spread.
    codes.codes(&[0]).log_var?;
    let grid = Grid::new(codes.sizes());
    // Of a small grid all images, and a tenth of them.
    let count = config.posterior_points.min(grid.len());
    let value = posterior_gap(codes, &grid, count, generator)?;
    let tenth = posterior_gap(codes, &grid, (count / 10).max(1), generator)?;
    Some(Score { value, tenth })
}

fn posterior_gap(
    codes: &dyn FactorCodes,
    grid: &Grid,
    count: usize,
    generator: &mut ChaCha8Rng,
) -> Option<f64> {
    let images = grid.stratified(count, generator);
    let Codes { mean, log_var } = codes.codes(&images);
    let log_var = log_var?;
    let names = codes.names();
    let factors: Vec<Factor> = (0..grid.factors())
        .filter(|&factor| is_counted(&names[factor]))
        .map(|factor| Factor {
            values: images.iter().map(|&image| grid.value(image, factor)).collect(),
            size: grid.sizes()[factor],
        })
        .collect();
    let information: Vec<Vec<f64>> = (0..mean.ncols())
        .into_par_iter()
        .map(|latent| posterior_information(mean.column(latent), log_var.column(latent), &factors))
        .collect();
    let entropies: Vec<f64> = factors.iter().map(|f| entropy(&f.values, f.size)).collect();
    Some(mean_gap(&information, &entropies))
}

/// A factor's value in each image.
struct Factor {
    values: Vec<usize>,
    size: usize,
}

/// I(z; v) of one latent and each factor, nats.
fn posterior_information(
    mean: ArrayView1<'_, f32>,
    log_var: ArrayView1<'_, f32>,
    factors: &[Factor],
) -> Vec<f64> {
    let gaussians: Vec<(f64, f64)> = mean
        .iter()
        .zip(log_var)
        .map(|(&mean, &log_var)| (f64::from(mean), (0.5 * f64::from(log_var)).exp().max(NARROW)))
        .collect();
    let least = gaussians.iter().fold(f64::MAX, |least, (_, sd)| least.min(*sd));
    let low = gaussians.iter().fold(f64::MAX, |low, (mean, sd)| low.min(mean - REACH * sd));
    let high = gaussians.iter().fold(f64::MIN, |high, (mean, sd)| high.max(mean + REACH * sd));
    let spacing = (0.5 * least).max((high - low) / NODES as f64);
    // Widened posteriors reach further.
    let (low, high) = (low - REACH * spacing, high + REACH * spacing);
    let nodes = ((high - low) / spacing).ceil() as usize + 1;
    // Sums of the densities of the images with each value, `[size, nodes]`.
    let mut sums: Vec<Vec<f64>> = factors.iter().map(|f| vec![0.0; f.size * nodes]).collect();
    let mut density = Vec::new();
    for (image, &(mean, sd)) in gaussians.iter().enumerate() {
        let sd = sd.max(spacing);
        let first = ((mean - REACH * sd - low) / spacing).ceil() as usize;
        let last = (((mean + REACH * sd - low) / spacing).floor() as usize).min(nodes - 1);
        let height = (sd * (2.0 * PI).sqrt()).recip();
        density.clear();
        density.extend((first..=last).map(|node| {
            let distance = (low + node as f64 * spacing - mean) / sd;
            height * (-0.5 * distance * distance).exp()
        }));
        for (sums, factor) in sums.iter_mut().zip(factors) {
            let place = factor.values[image] * nodes + first;
            for (sum, p) in sums[place..].iter_mut().zip(&density) {
                *sum += p;
            }
        }
    }
    let differential = |sums: &[f64], images: f64| -> f64 {
        // The ends are 0: the rectangle rule is the trapezoid rule.
        let of = |sum: &f64| if *sum > 0.0 { -sum / images * (sum / images).ln() } else { 0.0 };
        spacing * sums.iter().map(of).sum::<f64>()
    };
    let images = gaussians.len() as f64;
    let of_factor = |(sums, factor): (&Vec<f64>, &Factor)| {
        let mut whole = vec![0.0; nodes];
        let mut conditional = 0.0;
        let counts = counts(&factor.values, factor.size);
        for (sums, &count) in sums.chunks(nodes).zip(&counts).filter(|(_, count)| **count > 0.0) {
            whole.iter_mut().zip(sums).for_each(|(whole, sum)| *whole += sum);
            conditional += count / images * differential(sums, count);
        }
        (differential(&whole, images) - conditional).max(0.0)
    };
    sums.iter().zip(factors).map(of_factor).collect()
}

/// Mean over factors of (I1 - I2) / H; `information` is `[latent][factor]`.
fn mean_gap(information: &[Vec<f64>], entropies: &[f64]) -> f64 {
    let gap = |(factor, &entropy): (usize, &f64)| {
        let mut column: Vec<f64> = information.iter().map(|row| row[factor]).collect();
        column.sort_by(|a, b| b.total_cmp(a));
        let at = |place: usize| column.get(place).copied().unwrap_or(0.0);
        // A factor that takes one value has nothing to tell.
        if entropy > 0.0 { (at(0) - at(1)) / entropy } else { 0.0 }
    };
    entropies.iter().enumerate().map(gap).sum::<f64>() / entropies.len().max(1) as f64
}

/// The bin of each value, of `bins` equally wide ones from the least value to the greatest, which
/// is in the last.
pub(super) fn histogram(values: impl Iterator<Item = f32> + Clone, bins: usize) -> Vec<usize> {
    let low = f64::from(values.clone().fold(f32::INFINITY, f32::min));
    let high = f64::from(values.clone().fold(f32::NEG_INFINITY, f32::max));
    let width = (high - low) / bins as f64;
    let bin = |z: f32| {
        if width > 0.0 { (((f64::from(z) - low) / width) as usize).min(bins - 1) } else { 0 }
    };
    values.map(bin).collect()
}

fn counts(values: &[usize], size: usize) -> Vec<f64> {
    let mut counts = vec![0.0; size];
    values.iter().for_each(|&value| counts[value] += 1.0);
    counts
}

/// Entropy of the empirical distribution, nats.
pub(super) fn entropy(values: &[usize], size: usize) -> f64 {
    let count = values.len() as f64;
    let of = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    counts(values, size).iter().map(|n| of(n / count)).sum()
}

/// Mutual information of the empirical joint distribution, nats.
pub(super) fn mutual_information(
    bins: &[usize],
    values: &[usize],
    sizes: usize,
    size: usize,
) -> f64 {
    let joint: Vec<usize> = bins.iter().zip(values).map(|(bin, v)| bin * size + v).collect();
    let information = entropy(bins, sizes) + entropy(values, size) - entropy(&joint, sizes * size);
    information.max(0.0)
}

#[cfg(test)]
mod tests {
    use ndarray::Array1;

    use super::*;
    use crate::made::{self, Made};
    use shared::noise::{Noise, Stream};

    fn scores(codes: &Made) -> [f64; 2] {
        let posterior = mig_posterior(codes, &made::config(), &mut made::generator()).unwrap();
        [mig(codes, &made::config(), &mut made::generator()).value, posterior.value]
    }

    #[test]
    fn only_a_latent_for_each_factor_and_a_factor_for_each_latent_has_a_gap() {
        let all = |codes, holds: fn(f64) -> bool| {
            let found = scores(&codes);
            assert!(found.iter().all(|gap| holds(*gap)), "{found:?}");
        };
        all(Made::perfect(), |gap| gap >= 0.95);
        all(Made::constant(), |gap| gap == 0.0);
        all(Made::rotated(), |gap| gap <= 0.4);
        // Shape is not mixed, and counts in the first.
        all(Made::mixed_pairs(), |gap| gap <= 0.4);
        all(Made::doubled(), |gap| gap <= 1e-6);
    }

    #[test]
    fn a_point_code_has_no_posterior() {
        let codes = Made { log_var: None, ..Made::perfect() };
        assert_eq!(mig_posterior(&codes, &made::config(), &mut made::generator()), None);
    }

    #[test]
    fn a_tenth_of_a_small_grid_is_fewer_images() {
        let codes = Made::meaningless();
        let score = mig_posterior(&codes, &made::config(), &mut made::generator()).unwrap();
        assert_ne!(score.value, score.tenth);
    }

    /// One latent of 2 images, told apart by the only factor.
    fn two(distance: f32, log_var: [f32; 2]) -> f64 {
        let factors = [Factor { values: vec![0, 1], size: 2 }];
        let mean = Array1::from(vec![0.0, distance]);
        posterior_information(mean.view(), Array1::from(log_var.to_vec()).view(), &factors)[0]
    }

    #[test]
    fn two_gaussians_far_apart_tell_one_bit_and_equal_ones_nothing() {
        assert!((two(40.0, [0.0, 0.0]) - 2f64.ln()).abs() < 1e-9);
        assert!((two(1e6, [-60.0, 0.0]) - 2f64.ln()).abs() < 1e-6);
        assert!(two(0.0, [0.0, 0.0]) < 1e-9);
        assert!(two(0.0, [-2000.0, -2000.0]) < 1e-9);
        assert!((mean_gap(&[vec![2f64.ln()], vec![0.0]], &[2f64.ln()]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn overlapping_gaussians_agree_with_monte_carlo() {
        let (distance, sds) = (1.5, [1.0, 0.4f64]);
        let found = two(distance as f32, sds.map(|sd| (2.0 * sd.ln()) as f32));
        let density = |z: f64, which: usize| {
            let d = (z - distance * which as f64) / sds[which];
            (-0.5 * d * d).exp() / (sds[which] * (2.0 * PI).sqrt())
        };
        let eps = Noise::new(3).normal(Stream::Posterior, 0, &[0], 400_000);
        let sum: f64 = eps
            .iter()
            .enumerate()
            .map(|(i, &eps)| {
                let z = distance * (i % 2) as f64 + sds[i % 2] * f64::from(eps);
                (density(z, i % 2) / (0.5 * (density(z, 0) + density(z, 1)))).ln()
            })
            .sum();
        let expected = sum / 400_000.0;
        assert!((found - expected).abs() < 4e-3, "{found} {expected}");
    }

    #[test]
    fn bins_are_numpys_and_information_is_at_most_the_entropy() {
        assert_eq!(histogram([0.0, 0.9, 1.0, 3.9, 4.0].into_iter(), 4), [0, 0, 1, 3, 3]);
        assert_eq!(histogram([2.0, 2.0].into_iter(), 4), [0, 0]);
        let values = [0, 1, 2, 0, 1, 2];
        assert!((mutual_information(&values, &values, 3, 3) - 3f64.ln()).abs() < 1e-12);
        assert!(mutual_information(&[0, 0, 0, 1, 1, 1], &values, 2, 3) < 1e-12);
        assert_eq!(mean_gap(&[], &[1.0]), 0.0);
    }
}
