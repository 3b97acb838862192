//! Ways to change a file: as a disk or a transfer damages it, and as somebody would who knows the format.

mod text;

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

/// Bytes a changed file may have; more shows nothing that fewer do not, and takes longer.
const LARGEST: usize = 1 << 18;

/// Whole numbers at which readers go wrong, as 64 bits, of which the lower ones may be taken.
const EXTREMES: [u64; 24] = [
    0,
    1,
    2,
    3,
    7,
    8,
    9,
    15,
    16,
    127,
    128,
    255,
    256,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 32,
    1 << 60,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// What changes are made of.
pub(super) struct Material<'a> {
    /// Whole files of the format, for parts to be taken from.
    pub(super) seeds: &'a [Vec<u8>],
    /// Words of the format.
    pub(super) words: &'a [&'a str],
    /// True if the format is text.
    pub(super) is_text: bool,
}

/// A whole number below `end`, 0 if there is none.
pub(super) fn below(random: &mut ChaCha8Rng, end: usize) -> usize {
    if end == 0 { 0 } else { random.random_range(0..end) }
}

/// A range of a sequence of `length`, more often short than long; empty only if that is.
pub(super) fn range(random: &mut ChaCha8Rng, length: usize) -> std::ops::Range<usize> {
    let start = below(random, length);
    let longest = (length - start).min(1 << random.random_range(0..14));
    start..start + if longest == 0 { 0 } else { 1 + below(random, longest) }
}

/// Damage as it happens: bits that flip, a block that was never written, an end that is missing.
pub(super) fn damage(random: &mut ChaCha8Rng, bytes: &mut Vec<u8>) {
    match random.random_range(0..8) {
        0..3 => {
            for _ in 0..1 + below(random, 3) {
                let at = below(random, bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
        }
        3 => {
            let at = below(random, bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.random();
            }
        }
        4 => {
            let range = range(random, bytes.len());
            bytes[range].fill(0);
        }
        5 => {
            let range = range(random, bytes.len());
            random.fill_bytes(&mut bytes[range]);
        }
        _ => {
            let end = below(random, bytes.len());
            bytes.truncate(end);
        }
    }
}

/// A change by somebody who knows the format: lengths, parts, words.
pub(super) fn edit(random: &mut ChaCha8Rng, bytes: &mut Vec<u8>, material: &Material<'_>) {
    if material.is_text && random.random_range(0..5) > 0 {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        text::edit(random, &mut text, material);
        *bytes = text.into_bytes();
    } else {
        edit_bytes(random, bytes, material);
    }
    bytes.truncate(LARGEST);
}

fn edit_bytes(random: &mut ChaCha8Rng, bytes: &mut Vec<u8>, material: &Material<'_>) {
    match random.random_range(0..12) {
        0 => damage(random, bytes),
        1..5 => number(random, bytes),
        5 => {
            let range = range(random, bytes.len());
            bytes.drain(range);
        }
        6 => {
            // A part again and again.
            let range = range(random, bytes.len());
            let times = 1 << random.random_range(0..9);
            let part = bytes[range.clone()].repeat(times.min(1 + LARGEST / range.len().max(1)));
            bytes.splice(range.end..range.end, part);
        }
        7 => {
            // A part of another file, or of this one, in place of a part or between two.
            let from = &material.seeds[below(random, material.seeds.len())];
            let part = from[range(random, from.len())].to_vec();
            let at = below(random, bytes.len() + 1);
            let end = if random.random() { at } else { bytes.len().min(at + part.len()) };
            bytes.splice(at..end, part);
        }
        8 => {
            let part = bytes[range(random, bytes.len())].to_vec();
            let at = below(random, bytes.len() + 1);
            let end = if random.random() { at } else { bytes.len().min(at + part.len()) };
            bytes.splice(at..end, part);
        }
        9 => {
            let mut part = vec![0; 1 + below(random, 64)];
            random.fill_bytes(&mut part);
            let at = below(random, bytes.len() + 1);
            bytes.splice(at..at, part);
        }
        10 => {
            let at = below(random, bytes.len() + 1);
            let byte = [0, b' ', b'\n', b'(', b'[', 0xff][below(random, 6)];
            bytes.splice(at..at, vec![byte; 1 << random.random_range(0..17)]);
        }
        _ => {
            let word = material.words.get(below(random, material.words.len()));
            let word = word.copied().unwrap_or_default().as_bytes().to_vec();
            let at = below(random, bytes.len() + 1);
            let end = if random.random() { at } else { bytes.len().min(at + word.len()) };
            bytes.splice(at..end, word);
        }
    }
}

/// Writes an extreme number, or one next to what stands there, over 1, 2, 4 or 8 bytes.
fn number(random: &mut ChaCha8Rng, bytes: &mut [u8]) {
    let width = 1 << random.random_range(0..4);
    if bytes.len() < width {
        return;
    }
    // Lengths stand at the front and, of an archive, at the end.
    let place = bytes.len() - width + 1;
    let at = match random.random_range(0..4) {
        0 => below(random, place.min(64)),
        1 => place - 1 - below(random, place.min(256)),
        _ => below(random, place),
    };
    let field = &mut bytes[at..at + width];
    let is_big = random.random();
    let mut eight = [0; 8];
    if is_big {
        eight[8 - width..].copy_from_slice(field);
    } else {
        eight[..width].copy_from_slice(field);
    }
    let old = if is_big { u64::from_be_bytes(eight) } else { u64::from_le_bytes(eight) };
    let new = match random.random_range(0..4) {
        0 => old.wrapping_add(1 + below(random, 16) as u64),
        1 => old.wrapping_sub(1 + below(random, 16) as u64),
        2 => old.wrapping_mul(2 + below(random, 1000) as u64),
        _ => EXTREMES[below(random, EXTREMES.len())],
    };
    if is_big {
        field.copy_from_slice(&new.to_be_bytes()[8 - width..]);
    } else {
        field.copy_from_slice(&new.to_le_bytes()[..width]);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn whatever_is_changed_changes_remain_possible() {
        let seeds = [b"a = [1, 2]\n".to_vec(), Vec::new()];
        for is_text in [true, false] {
            let material = Material { seeds: &seeds, words: &["word"], is_text };
            let mut kinds = std::collections::HashSet::new();
            for seed in 0..300 {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                let mut bytes = seeds[seed as usize % 2].clone();
                for _ in 0..4 {
                    edit(&mut random, &mut bytes, &material);
                    damage(&mut random, &mut bytes);
                    assert!(bytes.len() <= LARGEST);
                }
                kinds.insert(bytes);
            }
            assert!(kinds.len() > 100, "{}", kinds.len());
        }
    }

    #[test]
    fn a_length_anywhere_becomes_the_greatest_and_one_more() {
        let mut found = std::collections::HashSet::new();
        for seed in 0..100_000 {
            let mut bytes = [7u8, 0, 0, 0, 5, 5];
            number(&mut ChaCha8Rng::seed_from_u64(seed), &mut bytes);
            found.insert(bytes);
        }
        for wanted in [[0xff, 0xff, 0xff, 0xff, 5, 5], [8, 0, 0, 0, 5, 5], [7, 0, 0, 0, 5, 0x80]] {
            assert!(found.contains(&wanted), "{wanted:?}");
        }
    }
}
