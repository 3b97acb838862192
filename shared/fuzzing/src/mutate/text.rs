//! Ways to change a text: its words, numbers, lines and brackets.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Material, below, range};

/// A replacement for a number.
const NUMBERS: [&str; 26] = [
    "0",
    "-1",
    "-0",
    "-0.0",
    "1.0",
    "0.5",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1152921504606846976",
    "1e308",
    "1e999",
    "1e-999",
    "NaN",
    "inf",
    "-inf",
    "0x10",
    "1_000",
    "",
];

/// What stands anywhere.
const ODDITIES: [&str; 22] = [
    "\u{feff}", "\0", "\r", "\r\n", "\n\n", "\t", "\u{2028}", "\u{202e}", "\u{fffd}", "é", "日本",
    "\"", "'", "\\", "#", ",", "=", "<", "&", "null", "true", "[]",
];

/// What can be nested: before and after.
const NESTS: [(&str, &str); 5] =
    [("[", "]"), ("{", "}"), ("(", ")"), ("{\"a\":", "}"), ("<a>", "</a>")];

/// Words, numbers and single characters, as ranges of bytes.
fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+');
    let mut tokens: Vec<std::ops::Range<usize>> = Vec::new();
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        match tokens.last_mut() {
            Some(last) if in_word && is_word(c) => last.end = end,
            _ => tokens.push(at..end),
        }
        in_word = is_word(c);
    }
    tokens
}

/// One change.
pub(super) fn edit(random: &mut ChaCha8Rng, text: &mut String, material: &Material<'_>) {
    let tokens = tokens(text);
    let token = tokens.get(below(random, tokens.len())).cloned().unwrap_or(0..0);
    let pick = |random: &mut ChaCha8Rng, words: &[&str]| {
        words.get(below(random, words.len())).copied().unwrap_or_default().to_owned()
    };
    match random.random_range(0..15) {
        0..4 => {
            let is_number = |token: &&std::ops::Range<usize>| {
                text[(*token).clone()]
                    .trim_start_matches('-')
                    .starts_with(|c: char| c.is_ascii_digit())
            };
            let numbers: Vec<_> = tokens.iter().filter(is_number).collect();
            if let Some(token) = numbers.get(below(random, numbers.len())) {
                let new = match random.random_range(0..6) {
                    0 => "9".repeat(1 << random.random_range(0..13)),
                    1 => format!("{}0", &text[(*token).clone()]),
                    _ => pick(random, &NUMBERS),
                };
                text.replace_range((*token).clone(), &new);
            }
        }
        4 => text.replace_range(token, &pick(random, material.words)),
        5 => text.insert_str(token.start, &pick(random, material.words)),
        6 => text.replace_range(token, ""),
        7 => {
            let again = text[token.clone()].repeat(1 << random.random_range(0..8));
            text.insert_str(token.end, &again);
        }
        8 => {
            let other = tokens.get(below(random, tokens.len())).cloned().unwrap_or(0..0);
            let word = text[other].to_owned();
            text.replace_range(token, &word);
        }
        9 => text.insert_str(token.start, &pick(random, &ODDITIES)),
        10 => {
            let (before, after) = NESTS[below(random, NESTS.len())];
            let depth = 1 << random.random_range(0..16);
            text.insert_str(token.end, &after.repeat(depth));
            text.insert_str(token.start, &before.repeat(depth));
        }
        11 => {
            // A word as long as a page.
            let long = "x".repeat(1 << random.random_range(0..15));
            text.replace_range(token, &long);
        }
        12 => {
            let seed = &material.seeds[below(random, material.seeds.len())];
            let part = String::from_utf8_lossy(&seed[range(random, seed.len())]).into_owned();
            text.insert_str(token.start, &part);
        }
        _ => edit_lines(random, text),
    }
}

fn edit_lines(random: &mut ChaCha8Rng, text: &mut String) {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    if lines.is_empty() {
        return;
    }
    let (a, b) = (below(random, lines.len()), below(random, lines.len()));
    match random.random_range(0..6) {
        0 => lines.swap(a, b),
        1 => drop(lines.remove(a)),
        2 => lines.insert(a, lines[b]),
        3 => lines[a] = lines[b],
        4 => lines[a] = lines[a].trim_end(),
        _ => {
            let again = vec![lines[a]; 1 << random.random_range(0..9)];
            lines.splice(a..a, again);
        }
    }
    *text = lines.concat();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_whole_and_all_else_is_single() {
        let text = "key = [-1.5e3, \"é\"]";
        let words: Vec<&str> = tokens(text).into_iter().map(|token| &text[token]).collect();
        assert_eq!(words, ["key", " ", "=", " ", "[", "-1.5e3", ",", " ", "\"", "é", "\"", "]"]);
    }
}
