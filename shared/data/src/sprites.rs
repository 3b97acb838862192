//! dSprites (Matthey, Higgins, Hassabis & Lerchner 2017), drawn here: every combination of shape,
//! scale, orientation and place, 64 x 64 black and white pixels each.
//!
//! The geometry was measured on published frames. All squares but a few at the edge of a pixel and
//! at least 99.2% of a heart's white pixels are theirs; a golden test says how many are not.

use std::{f64::consts::TAU, sync::OnceLock};

use crate::FactorGrid;

/// Height and width of an image.
pub(crate) const SIDE: usize = 64;
/// Values of each factor in the published order; the last varies fastest.
const SIZES: [usize; 5] = [3, 6, 40, 32, 32];
/// One image, a bit a pixel: row by row, the leftmost pixel in the lowest bit.
pub(crate) type Sprite = [u64; SIDE];

/// A grid of images, by index, all of them or without a repeated orientation.
#[derive(Clone, Debug)]
pub struct Sprites {
    sizes: [usize; 5],
    /// The published images, where the user has them: all 737,280.
    published: Option<Vec<Sprite>>,
}

impl Sprites {
    /// Names of the factors, in order.
    pub const NAMES: [&'static str; 5] = ["shape", "scale", "orientation", "x", "y"];
    /// Images in the published set.
    pub const PUBLISHED: usize = 737_280;

    /// Images drawn on demand.
    ///
    /// The 40 orientations run from 0 to 2 pi *inclusive*: the last repeats the first, image by
    /// image, whatever the data set's description says. With `distinct` it is left out, and 718,848
    /// of 737,280 images remain. (A square still comes within 2.3 degrees of an earlier orientation of
    /// itself and an ellipse within 4.6, which few pixels distinguish.)
    pub fn drawn(distinct: bool) -> Self {
        let mut sizes = SIZES;
        sizes[2] -= usize::from(distinct);
        Self { sizes, published: None }
    }

    /// The same with the published images, which must be [`Self::PUBLISHED`].
    #[must_use]
    pub(crate) fn with_published(self, images: Vec<Sprite>) -> Self {
        Self { published: Some(images), ..self }
    }

    /// True if the images are the published ones.
    pub(crate) fn is_published(&self) -> bool {
        self.published.is_some()
    }

    /// How many values each factor takes.
    pub fn sizes(&self) -> [usize; 5] {
        self.sizes
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.sizes.iter().product()
    }

    /// Never: there is always an image.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The factors of an image.
    pub fn factors(&self, index: usize) -> [usize; 5] {
        let mut rest = index;
        let mut factors = [0; 5];
        for (factor, size) in factors.iter_mut().zip(self.sizes).rev() {
            *factor = rest % size;
            rest /= size;
        }
        factors
    }

    /// The index of an image.
    pub fn index(&self, factors: [usize; 5]) -> usize {
        index(factors, self.sizes)
    }

    /// One image.
    pub fn image(&self, at: usize) -> Sprite {
        let factors = self.factors(at);
        match &self.published {
            Some(images) => images[index(factors, SIZES)],
            None => draw(factors),
        }
    }
}

impl FactorGrid for Sprites {
    fn names(&self) -> Vec<String> {
        Self::NAMES.map(String::from).to_vec()
    }

    fn sizes(&self) -> Vec<usize> {
        self.sizes.to_vec()
    }

