use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use anyhow::{Context, Result};
use serde::Serialize;
use tempfile::NamedTempFile;

/// Writes a whole file or none of it: to a temporary name beside it, then renamed.
///
/// # Errors
/// If the folder cannot be created or written to.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a value as indented JSON with a final newline.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)
        .with_context(|| format!("cannot encode {}", path.display()))?;
    text.push('\n');
    write_atomic(path, text.as_bytes())
}
