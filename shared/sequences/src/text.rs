//! Text as sequences of symbols, a sequence a line.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// What a step of a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextLevel {
    /// A character.
    #[default]
    Characters,
    /// A word: what stands between white space.
    Words,
}

/// Words that occur less often are one symbol.
const RARE: usize = 2;
/// What stands for a rare word.
const UNKNOWN: &str = "<unk>";
/// What ends a line.
const END: &str = "\n";
/// Symbols a text may have: each is a column of the network's first and last layer.
const MOST: usize = 20_000;

/// What a UTF-8 file may begin with; it is no part of the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The symbols of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    symbols: Vec<String>,
    level: TextLevel,
}

impl Vocabulary {
    /// The symbols of these lines, the most frequent first.
    ///
    /// # Errors
    /// Too many.
    pub(super) fn of<'a>(
        lines: impl Iterator<Item = &'a Vec<String>>,
        level: TextLevel,
    ) -> Result<Self, String> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for symbol in lines.flatten() {
            *counts.entry(symbol).or_default() += 1;
        }
        let rare = if level == TextLevel::Words { RARE } else { 1 };
        // A text in which rare words were replaced before has this word itself.
        let is_unknown = |symbol: &str| level == TextLevel::Words && symbol == UNKNOWN;
        let mut known: Vec<&str> = counts
            .iter()
            .filter(|(symbol, count)| **count >= rare && !is_unknown(symbol))
            .map(|(symbol, _)| *symbol)
            .collect();
        known.sort_unstable_by(|a, b| counts[b].cmp(&counts[a]).then(a.cmp(b)));
        if known.len() > MOST {
            let what = "different symbols: at most";
            return Err(format!("{} {what} {MOST}; use level = \"characters\"", known.len()));
        }
        let mut symbols = vec![END.to_owned()];
        // Characters are all known.
        symbols.extend((level == TextLevel::Words).then(|| UNKNOWN.to_owned()));
        symbols.extend(known.into_iter().map(String::from));
        Ok(Self { symbols, level })
    }

    /// Number of symbols.
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// True if there is no symbol.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// The symbol with this number.
    pub fn symbol(&self, number: usize) -> &str {
        self.symbols.get(number).map_or(UNKNOWN, String::as_str)
    }

    /// Number of the symbol that ends a line.
    pub fn end(&self) -> usize {
        0
    }

    /// The numbers of a line, its end included.
    ///
    /// # Errors
    /// A symbol that the vocabulary does not have, where it has none for rare words; no symbol at all.
    pub fn numbers(&self, line: &str) -> Result<Vec<u32>, String> {
        let symbols = cut(line, self.level);
        if symbols.is_empty() {
            return Err("an empty line".into());
        }
        self.lookup(&self.by_symbol(), &symbols)
    }

    /// The numbers of lines, the end of each included.
    ///
    /// # Errors
    /// As [`Self::numbers`], named by line.
    pub(super) fn numbered(&self, lines: &[Line<String>]) -> Result<Vec<Line<u32>>, String> {
        let by_symbol = self.by_symbol();
        let numbers = |(number, line): &Line<String>| {
            let symbols = self.lookup(&by_symbol, line);
            Ok((*number, symbols.map_err(|reason| format!("line {number}: {reason}"))?))
        };
        lines.iter().map(numbers).collect()
    }

    fn by_symbol(&self) -> HashMap<&str, u32> {
        let all = self.symbols.iter().enumerate();
        all.map(|(number, symbol)| (symbol.as_str(), number as u32)).collect()
    }

    fn lookup(&self, numbers: &HashMap<&str, u32>, line: &[String]) -> Result<Vec<u32>, String> {
        // Only words may be rare.
        let unknown = (self.level == TextLevel::Words).then(|| numbers.get(UNKNOWN)).flatten();
        let number = |symbol: &String| {
            numbers.get(symbol.as_str()).or(unknown).copied().ok_or_else(|| {
                format!("'{symbol}' is not among the {} symbols the model knows", self.len())
            })
        };
        line.iter().map(number).chain([Ok(self.end() as u32)]).collect()
    }

    /// The line these symbols make, up to its end.
    pub fn line(&self, numbers: impl IntoIterator<Item = usize>) -> String {
        let before_end = numbers.into_iter().take_while(|&number| number != self.end());
        let symbols: Vec<&str> = before_end.map(|number| self.symbol(number)).collect();
        symbols.join(self.separator())
    }

    /// What stands between two symbols of a line.
    pub fn separator(&self) -> &'static str {
        match self.level {
            TextLevel::Characters => "",
            TextLevel::Words => " ",
        }
    }
}

/// The symbols a line consists of.
fn cut(line: &str, level: TextLevel) -> Vec<String> {
    match level {
        TextLevel::Characters => line.trim_end().chars().map(String::from).collect(),
        TextLevel::Words => line.split_whitespace().map(String::from).collect(),
    }
}

