//! A page as GitLab's Markdown.

use super::document::{Block, Mark, Row, Table};

/// The whole page.
pub(super) fn render(page: &[Block]) -> String {
    blocks(page, true)
}

/// The page without what is folded away, for a terminal.
pub(super) fn unfolded(page: &[Block]) -> String {
    blocks(page, false)
}

fn blocks(page: &[Block], with_details: bool) -> String {
    let texts = page.iter().filter_map(|block| {
        Some(match block {
            Block::Heading(level, text) => {
                format!("{} {}\n", "#".repeat((*level).into()), escaped(text))
            }
            Block::Text(text) => format!("{}\n", escaped(text)),
            Block::List(items) => {
                items.iter().map(|item| format!("- {}\n", escaped(item))).collect()
            }
            Block::Table(of) => table(of),
            Block::Details(summary, inner) if with_details => format!(
                "<details><summary>{}</summary>\n\n{}\n</details>\n",
                escaped(summary),
                blocks(inner, true)
            ),
            Block::Details(..) | Block::Pictures(_) => return None,
        })
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(table.head.iter().map(|cell| escaped(cell)).collect());
    text.push_str(&format!("|{}\n", "---|".repeat(table.head.len())));
    table.rows.iter().for_each(|row| text.push_str(&line(cells(row))));
    text
}

/// The last cell of a row that is set off says why, in bold.
fn cells(row: &Row) -> Vec<String> {
    let mut cells: Vec<String> = row.cells.iter().map(|cell| escaped(cell)).collect();
    if row.mark != Mark::Plain
        && let Some(last) = cells.last_mut()
    {
        *last = format!("**{last}**");
    }
    cells
}

/// Text that Markdown leaves as it is, in a table too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '|' | '*' | '`' | '[' | ']' | '~' => escaped.extend(['\\', character]),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' | '\r' => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}
