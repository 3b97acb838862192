use ranges::between;
use serde::{Deserialize, Deserializer, Serialize};

/// Codes wider than this have no DCI and no SAP, and a tenth of the points of the scores that take
/// batches of images.
pub const WIDE: usize = 64;

/// `[evaluate.disentanglement]` of a configuration; the sample sizes are those of
/// disentanglement_lib (Locatello et al. 2019) unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DisentanglementConfig {
    /// Points that classifiers are fitted to.
    #[serde(deserialize_with = "points")]
    pub train_points: usize,
    /// Points they are tested on.
    #[serde(deserialize_with = "points")]
    pub test_points: usize,
    /// Pairs (BetaVAE score) or images (FactorVAE score) that make one point.
    #[serde(deserialize_with = "between::<2, 100_000, _, _>")]
    pub batch: usize,
    /// Images the variances of the FactorVAE score are estimated on.
    #[serde(deserialize_with = "between::<2, MOST_POINTS, _, _>")]
    pub variance_points: usize,
    /// Images of the mutual information gap.
    #[serde(deserialize_with = "points")]
    pub mig_points: usize,
    /// Bins of a latent's histogram in the mutual information gap.
    #[serde(deserialize_with = "between::<2, 100_000, _, _>")]
    pub bins: usize,
    /// Images whose posteriors make up the aggregate posterior of `mig_posterior`.
    #[serde(deserialize_with = "points")]
    pub posterior_points: usize,
    /// Boosting rounds of DCI.
    #[serde(deserialize_with = "between::<1, 100_000, _, _>")]
    pub trees: usize,
    /// Independent draws of points; a score is the mean over them.
    #[serde(deserialize_with = "between::<1, 10_000, _, _>")]
    pub repeats: usize,
    /// The same for DCI, which takes longest.
    #[serde(deserialize_with = "between::<1, 10_000, _, _>")]
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
const MOST_POINTS: u32 = 10_000_000;

/// A tenth of the points is scored too, and must not be empty.
fn points<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    between::<100, MOST_POINTS, _, _>(deserializer)
}

impl DisentanglementConfig {
    /// Points to fit to and to test on where one takes two batches of codes as wide as this: a
    /// tenth for codes wider than [`WIDE`], pixels for instance.
    pub fn points(&self, latent: usize) -> (usize, usize) {
        let part = if latent > WIDE { 10 } else { 1 };
        (self.train_points / part, self.test_points / part)
    }
}
