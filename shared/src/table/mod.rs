//! Tables of people: typed columns, a target, a sensitive attribute; read from CSV by a schema,
//! encoded as numbers by the statistics of the training split alone.

mod builtin;
mod encode;
mod people;
mod read;
mod schema;

pub(crate) use builtin::TableName;
pub use encode::{Encoded, Encoder};
pub(crate) use people::splits;
pub use people::{People, SecondTarget};
pub use read::{Cell, Table, read};
pub use schema::{Column, Group, Kind, Missing, Schema, Target};

use std::path::PathBuf;

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The schema contradicts itself.
    #[error("schema: {0}")]
    Schema(String),
    /// A text file cannot be read.
    #[error(transparent)]
    Text(#[from] crate::reading::ReadError),
    /// A file cannot be read.
    #[error("{path}: cannot read it: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A value is not what the schema promises.
    #[error("{path}, line {line}, column '{column}': {reason}")]
    Value {
        /// The file.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// A row has too few or too many fields.
    #[error("{path}, line {line}: {found} fields, the schema has {expected} columns")]
    Width {
        /// The file.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// Fields found.
        found: usize,
        /// Columns of the schema.
        expected: usize,
    },
    /// A column of the schema is not in the header.
    #[error("{path}: no column '{column}' in the header: {header}")]
    Missing {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The header.
        header: String,
    },
    /// There is nothing to learn, or nothing to compare.
    #[error("{0}")]
    Degenerate(String),
}
