//! A bundle may come from anywhere: nothing in it decides where a file goes, how large it gets or that it is taken
//! for whole.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, Read, Write},
    path::{Path, PathBuf},
};

use files::{CHECKSUMS, Checksums};
use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};
use tar::EntryType;

use super::{FILES, NEEDED};
use crate::name::is_name;

/// Bytes that a byte of the file may become: weights hardly shrink, text to a tenth, zeros a thousandfold.
const RATIO: u64 = 50;
/// The same for a file however small.
const SPARE: u64 = 64 << 20;
/// Bytes of the list of checksums, at most.
const LONGEST_LIST: u64 = 1 << 16;

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name in the run's folder.
    pub name: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// Why a bundle is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// What is wrong with it, to be said after its name.
    #[error("{0}")]
    Content(String),
    /// Nothing is wrong with it: this file cannot be written.
    #[error("cannot write {path}: {error}", path = .0.display(), error = .1)]
    Unwritable(PathBuf, #[source] io::Error),
}

fn wrong(problem: impl Into<String>) -> UnpackError {
    UnpackError::Content(problem.into())
}

/// Unpacks a bundle of `size` bytes into `folder`/PAPER/NAME; that folder. `folder` is empty and the caller's to
/// remove if this fails.
///
/// # Errors
/// What is wrong with the bundle, or the file that cannot be written.
pub fn unpack(packed: impl BufRead, size: u64, folder: &Path) -> Result<PathBuf, UnpackError> {
    let most = size.saturating_mul(RATIO).saturating_add(SPARE);
    let mut content = Limited { inner: GzDecoder::new(packed), left: most, most };
    let (run, _) = unpack_members(&mut content, folder)?;
    // To the end, where the checksum of the whole is.
    io::copy(&mut content, &mut io::sink()).map_err(|error| damaged(&error))?;
    match content.inner.into_inner().fill_buf() {
        Ok([]) => Ok(run),
        Ok(_) => Err(wrong("something follows its end")),
        Err(error) => Err(damaged(&error)),
    }
}

/// The same from what the bundle unpacks to; also the files, by name.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_members(
    tar: impl Read,
    folder: &Path,
) -> Result<(PathBuf, Vec<Member>), UnpackError> {
    let mut run: Option<(String, String)> = None;
    let mut digests = BTreeMap::new();
    let mut list = Vec::new();
    let mut archive = tar::Archive::new(tar);
    // Raw: an entry that renames the next one, or makes it larger, is an entry that does not belong here.
    for entry in archive.entries().map_err(|error| damaged(&error))?.raw(true) {
        let mut entry = entry.map_err(|error| damaged(&error))?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !matches!(entry.header().entry_type(), EntryType::Regular) {
            return Err(wrong(format!(
                "{path:?} is not a plain file, and a bundle holds nothing else"
            )));
        }
        let [paper, name, file] = path.split('/').collect::<Vec<_>>()[..] else {
            return Err(wrong(format!("{path:?} is not called PAPER/NAME/FILE")));
        };
        let is_known = FILES.contains(&file) || file == CHECKSUMS;
        if !is_name(paper) || !is_name(name) || !is_known {
            return Err(wrong(format!("{path:?} is no file of a bundle")));
        }
        let own = (paper.to_owned(), name.to_owned());
        if run.get_or_insert_with(|| own.clone()) != &own {
            return Err(wrong(format!("{path:?} is of a second run, and a bundle holds one")));
        }
        let size = entry.header().size().map_err(|error| damaged(&error))?;
        if file == CHECKSUMS {
            if size > LONGEST_LIST || !list.is_empty() {
                return Err(wrong(format!("{path:?} is there twice or too long")));
            }
            entry.read_to_end(&mut list).map_err(|error| damaged(&error))?;
            continue;
        }
        if digests.contains_key(file) {
            return Err(wrong(format!("{path:?} is there twice")));
        }
        let target = folder.join(paper).join(name).join(file);
        digests.insert(file.to_owned(), stored(&mut entry, size, &target)?);
    }
    let missing = NEEDED.into_iter().find(|&file| !digests.contains_key(file));
    if let Some(missing) = missing.or(list.is_empty().then_some(CHECKSUMS)) {
        return Err(wrong(format!("it has no {missing}: it is not a bundle, or cut off")));
    }
    let Some(checksums) = Checksums::parse(&list) else {
        return Err(wrong(format!("its {CHECKSUMS} is damaged")));
    };
    if let Some(missing) = checksums.names().find(|&name| !digests.contains_key(name)) {
        return Err(wrong(format!("it has no {missing:?}, and its {CHECKSUMS} lists it")));
    }
    if let Some((bad, _)) = digests.iter().find(|(name, sha256)| !checksums.expects(name, sha256)) {
        return Err(wrong(format!("its {bad} is not the one that its {CHECKSUMS} lists")));
    }
    let (paper, name) = run.unwrap_or_default();
    let run = folder.join(paper).join(name);
    let target = run.join(CHECKSUMS);
    fs::write(&target, &list).map_err(|error| UnpackError::Unwritable(target, error))?;
    let members = digests.into_iter().map(|(name, sha256)| Member { name, sha256 });
    Ok((run, members.collect()))
}

/// Writes a file of `size` bytes; its SHA-256.
fn stored(content: &mut impl Read, size: u64, target: &Path) -> Result<String, UnpackError> {
    let unwritable = |error: io::Error| UnpackError::Unwritable(target.to_owned(), error);
    fs::create_dir_all(target.parent().unwrap_or(target)).map_err(unwritable)?;
    let mut file = fs::File::create_new(target).map_err(unwritable)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut written = 0;
    loop {
        let count = content.read(&mut buffer).map_err(|error| damaged(&error))?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
        file.write_all(&buffer[..count]).map_err(unwritable)?;
        written += count as u64;
    }
    if written == size { Ok(hex::encode(digest.finalize())) } else { Err(wrong("it is cut off")) }
}

fn damaged(error: &io::Error) -> UnpackError {
    UnpackError::Content(match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off".into(),
        io::ErrorKind::FileTooLarge => error.to_string(),
        _ => format!("it is damaged, or no {} ({error})", super::ENDING),
    })
}

/// Content that ends with an error beyond so many bytes.
struct Limited<R> {
    inner: R,
    left: u64,
    most: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => {
                let reason = format!("it would unpack to more than {} bytes", self.most);
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
            }
        }
        Ok(count)
    }
}
