//! MIDI files as chords: which keys of a piano sound at each step.

use std::{collections::BTreeMap, ops::Range};

use midly::{Format, MetaMessage, MidiMessage, Smf, Timing, Track, TrackEvent, TrackEventKind};

use super::PIANO;

/// The channel of percussion, whose numbers are no pitches.
const DRUMS: u8 = 9;
/// Steps a piece may have; more than a day of quarters at 120 a minute.
const MOST_STEPS: u64 = 1 << 18;
/// Steps that all notes of a piece may sound together.
const MOST_SOUNDING: u64 = 1 << 26;

/// Chords of a piece, a step every `beats` quarter notes, the first of which begins with the first note. Beginning and
/// end of a note are moved to the nearest step; if that is the same, it has the one step in which its middle lies.
/// Silence before the first note and after the last is left out, and so are notes that no key of a piano has: their
/// number is the second part.
///
/// # Errors
/// No MIDI file, one that is cut off, tracks that are not played together, times in frames of a film or in no part of a
/// beat, no note, a piece too long.
pub fn parse(bytes: &[u8], beats: f64) -> Result<(Vec<Vec<u8>>, usize), String> {
    let smf = Smf::parse(bytes).map_err(|error| format!("no MIDI file ({error})"))?;
    check_whole(bytes, &smf)?;
    if smf.header.format == Format::Sequential {
        let reason = "its tracks are patterns of their own (format 2): export it as format 0 or 1";
        return Err(reason.into());
    }
    let Timing::Metrical(ticks) = smf.header.timing else {
        return Err("its times are frames of a film, not beats: export it with beats".into());
    };
    if ticks.as_int() == 0 {
        return Err("a quarter note has no ticks in its header: export it again".into());
    }
    let step = f64::from(ticks.as_int()) * beats;
    let mut notes: Vec<(u64, u64, u8)> = Vec::new();
    for track in &smf.tracks {
        let mut time = 0u64;
        // A key may be struck again before it is released, on each channel.
        let mut sounding: BTreeMap<(u8, u8), u64> = BTreeMap::new();
        for event in track {
            time += u64::from(event.delta.as_int());
            match event.kind {
                TrackEventKind::Midi { channel, message } if channel.as_int() != DRUMS => {
                    let (key, is_struck) = match message {
                        MidiMessage::NoteOn { key, vel } => (key, vel.as_int() > 0),
                        MidiMessage::NoteOff { key, .. } => (key, false),
                        _ => continue,
                    };
                    let place = (channel.as_int(), key.as_int());
                    if let Some(began) = sounding.remove(&place) {
                        notes.push((began, time, key.as_int()));
                    }
                    if is_struck {
                        sounding.insert(place, time);
                    }
                }
                TrackEventKind::Meta(MetaMessage::EndOfTrack) => break,
                _ => {}
            }
        }
        notes.extend(sounding.into_iter().map(|((_, key), began)| (began, time, key)));
    }
    let (range, all) = (PIANO.0..PIANO.0 + PIANO.1 as u8, notes.len());
    notes.retain(|(_, _, key)| range.contains(key));
    let left_out = all - notes.len();
    let first = notes.iter().map(|note| note.0).min().ok_or("no note of a piano in it")?;
    let spans: Vec<(Range<u64>, u8)> = notes
        .into_iter()
        .map(|(began, ended, key)| {
            let began = (began - first) as f64;
            // A note that ends where it begins sounds for a tick, or for a step if that is shorter.
            let ended = ((ended - first) as f64).max(began + step.min(1.0));
            (span(began / step, ended / step), key)
        })
        .collect();
    let steps = spans.iter().map(|(steps, _)| steps.end).max().unwrap_or(1);
    if steps > MOST_STEPS {
        return Err(format!("{steps} steps: at most {MOST_STEPS}"));
    }
    // A bit for each key, so that a key that two voices play counts once.
    let mut sounding = vec![0u128; steps as usize];
    let mut total = 0;
    for (steps, key) in spans {
        total += steps.end - steps.start;
        if total > MOST_SOUNDING {
            return Err(format!("its notes sound for more than {MOST_SOUNDING} steps"));
        }
        for keys in &mut sounding[steps.start as usize..steps.end as usize] {
            *keys |= 1 << (key - PIANO.0);
        }
    }
    let struck = |keys: u128| range.clone().filter(move |key| keys >> (key - PIANO.0) & 1 == 1);
    Ok((sounding.into_iter().map(|keys| struck(keys).collect()).collect(), left_out))
}