/// A line's number in its file, from 1, and what it consists of.
pub(super) type Line<T> = (usize, Vec<T>);

/// The lines of a text, cut into symbols; empty lines are left out.
///
/// # Errors
/// Bytes that are not UTF-8, named by line; no line.
pub(super) fn lines(bytes: &[u8], level: TextLevel) -> Result<Vec<Line<String>>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = error.valid_up_to();
        shared::reading::not_utf8(bytes, valid)
    })?;
    let lines: Vec<Line<String>> = text
        .strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(text)
        .lines()
        .enumerate()
        .map(|(place, line)| (place + 1, cut(line, level)))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    if lines.is_empty() { Err("no line that is not empty".into()) } else { Ok(lines) }
}

/// The lines of a text as numbers, and what the numbers stand for: the symbols of `known`, or else of the text.
/// Each line ends with the end of line, so that a model knows how long lines are.
///
/// # Errors
/// Bytes that are not UTF-8 and symbols that are not known, named by line; no line; too many symbols.
pub fn parse(
    bytes: &[u8],
    level: TextLevel,
    known: Option<&Vocabulary>,
) -> Result<(Vec<Line<u32>>, Vocabulary), String> {
    let lines = lines(bytes, level)?;
    let vocabulary = match known {
        Some(known) if known.level != level => {
            return Err("the run was fitted to text in other symbols: words, or characters".into());
        }
        Some(known) => known.clone(),
        None => Vocabulary::of(lines.iter().map(|(_, line)| line), level)?,
    };
    Ok((vocabulary.numbered(&lines)?, vocabulary))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(line: &str) -> Vec<u8> {
        format!("{line}\n\n").repeat(30).into_bytes()
    }

    #[test]
    fn a_line_comes_back() {
        for level in [TextLevel::Characters, TextLevel::Words] {
            let line = "the quick brown fox; the end";
            let (sequences, vocabulary) = parse(&lines(line), level, None).unwrap();
            assert_eq!(sequences.len(), 30);
            let numbers = sequences[7].1.iter().map(|&number| number as usize);
            assert_eq!(vocabulary.line(numbers), line);
        }
    }

    #[test]
    fn rare_words_are_one_symbol_and_lines_keep_their_numbers() {
        let mut text = lines("a b");
        text.extend(b"once a\n");
        let (sequences, vocabulary) = parse(&text, TextLevel::Words, None).unwrap();
        assert_eq!(vocabulary.len(), 4);
        assert_eq!((sequences[1].0, sequences[1].1.len()), (3, 3));
        let last: Vec<usize> = sequences[30].1.iter().map(|&number| number as usize).collect();
        assert_eq!(vocabulary.line(last), "<unk> a");
    }

    #[test]
    fn what_is_no_text_is_named() {
        let mut text = lines("abc");
        text.extend([0xff, 0xfe]);
        let reason = |bytes: &[u8]| parse(bytes, TextLevel::Characters, None).unwrap_err();
        assert!(reason(&text).starts_with("line 61 is not UTF-8"), "{}", reason(&text));
        assert!(reason(b"\n \n").starts_with("no line"));
    }

    #[test]
    fn a_mark_at_the_beginning_is_no_symbol() {
        let text = lines("abc");
        let marked = [&[0xef, 0xbb, 0xbf], &text[..]].concat();
        let parsed = |bytes: &[u8]| parse(bytes, TextLevel::Characters, None).unwrap();
        assert_eq!(parsed(&marked), parsed(&text));
    }

    #[test]
    fn a_known_vocabulary_is_kept_and_what_it_lacks_is_named() {
        for level in [TextLevel::Characters, TextLevel::Words] {
            let (_, vocabulary) = parse(&lines("a b"), level, None).unwrap();
            // Another order of frequency would have another vocabulary.
            let other = lines("b b b a");
            let (sequences, kept) = parse(&other, level, Some(&vocabulary)).unwrap();
            assert_eq!(kept, vocabulary);
            assert_eq!(vocabulary.numbers("b b b a").unwrap(), sequences[0].1);
            let line = vocabulary.line(sequences[0].1.iter().map(|&number| number as usize));
            assert_eq!(line, "b b b a");
        }
        let (_, letters) = parse(&lines("a b"), TextLevel::Characters, None).unwrap();
        let reason = parse(&lines("a c"), TextLevel::Characters, Some(&letters)).unwrap_err();
        assert!(reason.contains("line 1: 'c' is not among the 4 symbols"), "{reason}");
        assert!(letters.numbers("").is_err());
        let (_, words) = parse(&lines("a b"), TextLevel::Words, None).unwrap();
        let numbers = words.numbers("a c").unwrap();
        assert_eq!(words.line(numbers.iter().map(|&number| number as usize)), "a <unk>");
    }
}
