//! The condition: the class of an image, or some of its quadrants.

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use shared::{
    Backend,
    data::one_hot,
    ranges::{between, classes},
};

/// Value of an unobserved pixel in the condition.
pub(crate) const UNOBSERVED: f32 = -1.0;

/// `[conditioning]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Conditioning {
    /// On the class; the whole image is modelled.
    Label {
        /// Number of classes.
        #[serde(deserialize_with = "classes")]
        classes: usize,
    },
    /// On quadrants of the image; the others are modelled (Sohn et al. 2015, section 5.1).
    Quadrants {
        /// How many are observed: 1 the lower left, 2 the left half, 3 all but the lower right.
        #[serde(deserialize_with = "between::<1, 3, _, _>")]
        observed: usize,
    },
}

impl Conditioning {
    /// Width of the condition, for images of `pixels` pixels.
    pub fn width(self, pixels: usize) -> usize {
        match self {
            Self::Label { classes } => classes,
            Self::Quadrants { .. } => pixels,
        }
    }

    /// True for each pixel of a square image that is observed.
    pub fn observed(self, pixels: usize) -> Vec<bool> {
        let Self::Quadrants { observed } = self else { return vec![false; pixels] };
        let side = pixels.isqrt();
        let is_observed = |pixel: usize| {
            let left = pixel % side < side / 2;
            let lower = pixel / side >= side / 2;
            match observed {
                1 => left && lower,
                2 => left,
                _ => left || !lower,
            }
        };
        (0..pixels).map(is_observed).collect()
    }

    /// The condition of images `[images, pixels]` of these classes, `[images, width]`: one-hot
    /// classes, or pixels with -1 where they are not observed.
    pub fn of<B: Backend>(self, x: &Tensor<B, 2>, labels: &[u8]) -> Tensor<B, 2> {
        match self {
            Self::Label { classes } => one_hot(labels, classes, &x.device()),
            Self::Quadrants { .. } => {
                let mask = self.mask(x);
                let rest = mask.clone().sub_scalar(1.0).mul_scalar(-UNOBSERVED);
                x.clone() * mask + rest
            }
        }
    }

    /// The same, if it is the class alone.
    pub fn of_classes<B: Backend>(self, labels: &[u8], device: &B::Device) -> Option<Tensor<B, 2>> {
        match self {
            Self::Label { classes } => Some(one_hot(labels, classes, device)),
            Self::Quadrants { .. } => None,
        }
    }

    /// The observed pixels of a condition, and 0 at the others.
    pub fn known<B: Backend>(self, condition: &Tensor<B, 2>) -> Tensor<B, 2> {
        condition.clone() * self.mask(condition)
    }

    /// 1 at observed pixels, `[1, pixels]`.
    fn mask<B: Backend>(self, x: &Tensor<B, 2>) -> Tensor<B, 2> {
        let pixels = x.dims()[1];
        let values: Vec<f32> =
            self.observed(pixels).into_iter().map(|o| f32::from(u8::from(o))).collect();
        Tensor::from_data(TensorData::new(values, [1, pixels]), &x.device())
    }
}
