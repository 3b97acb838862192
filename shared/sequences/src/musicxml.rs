//! Scores in MusicXML, <https://www.w3.org/2021/06/musicxml40/>, as the chords on their beats.

use roxmltree::Node;

use super::mxl;

/// Beats of a piece; an opera's act has fewer. A made-up duration could ask for any number.
const MOST_BEATS: i64 = 50_000;
/// Divisions of a quarter note in which all durations of a score are whole.
const FINEST: i64 = 1 << 32;

/// For each quarter-note beat of a score (.mxl, or .musicxml as it is) the notes that sound at that
/// moment, as sorted MIDI numbers, 0 to 127, at sounding pitch; a rest in all parts is an empty
/// chord.
///
/// The first beat is the score's beginning, also where that is a pick-up; beats are quarter notes
/// whatever the time signature, and a note that is over by the beat does not appear. The last beat
/// is that of the last note or rest. Repeats are not played, grace notes and cue notes are left
/// out, and a transposition holds for all staves of a part.
///
/// # Errors
/// What cannot be read, with its part and measure; without the file's name.
pub fn chords_by_quarter(mxl: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    Ok(Score::read(mxl)?.chords())
}

/// Parts of a score (.mxl, or .musicxml as it is) that have a note at all, a chorale's four voices
/// for example.
///
/// # Errors
/// As for [`chords_by_quarter`].
pub fn parts(mxl: &[u8]) -> Result<usize, String> {
    let sounds = |part: &&Vec<Measure>| part.iter().any(|measure| !measure.notes.is_empty());
    Ok(Score::read(mxl)?.parts.iter().filter(sounds).count())
}

/// Times in it are whole numbers of ticks, so that triplets fall where they should.
struct Score {
    ticks_per_quarter: i64,
    /// Measures of each part.
    parts: Vec<Vec<Measure>>,
}

#[derive(Default)]
struct Measure {
    ticks: i64,
    /// Where its last note or rest ends.
    written: i64,
    notes: Vec<Note>,
}

/// A sounding note; times from the beginning of its measure.
struct Note {
    start: i64,
    end: i64,
    key: u8,
}

impl Score {
    fn read(mxl: &[u8]) -> Result<Self, String> {
        let text = mxl::text(mxl)?;
        let document = mxl::document(&text)?;
        let root = document.root_element();
        match root.tag_name().name() {
            "score-partwise" => {}
            "score-timewise" => {
                return Err("its measures hold parts (score-timewise); export it with parts that \
                            hold measures (score-partwise)"
                    .into());
            }
            name => return Err(format!("its root is {name}; expected score-partwise")),
        }
        let ticks_per_quarter = common_divisions(root)?;
        let parts = elements(root, "part").map(|part| {
            let mut state = State { ticks_per_quarter, ..State::default() };
            let measure = |measure: Node<'_, '_>| {
                state.measure(measure).map_err(|reason| {
                    let name = |node: Node<'_, '_>, attribute| {
                        node.attribute(attribute).unwrap_or("without a name").to_owned()
                    };
                    format!(
                        "part {}, measure {}: {reason}",
                        name(part, "id"),
                        name(measure, "number")
                    )
                })
            };
            elements(part, "measure").map(measure).collect::<Result<Vec<_>, _>>()
        });
        let score = Self { ticks_per_quarter, parts: parts.collect::<Result<_, _>>()? };
        let ticks = score.starts().last().copied().unwrap_or(0);
        if ticks > MOST_BEATS * ticks_per_quarter {
            return Err(format!("it has more than {MOST_BEATS} beats"));
        }
        Ok(score)
    }

    /// When each measure begins, and the end. A measure lasts as long as in the part where it is
    /// longest: one without rests to its end is no shorter than the others.
    fn starts(&self) -> Vec<i64> {
        let count = self.parts.iter().map(Vec::len).max().unwrap_or(0);
        let mut starts = vec![0];
        let mut end = 0i64;
        for index in 0..count {
            let measures = self.parts.iter().filter_map(|part| part.get(index));
            end = end.saturating_add(measures.map(|measure| measure.ticks).max().unwrap_or(0));
            starts.push(end);
        }
        starts
    }

