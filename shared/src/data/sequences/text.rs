//! Text as sequences of symbols, a sequence a line.

use std::collections::HashMap;

use crate::data::TextLevel;

/// Words that occur less often are one symbol.
const RARE: usize = 2;
/// What stands for a rare word.
const UNKNOWN: &str = "<unk>";
/// What ends a line.
const END: &str = "\n";
/// Symbols a text may have: each is a column of the network's first and last layer.
const MOST: usize = 20_000;

/// The symbols of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    symbols: Vec<String>,
    level: TextLevel,
}

impl Vocabulary {
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

    /// The line these symbols make, up to its end.
    pub fn line(&self, numbers: impl IntoIterator<Item = usize>) -> String {
        let before_end = numbers.into_iter().take_while(|&number| number != self.end());
        let symbols: Vec<&str> = before_end.map(|number| self.symbol(number)).collect();
        symbols.join(match self.level {
            TextLevel::Characters => "",
            TextLevel::Words => " ",
        })
    }
}

/// Sequences of symbols and what they stand for. Each line ends with the end of line, so that a model
/// knows how long lines are; empty lines are left out, and lines of more than `longest` steps cut.
///
/// # Errors
/// Bytes that are not UTF-8, named by line; too few lines; too many symbols.
pub(super) fn parse(
    bytes: &[u8],
    level: TextLevel,
    longest: usize,
) -> Result<(Vec<Vec<u32>>, Vocabulary), String> {
    if longest < 2 {
        return Err(format!("[data.text] longest = {longest}: at least 2"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = error.valid_up_to();
        let line = 1 + bytes[..valid].iter().filter(|&&byte| byte == b'\n').count();
        format!(
            "line {line} is not UTF-8 (byte {valid}): convert the file, for instance with iconv"
        )
    })?;
    let lines: Vec<Vec<String>> = text
        .lines()
        .map(|line| match level {
            TextLevel::Characters => line.trim_end().chars().map(String::from).collect(),
            TextLevel::Words => line.split_whitespace().map(String::from).collect(),
        })
        .filter(|line: &Vec<String>| !line.is_empty())
        .collect();
    if lines.len() < 30 {
        return Err(format!(
            "{} lines that are not empty: at least 30, a sequence each, are needed for three splits",
            lines.len()
        ));
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for symbol in lines.iter().flatten() {
        *counts.entry(symbol).or_default() += 1;
    }
    let rare = if level == TextLevel::Words { RARE } else { 1 };
    let mut known: Vec<&str> =
        counts.iter().filter(|(_, count)| **count >= rare).map(|(symbol, _)| *symbol).collect();
    known.sort_unstable_by(|a, b| counts[b].cmp(&counts[a]).then(a.cmp(b)));
    if known.len() > MOST {
        let what = "different symbols: at most";
        return Err(format!("{} {what} {MOST}; use level = \"characters\"", known.len()));
    }
    let mut symbols = vec![END.to_owned()];
    // Characters are all known.
    symbols.extend((level == TextLevel::Words).then(|| UNKNOWN.to_owned()));
    let unknown = symbols.len() as u32 - 1;
    symbols.extend(known.into_iter().map(String::from));
    let numbers: HashMap<&str, u32> = symbols
        .iter()
        .enumerate()
        .map(|(number, symbol)| (symbol.as_str(), number as u32))
        .collect();
    let sequences = lines
        .iter()
        .flat_map(|line| {
            let known = |symbol: &String| *numbers.get(symbol.as_str()).unwrap_or(&unknown);
            let all: Vec<u32> = line.iter().map(known).chain([0]).collect();
            all.chunks(longest).map(<[u32]>::to_vec).collect::<Vec<_>>()
        })
        .collect();
    Ok((sequences, Vocabulary { symbols, level }))
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
            let (sequences, vocabulary) = parse(&lines(line), level, 200).unwrap();
            assert_eq!(sequences.len(), 30);
            let numbers = sequences[7].iter().map(|&number| number as usize);
            assert_eq!(vocabulary.line(numbers), line);
        }
    }

    #[test]
    fn rare_words_are_one_symbol_and_long_lines_are_cut() {
        let mut text = lines("a b");
        text.extend(b"once a\n");
        let (sequences, vocabulary) = parse(&text, TextLevel::Words, 2).unwrap();
        assert_eq!(vocabulary.len(), 4);
        assert_eq!(sequences[0].len(), 2);
        assert_eq!(sequences[1], [0]);
        let last: Vec<usize> = sequences[60].iter().map(|&number| number as usize).collect();
        assert_eq!(vocabulary.line(last), "<unk> a");
    }

    #[test]
    fn what_is_no_text_is_named() {
        let mut text = lines("abc");
        text.extend([0xff, 0xfe]);
        let reason = |bytes: &[u8]| parse(bytes, TextLevel::Characters, 200).unwrap_err();
        assert!(reason(&text).starts_with("line 61 is not UTF-8"), "{}", reason(&text));
        assert!(reason(b"one\ntwo\n").starts_with("2 lines"));
        assert!(parse(&lines("abc"), TextLevel::Words, 1).is_err());
    }
}
