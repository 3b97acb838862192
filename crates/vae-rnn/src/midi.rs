//! Chords as a standard MIDI file, <https://midi.org/standard-midi-files-specification>.

use std::collections::BTreeSet;

use midly::{
    Format, Header, MetaMessage, MidiMessage, Smf, Timing, Track, TrackEvent, TrackEventKind,
    num::{u4, u7, u15, u24, u28},
};

const TICKS_PER_STEP: u16 = 96;
const CHANNEL: u4 = u4::new(0);
/// The first program of General MIDI.
const GRAND_PIANO: u7 = u7::new(0);
const VELOCITY: u7 = u7::new(80);

/// A MIDI file that plays `steps`, the MIDI note numbers of each, on a piano.
///
/// A step is a quarter note, and a note that continues in the next step is held. `steps_per_minute`
/// is brought into the range that MIDI can say, 3.6 to 60 million; numbers above 127 are not
/// played.
pub fn midi_file(steps: &[Vec<u8>], steps_per_minute: f64) -> Vec<u8> {
    let microseconds = (60e6 / steps_per_minute).round() as u32;
    let tempo = u24::new(microseconds.clamp(1, u24::max_value().as_int()));
    let mut track = Track::new();
    track.push(event(0, TrackEventKind::Meta(MetaMessage::Tempo(tempo))));
    track.push(event(0, message(MidiMessage::ProgramChange { program: GRAND_PIANO })));
    let mut sounding = BTreeSet::new();
    // Steps since the last event.
    let mut waited = 0;
    for step in steps {
        let notes: BTreeSet<u7> = step.iter().filter_map(|&note| u7::try_from(note)).collect();
        change(&mut track, &mut waited, &sounding, &notes);
        sounding = notes;
        waited += 1;
    }
    change(&mut track, &mut waited, &sounding, &BTreeSet::new());
    track.push(event(waited, TrackEventKind::Meta(MetaMessage::EndOfTrack)));

    let timing = Timing::Metrical(u15::new(TICKS_PER_STEP));
    let smf = Smf { header: Header::new(Format::SingleTrack, timing), tracks: vec![track] };
    let mut file = Vec::new();
    // Writing into a vector fails only where a track has 4 GiB or more, a billion notes.
    let _ = smf.write(&mut file);
    file
}

/// Ends the notes that are not among the next and begins those that are new.
fn change(track: &mut Track<'_>, waited: &mut u32, sounding: &BTreeSet<u7>, next: &BTreeSet<u7>) {
    let off = |&key| message(MidiMessage::NoteOff { key, vel: u7::new(0) });
    let on = |&key| message(MidiMessage::NoteOn { key, vel: VELOCITY });
    let ended = sounding.difference(next).map(off);
    for kind in ended.chain(next.difference(sounding).map(on)) {
        track.push(event(std::mem::take(waited), kind));
    }
}

fn message(message: MidiMessage) -> TrackEventKind<'static> {
    TrackEventKind::Midi { channel: CHANNEL, message }
}

/// An event this many steps after the previous one; MIDI cannot wait for more than 2.8 million.
fn event(waited: u32, kind: TrackEventKind<'_>) -> TrackEvent<'_> {
    let ticks = waited.saturating_mul(TICKS_PER_STEP.into()).min(u28::max_value().as_int());
    TrackEvent { delta: u28::new(ticks), kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes of each step, the number of notes struck, and microseconds a step.
    fn played(file: &[u8]) -> (Vec<Vec<u8>>, usize, u32) {
        let smf = Smf::parse(file).unwrap();
        assert_eq!(smf.header.timing, Timing::Metrical(u15::new(TICKS_PER_STEP)));
        let mut steps = Vec::new();
        let mut sounding = BTreeSet::new();
        let (mut struck, mut tempo) = (0, 0);
        for event in &smf.tracks[0] {
            let ticks = event.delta.as_int();
            assert!(ticks.is_multiple_of(TICKS_PER_STEP.into()));
            for _ in 0..ticks / u32::from(TICKS_PER_STEP) {
                steps.push(sounding.iter().copied().collect());
            }
            match event.kind {
                TrackEventKind::Midi { message: MidiMessage::NoteOn { key, vel }, .. } => {
                    assert_eq!(vel, 80);
                    assert!(sounding.insert(key.as_int()));
                    struck += 1;
                }
                TrackEventKind::Midi { message: MidiMessage::NoteOff { key, .. }, .. } => {
                    assert!(sounding.remove(&key.as_int()));
                }
                TrackEventKind::Meta(MetaMessage::Tempo(value)) => tempo = value.as_int(),
                _ => {}
            }
        }
        assert!(sounding.is_empty());
        (steps, struck, tempo)
    }

    #[test]
    fn what_is_written_is_played() {
        let steps = [&[][..], &[60, 64], &[60, 65], &[60, 65], &[], &[0, 127], &[]];
        let steps = steps.map(<[u8]>::to_vec);
        assert_eq!(played(&midi_file(&steps, 120.0)), (steps.to_vec(), 5, 500_000));
        assert_eq!(played(&midi_file(&[], 60.0)), (vec![], 0, 1_000_000));
    }

    #[test]
    fn order_and_repetition_in_a_step_do_not_matter_and_foreign_notes_are_left_out() {
        let played = played(&midi_file(&[vec![64, 60, 64, 200]], 120.0));
        assert_eq!((played.0, played.1), (vec![vec![60, 64]], 2));
    }

    #[test]
    fn any_tempo_gives_a_file() {
        for (tempo, microseconds) in
            [(0.0, 0xff_ffff), (f64::INFINITY, 1), (f64::NAN, 1), (-5.0, 1), (1e9, 1)]
        {
            assert_eq!(played(&midi_file(&[vec![60]], tempo)).2, microseconds, "{tempo}");
        }
    }
}
