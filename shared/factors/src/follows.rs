use shared::noise::{Noise, Stream};

use super::{
    Draws, FactorCodes,
    grid::{Grid, Sample},
    mig::{entropy, histogram, mutual_information},
};

/// Images over which information is counted, and bins of a latent.
const IMAGES: usize = 3000;
const BINS: usize = 20;
/// A latent that says less than this share of every factor follows none: counts of that few images say
/// almost as much of a constant.
const LEAST: f64 = 0.1;

/// The factor of which each latent's mean says most, with the share of the factor's entropy that it says,
/// `[latent]`; `None` of a latent that follows none.
pub fn follows(codes: &dyn FactorCodes, noise: Noise) -> Vec<Option<(String, f64)>> {
    let grid = Grid::new(codes.sizes());
    let mut generator = noise.generator(Stream::Factors, 0, Draws::Follows as u64);
    let sample = Sample::draw(codes, &grid, IMAGES, &mut generator);
    let names = codes.names();
    let of = |latent: usize| {
        let bins = histogram(sample.mean.column(latent).iter().copied(), BINS);
        let factors = names.iter().zip(sample.values.iter().zip(grid.sizes()));
        let shares = factors.map(|(name, (values, &size))| {
            let whole = entropy(values, size).max(f64::MIN_POSITIVE);
            (name.clone(), mutual_information(&bins, values, BINS, size) / whole)
        });
        shares.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, share)| *share >= LEAST)
    };
    (0..codes.latent_dim()).map(of).collect()
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
}
