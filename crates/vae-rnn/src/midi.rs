//! Chords as a standard MIDI file, <https://midi.org/standard-midi-files-specification>.

use std::collections::BTreeSet;

use midly::{
    Format, Header, MetaMessage, MidiMessage, Smf, Timing, Track, TrackEvent, TrackEventKind,
    num::{u4, u7, u15, u24, u28},
};

/// Ticks of a quarter note; of short steps it has a multiple of them.
const TICKS: u16 = 96;
/// Ticks of a step, at least: to begin at the nearest one moves no step onto another.
const FEWEST: f64 = 24.0;
const CHANNEL: u4 = u4::new(0);
/// The first program of General MIDI.
const GRAND_PIANO: u7 = u7::new(0);
const VELOCITY: u7 = u7::new(80);

/// A MIDI file that plays `steps`, the MIDI note numbers of each, on a piano.
///
/// A step is `beats` quarter notes, 0.01 to 64, and begins at the nearest tick; a note that
/// continues in the next step is held. `quarters_per_minute` is brought into the range that MIDI
/// can say, 3.6 to 60 million; numbers above 127 are not played.
pub fn midi_file(steps: &[Vec<u8>], beats: f64, quarters_per_minute: f64) -> Vec<u8> {
    let microseconds = (60e6 / quarters_per_minute).round() as u32;
    let tempo = u24::new(microseconds.clamp(1, u24::max_value().as_int()));
    let mut track = Track::new();
    track.push(event(0, TrackEventKind::Meta(MetaMessage::Tempo(tempo))));
    track.push(event(0, message(MidiMessage::ProgramChange { program: GRAND_PIANO })));
    let ticks = ticks_per_quarter(beats);
    // Where a step begins, not how long it is: what is rounded does not add up.
    let begin = |step: usize| (step as f64 * beats * f64::from(ticks)).round() as u64;
    let mut sounding = BTreeSet::new();
    // Ticks since the last event.
    let mut waited = 0;
    for (place, step) in steps.iter().enumerate() {
        let notes: BTreeSet<u7> = step.iter().filter_map(|&note| u7::try_from(note)).collect();
        change(&mut track, &mut waited, &sounding, &notes);
        sounding = notes;
        waited += begin(place + 1).saturating_sub(begin(place));
    }
    change(&mut track, &mut waited, &sounding, &BTreeSet::new());
    track.push(event(waited, TrackEventKind::Meta(MetaMessage::EndOfTrack)));

    let timing = Timing::Metrical(u15::new(ticks));
    let smf = Smf { header: Header::new(Format::SingleTrack, timing), tracks: vec![track] };
    let mut file = Vec::new();
    // Writing into a vector fails only where a track has 4 GiB or more, a billion notes.
    let _ = smf.write(&mut file);
    file
}

/// Ticks of a quarter note where a step is `beats` of them: 96, as often as a step needs to have
/// [`FEWEST`].
fn ticks_per_quarter(beats: f64) -> u16 {
    let most = f64::from(u15::max_value().as_int() / TICKS);
    let times = (FEWEST / (f64::from(TICKS) * beats)).ceil().clamp(1.0, most);
    TICKS * times as u16
}

/// Ends the notes that are not among the next and begins those that are new.
fn change(track: &mut Track<'_>, waited: &mut u64, sounding: &BTreeSet<u7>, next: &BTreeSet<u7>) {
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

/// An event this many ticks after the previous one; MIDI cannot wait for more than 268 million.
fn event(waited: u64, kind: TrackEventKind<'_>) -> TrackEvent<'_> {
    let ticks = waited.min(u28::max_value().as_int().into());
    TrackEvent { delta: u28::new(ticks as u32), kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes of each quarter note, the number of notes struck, and microseconds a quarter note.
    fn played(file: &[u8]) -> (Vec<Vec<u8>>, usize, u32) {
        let smf = Smf::parse(file).unwrap();
        assert_eq!(smf.header.timing, Timing::Metrical(u15::new(TICKS)));
        let mut steps = Vec::new();
        let mut sounding = BTreeSet::new();
        let (mut struck, mut tempo) = (0, 0);
        for event in &smf.tracks[0] {
            let ticks = event.delta.as_int();
            assert!(ticks.is_multiple_of(TICKS.into()));
            for _ in 0..ticks / u32::from(TICKS) {
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
        assert_eq!(played(&midi_file(&steps, 1.0, 120.0)), (steps.to_vec(), 5, 500_000));
        assert_eq!(played(&midi_file(&[], 1.0, 60.0)), (vec![], 0, 1_000_000));
    }

    #[test]
    fn order_and_repetition_in_a_step_do_not_matter_and_foreign_notes_are_left_out() {
        let played = played(&midi_file(&[vec![64, 60, 64, 200]], 1.0, 120.0));
        assert_eq!((played.0, played.1), (vec![vec![60, 64]], 2));
    }

    #[test]
    fn what_is_written_is_read_back_with_the_same_beats() {
        let steps = [&[60, 64][..], &[60, 65], &[60, 65], &[], &[21, 108], &[62]];
        let steps: Vec<Vec<u8>> =
            steps.iter().cycle().take(6 * 50).map(|step| step.to_vec()).collect();
        for beats in [1.0, 0.5, 0.25, 0.1, 1.0 / 3.0, 0.37, 0.01, 1.5, 64.0] {
            let read = sequences::readers::midi(&midi_file(&steps, beats, 90.0), beats);
            assert_eq!(read, Ok((steps.clone(), 0)), "{beats}");
        }
        // Four sixteenths are a quarter.
        let sixteenths: Vec<Vec<u8>> = std::iter::repeat_n(vec![60], 8).collect();
        let read = sequences::readers::midi(&midi_file(&sixteenths, 0.25, 90.0), 1.0);
        assert_eq!(read, Ok((sixteenths[..2].to_vec(), 0)));
    }

    #[test]
    fn any_tempo_gives_a_file() {
        for (tempo, microseconds) in
            [(0.0, 0xff_ffff), (f64::INFINITY, 1), (f64::NAN, 1), (-5.0, 1), (1e9, 1)]
        {
            assert_eq!(played(&midi_file(&[vec![60]], 1.0, tempo)).2, microseconds, "{tempo}");
        }
    }
}
