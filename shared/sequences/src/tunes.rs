//! Tunes in two voices, drawn here: sequences that need no download.

use shared::noise::{Noise, Stream, uniform};

const POOL: usize = 240;
const TEST: usize = 60;
/// Degrees of the major scale, in semitones.
const SCALE: [u8; 7] = [0, 2, 4, 5, 7, 9, 11];
const MIDDLE_C: u8 = 60;

/// 240 tunes for training and validation, 60 for testing, always the same: 8 to 24 steps of a melody
/// that walks the scale of one of twelve keys, with a bass a third, a fifth or an octave and a third
/// below it.
pub(crate) fn tunes() -> [Vec<Vec<Vec<u8>>>; 2] {
    let noise = Noise::new(0);
    let draw = |range: std::ops::Range<u64>| range.map(|index| tune(noise, index)).collect();
    [draw(0..POOL as u64), draw(POOL as u64..(POOL + TEST) as u64)]
}

fn tune(noise: Noise, index: u64) -> Vec<Vec<u8>> {
    let mut generator = noise.generator(Stream::Generate, 1, index);
    let mut below = |count: u8| (uniform(&mut generator) * f32::from(count)) as u8;
    let (key, steps) = (below(12), 8 + below(17));
    let mut degree = 7 + below(7);
    (0..steps)
        .map(|_| {
            // Down a step, up a step, or held.
            degree = (degree + below(3)).saturating_sub(1).clamp(7, 20);
            let below_it = [2, 4, 9][usize::from(below(3))];
            let note = |degree: u8| {
                let octave = degree / 7;
                MIDDLE_C - 24 + key + 12 * octave + SCALE[usize::from(degree % 7)]
            };
            let mut chord = vec![note(degree.saturating_sub(below_it)), note(degree)];
            chord.dedup();
            chord
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunes_are_of_many_lengths_and_on_the_keyboard() {
        let [pool, test] = tunes();
        assert_eq!((pool.len(), test.len()), (POOL, TEST));
        let lengths: std::collections::BTreeSet<usize> = pool.iter().map(Vec::len).collect();
        assert!(lengths.first() == Some(&8) && lengths.last() == Some(&24), "{lengths:?}");
        assert!(pool.iter().chain(&test).flatten().flatten().all(|note| (21..=108).contains(note)));
    }
}
