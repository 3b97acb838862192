//! Names of files.

use std::path::Path;

use sha2::{Digest, Sha256};

/// Name of a file or folder without those it lies in; `..`, for instance, has none.
pub fn name_of(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

/// True if the name ends so after a dot, in capitals or not.
pub fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|own| own.eq_ignore_ascii_case(ending))
}

/// Name of a file and the sha256 of its content, as [`Splits::files`](super::Splits::files) has them.
pub fn name_and_sha256(path: &Path, bytes: &[u8]) -> (String, String) {
    (name_of(path).unwrap_or_default(), hex::encode(Sha256::digest(bytes)))
}
