//! The lines of an item of a source file, found by name, so that a chapter cannot drift from the code. Sources are
//! formatted by rustfmt: an item ends with the first closing bracket that is indented as its first line is.

use anyhow::{Result, bail};

/// Lines of a source file without their common indentation.
#[derive(Debug, PartialEq)]
pub(super) struct Excerpt {
    /// Number of the first line, from 1.
    pub first: usize,
    /// Number of the last line.
    pub last: usize,
    pub text: String,
}

/// Words that may stand before the keyword of an item.
const QUALIFIERS: [&str; 5] = ["pub", "pub(crate)", "pub(super)", "async", "unsafe"];
const KEYWORDS: [&str; 7] = ["fn", "struct", "enum", "trait", "type", "const", "static"];

/// The item at a path, `function`, `Type` or `Type::method`, with its comment.
///
/// # Errors
/// Unless exactly one item has that name.
pub(super) fn item(source: &str, path: &str) -> Result<Excerpt> {
    let lines: Vec<&str> = source.lines().collect();
    let tests = lines.iter().position(|line| line.starts_with("mod tests"));
    let lines = &lines[..tests.unwrap_or(lines.len())];
    let found: Vec<usize> = match path.rsplit_once("::") {
        None => named(lines, 0, lines.len(), 0, path).collect(),
        Some((owner, name)) => (0..lines.len())
            .filter(|&line| is_owner(&lines[line..], owner))
            .flat_map(|line| named(lines, line + 1, end(lines, line), 4, name))
            .collect(),
    };
    let [line] = found[..] else {
        bail!("{} items named {path}", if found.is_empty() { "no" } else { "several" });
    };
    let above = lines[..line].iter().rev();
    let first = line - above.take_while(|line| line.trim_start().starts_with("///")).count();
    let last = end(lines, line);
    let indent = indentation(lines[line]);
    let text = lines[first..=last].iter().map(|line| line.get(indent..).unwrap_or_default());
    let text = text.collect::<Vec<_>>().join("\n");
    Ok(Excerpt { first: first + 1, last: last + 1, text })
}

/// Lines of a range, indented that far, at which an item of that name begins.
fn named<'a>(
    lines: &'a [&str],
    from: usize,
    to: usize,
    indent: usize,
    name: &'a str,
) -> impl Iterator<Item = usize> + 'a {
    (from..to).filter(move |&line| {
        indentation(lines[line]) == indent && item_name(lines[line]) == Some(name)
    })
}

/// The name of the item that begins in a line.
fn item_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().filter(|word| !QUALIFIERS.contains(word)).peekable();
    let keyword = words.next()?;
    // `const fn`.
    let _ = words.next_if(|&word| keyword == "const" && word == "fn");
    let name = words.next().filter(|_| KEYWORDS.contains(&keyword))?;
    name.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
}

/// True where an `impl` of a type or the trait of that name begins.
fn is_owner(lines: &[&str], owner: &str) -> bool {
    let first = lines[0];
    if item_name(first) == Some(owner) && first.contains("trait ") {
        return true;
    }
    if !first.starts_with("impl") {
        return false;
    }
    let header = lines.iter().take_while(|line| !line.ends_with('}')).copied();
    let header = header.collect::<Vec<_>>().join(" ");
    let header = header.split('{').next().unwrap_or_default();
    let header = without_bounds(header.trim_start_matches("impl"));
    // The type, with or without a trait before it.
    let of = header.split_once(" for ").map_or(header, |(_, of)| of).trim_start();
    of.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next() == Some(owner)
}

/// What follows the `<B: Backend>` at the beginning, if it begins so.
fn without_bounds(header: &str) -> &str {
    let mut depth = 0;
    for (place, letter) in header.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return if letter == '>' { &header[place + 1..] } else { header };
        }
    }
    header
}

/// The last line of the item that begins at `line`.
fn end(lines: &[&str], line: usize) -> usize {
    let first = lines[line].trim_end();
    let count = |bracket| first.matches(bracket).count();
    let is_whole = first.ends_with(';') || (first.ends_with('}') && count('{') == count('}'));
    if is_whole {
        return line;
    }
    let closes = |other: &str| {
        indentation(other) == indentation(first) && ["}", "};", "];", ");"].contains(&other.trim())
    };
    let after = lines[line + 1..].iter().position(|other| closes(other));
    after.map_or(lines.len() - 1, |after| line + 1 + after)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
//! About.

/// A type.
pub struct Model<B: Backend> {
    width: usize,
}

const LEAST: f32 = 1.0;

impl<B: Backend> Model<B> {
    /// Of x.
    pub(crate) fn encode(
        &self,
        x: Tensor<B, 2>,
    ) -> Tensor<B, 2> {
        if x.is_empty() {
            return x;
        }
        x
    }
}

impl<B: Backend> Autoencoder<B> for Model<B> {
    fn width(&self) -> usize { self.width }
}

impl<'a, B: Backend> Other<'a, B> {
    fn width(&self) -> usize {
        0
    }
}

fn encode() {}

#[cfg(test)]
mod tests {
    fn encode() {}
}
";

    #[test]
    fn an_item_is_found_by_its_path_with_its_comment_and_without_indentation() {
        let lines = |path: &str| item(SOURCE, path).map(|found| (found.first, found.last)).unwrap();
        assert_eq!(lines("Model"), (3, 6));
        assert_eq!(lines("LEAST"), (8, 8));
        assert_eq!(lines("Model::encode"), (11, 20));
        assert_eq!(lines("Model::width"), (24, 24));
        assert_eq!(lines("Other::width"), (28, 30));
        assert_eq!(lines("encode"), (33, 33));
        let found = item(SOURCE, "Model::encode").unwrap();
        assert!(found.text.starts_with("/// Of x.\npub(crate) fn encode(\n    &self,\n"));
        assert!(found.text.ends_with("    x\n}"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let said = |path: &str| item(SOURCE, path).unwrap_err().to_string();
        assert_eq!(said("Model::decode"), "no items named Model::decode");
        assert_eq!(said("width"), "no items named width");
    }
}
