//! `SHA256SUMS`: the checksum of every file of a folder, in the format of `sha256sum --check`.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::write_atomic;

/// Name of the checksums beside the files they are of.
pub const CHECKSUMS: &str = "SHA256SUMS";

/// Begins the last line, the checksum of the lines above it; `sha256sum` takes it for a comment.
const OWN: &str = "# sha256 of the lines above: ";

/// A file of a run that is not as it was written.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// Its content has another checksum.
    #[error(
        "{} is not as it was written: its SHA-256 begins with {found}, and {CHECKSUMS} has {expected}",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// First digits of the checksum in the list.
        expected: String,
        /// First digits of the file's.
        found: String,
    },
    /// It is listed and gone.
    #[error("{} is missing, and {CHECKSUMS} lists it", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is there and not listed.
    #[error("{} is not listed in {CHECKSUMS}: this program did not write it", path.display())]
    Unlisted {
        /// The file.
        path: PathBuf,
    },
    /// The system does not hand it out.
    #[error("{} cannot be read ({error})", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The checksums themselves.
    #[error("{} is damaged; delete it to have the files beside it taken as they are", path.display())]
    Checksums {
        /// The file.
        path: PathBuf,
    },
}

impl Damage {
    /// The damaged file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Changed { path, .. }
            | Self::Missing { path }
            | Self::Unlisted { path }
            | Self::Unreadable { path, .. }
            | Self::Checksums { path } => path,
        }
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// In place of a checksum: the file may not be there.
const ABSENT: &str = "absent";

/// The checksums of a folder's files, by name. A file that is being written or removed has two, of its old and
/// its new content, or of its being absent: each is whole, whenever the program may be killed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksums {
    files: BTreeMap<String, Vec<String>>,
}

