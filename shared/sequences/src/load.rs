//! The sets of sequences, split into training, validation and test.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    catalogue::JSB,
    jsb, piano_keys, strokes,
    text::{self, Vocabulary},
    tunes::tunes,
};
use shared::{
    data::{
        DataConfig, DataError, DataName, ExampleSet, FetchOptions, Knowledge, Preparation,
        Sequences, Splits, fetch, name_and_sha256, published,
    },
    noise::{Noise, Stream},
};

/// The keys of a piano: the lowest note, and their number.
pub const PIANO: (u8, usize) = (21, 88);

/// A range of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// MIDI number of the lowest.
    pub lowest: u8,
    /// How many there are.
    pub count: usize,
}

/// What is known of sequences besides their steps.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The keys chords are played on.
    pub keys: Option<Keys>,
    /// Standard deviation of the offsets of the training drawings, by which all are divided.
    pub offset_deviation: Option<f64>,
    /// The symbols of a text, by number.
    pub vocabulary: Option<Vocabulary>,
}

impl Known {
    const KEYS: &str = "keys";
    const OFFSET_DEVIATION: &str = "offset_deviation";
    const VOCABULARY: &str = "vocabulary";

    /// What a run kept.
    pub fn of(preparation: &Preparation) -> Self {
        Self {
            keys: preparation.own(Self::KEYS),
            offset_deviation: preparation.own(Self::OFFSET_DEVIATION),
            vocabulary: preparation.own(Self::VOCABULARY),
        }
    }
}

