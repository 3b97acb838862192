//! Images of one size.

use std::collections::BTreeMap;

use image::{
    GrayImage,
    imageops::{FilterType, crop_imm, resize},
};
use rayon::prelude::*;

use super::super::PixelShape;

/// Grey levels of all images, image by image: as they are if they have one size, otherwise cut to the
/// proportions of `size` around their middle and scaled to it.
///
/// # Errors
/// If they have several sizes and none is asked for.
pub(super) fn fit(
    images: &[GrayImage],
    size: Option<[usize; 2]>,
) -> Result<(PixelShape, Vec<u8>), String> {
    let mut sizes: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for image in images {
        *sizes.entry((image.height(), image.width())).or_default() += 1;
    }
    let [height, width] = match (size, sizes.keys().next()) {
        (Some(size), _) => size,
        (None, Some(&(height, width))) if sizes.len() == 1 => [height as usize, width as usize],
        _ => return Err(several(&sizes)),
    };
    let shape = PixelShape { height, width };
    let parts: Vec<Vec<u8>> = images
        .par_iter()
        .map(|image| {
            if (image.height() as usize, image.width() as usize) == (height, width) {
                image.as_raw().clone()
            } else {
                scaled(image, shape).into_raw()
            }
        })
        .collect();
    Ok((shape, parts.concat()))
}

/// The largest part around the middle that has the proportions of `shape`, scaled to it; each pixel is the
/// mean of those it covers, weighted by distance.
fn scaled(image: &GrayImage, shape: PixelShape) -> GrayImage {
    let (height, width) = (u64::from(image.height()), u64::from(image.width()));
    let (to_height, to_width) = (shape.height as u64, shape.width as u64);
    // Cross products: neither side may be longer than the image's.
    let (cut_height, cut_width) = if width * to_height > height * to_width {
        (height, (height * to_width / to_height).max(1))
    } else {
        ((width * to_height / to_width).max(1), width)
    };
    let part = crop_imm(
        image,
        ((width - cut_width) / 2) as u32,
        ((height - cut_height) / 2) as u32,
        cut_width as u32,
        cut_height as u32,
    );
    resize(&*part, to_width as u32, to_height as u32, FilterType::Triangle)
}

fn several(sizes: &BTreeMap<(u32, u32), usize>) -> String {
    let mut by_count: Vec<_> = sizes.iter().collect();
    by_count.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let told: Vec<String> = by_count
        .iter()
        .take(3)
        .map(|((height, width), count)| format!("{count} of {height} x {width}"))
        .collect();
    let more = if by_count.len() > 3 {
        format!(" and {} more sizes", by_count.len() - 3)
    } else {
        String::new()
    };
    let ((height, width), _) = by_count[0];
    format!(
        "images of several sizes ({}{more}): say to which they shall be cut and scaled, for instance \
         --size {height}x{width}",
        told.join(", ")
    )
}
