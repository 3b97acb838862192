use std::{
    io,
    path::{Path, PathBuf},
};

use files::reading::{Mistake, one_line};

/// Why a data set could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Every source was tried in vain.
    #[error(
        "cannot get {set}: every source failed\n{attempts}\nput the files by hand into {by_hand} \
         (or name their folder with --data-dir or AE_DATA_DIR): {files}"
    )]
    NoSource {
        /// The data set.
        set: String,
        /// One line for each source that was tried.
        attempts: String,
        /// The cache folder.
        by_hand: String,
        /// Names of the missing files.
        files: String,
    },
    /// A file that the user named is not the published one.
    #[error(
        "{path}: not the published {set} file: its sha256 is {found}, expected {expected}; \
         it is corrupt, truncated or another file: delete it to have it fetched again"
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The data set.
        set: String,
        /// Digest of the uncompressed content.
        found: String,
        /// The published digest.
        expected: String,
    },
    /// The content is not what its format promises.
    #[error("{path}: {}", one_line(reason))]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The operating system refused.
    #[error("{path}: cannot {action}: {reason}{hint}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What to do about it, empty or starting with a separator.
        hint: &'static str,
        /// Why not.
        reason: io::Error,
    },
    /// There is no such folder.
    #[error("{option} {path}: no such folder")]
    NoFolder {
        /// What named it.
        option: &'static str,
        /// The folder.
        path: PathBuf,
    },
    /// A data set of the user's without its files.
    #[error("[data] name = \"{name}\" needs {wanted}: --data {option}")]
    NoPath {
        /// The data set.
        name: &'static str,
        /// What it is read from.
        wanted: &'static str,
        /// The same as a value of `--data`.
        option: &'static str,
    },
    /// The configuration asks for something the data set does not have.
    #[error("[data] {0}")]
    Config(String),
    /// What a kind of data of another crate has to say.
    #[error(transparent)]
    Kind(Box<dyn std::error::Error + Send + Sync>),
}

impl From<Mistake> for DataError {
    fn from(mistake: Mistake) -> Self {
        let text = mistake.to_string();
        Self::Config(text.strip_prefix("data.").unwrap_or(&text).to_owned())
    }
}

impl DataError {
    /// What to do about a file that the configuration names and that is not there.
    pub const ELSEWHERE: &str = "; if it lies in another folder now, name that with --data-dir";

    /// This file could not be read.
    pub fn unreadable(path: &Path, reason: io::Error) -> Self {
        Self::Io { path: path.into(), action: "read it", hint: "", reason }
    }
}

/// Faults of single files that are told, at most; the others are counted.
const TOLD: usize = 8;

/// Faults of several files on one line.
pub fn all_told(faults: &[String]) -> String {
    let more = faults.len().saturating_sub(TOLD);
    let told = faults[..faults.len() - more].join("; ");
    if more == 0 { told } else { format!("{told}; and {more} more like these") }
}
