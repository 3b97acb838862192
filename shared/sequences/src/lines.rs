//! A text of the user's, a sequence a line.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    known::{Known, fitted, knowing},
    split::{Named, Parts, Purpose, cut, read_named},
    text::{self, TextLevel, Vocabulary},
};
use shared::{
    data::{
        AtPath, DataConfig, DataError, DataKind, FetchOptions, Preparation, Sequences, Source,
        Splits, Steps, at_key, has_ending, name_and_sha256, name_of,
    },
    reading::Mistake,
};

/// `[data.text]`: a text of the user's, a sequence a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextFile {
    /// The file, in UTF-8.
    pub file: PathBuf,
    /// What a step is.
    #[serde(default)]
    pub level: TextLevel,
    /// Lines of more steps are cut into pieces of so many.
    #[serde(default = "longest_line")]
    pub longest: usize,
}

fn longest_line() -> usize {
    200
}

/// The set.
#[derive(Debug)]
pub(crate) struct Text;

/// Fewer lines have no three splits worth the name.
const FEWEST: usize = 30;

impl Text {
    /// Its name, and that of its section of `[data]`.
    pub(crate) const NAME: &str = "text";
}

impl Source for Text {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn about(&self) -> &'static str {
        "Sequences of characters or words: a text of yours, as `[data.text]` says"
    }

    fn examples(&self) -> DataKind {
        DataKind::Sequences
    }

    fn steps(&self) -> Steps {
        Steps::Symbols
    }

    fn own_keys(&self) -> &'static [&'static str] {
        &[Self::NAME]
    }

    fn check(&self, config: &DataConfig) -> Result<(), Mistake> {
        let Some(text) = config.own::<TextFile>(Self::NAME)? else { return Ok(()) };
        if text.longest >= 2 {
            return Ok(());
        }
        let problem = format!("{}: at least 2 steps", text.longest);
        Err(Mistake::in_data(Self::NAME, "longest", problem))
    }

    fn at_path(&self, path: &Path) -> Option<AtPath> {
        has_ending(path, "txt").then(|| at_key("data.text.file", path))
    }

    /// Any file that begins as text, whatever its ending.
    fn at_named_path(&self, path: &Path) -> Option<AtPath> {
        self.at_path(path).or_else(|| begins_as_text(path).then(|| at_key("data.text.file", path)))
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        let known = known.and_then(|known| known.own(Known::VOCABULARY));
        lines(config, options, known, Purpose::Fit)
    }

    fn read_for(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: &Preparation,
    ) -> Result<Splits, DataError> {
        let known = fitted(known, Known::VOCABULARY, "lines of text")?;
        lines(config, options, Some(known), Purpose::Ask)
    }
}

fn begins_as_text(path: &Path) -> bool {
    const LOOKED_AT: u64 = 1 << 12;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut bytes));
    // A character may be cut at the end.
    let is_other = std::str::from_utf8(&bytes).is_err_and(|error| error.error_len().is_some());
    read.is_ok() && !is_other && !bytes.contains(&0)
}

/// Lines by their numbers in the file; the three splits are drawn once.
fn lines(
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<Vocabulary>,
    purpose: Purpose,
) -> Result<Splits, DataError> {
    let text: TextFile = config.named(Text::NAME, "a text, a sequence a line", "FILE.txt")?;
    let path = options.locate(&text.file);
    let wrong = |reason: String| DataError::Format { path: path.clone(), reason };
    let bytes = read_named(&path)?;
    let lines = text::lines(&bytes, text.level).map_err(wrong)?;
    let file = name_of(&text.file).unwrap_or_default();
    // As a row of a table is called.
    let named = |line: text::Line<String>| (format!("{file}:{}", line.0), line);
    let names = ["line that is not empty", "lines that are not empty"];
    purpose.check(lines.len(), FEWEST, names).map_err(wrong)?;
    let parts = purpose.dealt(lines.into_iter().map(named).collect(), 1);
    let vocabulary = known.map_or_else(|| vocabulary(&parts, text.level), Ok).map_err(wrong)?;
    // Pieces of one line stay in one split.
    let numbered = |lines: Vec<Named<text::Line<String>>>| {
        let (names, lines): (Vec<String>, Vec<_>) = lines.into_iter().unzip();
        let lines = vocabulary.numbered(&lines)?.into_iter().map(|(_, line)| line);
        Ok(cut(names.into_iter().zip(lines).collect(), text.longest))
    };
    let parts = parts.try_map(numbered).map_err(wrong)?;
    let (width, files) = (vocabulary.len(), [name_and_sha256(&text.file, &bytes)].into());
    let splits = parts.splits(|lines| Sequences::of_symbols(width, lines), files, config)?;
    Ok(knowing(splits, Known { vocabulary: Some(vocabulary), ..Known::default() }))
}

