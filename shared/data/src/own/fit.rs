//! Images of one size.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{super::PixelShape, picture::Picture};

/// Levels of all images, image by image: as they are if they have the wanted size, otherwise cut to the
/// proportions of `size` around their middle and scaled to it. Without a number of `channels` all are grey if all
/// pictures are, and coloured otherwise.
///
/// # Errors
/// If they have several sizes and none is asked for.
pub(super) fn fit(
    images: Vec<Picture>,
    size: Option<[usize; 2]>,
    channels: Option<usize>,
) -> Result<(PixelShape, Vec<u8>), String> {
    let mut sizes: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for image in &images {
        *sizes.entry(image.size()).or_default() += 1;
    }
    let [height, width] = match (size, sizes.keys().next()) {
        (Some(size), _) => size,
        (None, Some(&(height, width))) if sizes.len() == 1 => [height as usize, width as usize],
        _ => return Err(several(&sizes)),
    };
    let own = images.iter().map(Picture::channels).max().unwrap_or(1);
    let channels = channels.unwrap_or(own);
    let fitted = |image| one(image, Some([height, width]), Some(channels)).into_levels();
    let parts: Vec<Vec<u8>> = images.into_par_iter().map(fitted).collect();
    Ok((PixelShape { height, width, channels }, parts.concat()))
}

/// An image in what is asked for. Photos are brought to it one by one as they are read: all in full would take a
/// hundred times the memory. Colour that is made of grey later is the same before and after.
pub(super) fn one(image: Picture, size: Option<[usize; 2]>, channels: Option<usize>) -> Picture {
    let image = match channels {
        Some(channels) => image.with_channels(channels),
        None => image,
    };
    let (height, width) = image.size();
    match size {
        Some(size) if size != [height as usize, width as usize] => image.scaled(size),
        _ => image,
    }
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