/// The steps of a note from its beginning and end in steps.
fn span(began: f64, ended: f64) -> Range<u64> {
    // Played notes begin a little early or late: each end goes to the nearest step.
    let (from, to) = (began.round() as u64, ended.round() as u64);
    if from < to {
        return from..to;
    }
    // A short note off the beat would go to the next one, where it does not sound; one on the beat that is played a
    // little early stays there.
    let only = f64::midpoint(began, ended).floor() as u64;
    only..only + 1
}

/// Refuses a file that is cut off or damaged, which midly reads as far as it goes.
fn check_whole(bytes: &[u8], smf: &Smf<'_>) -> Result<(), String> {
    const EXPORT: &str = "export or download it again";
    // It may lie in a RIFF file.
    let start = bytes.windows(4).position(|word| word == b"MThd").unwrap_or(0);
    let mut rest = &bytes[start..];
    let promised = rest.get(10..12).map_or(0, |count| u16::from_be_bytes([count[0], count[1]]));
    let mut found = 0;
    while found < promised {
        let Some((head, content)) = rest.split_first_chunk::<8>() else {
            return Err(format!("it ends after track {found} of {promised}: {EXPORT}"));
        };
        let [kind @ .., a, b, c, d] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let is_track = kind == *b"MTrk";
        found += u16::from(is_track);
        let Some(next) = content.get(length..) else {
            let what = if is_track { format!("track {found} of {promised}") } else { "it".into() };
            return Err(format!(
                "{what} is cut off after {} of {length} bytes: {EXPORT}",
                content.len()
            ));
        };
        rest = next;
    }
    let is_end = |event: &TrackEvent<'_>| {
        matches!(event.kind, TrackEventKind::Meta(MetaMessage::EndOfTrack))
    };
    let has_end = |track: &Track<'_>| track.last().is_some_and(is_end);
    match smf.tracks.iter().position(|track| !has_end(track)) {
        Some(place) => Err(format!("track {} of {promised} has no end: {EXPORT}", place + 1)),
        None if smf.tracks.len() < usize::from(promised) => {
            Err(format!("{} of its {promised} tracks can be read: {EXPORT}", smf.tracks.len()))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use midly::{
        Format, Header,
        num::{u4, u7, u15, u28},
    };

    use super::*;

    /// A file whose notes are (first tick, last tick, channel, key), 480 ticks a quarter.
    pub(crate) fn file(notes: &[(u32, u32, u8, u8)]) -> Vec<u8> {
        let mut events: Vec<(u32, bool, u8, u8)> = notes
            .iter()
            .flat_map(|&(on, off, channel, key)| {
                [(on, true, channel, key), (off, false, channel, key)]
            })
            .collect();
        events.sort_unstable();
        let mut time = 0;
        let mut track = Track::new();
        for (at, is_on, channel, key) in events {
            let (key, vel) = (u7::new(key), u7::new(if is_on { 80 } else { 0 }));
            track.push(TrackEvent {
                delta: u28::new(at - time),
                kind: TrackEventKind::Midi {
                    channel: u4::new(channel),
                    message: MidiMessage::NoteOn { key, vel },
                },
            });
            time = at;
        }
        let end = TrackEventKind::Meta(MetaMessage::EndOfTrack);
        track.push(TrackEvent { delta: u28::new(0), kind: end });
        let timing = Timing::Metrical(u15::new(480));
        let mut smf = Smf::new(Header::new(Format::SingleTrack, timing));
        smf.tracks.push(track);
        let mut bytes = Vec::new();
        smf.write_std(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_quarter_note_without_ticks_is_refused() {
        let mut bytes = file(&[(480, 950, 0, 60)]);
        bytes[12..14].fill(0);
        assert!(parse(&bytes, 1.0).unwrap_err().contains("no ticks"));
    }

    #[test]
    fn keys_sound_from_their_step_to_the_next_and_drums_do_not() {
        let bytes =
            file(&[(480, 950, 0, 60), (485, 1440, 1, 64), (960, 1440, 0, 62), (480, 960, 9, 40)]);
        assert_eq!(parse(&bytes, 1.0).unwrap().0, [vec![60, 64], vec![62, 64]]);
        let eighths = parse(&bytes, 0.5).unwrap().0;
        assert_eq!(eighths.len(), 4);
        assert_eq!((&eighths[0], &eighths[3]), (&vec![60, 64], &vec![62, 64]));
    }

    #[test]
    fn notes_that_no_piano_has_are_left_out_and_counted_and_drums_are_not() {
        let bytes = file(&[(0, 480, 0, 60), (0, 960, 1, 16), (0, 480, 9, 16)]);
        assert_eq!(parse(&bytes, 1.0), Ok((vec![vec![60]], 1)));
        let bytes = file(&[(0, 480, 0, 21), (0, 480, 0, 108)]);
        assert_eq!(parse(&bytes, 1.0), Ok((vec![vec![21, 108]], 0)));
    }

    #[test]
    fn short_notes_stay_in_the_beat_in_which_they_sound() {
        // Eighths C5 and D5, then E5, over quarters C3 and G3.
        let notes: [(u32, u32, u8, u8); 5] = [
            (0, 240, 0, 72),
            (240, 480, 0, 74),
            (480, 960, 0, 76),
            (0, 480, 1, 48),
            (480, 960, 1, 55),
        ];
        let chords = parse(&file(&notes), 1.0).unwrap().0;
        assert_eq!(chords, [vec![48, 72, 74], vec![55, 76]]);
        let chords = parse(&file(&notes), 0.5).unwrap().0;
        assert_eq!(chords, [vec![48, 72], vec![48, 74], vec![55, 76], vec![55, 76]]);
        // Struck short on the second beat: a little early, in time and a little late.
        for on in [470, 480, 490] {
            let chords = parse(&file(&[(0, 460, 0, 60), (on, 600, 0, 62)]), 1.0).unwrap().0;
            assert_eq!(chords, [vec![60], vec![62]], "{on}");
        }
        // The last one too has the beat in which it sounds.
        let chords = parse(&file(&[(0, 960, 0, 60), (970, 1100, 0, 62)]), 1.0).unwrap().0;
        assert_eq!(chords, [vec![60], vec![60], vec![62]]);
    }

    #[test]
    fn tracks_that_are_not_played_together_are_refused() {
        let mut bytes = file(&[(0, 480, 0, 60)]);
        bytes[9] = 2;
        let told = parse(&bytes, 1.0).unwrap_err();
        assert!(told.contains("(format 2): export it as format 0 or 1"), "{told}");
    }

    #[test]
    fn a_step_may_be_shorter_than_a_tick() {
        // 24 and 480 ticks a quarter.
        let coarse = |notes: &[(u32, u32, u8, u8)]| {
            let mut bytes = file(notes);
            bytes[12..14].copy_from_slice(&24u16.to_be_bytes());
            parse(&bytes, 0.01).unwrap().0
        };
        let notes: [(u32, u32, u8, u8); 3] = [(0, 24, 0, 60), (24, 47, 0, 64), (47, 48, 0, 62)];
        let fine = notes.map(|(on, off, channel, key)| (20 * on, 20 * off, channel, key));
        let chords = coarse(&notes);
        assert_eq!(chords.len(), 200);
        assert_eq!(chords, parse(&file(&fine), 0.01).unwrap().0);
        // A note without length has one step.
        let chords = coarse(&[(0, 24, 0, 60), (24, 24, 0, 62)]);
        assert_eq!((chords.len(), chords.last()), (101, Some(&vec![62])));
    }

    #[test]
    fn what_is_no_music_is_refused() {
        for (bytes, part) in [
            (b"MThd".to_vec(), "no MIDI file"),
            (b"not at all".to_vec(), "no MIDI file"),
            (file(&[]), "no note"),
            (file(&[(0, 480, 9, 40)]), "no note"),
            (file(&[(0, 480, 0, 3)]), "no note"),
            (file(&[(0, 200_000_000, 0, 60)]), "at most"),
        ] {
            let told = parse(&bytes, 0.1).unwrap_err();
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused() {
        let whole = file(&[(0, 480, 0, 60), (480, 960, 0, 62), (960, 1440, 0, 64)]);
        assert!(parse(&whole, 1.0).is_ok());
        for length in 0..whole.len() {
            let told = parse(&whole[..length], 1.0).unwrap_err();
            assert!(length < 14 || told.contains("track"), "{length}: {told}");
        }
        let told = parse(&whole[..whole.len() - 5], 1.0).unwrap_err();
        assert!(told.contains("track 1 of 1 is cut off after"), "{told}");
        // The same track, a second one promised.
        let mut two = whole.clone();
        (two[9], two[11]) = (1, 2);
        assert!(parse(&two, 1.0).unwrap_err().contains("ends after track 1 of 2"));
        // The end of the track is some other event.
        let mut endless = whole;
        let last = endless.len() - 2;
        endless[last] = 0x01;
        assert!(parse(&endless, 1.0).unwrap_err().contains("has no end"));
    }
}
