//! A page, before it is Markdown or HTML.

use std::path::PathBuf;

/// A part of a page. All text is plain: whoever renders it escapes it.
pub(super) enum Block {
    /// A heading of this level, 1 the highest.
    Heading(u8, String),
    Text(String),
    List(Vec<String>),
    Table(Table),
    /// Folded away under a summary.
    Details(String, Vec<Block>),
    /// HTML alone.
    Pictures(Vec<Pictures>),
}

/// Cells, row by row.
pub(super) struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Row>,
}

/// A row of a table, set off or not.
pub(super) struct Row {
    pub mark: Mark,
    pub cells: Vec<String>,
}

/// How a row is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Plain,
    Worse,
    Better,
}

/// The same picture of both sets.
pub(super) struct Pictures {
    pub title: String,
    pub base: Option<PathBuf>,
    pub new: Option<PathBuf>,
}
