//! Seven-segment digits, drawn here: a data set that needs no download.

use std::sync::Arc;

use kernels::noise::{Noise, Stream, uniform};
use rayon::prelude::*;

use super::{
    DataConfig, DataError, ExampleSet, FetchOptions, PixelShape, Preparation, Source, Splits,
};

const SIDE: usize = 28;
const POOL: usize = 2400;
const TEST: usize = 600;

/// Which of the segments A to G each digit lights, bit 0 for A.
const LIT: [u8; 10] = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f];

/// Ends of the segments A to G in a box of width 1 and height 2, y downwards.
const ENDS: [[f32; 4]; 7] = [
    [0.0, 0.0, 1.0, 0.0],
    [1.0, 0.0, 1.0, 1.0],
    [1.0, 1.0, 1.0, 2.0],
    [0.0, 2.0, 1.0, 2.0],
    [0.0, 1.0, 0.0, 2.0],
    [0.0, 0.0, 0.0, 1.0],
    [0.0, 1.0, 1.0, 1.0],
];

/// The set.
#[derive(Debug)]
pub(super) struct Segments;

impl Source for Segments {
    fn has_digits(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "segments"
    }

    fn about(&self) -> &'static str {
        "Generated seven-segment digits, 3,000 images: needs no download; for tests and first steps"
    }

    fn read(
        &self,
        config: &DataConfig,
        _: &FetchOptions,
        _: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        let (pool, test) = generate();
        Splits::new(Arc::new(pool), Arc::new(test), None, config)
    }
}

/// 2,400 images for training and validation, 600 for testing, always the same.
pub(super) fn generate() -> (ExampleSet, ExampleSet) {
    let shape = PixelShape::grey(SIDE, SIDE);
    let noise = Noise::new(0);
    let draw = |range: std::ops::Range<usize>, test: bool| {
        let images: Vec<(Vec<u8>, u8)> =
            range.into_par_iter().map(|index| draw(noise, index as u64)).collect();
        let labels = images.iter().map(|(_, label)| *label).collect();
        ExampleSet::images(
            shape,
            images.into_iter().flat_map(|(pixels, _)| pixels).collect(),
            labels,
            test,
        )
    };
    (draw(0..POOL, false), draw(POOL..POOL + TEST, true))
}

/// One digit with random place, size, slant and stroke width.
fn draw(noise: Noise, index: u64) -> (Vec<u8>, u8) {
    let mut generator = noise.generator(Stream::Generate, 0, index);
    let mut between = |low: f32, high: f32| low + (high - low) * uniform(&mut generator);
    let label = (between(0.0, 10.0) as u8).min(9);
    let scale = between(6.5, 9.5);
    let slant = between(-0.3, 0.3);
    let stroke = between(0.9, 1.9);
    let (centre_x, centre_y) = (between(12.5, 15.5), between(12.5, 15.5));
    let place = |x: f32, y: f32| {
        (centre_x + scale * (x - 0.5 - slant * (y - 1.0)), centre_y + scale * (y - 1.0))
    };
    let segments: Vec<[(f32, f32); 2]> = ENDS
        .iter()
        .enumerate()
        .filter(|(segment, _)| LIT[usize::from(label)] >> segment & 1 == 1)
        .map(|(_, &[x0, y0, x1, y1])| [place(x0, y0), place(x1, y1)])
        .collect();
    let pixels = (0..SIDE * SIDE)
        .map(|pixel| {
            let (x, y) = ((pixel % SIDE) as f32 + 0.5, (pixel / SIDE) as f32 + 0.5);
            let nearest =
                segments.iter().map(|&[a, b]| distance((x, y), a, b)).fold(f32::MAX, f32::min);
            // One pixel of soft edge.
            ((stroke + 0.5 - nearest).clamp(0.0, 1.0) * 255.0).round() as u8
        })
        .collect();
    (pixels, label)
}

/// Distance of a point from the line between `a` and `b`.
fn distance(p: (f32, f32), a: (f32, f32), b: (f32, f32)) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let t = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (p.0 - a.0 - t * dx).hypot(p.1 - a.1 - t * dy)
}
