//! First names, a sequence of letters each.

use std::collections::BTreeSet;

use super::{
    catalogue::NAMES,
    known::{Known, knowing},
    split::{Parts, cut, read},
    text::{TextLevel, Vocabulary, parse},
};
use shared::data::{
    DataConfig, DataError, DataKind, FetchOptions, Preparation, Sequences, Source, SourceFile,
    Splits, Steps, fetch, published,
};

/// Letters of a name; the longest has eleven.
const LONGEST: usize = 40;

/// The set.
#[derive(Debug)]
pub(crate) struct Names;

impl Names {
    /// Its name.
    pub(crate) const NAME: &str = NAMES.name;
}

impl Source for Names {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn about(&self) -> &'static str {
        "Sequences of characters: the 5,163 first names of the US census of 1990 that are common"
    }

    fn examples(&self) -> DataKind {
        DataKind::Sequences
    }

    fn steps(&self) -> Steps {
        Steps::Symbols
    }

    fn files(&self, _: &DataConfig) -> Vec<SourceFile> {
        SourceFile::named(NAMES.name, NAMES.names())
    }

    /// A tenth of the names each for validation and test, drawn once.
    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        let mut all = BTreeSet::new();
        for path in fetch(&NAMES, options)? {
            let wrong = |reason: String| DataError::Format { path: path.clone(), reason };
            all.extend(census(&read(&path)?).map_err(wrong)?);
        }
        let text = all.into_iter().collect::<Vec<_>>().join("\n");
        let known = known.and_then(|known| known.own::<Vocabulary>(Known::VOCABULARY));
        let (lines, vocabulary) = parse(text.as_bytes(), TextLevel::Characters, known.as_ref())
            .map_err(DataError::Config)?;
        let unnamed = lines.into_iter().map(|(_, letters)| (String::new(), letters)).collect();
        let parts = Parts::dealt(cut(unnamed, LONGEST), 1);
        let letters = |names: &[Vec<u32>]| Sequences::of_symbols(vocabulary.len(), names);
        let splits = parts.splits(letters, published(&NAMES), config)?;
        Ok(knowing(splits, Known { vocabulary: Some(vocabulary), ..Known::default() }))
    }
}

/// The names of a file of the census, capitalised: a line has a name in capitals, its frequency in per
/// cent, the cumulative frequency and its rank.
///
/// # Errors
/// A line that does not begin with a name, by its number from 1.
pub fn census(bytes: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| shared::reading::not_utf8(bytes, error.valid_up_to()))?;
    let name = |(number, line): (usize, &str)| {
        let word = line.split_ascii_whitespace().next()?;
        let is_name = word.bytes().all(|letter| letter.is_ascii_uppercase());
        let capitalised = || format!("{}{}", &word[..1], word[1..].to_ascii_lowercase());
        Some(
            is_name
                .then(capitalised)
                .ok_or_else(|| format!("line {}: '{word}' is no name", number + 1)),
        )
    };
    text.lines().enumerate().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::census;

    #[test]
    fn names_are_capitalised_and_other_lines_are_named() {
        let lines = b"MARY           2.629  2.629      1\nJO  0.1 2.7 2\n";
        assert_eq!(census(lines).unwrap(), ["Mary", "Jo"]);
        assert!(census(b"MARY 1 1 1\n\nMary 1 1 1\n").unwrap_err().starts_with("line 3: 'Mary'"));
        assert!(census(b"MARY\n\xff").unwrap_err().contains("not UTF-8"));
        assert_eq!(census(b"").unwrap(), [""; 0]);
    }
}