/// Which words are frequent, the training lines say; characters are those of all lines, so that every line can be
/// written.
fn vocabulary(parts: &Parts<text::Line<String>>, level: TextLevel) -> Result<Vocabulary, String> {
    match level {
        TextLevel::Characters => Vocabulary::of(parts.all().map(|(_, line)| line), level),
        TextLevel::Words => Vocabulary::of(parts.train.iter().map(|(_, (_, line))| line), level),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::data::{Binarise, Identity, Split};

    use super::*;

    /// The splits of a text.
    fn splits(text: &str, level: TextLevel, longest: usize) -> Splits {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("poem.txt");
        std::fs::write(&file, text).unwrap();
        let text = TextFile { file, level, longest };
        let config = DataConfig::new(Text::NAME, Binarise::None).with(Text::NAME, text);
        let options = FetchOptions::from_env(None);
        shared::kind::load(&crate::SequenceData, &config, &options, None).unwrap()
    }

    fn of_text(text: &str) -> (Identity, Preparation) {
        let data = splits(text, TextLevel::Characters, 200);
        let preparation = Preparation::of(&data);
        (Identity::of(&data, &preparation), preparation)
    }

    #[test]
    fn a_text_may_have_any_ending_and_a_picture_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let named = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            (Text.at_path(&path).is_some(), Text.at_named_path(&path).is_some())
        };
        // The last character of what is looked at is cut.
        let long = format!("x{}", "é".repeat(4000));
        assert_eq!(named("poems.md", long.as_bytes()), (false, true));
        assert_eq!(named("poems.txt", b"\xff"), (true, true));
        assert_eq!(named("a.png", b"\x89PNG\r\n"), (false, false));
        assert_eq!(named("t10k-images-idx3-ubyte", &[0, 0, 8, 3]), (false, false));
    }

    #[test]
    fn pieces_of_one_line_stay_in_one_split() {
        let text: String =
            (0..60).map(|line| format!("{line:02} {}\n", "word ".repeat(9))).collect();
        let splits = splits(&text, TextLevel::Characters, 10);
        let lines = |split: &Split| -> BTreeSet<String> {
            let name = |index| split.name(index).unwrap().split(',').next().unwrap().to_owned();
            (0..split.len()).map(name).collect()
        };
        let parts = [&splits.train, &splits.valid, &splits.test].map(lines);
        assert_eq!(parts.each_ref().map(BTreeSet::len), [48, 6, 6]);
        assert_eq!(parts.iter().flatten().collect::<BTreeSet<_>>().len(), 60);
        assert!(splits.test.len() > 6);
    }

    #[test]
    fn words_that_only_held_out_lines_have_are_rare() {
        // A word a line, thrice in it.
        let text: String = (0..60).map(|line| format!("w{line} w{line} w{line}\n")).collect();
        let splits = splits(&text, TextLevel::Words, 200);
        // The end of a line, the rare word, and those of 48 training lines.
        assert_eq!(splits.train.shape().width, 2 + 48);
        assert_eq!(splits.test.shape().width, 2 + 48);
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
