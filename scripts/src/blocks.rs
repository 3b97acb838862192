//! The parts of a page that are written by a program: from `<!-- KIND: ARGUMENT -->` or `<!-- KIND -->`, alone in
//! its line, to `<!-- end -->`.

use anyhow::{Context, Result, anyhow, bail};

const END: &str = "<!-- end -->";

/// The page with every block of that kind rewritten by `write` from its argument.
///
/// # Errors
/// What `write` says; a marker without its end.
pub(crate) fn filled(
    page: &str,
    kind: &str,
    mut write: impl FnMut(&str) -> Result<String>,
) -> Result<String> {
    let begin = format!("<!-- {kind}");
    let mut new = String::with_capacity(page.len());
    let mut rest = page;
    while let Some(start) = rest.find(&begin) {
        let name = start + begin.len();
        let line = rest[name..].find('\n').map_or(rest.len(), |at| name + at + 1);
        new.push_str(&rest[..line]);
        let marker = rest[name..line].trim_end();
        rest = &rest[line..];
        let Some(argument) = marker.strip_suffix("-->") else { continue };
        let argument = match argument.strip_prefix(':') {
            Some(argument) => argument.trim(),
            None if argument.trim().is_empty() => "",
            None => continue, // A longer kind.
        };
        let end = rest.find(END).ok_or_else(|| anyhow!("no {END} after {begin}{marker}"))?;
        // Blocks do not nest: the end of a later one is not this one's.
        if rest[..end].contains("<!-- ") {
            bail!("no {END} after {begin}{marker}, before the next comment");
        }
        new.push_str(&write(argument).with_context(|| format!("{begin}{marker}"))?);
        rest = &rest[end..];
    }
    new.push_str(rest);
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_the_kind_alone_are_written_anew() {
        let page = "a\n<!-- sum: 1 2 -->\nold\n<!-- end -->\nb\n<!-- summary -->\nold\n<!-- end -->\n\
                    <!-- sum -->\n<!-- end -->";
        let new = filled(page, "sum", |argument| Ok(format!("[{argument}]\n"))).unwrap();
        assert_eq!(
            new,
            "a\n<!-- sum: 1 2 -->\n[1 2]\n<!-- end -->\nb\n<!-- summary -->\nold\n<!-- end -->\n\
             <!-- sum -->\n[]\n<!-- end -->"
        );
        assert_eq!(filled(&new, "sum", |argument| Ok(format!("[{argument}]\n"))).unwrap(), new);
    }

    #[test]
    fn a_block_that_cannot_be_written_is_named() {
        let problem = |page: &str, known: bool| {
            let write = |_: &str| if known { Ok(String::new()) } else { bail!("unknown") };
            format!("{:#}", filled(page, "sum", write).unwrap_err())
        };
        assert!(
            problem("<!-- sum: 1 -->\nold\n", true).contains("no <!-- end --> after <!-- sum: 1")
        );
        let page = "<!-- sum: 1 -->\nprose\n<!-- other -->\nold\n<!-- end -->\n";
        assert!(problem(page, true).contains("no <!-- end --> after <!-- sum: 1"));
        let page = "<!-- sum: 1 -->\nold\n<!-- end -->\n";
        assert!(problem(page, false).contains("<!-- sum: 1 -->: unknown"));
    }
}