    fn chords(&self) -> Vec<Vec<u8>> {
        let starts = self.starts();
        let beat = |ticks: i64| (ticks as u64).div_ceil(self.ticks_per_quarter as u64) as usize;
        let measures = self.parts.iter().flat_map(|part| part.iter().zip(&starts));
        // Programs fill the last measure up with a forward, in which there is nothing any more.
        let end = measures.map(|(measure, start)| start + measure.written).max().unwrap_or(0);
        // A bit for each key.
        let mut chords = vec![0u128; beat(end)];
        for part in &self.parts {
            for (measure, start) in part.iter().zip(&starts) {
                for note in &measure.notes {
                    for chord in &mut chords[beat(start + note.start)..beat(start + note.end)] {
                        *chord |= 1 << note.key;
                    }
                }
            }
        }
        let keys = |chord: u128| (0..128).filter(|key| chord >> key & 1 == 1).collect();
        chords.into_iter().map(keys).collect()
    }
}

/// The least common multiple of the divisions of a quarter note that a score uses.
fn common_divisions(root: Node<'_, '_>) -> Result<i64, String> {
    let mut common = 1i64;
    for node in root.descendants().filter(|node| node.has_tag_name("divisions")) {
        let divisions = whole(node)?;
        if divisions < 1 {
            return Err(format!("a quarter note of {divisions} divisions: damaged"));
        }
        let (mut a, mut b) = (common, divisions);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        common = (common / a).saturating_mul(divisions);
        if common > FINEST {
            return Err("its parts divide quarter notes too differently: damaged".into());
        }
    }
    Ok(common)
}

/// Where the reading of a part stands.
#[derive(Default)]
struct State {
    ticks_per_quarter: i64,
    /// Ticks of a unit of duration, 0 before the score says.
    ticks_per_division: i64,
    /// Semitones from written to sounding pitch.
    transposition: i64,
}

impl State {
    fn measure(&mut self, node: Node<'_, '_>) -> Result<Measure, String> {
        let mut measure = Measure::default();
        let (mut now, mut chord) = (0, 0);
        for node in node.children() {
            match node.tag_name().name() {
                "attributes" => self.attributes(node)?,
                "backup" => {
                    now -= self.duration(node)?;
                    if now < 0 {
                        return Err("it goes back to before its beginning: damaged".into());
                    }
                }
                "forward" => now += self.duration(node)?,
                "note" if child(node, "grace").is_none() => {
                    let duration = self.duration(node)?;
                    if child(node, "chord").is_none() {
                        chord = now;
                        now += duration;
                    }
                    let (start, end) = (chord, chord + duration);
                    measure.written = measure.written.max(end);
                    if let Some(pitch) = child(node, "pitch")
                        && child(node, "cue").is_none()
                        && duration > 0
                    {
                        measure.notes.push(Note { start, end, key: self.key(pitch)? });
                    }
                }
                _ => {}
            }
            measure.ticks = measure.ticks.max(now).max(measure.written);
            if measure.ticks > MOST_BEATS * self.ticks_per_quarter {
                return Err(format!("it has more than {MOST_BEATS} beats: damaged"));
            }
        }
        Ok(measure)
    }

    fn attributes(&mut self, node: Node<'_, '_>) -> Result<(), String> {
        if let Some(divisions) = child(node, "divisions") {
            self.ticks_per_division = self.ticks_per_quarter / whole(divisions)?.max(1);
        }
        if let Some(transpose) = child(node, "transpose") {
            let part = |name| child(transpose, name).map_or(Ok(0), whole);
            self.transposition =
                part("chromatic")?.saturating_add(part("octave-change")?.saturating_mul(12));
        }
        Ok(())
    }

    /// Ticks that a note, a backup or a forward lasts: at most what a piece can, so that a few can
    /// be added up.
    fn duration(&self, node: Node<'_, '_>) -> Result<i64, String> {
        let name = node.tag_name().name();
        let duration =
            child(node, "duration").ok_or_else(|| format!("a {name} without a duration"))?;
        if self.ticks_per_division == 0 {
            return Err(format!("a {name} before the divisions of a quarter note"));
        }
        let ticks = whole(duration)?.saturating_mul(self.ticks_per_division);
        if !(0..=MOST_BEATS * self.ticks_per_quarter).contains(&ticks) {
            return Err(format!("a {name} of duration {}: damaged", content(duration)));
        }
        Ok(ticks)
    }

