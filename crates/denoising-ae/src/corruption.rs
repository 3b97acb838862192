//! The corruption process q(x~|x) (Vincent et al. 2010, section 3.3): drawn afresh at every
//! presentation.

use std::fmt;

use burn::tensor::Tensor;
use rand::{RngExt, seq::index};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use shared::{
    Backend,
    data::Batch,
    noise::Stream,
    ranges::{not_negative, share},
};

/// How an input is corrupted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Corruption {
    /// Exactly this fraction of the coordinates, chosen at random, becomes 0.
    Masking {
        /// nu.
        #[serde(deserialize_with = "share")]
        fraction: f64,
    },
    /// Exactly this fraction of the coordinates, chosen at random, becomes 0 or 1 with equal probability.
    SaltAndPepper {
        /// nu.
        #[serde(deserialize_with = "share")]
        fraction: f64,
    },
    /// Normal noise is added to each coordinate.
    Gaussian {
        /// Its standard deviation.
        #[serde(deserialize_with = "not_negative")]
        std: f64,
    },
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Masking { fraction } => write!(f, "{fraction} of the pixels masked"),
            Self::SaltAndPepper { fraction } => {
                write!(f, "salt and pepper on {fraction} of the pixels")
            }
            Self::Gaussian { std } => write!(f, "normal noise of deviation {std}"),
        }
    }
}

/// A corrupted input.
pub struct Corrupted<B: Backend> {
    /// x~, `[examples, width]`.
    pub x: Tensor<B, 2>,
    /// 1 where the coordinate was chosen, 0 elsewhere, `[examples, width]`.
    pub chosen: Tensor<B, 2>,
}

impl Corruption {
    /// The share of the coordinates that are chosen.
    pub(crate) fn chosen(&self) -> f64 {
        match *self {
            Self::Masking { fraction } | Self::SaltAndPepper { fraction } => fraction,
            Self::Gaussian { .. } => 1.0,
        }
    }

    /// True if what is corrupted is as it was.
    pub(crate) fn changes_nothing(&self) -> bool {
        match *self {
            Self::Masking { fraction } | Self::SaltAndPepper { fraction } => fraction == 0.0,
            Self::Gaussian { std } => std == 0.0,
        }
    }

    /// The same kind with this fraction of the coordinates chosen; `None` of Gaussian noise, which has none.
    pub(crate) fn with_fraction(self, fraction: f64) -> Option<Self> {
        match self {
            Self::Masking { .. } => Some(Self::Masking { fraction }),
            Self::SaltAndPepper { .. } => Some(Self::SaltAndPepper { fraction }),
            Self::Gaussian { .. } => None,
        }
    }

    /// How many coordinates of an input of this width are chosen.
    pub(crate) fn count(&self, width: usize) -> usize {
        ((self.chosen() * width as f64).round() as usize).min(width)
    }

    /// Draws the corruption of one input: for Gaussian noise the noise, else 0 where a coordinate
    /// stays, 1 where it becomes 0 and 2 where it becomes 1.
    fn draw(&self, random: &mut ChaCha8Rng, row: &mut [f32]) {
        let count = self.count(row.len());
        let mut choose = |value: &dyn Fn(&mut ChaCha8Rng) -> f32| {
            for place in index::sample(random, row.len(), count) {
                row[place] = value(random);
            }
        };
        match *self {
            Self::Masking { .. } => choose(&|_| 1.0),
            Self::SaltAndPepper { .. } => {
                choose(&|random| if random.random() { 2.0 } else { 1.0 });
            }
            Self::Gaussian { std } => row.fill_with(|| {
                let normal: f32 = StandardNormal.sample(random);
                std as f32 * normal
            }),
        }
    }

    /// Corrupts `clean` `[examples, width]`, which belongs to the examples of `batch`.
    pub fn apply<B: Backend>(&self, clean: Tensor<B, 2>, batch: &Batch<B>) -> Corrupted<B> {
        let width = clean.dims()[1];
        let drawn = batch.drawn(Stream::Corrupt, width, |random, row| self.draw(random, row));
        match *self {
            Self::Masking { .. } => {
                Corrupted { x: clean * drawn.clone().neg().add_scalar(1.0), chosen: drawn }
            }
            Self::SaltAndPepper { .. } => {
                let salt = drawn.clone().sub_scalar(1.0).clamp_min(0.0);
                let chosen = drawn.clamp_max(1.0);
                Corrupted { x: clean * chosen.clone().neg().add_scalar(1.0) + salt, chosen }
            }
            Self::Gaussian { .. } => {
                Corrupted { x: clean.clone() + drawn, chosen: clean.ones_like() }
            }
        }
    }

    /// Corrupts one input in place.
    pub fn apply_to_row(&self, random: &mut ChaCha8Rng, row: &mut [f32]) {
        let mut drawn = vec![0f32; row.len()];
        self.draw(random, &mut drawn);
        for (value, drawn) in row.iter_mut().zip(drawn) {
            match *self {
                Self::Gaussian { .. } => *value += drawn,
                _ if drawn > 0.0 => *value = drawn - 1.0,
                _ => {}
            }
        }
    }
}
