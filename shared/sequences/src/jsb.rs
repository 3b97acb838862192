//! The chorales as JSON: for each split sequences of steps, a step the MIDI notes that sound in it.

use std::collections::BTreeMap;

use super::PIANO;

/// Chords of the training, validation and test split.
///
/// # Errors
/// What is not of this form, named by split, sequence and step.
pub fn parse(json: &[u8]) -> Result<[Vec<Vec<Vec<u8>>>; 3], String> {
    let mut splits: BTreeMap<String, Vec<Vec<Vec<i64>>>> =
        serde_json::from_slice(json).map_err(|error| {
            format!("no JSON of splits, sequences, steps and whole notes ({error})")
        })?;
    let mut split = |name: &str| {
        let sequences = splits.remove(name).ok_or_else(|| format!("no split named \"{name}\""))?;
        let sequences = sequences.into_iter().enumerate();
        sequences
            .map(|(at, steps)| chords(steps).map_err(|e| format!("{name}[{at}]{e}")))
            .collect::<Result<Vec<_>, String>>()
    };
    Ok([split("train")?, split("valid")?, split("test")?])
}

fn chords(steps: Vec<Vec<i64>>) -> Result<Vec<Vec<u8>>, String> {
    if steps.is_empty() {
        return Err(": a sequence without steps".into());
    }
    let (lowest, keys) = (i64::from(PIANO.0), PIANO.1 as i64);
    let range = lowest..lowest + keys;
    let key = |step: usize, note: i64| match u8::try_from(note) {
        Ok(key) if range.contains(&note) => Ok(key),
        _ => Err(format!(
            "[{step}]: note {note} is not one of a piano, {} to {}",
            range.start,
            range.end - 1
        )),
    };
    let chord =
        |(step, notes): (usize, Vec<i64>)| notes.into_iter().map(|n| key(step, n)).collect();
    steps.into_iter().enumerate().map(chord).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_are_read_and_silence_is_one() {
        let json = br#"{"train": [[[60, 64], []]], "valid": [[[21]]], "test": [[[108]]]}"#;
        let [train, valid, test] = parse(json).unwrap();
        assert_eq!(train, [[vec![60, 64], vec![]]]);
        assert_eq!((valid, test), (vec![vec![vec![21]]], vec![vec![vec![108]]]));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let reason = |json: &str| parse(json.as_bytes()).unwrap_err();
        for (json, part) in [
            (r#"{"train": [[[60], [200]]], "valid": [], "test": []}"#, "train[0][1]: note 200"),
            (r#"{"train": [], "valid": [[[60]], []], "test": []}"#, "valid[1]: a sequence without"),
            (r#"{"train": [], "valid": []}"#, "no split named \"test\""),
            (r#"{"train": [[[60.5]]], "valid": [], "test": []}"#, "no JSON"),
            (r#"{"train": [["#, "no JSON"),
        ] {
            assert!(reason(json).contains(part), "{json}: {}", reason(json));
        }
    }

    /// The published file, beside the checkout where a course keeps it.
    #[test]
    fn the_published_split_has_its_size() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/jsb-chorales-quarter.json");
        let Ok(json) = std::fs::read(path) else {
            println!("skipped: there is no {path}");
            return;
        };
        let sizes = parse(&json)
            .unwrap()
            .map(|split| (split.len(), split.iter().map(Vec::len).sum::<usize>()));
        assert_eq!(sizes, [(229, 13_807), (76, 4602), (77, 4725)]);
    }
}