    fn key(&self, pitch: Node<'_, '_>) -> Result<u8, String> {
        let part = |name| child(pitch, name).map(content).unwrap_or_default();
        let step = match part("step") {
            "C" => 0,
            "D" => 2,
            "E" => 4,
            "F" => 5,
            "G" => 7,
            "A" => 9,
            "B" => 11,
            step => return Err(format!("a pitch with step \"{step}\"; expected A to G")),
        };
        let octave = child(pitch, "octave").ok_or("a pitch without an octave")?;
        let alter = child(pitch, "alter").map_or(Ok(0), whole)?;
        // MIDI's note 60 is the C of octave 4.
        let key = whole(octave)?
            .saturating_add(1)
            .saturating_mul(12)
            .saturating_add(step)
            .saturating_add(alter)
            .saturating_add(self.transposition);
        u8::try_from(key)
            .ok()
            .filter(|&key| key < 128)
            .ok_or_else(|| format!("a pitch of MIDI number {key}; 0 to 127 are possible"))
    }
}

fn elements<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |node| node.has_tag_name(name))
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> Option<Node<'a, 'input>> {
    elements(node, name).next()
}

fn content<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default().trim()
}

/// The whole number that is an element's content; some programs write 1.0 for 1.
fn whole(node: Node<'_, '_>) -> Result<i64, String> {
    let text = content(node);
    let digits = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|digit| digit == b'0'));
    digits.map_or(text, |(digits, _)| digits).parse().map_err(|_| {
        format!("{} is \"{text}\"; only whole numbers can be read", node.tag_name().name())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A score of such parts, each the XML of its measures.
    fn score(parts: &[&[&str]]) -> String {
        let part = |measures: &&[&str]| {
            let measures = measures.iter().enumerate();
            let measures: String = measures
                .map(|(n, xml)| format!("<measure number=\"{n}\">{xml}</measure>"))
                .collect();
            format!("<part id=\"P\">{measures}</part>")
        };
        let parts: String = parts.iter().map(part).collect();
        format!(
            "<?xml version=\"1.0\"?>\n<!DOCTYPE score-partwise PUBLIC \"-//Recordare//DTD MusicXML \
             3.1 Partwise//EN\" \"http://www.musicxml.org/dtds/partwise.dtd\">\n\
             <score-partwise><part-list/>{parts}</score-partwise>"
        )
    }

    fn chords(parts: &[&[&str]]) -> Vec<Vec<u8>> {
        chords_by_quarter(score(parts).as_bytes()).unwrap()
    }

    fn divisions(divisions: u32) -> String {
        format!("<attributes><divisions>{divisions}</divisions></attributes>")
    }

    fn note(step: char, octave: u8, duration: u32) -> String {
        format!(
            "<note><pitch><step>{step}</step><octave>{octave}</octave></pitch>\
             <duration>{duration}</duration></note>"
        )
    }

    fn rest(duration: u32) -> String {
        format!("<note><rest/><duration>{duration}</duration></note>")
    }

    fn in_chord(note: &str) -> String {
        note.replace("<note>", "<note><chord/>")
    }

    #[test]
    fn notes_sound_on_the_beats_within_their_duration() {
        let measure = divisions(2)
            + &note('C', 4, 4)
            + &in_chord(&note('E', 4, 2))
            + &note('D', 4, 1)
            + &note('E', 4, 1)
            + &rest(2)
            + &note('F', 4, 1);
        let expected: [&[u8]; 5] = [&[60, 64], &[60], &[62], &[], &[65]];
        assert_eq!(chords(&[&[&measure]]), expected);
    }

    #[test]
    fn voices_go_back_and_parts_have_their_own_divisions() {
        let two_voices = divisions(3)
            + &note('C', 5, 6)
            + "<backup><duration>6</duration></backup>"
            + "<forward><duration>3</duration></forward>"
            + &note('A', 4, 3);
        let triplets = divisions(6) + &note('C', 3, 4).repeat(3);
        let expected: [&[u8]; 2] = [&[48, 72], &[48, 69, 72]];
        assert_eq!(chords(&[&[&two_voices], &[&triplets]]), expected);
    }

    #[test]
    fn measures_begin_together_and_last_as_long_as_they_do() {
        let pickup = divisions(1) + &note('G', 4, 1);
        let upper: &[&str] = &[&pickup, &note('C', 5, 3), &note('D', 5, 1)];
        // The lower part is silent in the pick-up and lacks the rests of its second measure.
        let lower: &[&str] = &[&divisions(1), &note('C', 3, 1), &note('D', 3, 1)];
        let expected: [&[u8]; 5] = [&[67], &[48, 72], &[72], &[72], &[50, 74]];
        assert_eq!(chords(&[upper, lower]), expected);
    }

    #[test]
    fn a_piece_ends_with_its_last_note_or_rest() {
        let forward = "<forward><duration>2</duration></forward>";
        let measure = |notes: &str| divisions(1) + notes + forward;
        let (first, last) = (measure(&note('C', 4, 1)), measure(&(note('D', 4, 1) + &rest(1))));
        let expected: [&[u8]; 5] = [&[60], &[], &[], &[62], &[]];
        assert_eq!(chords(&[&[&first, &last]]), expected);
    }

    #[test]
    fn written_pitch_becomes_sounding_pitch() {
        let sharp = "<alter>1</alter>";
        let altered = note('C', 4, 1).replace("</step>", &format!("</step>{sharp}"));
        let clarinet = "<attributes><transpose><chromatic>-2</chromatic>\
                        <octave-change>-1</octave-change></transpose></attributes>";
        let measure = divisions(1) + &altered + clarinet + &note('C', 4, 1);
        assert_eq!(chords(&[&[&measure]]), [[61], [46]]);
    }

    #[test]
    fn grace_cue_and_unpitched_notes_do_not_sound() {
        let measure = divisions(1)
            + "<note><grace/><pitch><step>A</step><octave>4</octave></pitch></note>"
            + &note('C', 4, 1)
            + &note('D', 4, 1).replace("<note>", "<note><cue/>")
            + "<note><unpitched/><duration>1</duration></note>";
        let expected: [&[u8]; 3] = [&[60], &[], &[]];
        assert_eq!(chords(&[&[&measure]]), expected);
    }

    #[test]
    fn parts_with_notes_are_counted() {
        let (sung, silent) = (divisions(1) + &note('C', 4, 1), divisions(1) + &rest(1));
        let file = score(&[&[&sung], &[&silent], &[&silent, &sung], &[]]);
        assert_eq!(parts(file.as_bytes()), Ok(2));
        assert_eq!(chords(&[]), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let back = "<backup><duration>1</duration></backup>";
        let huge = note('C', 4, 1).replace("<duration>1", "<duration>9223372036854775807");
        let cases: [(Vec<String>, &str); 10] = [
            (vec![note('C', 4, 1)], "part P, measure 0: a note before the divisions"),
            (vec![divisions(1), back.into()], "measure 1: it goes back"),
            (vec![divisions(1) + &note('H', 4, 1)], "step \"H\""),
            (vec![divisions(1) + &note('G', 20, 1)], "MIDI number 259"),
            (vec![divisions(1) + "<note><rest/></note>"], "a note without a duration"),
            (vec![divisions(1) + &rest(1).replace(">1<", ">0.5<")], "duration is \"0.5\""),
            (vec![divisions(1) + &huge], "a note of duration 9223372036854775807"),
            (vec![divisions(1) + &rest(30_000).repeat(2)], "more than 50000 beats"),
            (vec![divisions(0)], "0 divisions"),
            (vec![divisions(4_294_967_291), divisions(2)], "too differently"),
        ];
        for (measures, part) in cases {
            let measures: Vec<&str> = measures.iter().map(String::as_str).collect();
            let reason = chords_by_quarter(score(&[&measures]).as_bytes()).unwrap_err();
            assert!(reason.contains(part), "{part}: {reason}");
        }
        let many: Vec<String> = (0..3).map(|_| divisions(1) + &rest(20_000)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let reason = chords_by_quarter(score(&[&many]).as_bytes()).unwrap_err();
        assert!(reason.contains("more than 50000 beats"), "{reason}");
        for (xml, part) in [
            ("<score-timewise/>", "score-partwise"),
            ("<html/>", "its root is html"),
            ("X:1", "not XML"),
        ] {
            let reason = parts(xml.as_bytes()).unwrap_err();
            assert!(reason.contains(part), "{part}: {reason}");
        }
    }
}
