//! One image, grey or coloured, of whatever size.

use image::{
    DynamicImage, GrayImage, RgbImage,
    imageops::{FilterType, crop_imm, resize},
};

/// One image.
#[derive(Clone, Debug)]
pub(super) enum Picture {
    /// A level a pixel.
    Grey(GrayImage),
    /// Red, green and blue of each pixel.
    Colour(RgbImage),
}

impl Picture {
    /// Height and width.
    pub(super) fn size(&self) -> (u32, u32) {
        match self {
            Self::Grey(image) => (image.height(), image.width()),
            Self::Colour(image) => (image.height(), image.width()),
        }
    }

    /// Numbers of a pixel.
    pub(super) fn channels(&self) -> usize {
        match self {
            Self::Grey(_) => 1,
            Self::Colour(_) => 3,
        }
    }

    /// All levels, row by row and pixel by pixel.
    pub(super) fn into_levels(self) -> Vec<u8> {
        match self {
            Self::Grey(image) => image.into_raw(),
            Self::Colour(image) => image.into_raw(),
        }
    }

    /// The same with so many channels: grey by its luma (ITU-R BT.709), or grey in all three.
    #[must_use]
    pub(super) fn with_channels(self, channels: usize) -> Self {
        match (self, channels) {
            (Self::Colour(image), 1) => Self::Grey(DynamicImage::ImageRgb8(image).into_luma8()),
            (Self::Grey(image), 3) => Self::Colour(DynamicImage::ImageLuma8(image).into_rgb8()),
            (picture, _) => picture,
        }
    }

    /// The largest part around the middle that has the proportions of this height and width, scaled to
    /// them; each pixel is the mean of those it covers, weighted by distance.
    #[must_use]
    pub(super) fn scaled(&self, [height, width]: [usize; 2]) -> Self {
        let (own_height, own_width) = self.size();
        let (own_height, own_width) = (u64::from(own_height), u64::from(own_width));
        let (to_height, to_width) = (height as u64, width as u64);
        // Cross products: neither side may be longer than the image's.
        let (cut_height, cut_width) = if own_width * to_height > own_height * to_width {
            (own_height, (own_height * to_width / to_height).max(1))
        } else {
            ((own_width * to_height / to_width).max(1), own_width)
        };
        let left = ((own_width - cut_width) / 2) as u32;
        let top = ((own_height - cut_height) / 2) as u32;
        let (cut_width, cut_height) = (cut_width as u32, cut_height as u32);
        let (width, height) = (width as u32, height as u32);
        match self {
            Self::Grey(image) => {
                let part = crop_imm(image, left, top, cut_width, cut_height);
                Self::Grey(resize(&*part, width, height, FilterType::Triangle))
            }
            Self::Colour(image) => {
                let part = crop_imm(image, left, top, cut_width, cut_height);
                Self::Colour(resize(&*part, width, height, FilterType::Triangle))
            }
        }
    }
}

impl From<GrayImage> for Picture {
    fn from(image: GrayImage) -> Self {
        Self::Grey(image)
    }
}

impl From<RgbImage> for Picture {
    /// Grey if all three channels are equal everywhere: many grey pictures are saved as colour ones.
    fn from(image: RgbImage) -> Self {
        let is_grey =
            image.pixels().all(|pixel| pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2]);
        if is_grey { Self::Colour(image).with_channels(1) } else { Self::Colour(image) }
    }
}
