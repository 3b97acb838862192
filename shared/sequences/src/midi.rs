//! MIDI files as chords: which keys of a piano sound at each step.

use std::collections::BTreeMap;

use midly::{MetaMessage, MidiMessage, Smf, Timing, Track, TrackEvent, TrackEventKind};

use super::PIANO;

/// The channel of percussion, whose numbers are no pitches.
const DRUMS: u8 = 9;
/// Steps a piece may have; more than a day of quarters at 120 a minute.
const MOST_STEPS: u64 = 1 << 18;
/// Steps that all notes of a piece may sound together.
const MOST_SOUNDING: u64 = 1 << 26;

/// Chords of a piece, a step every `beats` quarter notes: beginning and end of a note are moved to the nearest
/// step. Silence before the first note and after the last is left out.
///
/// # Errors
/// No MIDI file, one that is cut off, times in frames of a film or in no part of a beat, no note, a piece too long.
pub fn parse(bytes: &[u8], beats: f64) -> Result<Vec<Vec<u8>>, String> {
    let smf = Smf::parse(bytes).map_err(|error| format!("no MIDI file ({error})"))?;
    check_whole(bytes, &smf)?;
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
    let range = PIANO.0..PIANO.0 + PIANO.1 as u8;
    notes.retain(|(_, _, key)| range.contains(key));
    let first = notes.iter().map(|note| note.0).min().ok_or("no note of a piano in it")?;
    // A note that ends where it begins sounds for a tick, or for a step if that is shorter.
    let ends = notes.iter().map(|note| (note.1 as f64).max(note.0 as f64 + step.min(1.0)));
    let last = ends.fold(0.0, f64::max);
    // Played notes begin a little early or late: each end goes to the nearest step.
    let place = |time: f64| ((time - first as f64) / step).round() as u64;
    let steps = place(last).max(1);
    if steps > MOST_STEPS {
        return Err(format!("{steps} steps: at most {MOST_STEPS}"));
    }
    // A bit for each key, so that a key that two voices play counts once.
    let mut sounding = vec![0u128; steps as usize];
    let mut total = 0;
    for (began, ended, key) in notes {
        let from = place(began as f64).min(steps - 1);
        let to = place(ended as f64).clamp(from + 1, steps);
        total += to - from;
        if total > MOST_SOUNDING {
            return Err(format!("its notes sound for more than {MOST_SOUNDING} steps"));
        }
        for keys in &mut sounding[from as usize..to as usize] {
            *keys |= 1 << (key - PIANO.0);
        }
    }
    let struck = |keys: u128| range.clone().filter(move |key| keys >> (key - PIANO.0) & 1 == 1);
    Ok(sounding.into_iter().map(|keys| struck(keys).collect()).collect())
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
        assert_eq!(parse(&bytes, 1.0).unwrap(), [vec![60, 64], vec![62, 64]]);
        let eighths = parse(&bytes, 0.5).unwrap();
        assert_eq!(eighths.len(), 4);
        assert_eq!((&eighths[0], &eighths[3]), (&vec![60, 64], &vec![62, 64]));
    }

    #[test]
    fn a_step_may_be_shorter_than_a_tick() {
        // 24 and 480 ticks a quarter.
        let coarse = |notes: &[(u32, u32, u8, u8)]| {
            let mut bytes = file(notes);
            bytes[12..14].copy_from_slice(&24u16.to_be_bytes());
            parse(&bytes, 0.01).unwrap()
        };
        let notes: [(u32, u32, u8, u8); 3] = [(0, 24, 0, 60), (24, 47, 0, 64), (47, 48, 0, 62)];
        let fine = notes.map(|(on, off, channel, key)| (20 * on, 20 * off, channel, key));
        let chords = coarse(&notes);
        assert_eq!(chords.len(), 200);
        assert_eq!(chords, parse(&file(&fine), 0.01).unwrap());
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