    fn write_image(&self, index: usize, pixels: &mut [f32]) {
        write_bits(&self.image(index), pixels);
    }
}

/// A sprite as numbers 0 and 1, `[64 * 64]`.
pub(crate) fn write_bits(sprite: &Sprite, pixels: &mut [f32]) {
    for (bits, row) in sprite.iter().zip(pixels.chunks_mut(SIDE)) {
        if *bits == 0 {
            row.fill(0.0);
            continue;
        }
        for (x, pixel) in row.iter_mut().enumerate() {
            *pixel = (bits >> x & 1) as u8 as f32;
        }
    }
}

fn index(factors: [usize; 5], sizes: [usize; 5]) -> usize {
    factors.iter().zip(sizes).fold(0, |index, (factor, size)| index * size + factor)
}

/// A pixel is white if its centre is inside the shape, whose own coordinates are (u, v).
fn draw([shape, scale, orientation, x, y]: [usize; 5]) -> Sprite {
    let size = 0.5 + 0.1 * scale as f64;
    let (sin, cos) = (TAU * orientation as f64 / (SIZES[2] - 1) as f64).sin_cos();
    let centre = |step: usize| 16.0 + 32.0 * step as f64 / 31.0;
    let place = Place { size, sin, cos, x: centre(x), y: centre(y) };
    match shape {
        0 => place.fill(SQUARE * f64::sqrt(2.0), |u, v| u.abs() < SQUARE && v.abs() < SQUARE),
        1 => place.fill(ELLIPSE.0, |u, v| (u / ELLIPSE.0).powi(2) + (v / ELLIPSE.1).powi(2) < 1.0),
        _ => place.fill(HEART, |u, v| in_heart(u.abs(), v)),
    }
}

/// Half the side of a square of scale 1, in pixels.
const SQUARE: f64 = 9.6;
/// Half the axes of an ellipse.
const ELLIPSE: (f64, f64) = (12.77, 7.21);
/// No point of a heart is further from its centre.
const HEART: f64 = 10.7;
/// The lobes of a heart: half circles on top of this line, y downwards.
const SHOULDER: f64 = -4.412;
/// Centre and radius of a lobe.
const LOBE: (f64, f64) = (4.8, 4.818);
/// The flank from the shoulder to the point: control points (u, v) of a cubic Bezier curve.
const FLANK: [(f64, f64); 4] = [(9.618, SHOULDER), (9.618, 1.671), (1.996, 4.320), (0.0, 9.482)];

fn in_heart(u: f64, v: f64) -> bool {
    if v <= SHOULDER {
        return (u - LOBE.0).powi(2) + (v - SHOULDER).powi(2) < LOBE.1 * LOBE.1;
    }
    v < FLANK[3].1 && u < half_width(v)
}

/// Half the width of a heart below its shoulder, from a table of the curve.
fn half_width(v: f64) -> f64 {
    const STEPS: usize = 4096;
    static TABLE: OnceLock<Vec<f64>> = OnceLock::new();
    let (top, bottom) = (FLANK[0].1, FLANK[3].1);
    let table = TABLE.get_or_init(|| {
        (0..=STEPS)
            .map(|step| {
                let wanted = top + (bottom - top) * step as f64 / STEPS as f64;
                // The curve falls all the way: its parameter is found by bisection.
                let (mut low, mut high) = (0.0, 1.0);
                for _ in 0..60 {
                    let middle = 0.5 * (low + high);
                    if bezier(middle).1 < wanted { low = middle } else { high = middle }
                }
                bezier(0.5 * (low + high)).0
            })
            .collect()
    });
    let at = (v - top) / (bottom - top) * STEPS as f64;
    let before = (at as usize).min(STEPS - 1);
    let share = at - before as f64;
    table[before] * (1.0 - share) + table[before + 1] * share
}

fn bezier(t: f64) -> (f64, f64) {
    let s = 1.0 - t;
    let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
    let along = |of: fn(&(f64, f64)) -> f64| {
        weights.iter().zip(&FLANK).map(|(weight, point)| weight * of(point)).sum()
    };
    (along(|p| p.0), along(|p| p.1))
}

/// Where a shape is, how large and how turned.
struct Place {
    size: f64,
    sin: f64,
    cos: f64,
    x: f64,
    y: f64,
}

impl Place {
    /// The pixels whose centres are `inside`, none of them further than `reach` from the middle.
    fn fill(&self, reach: f64, inside: impl Fn(f64, f64) -> bool) -> Sprite {
        let reach = reach * self.size + 0.5;
        let span = |centre: f64| {
            let low = (centre - reach).floor().max(0.0) as usize;
            low..((centre + reach).ceil() as usize).min(SIDE)
        };
        let mut sprite = [0; SIDE];
        let shrink = 1.0 / self.size;
        for row in span(self.y) {
            let dy = (row as f64 + 0.5 - self.y) * shrink;
            let mut bits = 0;
            for column in span(self.x) {
                let dx = (column as f64 + 0.5 - self.x) * shrink;
                let (u, v) = (self.cos * dx - self.sin * dy, self.sin * dx + self.cos * dy);
                bits |= u64::from(inside(u, v)) << column;
            }
            sprite[row] = bits;
        }
        sprite
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::BufReader, path::Path};

    use image::{AnimationDecoder, codecs::gif::GifDecoder};
    use sha2::{Digest, Sha256};

    use super::*;

    /// A run of frames of the published animation, and how many pixels may differ over all of them.
    struct Part {
        name: &'static str,
        frames: Vec<[usize; 5]>,
        mismatches: u32,
    }

    /// The published animation, 320 frames: each shape grows, turns and, the heart alone, walks round.
    fn animation() -> Vec<Part> {
        let part = |name, mismatches, frames: Vec<[usize; 5]>| Part { name, frames, mismatches };
        let (up, down) = (0..6, (0..6).rev());
        let grow = |shape, way: &mut dyn Iterator<Item = usize>| -> Vec<[usize; 5]> {
            way.map(|scale| [shape, scale, 0, 0, 0]).collect()
        };
        let turn = |shape| -> Vec<[usize; 5]> { (0..40).map(|t| [shape, 5, t, 0, 0]).collect() };
        let walk = |at: fn(usize) -> [usize; 2]| -> Vec<[usize; 5]> {
            (0..32).map(at).map(|[x, y]| [2, 5, 0, x, y]).collect()
        };
        let mut parts = Vec::new();
        for (shape, scale, rotation) in [(2, 10, 56), (1, 0, 8), (0, 0, 8)] {
            let name = ["square", "ellipse", "heart"][shape];
            parts.push(part(name, scale, grow(shape, &mut up.clone())));
            parts.push(part(name, scale, grow(shape, &mut down.clone())));
            parts.push(part(name, scale, grow(shape, &mut up.clone())));
            parts.push(part(name, rotation, turn(shape)));
            if shape == 2 {
                parts.push(part("heart, down", 74, walk(|i| [0, i])));
                parts.push(part("heart, right", 44, walk(|i| [i, 31])));
                parts.push(part("heart, up", 74, walk(|i| [31, 31 - i])));
                parts.push(part("heart, left", 44, walk(|i| [31 - i, 0])));
            }
            parts.push(part(name, scale, grow(shape, &mut down.clone())));
        }
        parts
    }

