use serde::{Deserialize, Serialize};

/// Codes wider than this have no DCI and no SAP, and a tenth of the points of the scores that take
/// batches of images.
pub const WIDE: usize = 64;

/// `[evaluate.disentanglement]` of a configuration; the sample sizes are those of
/// disentanglement_lib (Locatello et al. 2019) unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DisentanglementConfig {
    /// Points that classifiers are fitted to.
    pub train_points: usize,
    /// Points they are tested on.
    pub test_points: usize,
    /// Pairs (z_diff, BetaVAE score) or images (FactorVAE score) that make one point.
    pub batch: usize,
    /// Images the variances of the FactorVAE score are estimated on.
    pub variance_points: usize,
    /// Images of the mutual information gap.
    pub mig_points: usize,
    /// Bins of a latent's histogram in the mutual information gap.
    pub bins: usize,
    /// Images whose posteriors make up the aggregate posterior of `mig_posterior`.
    pub posterior_points: usize,
    /// Boosting rounds of DCI.
    pub trees: usize,
    /// Independent draws of points; a score is the mean over them.
    pub repeats: usize,
    /// The same for DCI, which takes longest.
    pub dci_repeats: usize,
}

impl Default for DisentanglementConfig {
    fn default() -> Self {
        Self {
            train_points: 10_000,
            test_points: 5_000,
            batch: 64,
            variance_points: 10_000,
            mig_points: 10_000,
            bins: 20,
            posterior_points: 50_000,
            trees: 100,
            repeats: 3,
            dci_repeats: 1,
        }
    }
}

/// More points than dSprites has images, several times over.
const MOST_POINTS: usize = 10_000_000;

impl DisentanglementConfig {
    /// The error in the numbers, if any.
    pub fn problem(&self) -> Option<String> {
        // A tenth of the points is scored too, and must not be empty.
        let range = [
            ("train_points", self.train_points, 100, MOST_POINTS),
            ("test_points", self.test_points, 100, MOST_POINTS),
            ("batch", self.batch, 2, 100_000),
            ("variance_points", self.variance_points, 2, MOST_POINTS),
            ("mig_points", self.mig_points, 100, MOST_POINTS),
            ("bins", self.bins, 2, 100_000),
            ("posterior_points", self.posterior_points, 100, MOST_POINTS),
            ("trees", self.trees, 1, 100_000),
            ("repeats", self.repeats, 1, 10_000),
            ("dci_repeats", self.dci_repeats, 1, 10_000),
        ];
        range.iter().find_map(|(name, value, least, most)| {
            let bound = match value {
                value if value < least => format!("at least {least}"),
                value if value > most => format!("at most {most}"),
                _ => return None,
            };
            Some(format!("[evaluate.disentanglement] {name} = {value}: {bound}"))
        })
    }

    /// Points to fit to and to test on where one takes two batches of codes as wide as this: a
    /// tenth for codes wider than [`WIDE`], pixels for instance.
    pub fn points(&self, latent: usize) -> (usize, usize) {
        let part = if latent > WIDE { 10 } else { 1 };
        (self.train_points / part, self.test_points / part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_too_small_or_too_large_is_named() {
        assert_eq!(DisentanglementConfig::default().problem(), None);
        let config = DisentanglementConfig { batch: 1, ..Default::default() };
        let problem = config.problem().unwrap();
        assert_eq!(problem, "[evaluate.disentanglement] batch = 1: at least 2");
        let config = DisentanglementConfig { bins: 1_000_000_000, ..Default::default() };
        let problem = config.problem().unwrap();
        assert_eq!(problem, "[evaluate.disentanglement] bins = 1000000000: at most 100000");
    }
}
