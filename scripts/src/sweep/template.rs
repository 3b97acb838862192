//! Templates that users may edit: a text with places such as `@FOLDER@`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// The user's template, or one of the project's.
pub(super) fn path(own: Option<&Path>, ours: &str) -> PathBuf {
    own.map_or_else(|| workspace().join("scripts/templates/sweep").join(ours), Path::to_owned)
}

/// A template with every place filled; those in `needed` must be there.
///
/// # Errors
/// A place that is missing or unknown, with its line.
pub(super) fn filled(path: &Path, values: &[(&str, String)], needed: &[&str]) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    if let Some(missing) = needed.iter().find(|name| !text.contains(&format!("@{name}@"))) {
        bail!("{}: @{missing}@ must stand there", path.display());
    }
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut line = line.to_owned();
        for (name, value) in values {
            line = line.replace(&format!("@{name}@"), value);
        }
        let mut between: Vec<&str> = line.split('@').skip(1).collect();
        between.pop(); // What follows the last @ has none behind it.
        let is_place = |word: &&str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        };
        if let Some(unknown) = between.into_iter().find(is_place) {
            let known: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
            bail!(
                "{}, line {}: @{unknown}@ is none of {}",
                path.display(),
                number + 1,
                known.join(", ")
            );
        }
        lines.push(line);
    }
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled_or_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.sh");
        let values = [("A", "one\ntwo".to_owned()), ("B", "x@y".to_owned())];
        let with = |text: &str| {
            fs::write(&file, text).unwrap();
            filled(&file, &values, &["A"])
        };
        assert_eq!(with("@A@ and\n@B@, mail a@b.c\n").unwrap(), "one\ntwo and\nx@y, mail a@b.c\n");
        assert_eq!(with("@A@\nTERM@60\nme@HOST\n").unwrap(), "one\ntwo\nTERM@60\nme@HOST\n");
        let said = with("@A@\n@C@\n").unwrap_err().to_string();
        assert!(said.contains("mine.sh, line 2: @C@ is none of A, B"), "{said}");
        for another in ["mail a@b.c @C@", "@B@ @C@", "@C@ mail a@b.c"] {
            let said = with(&format!("@A@\n{another}\n")).unwrap_err().to_string();
            assert!(said.contains("line 2: @C@ is none of A, B"), "{another}: {said}");
        }
        let said = with("@B@\n").unwrap_err().to_string();
        assert!(said.contains("@A@ must stand there"), "{said}");
        assert!(filled(&folder.path().join("none"), &values, &[]).is_err());
    }
}
