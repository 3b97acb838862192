//! The configuration of a run, and its checks.

use serde::{Deserialize, Serialize};
use shared::{
    data::{Binarise, DataConfig},
    metrics::EvaluateConfig,
    nn::Init,
    paper::RunConfig,
    ranges::{at_least_one, classes, not_negative},
    train::TrainConfig,
};

use crate::corruption::Corruption;

/// The configuration of a run of this paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of all random numbers.
    pub seed: u64,
    /// `[data]`.
    pub data: DataConfig,
    /// `[model]`.
    pub model: ModelConfig,
    /// `[pretraining]`: how the layers learn without labels.
    pub pretraining: Pretraining,
    /// `[train]`: how each layer is pre-trained.
    pub train: TrainConfig,
    /// `[fine_tuning]`: training of the classifier; without this section there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_tuning: Option<TrainConfig>,
    /// `[evaluate]`.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
}

/// `[model]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Widths of the hidden layers, the lowest first; the last is the code.
    #[serde(deserialize_with = "at_least_one")]
    pub hidden: Vec<usize>,
    /// Classes of the data set.
    #[serde(deserialize_with = "classes")]
    pub classes: usize,
    /// Initial weights of the hidden layers.
    #[serde(default)]
    pub init: Init,
}

/// `[pretraining]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Pretraining {
    /// Each layer restores the clean output of the one below from a corrupted copy; without
    /// corruption, an ordinary stacked autoencoder.
    Denoising {
        /// Corruption of a layer's input.
        corruption: Corruption,
        /// Weight of the corrupted coordinates in the loss (Vincent et al. 2010, alpha).
        #[serde(default = "one", deserialize_with = "not_negative")]
        corrupted_weight: f32,
        /// Weight of the others (beta).
        #[serde(default = "one", deserialize_with = "not_negative")]
        clean_weight: f32,
    },
    /// Baseline: random weights and fine-tuning only.
    None,
    /// Baseline: the same classifier on principal components.
    Pca {
        /// Number of components.
        #[serde(deserialize_with = "at_least_one")]
        components: usize,
    },
}

fn one() -> f32 {
    1.0
}

impl Pretraining {
    /// Denoising with this fraction of the coordinates masked, without emphasis.
    pub fn masking(fraction: f64) -> Self {
        Self::Denoising {
            corruption: Corruption::Masking { fraction },
            corrupted_weight: one(),
            clean_weight: one(),
        }
    }

    /// The same with this fraction of the coordinates corrupted; `None` of what has no such fraction.
    pub(crate) fn with_fraction(self, fraction: f64) -> Option<Self> {
        let Self::Denoising { corruption, corrupted_weight, clean_weight } = self else {
            return None;
        };
        let corruption = corruption.with_fraction(fraction)?;
        Some(Self::Denoising { corruption, corrupted_weight, clean_weight })
    }

    fn problem(&self) -> Option<String> {
        match *self {
            Self::Denoising { corrupted_weight, clean_weight, .. }
                if corrupted_weight + clean_weight == 0.0 =>
            {
                Some("[pretraining] corrupted_weight = 0 and clean_weight = 0: not both".into())
            }
            Self::Denoising { corruption, clean_weight, .. }
                if corruption.chosen() == 1.0 && clean_weight != one() =>
            {
                Some(
                    "[pretraining] clean_weight: without effect, this corruption chooses every \
                     coordinate"
                        .into(),
                )
            }
            Self::Denoising { corruption, corrupted_weight, .. }
                if corruption.chosen() == 0.0 && corrupted_weight != one() =>
            {
                Some(
                    "[pretraining] corrupted_weight: without effect, this corruption chooses no \
                     coordinate"
                        .into(),
                )
            }
            _ => None,
        }
    }

    /// Why nothing is left to learn from in a layer, if so: `widths` are those of the layers' inputs, of which a
    /// fraction can be none or all.
    pub(crate) fn problem_of_layers(
        &self,
        widths: impl IntoIterator<Item = usize>,
    ) -> Option<String> {
        let Self::Denoising { corruption, corrupted_weight, clean_weight } = *self else {
            return None;
        };
        let lost = |width: usize| match corruption.count(width) {
            0 if clean_weight == 0.0 => Some(("clean_weight", "none")),
            count if count == width && corrupted_weight == 0.0 => Some(("corrupted_weight", "all")),
            _ => None,
        };
        let (width, (weight, chosen)) =
            widths.into_iter().find_map(|width| Some((width, lost(width)?)))?;
        Some(format!(
            "[pretraining] {weight} = 0: this corruption chooses {chosen} of the {width} numbers that a layer reads, \
             so no loss is left"
        ))
    }
}

impl RunConfig for Config {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn data(&self) -> &DataConfig {
        &self.data
    }

    fn evaluate(&self) -> &EvaluateConfig {
        &self.evaluate
    }

    fn problem(&self) -> Option<String> {
        let model = &self.model;
        if model.hidden.is_empty() {
            return Some("[model] hidden: one width or more".into());
        }
        if matches!(self.data.binarise, Binarise::Dynamic | Binarise::Static) {
            return Some(
                "[data] binarise = \"none\" or \"threshold\": random pixels would be a corruption \
                 of their own"
                    .into(),
            );
        }
        self.pretraining
            .problem()
            .or_else(|| self.train.problem())
            .or_else(|| self.fine_tuning.as_ref()?.problem_in("fine_tuning"))
            .or_else(|| self.evaluate.problem())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_of_no_coordinate_is_refused() {
        let problem = |fraction: f64, [corrupted_weight, clean_weight]: [f32; 2]| {
            let corruption = Corruption::SaltAndPepper { fraction };
            let pretraining = Pretraining::Denoising { corruption, corrupted_weight, clean_weight };
            pretraining.problem().unwrap_or_default()
        };
        for weight in [0.0, 2.0] {
            assert!(problem(0.0, [weight, 1.0]).contains("corrupted_weight: without effect"));
            assert_eq!(problem(0.25, [weight, 1.0]), "");
            assert!(problem(1.0, [1.0, weight]).contains("clean_weight: without effect"));
        }
        // As the searches of the paper's fractions have it.
        assert_eq!(problem(0.0, [1.0, 1.0]), "");
        assert_eq!(problem(0.0, [1.0, 0.5]), "");
    }
}