impl Checksums {
    /// The checksums of `folder`; `None` if it has none.
    ///
    /// # Errors
    /// A list that cannot be read or was changed.
    pub fn read(folder: &Path) -> Result<Option<Self>, Damage> {
        let path = folder.join(CHECKSUMS);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Damage::Unreadable { path, error }),
        };
        match Self::parse(&bytes) {
            Some(checksums) => Ok(Some(checksums.settled(folder))),
            None => Err(Damage::Checksums { path }),
        }
    }

    /// Without the files whose writing or removal was cut short, if they are not there.
    fn settled(mut self, folder: &Path) -> Self {
        self.files.retain(|name, digests| {
            let known = digests.len();
            digests.retain(|digest| digest != ABSENT);
            digests.len() == known || folder.join(name).exists()
        });
        self
    }

    /// The checksums in the bytes of a list; `None` if it is not whole.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (lines, own) = text.strip_suffix('\n')?.split_at(text.rfind(OWN)?);
        if own.strip_prefix(OWN)? != digest(lines.as_bytes()) {
            return None;
        }
        let mut checksums = Self::default();
        for line in lines.lines() {
            let (digest, name) = line.split_once("  ")?;
            checksums.files.entry(name.to_owned()).or_default().push(digest.to_owned());
        }
        Some(checksums)
    }

    /// Adds a file with this content.
    pub fn add(&mut self, name: &str, content: &[u8]) {
        self.files.insert(name.to_owned(), vec![digest(content)]);
    }

    /// The checksums of every file that `folder` holds now, for a folder that has none.
    ///
    /// # Errors
    /// If the folder or a file cannot be read.
    pub fn of_files(folder: &Path) -> io::Result<Self> {
        let mut checksums = Self::default();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                checksums.add(&name, &fs::read(entry.path())?);
            }
        }
        Ok(checksums)
    }

    /// Writes the list into `folder`.
    ///
    /// # Errors
    /// As [`write_atomic`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_atomic(&folder.join(CHECKSUMS), self.text().as_bytes())
    }

    /// The list as a file has it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, digests) in &self.files {
            for digest in digests {
                let _ = writeln!(text, "{digest}  {name}");
            }
        }
        let own = digest(text.as_bytes());
        let _ = writeln!(text, "{OWN}{own}");
        text
    }

    /// Names of the files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// True if the file is listed with this SHA-256, in hexadecimal.
    pub fn expects(&self, name: &str, sha256: &str) -> bool {
        self.files.get(name).is_some_and(|own| own.iter().any(|own| own == sha256))
    }

    /// True if the file is listed.
    pub fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Content of a file, which must be as listed.
    ///
    /// # Errors
    /// A file that is missing, not listed, cannot be read or was changed.
    pub fn checked(&self, folder: &Path, name: &str) -> Result<Vec<u8>, Damage> {
        let path = folder.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Damage::Missing { path });
            }
            Err(error) => return Err(Damage::Unreadable { path, error }),
        };
        let Some(expected) = self.files.get(name) else {
            return Err(Damage::Unlisted { path });
        };
        let found = digest(&bytes);
        if expected.contains(&found) {
            return Ok(bytes);
        }
        let short = |digest: &str| digest.chars().take(12).collect::<String>();
        let expected = expected.iter().map(|digest| short(digest)).collect::<Vec<_>>().join(" or ");
        Err(Damage::Changed { path, expected, found: short(&found) })
    }

    /// Writes a file of `folder` with its checksum: whole, or as it was, whenever the program may be
    /// killed.
    ///
    /// # Errors
    /// If the list cannot be read, or a file not be written.
    pub fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
        let mut checksums = Self::announced(folder, name, bytes)?;
        write_atomic(&folder.join(name), bytes)?;
        checksums.add(name, bytes);
        checksums.write(folder)
    }

    /// The list that allows both what is there and what is about to be written. The first file of a folder comes
    /// before its list.
    fn announced(folder: &Path, name: &str, bytes: &[u8]) -> Result<Self> {
        let mut checksums = Self::read(folder)?.unwrap_or_default();
        let new = digest(bytes);
        let known = checksums.files.entry(name.to_owned()).or_insert_with(|| vec![ABSENT.into()]);
        if !known.contains(&new) {
            known.push(new);
            if folder.join(CHECKSUMS).exists() {
                checksums.write(folder)?;
            }
        }
        Ok(checksums)
    }

    /// Removes files of `folder` and their checksums, if it has any; those that are not there are passed over.
    ///
    /// # Errors
    /// If the list cannot be read, or a file not be removed.
    pub fn remove_files(folder: &Path, names: &[&str]) -> Result<()> {
        let mut checksums = Self::read(folder)?;
        if let Some(checksums) = &mut checksums {
            for name in names {
                if let Some(known) = checksums.files.get_mut(*name) {
                    known.push(ABSENT.into());
                }
            }
            checksums.write(folder)?;
        }
        for name in names {
            let path = folder.join(name);
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
        }
        let Some(mut checksums) = checksums else { return Ok(()) };
        checksums.files.retain(|name, _| !names.contains(&name.as_str()));
        checksums.write(folder)
    }
}

