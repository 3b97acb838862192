//! Messages that quote files: a word of a damaged file may be a megabyte long, or command the terminal.

/// Characters of a line that is shown whole; of a longer one the beginning and the end.
const LONGEST_LINE: usize = 500;
/// Lines that are shown.
const MOST_LINES: usize = 16;

/// A readable message, whatever it quotes. Long lines lose their middle, since the error is at the end as often
/// as at the beginning; control characters are replaced by their number.
pub fn excerpt(message: &str) -> String {
    let mut lines: Vec<String> = message.lines().take(MOST_LINES).map(line).collect();
    if message.lines().nth(MOST_LINES).is_some() {
        lines.push("...".into());
    }
    lines.join("\n")
}

fn line(line: &str) -> String {
    let length = line.chars().count();
    let (first, last) = (LONGEST_LINE * 3 / 5, LONGEST_LINE * 2 / 5);
    let mut shown = String::new();
    for (place, c) in line.chars().enumerate() {
        if length > LONGEST_LINE && (first..length - last).contains(&place) {
            if place == first {
                shown.push_str(" ... ");
            }
        } else if steers(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// True for what moves the cursor, changes colours or turns the direction of writing.
fn steers(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && c != '\t') || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_as_it_is_unless_nobody_can_read_it() {
        let message = "poems.txt, line 3: 'été\t\\n' is not a number\nwrite 0.5";
        assert_eq!(excerpt(message), message);
        let long = excerpt(&format!("'{}' is not a number", "x".repeat(1 << 20)));
        assert!(
            long.len() < 600 && long.starts_with("'xx") && long.ends_with("xx' is not a number")
        );
        assert!(long.contains("x ... x"), "{long}");
        assert_eq!(excerpt("a\u{1b}[2Jb\u{202e}c\rd"), "a\\u{1b}[2Jb\\u{202e}c\\u{d}d");
        assert_eq!(excerpt(&"line\n".repeat(100)).lines().count(), MOST_LINES + 1);
    }
}
