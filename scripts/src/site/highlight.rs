//! Colours of Rust: comments, words of the language, strings and numbers. Enough to read by, no parser.

use std::fmt::Write;

use shared::plot::escaped;

const WORDS: [&str; 28] = [
    "as", "break", "const", "continue", "crate", "dyn", "else", "enum", "false", "fn", "for", "if",
    "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "return", "self", "struct",
    "true", "type", "use", "while",
];

/// Code as HTML with a `<span>` about each coloured piece.
pub(super) fn rust(code: &str) -> String {
    let mut html = String::with_capacity(code.len() * 2);
    for (piece, class) in pieces(code) {
        match class {
            Some(class) => {
                let _ = write!(html, "<span class=\"{class}\">{}</span>", escaped(piece));
            }
            None => html.push_str(&escaped(piece)),
        }
    }
    html
}

/// The pieces of code in their order, each with its class.
pub(crate) fn pieces(code: &str) -> impl Iterator<Item = (&str, Option<&'static str>)> {
    let mut rest = code;
    std::iter::from_fn(move || {
        let (length, class) = piece(rest, rest.chars().next()?);
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some((piece, class))
    })
}

/// How long the piece at the start of `rest` is, and its class.
fn piece(rest: &str, first: char) -> (usize, Option<&'static str>) {
    let while_ = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), Some("comment"));
    }
    if first == '"' {
        return (string(rest), Some("string"));
    }
    // Quotation marks that begin no string, or do not end it.
    if rest.starts_with("'\"'") {
        return (3, Some("string"));
    }
    if let Some(raw) = rest.strip_prefix("r#\"") {
        return (3 + raw.find("\"#").map_or(raw.len(), |end| end + 2), Some("string"));
    }
    if first.is_ascii_digit() {
        // 1.0 and 1e-4, but not the dots of 0..n.
        let length = while_(|c| c.is_alphanumeric() || c == '_' || c == '.');
        return (rest[..length].find("..").unwrap_or(length), Some("number"));
    }
    if is_word(first) {
        let length = while_(|c| c.is_alphanumeric() || c == '_');
        let class = match &rest[..length] {
            word if WORDS.contains(&word) => Some("word"),
            _ if first.is_uppercase() => Some("type"),
            _ => None,
        };
        return (length, class);
    }
    (first.len_utf8(), None)
}

/// Length of a string with its quotes.
fn string(rest: &str) -> usize {
    let mut is_escaped = false;
    for (place, letter) in rest.char_indices().skip(1) {
        match letter {
            '"' if !is_escaped => return place + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_their_classes_and_nothing_is_lost() {
        let html = rust("let x = f(&\"a\\\"b\", 0..10, 1.5); // <T>\nSelf");
        for part in [
            "<span class=\"word\">let</span> x",
            "&amp;<span class=\"string\">\"a\\\"b\"</span>",
            "<span class=\"number\">0</span>..<span class=\"number\">10</span>",
            "<span class=\"comment\">// &lt;T&gt;</span>\n<span class=\"type\">Self</span>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn a_string_ends_where_it_ends() {
        let strings = |code| -> Vec<&str> {
            let pieces = pieces(code).filter(|(_, class)| *class == Some("string"));
            pieces.map(|(piece, _)| piece).collect()
        };
        assert_eq!(strings("['\"', x, \"a\"]"), ["'\"'", "\"a\""]);
        assert_eq!(strings("f(r#\"a \"b\" c\"#, x, \"d\")"), ["r#\"a \"b\" c\"#", "\"d\""]);
    }
}