/// Content of a file that may be a run's: as it was written where its folder has checksums.
///
/// # Errors
/// A file that cannot be read or was changed.
pub fn read_checked(path: &Path) -> Result<Vec<u8>, Damage> {
    let folder = path.parent().unwrap_or(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match Checksums::read(folder)? {
        Some(checksums) if checksums.has(&name) => checksums.checked(folder, &name),
        _ => fs::read(path).map_err(|error| Damage::Unreadable { path: path.into(), error }),
    }
}

/// The SHA-256 of what is left of a source, in hexadecimal; nothing but a block of it is held.
///
/// # Errors
/// If it cannot be read.
pub fn sha256(mut source: impl Read) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(hex::encode(digest.finalize())),
            count => digest.update(&buffer[..count]),
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checksums(folder: &Path) -> Checksums {
        Checksums::read(folder).unwrap().unwrap()
    }

    #[test]
    fn a_file_that_is_written_or_removed_is_whole_or_absent_wherever_it_is_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        Checksums::write_file(folder, "config.toml", b"a = 1").unwrap();
        let before = checksums(folder);
        // Killed before the file was written, and after it.
        Checksums::announced(folder, "data.json", b"{}").unwrap();
        assert_eq!(checksums(folder), before);
        write_atomic(&folder.join("data.json"), b"{}").unwrap();
        assert_eq!(checksums(folder).checked(folder, "data.json").unwrap(), b"{}");
        // What another wrote is still found.
        fs::write(folder.join("data.json"), b"{1}").unwrap();
        let damage = checksums(folder).checked(folder, "data.json").unwrap_err();
        assert!(matches!(damage, Damage::Changed { .. }), "{damage}");
        Checksums::write_file(folder, "data.json", b"{2}").unwrap();
        assert_eq!(checksums(folder).checked(folder, "data.json").unwrap(), b"{2}");
        // Killed before the file was removed, and after it.
        let mut removing = checksums(folder);
        removing.files.get_mut("data.json").unwrap().push(ABSENT.into());
        removing.write(folder).unwrap();
        assert_eq!(checksums(folder).checked(folder, "data.json").unwrap(), b"{2}");
        fs::remove_file(folder.join("data.json")).unwrap();
        assert_eq!(checksums(folder), before);
        // A whole list is not excused.
        fs::remove_file(folder.join("config.toml")).unwrap();
        let damage = checksums(folder).checked(folder, "config.toml").unwrap_err();
        assert!(matches!(damage, Damage::Missing { .. }), "{damage}");
    }

    #[test]
    fn a_file_that_is_not_as_written_is_named_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        Checksums::write_file(folder, "a", b"one").unwrap();
        Checksums::write_file(folder, "b", b"two").unwrap();
        assert_eq!(checksums(folder).checked(folder, "a").unwrap(), b"one");
        let problem = |name: &str| checksums(folder).checked(folder, name).unwrap_err().to_string();
        fs::write(folder.join("a"), b"onf").unwrap();
        assert!(problem("a").contains("a is not as it was written"), "{}", problem("a"));
        fs::remove_file(folder.join("a")).unwrap();
        assert!(problem("a").contains("a is missing"), "{}", problem("a"));
        fs::create_dir(folder.join("a")).unwrap();
        assert!(problem("a").contains("a cannot be read"), "{}", problem("a"));
        fs::write(folder.join("c"), b"three").unwrap();
        assert!(problem("c").contains("c is not listed"), "{}", problem("c"));
        assert_eq!(checksums(folder).checked(folder, "b").unwrap(), b"two");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_of_the_list_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        Checksums::write_file(folder, "weights.safetensors", b"one").unwrap();
        let path = folder.join(CHECKSUMS);
        let whole = fs::read(&path).unwrap();
        let is_damaged = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            matches!(Checksums::read(folder), Err(Damage::Checksums { .. }))
        };
        assert!(!is_damaged(&whole));
        for length in 0..whole.len() {
            assert!(is_damaged(&whole[..length]), "{length}");
        }
        for bit in 0..8 * whole.len() {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(is_damaged(&damaged), "{bit}");
        }
    }

    #[test]
    fn a_program_killed_while_it_replaces_a_file_leaves_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        Checksums::write_file(folder, "a", b"old").unwrap();
        // As between the three writes of `write_file`.
        let mut both = checksums(folder);
        both.files.get_mut("a").unwrap().push(digest(b"new"));
        both.write(folder).unwrap();
        assert_eq!(checksums(folder).checked(folder, "a").unwrap(), b"old");
        fs::write(folder.join("a"), b"new").unwrap();
        assert_eq!(checksums(folder).checked(folder, "a").unwrap(), b"new");
        Checksums::write_file(folder, "a", b"newer").unwrap();
        assert_eq!(checksums(folder).files["a"], [digest(b"newer")]);
    }

    #[test]
    fn files_are_removed_with_their_checksums_and_without_a_list_there_is_none_after() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("a"), "one").unwrap();
        Checksums::remove_files(folder, &["a", "never-there"]).unwrap();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
        Checksums::write_file(folder, "a", b"one").unwrap();
        Checksums::write_file(folder, "b", b"two").unwrap();
        Checksums::remove_files(folder, &["a", "never-there"]).unwrap();
        assert!(!checksums(folder).has("a") && !folder.join("a").exists());
        assert_eq!(checksums(folder).checked(folder, "b").unwrap(), b"two");
    }
}