impl Knowledge for Known {
    fn kept(&self) -> Map<String, Value> {
        // What consists of numbers and strings always has a JSON.
        let value = |value: Option<Value>, name: &str| Some((name.to_owned(), value?));
        [
            value(self.keys.map(|keys| serde_json::to_value(keys).unwrap_or_default()), Self::KEYS),
            value(self.offset_deviation.map(Value::from), Self::OFFSET_DEVIATION),
            value(
                self.vocabulary.as_ref().map(|v| serde_json::to_value(v).unwrap_or_default()),
                Self::VOCABULARY,
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn knowing(splits: Splits, known: Known) -> Splits {
    Splits { known: Some(Arc::new(known)), ..splits }
}

/// Chords of one set: training and validation, test, the number of validation sequences, and files.
pub(super) type Chords = (Vec<Vec<Vec<u8>>>, Vec<Vec<Vec<u8>>>, usize, BTreeMap<String, String>);

/// Loads the set a configuration names.
pub(crate) fn load(
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<&Preparation>,
) -> Result<Splits, DataError> {
    let chords = match config.name {
        DataName::Jsb => chorales(options)?,
        DataName::Bach => super::bach::load(options)?,
        DataName::Pen => return pen(config, options, known),
        DataName::Text => return lines(config, options, known),
        _ => {
            let [pool, test] = tunes();
            let valid = pool.len() / 6;
            (pool, test, valid, BTreeMap::new())
        }
    };
    let (pool, test, valid, files) = chords;
    let (lowest, keys) = PIANO;
    let on_keys = |chords: Vec<Vec<Vec<u8>>>| {
        let rows: Vec<Vec<f32>> =
            chords.iter().map(|steps| piano_keys(steps, lowest, keys)).collect();
        Sequences::of_numbers(keys, &rows)
    };
    let splits = split(on_keys(pool), on_keys(test), valid, files, config)?;
    Ok(knowing(splits, Known { keys: Some(Keys { lowest, count: keys }), ..Known::default() }))
}

/// `valid` of the pool's sequences, the last ones, are for validation.
fn split(
    pool: Sequences,
    test: Sequences,
    valid: usize,
    files: BTreeMap<String, String>,
    config: &DataConfig,
) -> Result<Splits, DataError> {
    let (pool, test) = (ExampleSet::sequences(pool, false), ExampleSet::sequences(test, true));
    Ok(Splits { files, ..Splits::new(Arc::new(pool), Arc::new(test), Some(valid), config)? })
}

fn chorales(options: &FetchOptions) -> Result<Chords, DataError> {
    let set = &JSB;
    let path = fetch(set, options)?.remove(0);
    let [mut pool, valid, test] = jsb::parse(&read(&path)?).map_err(|reason| {
        let reason = format!("{reason}; delete it to have it fetched anew");
        DataError::Format { path: path.clone(), reason }
    })?;
    let count = valid.len();
    pool.extend(valid);
    Ok((pool, test, count, published(set)))
}

/// Offsets in units of their standard deviation over the training drawings (Ha & Eck 2018, section
/// 3.1), or in the unit that is `known`, the pen as it is.
fn pen(
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<&Preparation>,
) -> Result<Splits, DataError> {
    let Some(pen) = &config.pen else {
        return Err(DataError::Config(
            "name = \"pen\" needs a file of drawings: --set data.pen.file=sheep.npz".into(),
        ));
    };
    let path = options.locate(&pen.file);
    let bytes = read_named(&path)?;
    let [mut pool, valid, test] = strokes::parse(&bytes)
        .map_err(|reason| DataError::Format { path: path.clone(), reason })?;
    if let Some(split) = ["training", "validation", "test"]
        .into_iter()
        .zip([&pool, &valid, &test])
        .find_map(|(name, part)| part.is_empty().then_some(name))
    {
        let reason = format!("it has no {split} drawing");
        return Err(DataError::Format { path: path.clone(), reason });
    }
    let offsets = || pool.iter().flatten().flat_map(|step| step[..2].iter().map(|&d| f64::from(d)));
    let count = offsets().count().max(1) as f64;
    let mean = offsets().sum::<f64>() / count;
    let own = (offsets().map(|d| (d - mean).powi(2)).sum::<f64>() / count).sqrt();
    let deviation = known.and_then(|known| known.own(Known::OFFSET_DEVIATION)).unwrap_or(own);
    if !(deviation > 0.0) {
        let reason = "no training drawing moves the pen: there is nothing to learn".into();
        return Err(DataError::Format { path: path.clone(), reason });
    }
    let scale = (1.0 / deviation) as f32;
    let held_out = valid.len();
    pool.extend(valid);
    let numbers = |drawings: Vec<Vec<[f32; 3]>>| {
        let scaled = |[x, y, lifted]: [f32; 3]| [x * scale, y * scale, lifted];
        let rows: Vec<Vec<f32>> = drawings
            .into_iter()
            .map(|steps| steps.into_iter().flat_map(scaled).collect())
            .collect();
        Sequences::of_numbers(3, &rows)
    };
    let files = [name_and_sha256(&pen.file, &bytes)].into();
    let splits = split(numbers(pool), numbers(test), held_out, files, config)?;
    Ok(knowing(splits, Known { offset_deviation: Some(deviation), ..Known::default() }))
}

/// A tenth of the lines each for validation and test, drawn once.
fn lines(
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<&Preparation>,
) -> Result<Splits, DataError> {
    let Some(text) = &config.text else {
        return Err(DataError::Config(
            "name = \"text\" needs a file: --set data.text.file=poems.txt".into(),
        ));
    };
    let path = options.locate(&text.file);
    let bytes = read_named(&path)?;
    let known = known.and_then(|known| known.own::<Vocabulary>(Known::VOCABULARY));
    let (sequences, vocabulary) = text::parse(&bytes, text.level, text.longest, known.as_ref())
        .map_err(|reason| DataError::Format { path, reason })?;
    let held_out = (sequences.len() / 10).max(1);
    let order = Noise::new(1).permutation(Stream::Split, 0, sequences.len());
    let ordered: Vec<Vec<u32>> = order.into_iter().map(|index| sequences[index].clone()).collect();
    let (pool, test) = ordered.split_at(ordered.len() - held_out);
    let width = vocabulary.len();
    let files = [name_and_sha256(&text.file, &bytes)].into();
    let (pool, test) = (Sequences::of_symbols(width, pool), Sequences::of_symbols(width, test));
    let splits = split(pool, test, held_out, files, config)?;
    Ok(knowing(splits, Known { vocabulary: Some(vocabulary), ..Known::default() }))
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|source| DataError::unreadable(path, source))
}

/// A file the configuration names.
fn read_named(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|reason| DataError::Io {
        path: path.into(),
        action: "read it",
        hint: DataError::ELSEWHERE,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use shared::data::{Binarise, Identity, TextFile, TextLevel};

    use super::*;

    fn of_text(text: &str) -> (Identity, Preparation) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("poem.txt");
        std::fs::write(&file, text).unwrap();
        let mut config = DataConfig::new(DataName::Text, Binarise::None);
        config.text = Some(TextFile { file, level: TextLevel::Characters, longest: 200 });
        let data =
            shared::kind::load(&crate::SequenceData, &config, &FetchOptions::from_env(None), None)
                .unwrap();
        let preparation = Preparation::of(&data);
        (Identity::of(&data, &preparation), preparation)
    }

    #[test]
    fn letters_exchanged_are_other_data_though_the_numbers_are_the_same() {
        let text = "aab a\n".repeat(40);
        let (own, _) = of_text(&text);
        let exchanged = text.replace('a', "x").replace('b', "a").replace('x', "b");
        let (other, _) = of_text(&exchanged);
        assert_eq!(own.train, other.train);
        assert_ne!(own.preparation, other.preparation);
        assert!(!own.same_contents(&other));
        let told = own.difference(&other).unwrap();
        assert!(told.contains(&own.files["poem.txt"]), "{told}");
        assert!(told.contains(&other.files["poem.txt"]), "{told}");
    }

    #[test]
    fn a_file_that_a_model_sees_no_change_of_is_the_same_contents() {
        let text = "so much depends\n".repeat(40);
        let ((own, _), (other, _)) = (of_text(&text), of_text(&text.replace('\n', "\r\n")));
        assert!(own.same_contents(&other) && own.difference(&other).is_some());
    }

    #[test]
    fn a_preparation_survives_its_json_to_the_bit() {
        let (_, preparation) = of_text(&"où est\n".repeat(40));
        let text = serde_json::to_string(&preparation).unwrap();
        assert_eq!(serde_json::from_str::<Preparation>(&text).unwrap(), preparation);
    }
}