    #[test]
    fn frames_are_the_published_ones_but_for_a_few_pixels() {
        let golden =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dsprites.gif");
        let parts = animation();
        assert_eq!(parts.iter().map(|part| part.frames.len()).sum::<usize>(), 320);
        let Ok(file) = File::open(&golden) else {
            eprintln!("skipped: the published animation is not there");
            return;
        };
        let frames = GifDecoder::new(BufReader::new(file)).unwrap().into_frames();
        let mut frames = frames.map(|frame| frame.unwrap().into_buffer());
        let mut by_kind = std::collections::BTreeMap::new();
        for part in &parts {
            let mut found = 0;
            for &factors in &part.frames {
                let (ours, theirs) = (draw(factors), frames.next().unwrap());
                for (y, bits) in ours.iter().enumerate() {
                    let row = (0..SIDE as u32).fold(0u64, |row, x| {
                        row | u64::from(theirs.get_pixel(x, y as u32)[0] > 127) << x
                    });
                    found += (bits ^ row).count_ones();
                }
            }
            assert!(found <= part.mismatches, "{}: {found} > {}", part.name, part.mismatches);
            *by_kind.entry(part.name).or_insert(0) += found;
        }
        assert!(frames.next().is_none());
        eprintln!("pixels that differ: {by_kind:?}");
    }

    #[test]
    fn frames_do_not_change() {
        let mut digest = Sha256::new();
        for factors in animation().iter().flat_map(|part| &part.frames) {
            draw(*factors).iter().for_each(|bits| digest.update(bits.to_le_bytes()));
        }
        let digest = hex::encode(digest.finalize());
        assert_eq!(digest, "62f09ddd53de4c069678b99eebc214907b4367ac8eddc1f44feca750d1d28d2d");
    }

    fn white(sprite: &Sprite) -> u32 {
        sprite.iter().map(|bits| bits.count_ones()).sum()
    }

    #[test]
    fn every_image_has_its_place_and_its_area() {
        let all = Sprites::drawn(false);
        assert_eq!(all.len(), Sprites::PUBLISHED);
        for index in (0..all.len()).step_by(997) {
            let factors = all.factors(index);
            assert_eq!(all.index(factors), index);
            let area = white(&all.image(index));
            let size = 0.5 + 0.1 * factors[1] as f64;
            let expected = [369.0, 288.0, 222.0][factors[0]] * size * size;
            assert!((f64::from(area) - expected).abs() < 0.2 * expected, "{factors:?} {area}");
        }
        // As in the published images, but for the heart, which has 222 there.
        for (shape, area) in [400, 288, 224].into_iter().enumerate() {
            assert_eq!(white(&draw([shape, 5, 0, 0, 0])), area);
        }
    }

    #[test]
    fn the_last_orientation_repeats_the_first_and_can_be_left_out() {
        let all = Sprites::drawn(false);
        let first = all.index([2, 3, 0, 10, 20]);
        let last = all.index([2, 3, 39, 10, 20]);
        assert_eq!(all.image(first), all.image(last));
        let distinct = Sprites::drawn(true);
        assert_eq!(distinct.len(), 718_848);
        // Hearts at every orientation that is left are different.
        let mut images: Vec<Sprite> =
            (0..39).map(|o| distinct.image(distinct.index([2, 5, o, 16, 16]))).collect();
        images.sort_unstable();
        images.dedup();
        assert_eq!(images.len(), 39);
        assert_eq!(distinct.image(distinct.index([1, 2, 3, 4, 5])), draw([1, 2, 3, 4, 5]));
    }

    #[test]
    fn moving_right_moves_the_image_right() {
        let centre = |factors| {
            let sprite = draw(factors);
            let mut sum = 0.0;
            for bits in sprite {
                sum += (0..SIDE).map(|x| (bits >> x & 1) as f64 * x as f64).sum::<f64>();
            }
            sum / f64::from(white(&sprite))
        };
        let (left, right) = (centre([1, 5, 0, 0, 16]), centre([1, 5, 0, 31, 16]));
        assert!((left - 15.5).abs() < 0.2 && (right - 47.5).abs() < 0.2, "{left} {right}");
    }
}
