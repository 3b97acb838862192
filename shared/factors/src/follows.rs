use std::collections::BTreeSet;

use shared::noise::{Noise, Stream};

use super::{
    Draws, FactorCodes,
    grid::{Grid, Sample},
    mig::{entropy, histogram, mutual_information},
};

/// Images over which information is counted, and bins of a latent.
const IMAGES: usize = 3000;
const BINS: usize = 20;
/// A latent that says less than this share of every factor follows none.
const LEAST: f64 = 0.1;
/// Information up to this many standard deviations above its mean by chance counts as chance.
const DEVIATIONS: f64 = 4.0;

/// The factor of which each latent's mean says most, with the share of the factor's entropy that it says,
/// `[latent]`; `None` of a latent that follows none.
pub fn follows(codes: &dyn FactorCodes, noise: Noise) -> Vec<Option<(String, f64)>> {
    let grid = Grid::new(codes.sizes());
    let mut generator = noise.generator(Stream::Factors, 0, Draws::Follows as u64);
    let sample = Sample::draw(codes, &grid, IMAGES, &mut generator);
    let names = codes.names();
    let followed = |latent: usize| {
        let bins = histogram(sample.mean.column(latent).iter().copied(), BINS);
        let factors = names.iter().zip(sample.values.iter().zip(grid.sizes()));
        let shares = factors.filter_map(|(name, (values, &size))| {
            let whole = entropy(values, size).max(f64::MIN_POSITIVE);
            let share = mutual_information(&bins, values, BINS, size) / whole;
            let least = LEAST.max(by_chance(&bins, size, grid.len()) / whole);
            (share >= least).then(|| (name.clone(), share))
        });
        shares.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    (0..codes.latent_dim()).map(followed).collect()
}

/// Information that a latent without meaning may have by chance about a factor of `size` values, nats:
/// little over many images, but half the entropy over 64.
///
/// Over n independent images it is chi squared / (2 n) with (bins - 1) (values - 1) degrees of freedom,
/// where only bins that are taken count; the mean is the bias of Miller and Madow. The grid's images are
/// one draw, with n = `images`, and those that are drawn from them are another.
fn by_chance(bins: &[usize], size: usize, images: usize) -> f64 {
    let taken = bins.iter().collect::<BTreeSet<_>>().len();
    let freedom = ((taken - 1) * (size - 1)) as f64;
    let one_over_n = (images as f64).recip() + (bins.len() as f64).recip();
    0.5 * one_over_n * (freedom + DEVIATIONS * (2.0 * freedom).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::Made;

    #[test]
    fn each_latent_of_a_perfect_code_follows_its_factor_and_a_constant_one_none() {
        let perfect = Made::perfect();
        let found: Vec<_> =
            follows(&perfect, Noise::new(1)).into_iter().map(|found| found.map(|f| f.0)).collect();
        let names: Vec<_> = perfect.names().into_iter().map(Some).collect();
        assert_eq!(found, names);
        let constant = follows(&Made::constant(), Noise::new(1));
        assert!(constant.iter().all(Option::is_none), "{constant:?}");
    }

    #[test]
    fn on_a_small_grid_a_latent_without_meaning_follows_none_and_a_factor_itself() {
        let mut codes = Made::meaningless();
        let found = follows(&codes, Noise::new(1));
        assert!(found.iter().all(Option::is_none), "{found:?}");
        let grid = Grid::new(codes.sizes);
        for factor in 0..grid.factors() {
            let column = codes.mean.column_mut(factor + 1);
            for (image, z) in column.into_iter().enumerate() {
                *z = grid.value(image, factor) as f32;
            }
        }
        let found = follows(&codes, Noise::new(1));
        let names = found.iter().map(|found| found.as_ref().map(|(name, _)| name.as_str()));
        let factors = ["factor 0", "factor 1", "factor 2"].map(Some);
        let expected: Vec<_> = [None].into_iter().chain(factors).chain([None; 6]).collect();
        assert_eq!(names.collect::<Vec<_>>(), expected, "{found:?}");
    }

    #[test]
    fn chance_says_nothing_over_as_many_images_as_dsprites_has() {
        let bins: Vec<usize> = (0..IMAGES).map(|image| image % BINS).collect();
        for size in [3, 6, 32, 39, 40] {
            let share = by_chance(&bins, size, 718_848) / (size as f64).ln();
            assert!(share < 0.5 * LEAST, "{size} {share}");
        }
        assert_eq!(by_chance(&[0; IMAGES], 4, 64), 0.0);
    }
}
