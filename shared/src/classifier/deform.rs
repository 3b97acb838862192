use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::{
    data::{PixelShape, bilinear},
    noise::uniform,
};

/// Largest rotation, radians (15 degrees).
const ROTATION: f32 = 0.26;
/// Largest change of size and of slant.
const SCALE: f32 = 0.15;
/// Largest shift, as a share of the side.
const SHIFT: f32 = 0.08;
/// Standard deviation of the elastic displacement, as a share of the side.
const ELASTIC: f32 = 0.035;
/// Points a side of the grid elastic displacements are drawn on.
const GRID: usize = 5;

/// Turns, scales, slants, shifts and bends an image at random, in place.
pub(super) fn deform(random: &mut ChaCha8Rng, shape: PixelShape, image: &mut [f32]) {
    let mut symmetric = |reach: f32| (2.0 * uniform(random) - 1.0) * reach;
    let (sin, cos) = symmetric(ROTATION).sin_cos();
    let (wide, tall, slant) = (1.0 + symmetric(SCALE), 1.0 + symmetric(SCALE), symmetric(SCALE));
    let side = shape.height.max(shape.width) as f32;
    let shift = [symmetric(SHIFT * side), symmetric(SHIFT * side)];
    let mut bends = [[0f32; GRID * GRID]; 2];
    for bend in bends.as_flattened_mut() {
        let normal: f32 = StandardNormal.sample(random);
        *bend = normal * ELASTIC * side;
    }
    let grid = PixelShape::grey(GRID, GRID);
    let centre = [(shape.width as f32 - 1.0) / 2.0, (shape.height as f32 - 1.0) / 2.0];
    let source = image.to_vec();
    let channels = shape.channels;
    for (index, pixel) in image.chunks_mut(channels.max(1)).enumerate() {
        let (column, row) = ((index % shape.width) as f32, (index / shape.width) as f32);
        let (dx, dy) = (column - centre[0], row - centre[1]);
        let place = |at: f32, size: usize| at / size as f32 * (GRID - 1) as f32;
        let (gx, gy) = (place(column, shape.width), place(row, shape.height));
        let bend = |axis: usize| bilinear(grid, gx, gy, |point| bends[axis][point]);
        let x = wide * (cos * dx + sin * dy) + slant * dy + centre[0] + shift[0] + bend(0);
        let y = tall * (cos * dy - sin * dx) + centre[1] + shift[1] + bend(1);
        for (channel, level) in pixel.iter_mut().enumerate() {
            *level = bilinear(shape, x, y, |pixel| source[pixel * channels + channel]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::{Noise, Stream};

    #[test]
    fn a_deformed_bar_is_another_bar_of_about_the_same_ink() {
        let shape = PixelShape::grey(28, 28);
        let bar = |index: usize| f32::from(u8::from((12..16).contains(&(index % 28))));
        let mut ink = 0.0;
        for example in 0..200 {
            let mut image: Vec<f32> = (0..784).map(bar).collect();
            let before: f32 = image.iter().sum();
            deform(&mut Noise::new(1).generator(Stream::Deform, 1, example), shape, &mut image);
            assert!(image.iter().all(|v| (0.0..=1.0).contains(v)));
            assert_ne!(image, (0..784).map(bar).collect::<Vec<_>>());
            ink += image.iter().sum::<f32>() / before / 200.0;
        }
        assert!((0.85..1.15).contains(&ink), "{ink}");
    }
}
