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

use super::{FILES, NEEDED, is_plain};

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

/// Unpacks a bundle of `size` bytes into `folder`/PAPER/NAME; that folder. `folder` is empty and the caller's to
/// remove if this fails.
///
/// # Errors
/// What is wrong with the bundle, to be said after its name.
pub fn unpack(packed: impl BufRead, size: u64, folder: &Path) -> Result<PathBuf, String> {
    let most = size.saturating_mul(RATIO).saturating_add(SPARE);
    let mut content = Limited { inner: GzDecoder::new(packed), left: most, most };
    let (run, _) = unpack_members(&mut content, folder)?;
    // To the end, where the checksum of the whole is.
    io::copy(&mut content, &mut io::sink()).map_err(|error| damaged(&error))?;
    match content.inner.into_inner().fill_buf() {
        Ok([]) => Ok(run),
        Ok(_) => Err("something follows its end".into()),
        Err(error) => Err(damaged(&error)),
    }
}

/// The same from what the bundle unpacks to; also the files, by name.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_members(tar: impl Read, folder: &Path) -> Result<(PathBuf, Vec<Member>), String> {
    let mut run: Option<(String, String)> = None;
    let mut digests = BTreeMap::new();
    let mut list = Vec::new();
    let mut archive = tar::Archive::new(tar);
    // Raw: an entry that renames the next one, or makes it larger, is an entry that does not belong here.
    for entry in archive.entries().map_err(|error| damaged(&error))?.raw(true) {
        let mut entry = entry.map_err(|error| damaged(&error))?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !matches!(entry.header().entry_type(), EntryType::Regular) {
            return Err(format!("{path:?} is not a plain file, and a bundle holds nothing else"));
        }
        let [paper, name, file] = path.split('/').collect::<Vec<_>>()[..] else {
            return Err(format!("{path:?} is not called PAPER/NAME/FILE"));
        };
        let is_known = FILES.contains(&file) || file == CHECKSUMS;
        if !is_plain(paper) || !is_plain(name) || !is_known {
            return Err(format!("{path:?} is no file of a bundle"));
        }
        let own = (paper.to_owned(), name.to_owned());
        if run.get_or_insert_with(|| own.clone()) != &own {
            return Err(format!("{path:?} is of a second run, and a bundle holds one"));
        }
        let size = entry.header().size().map_err(|error| damaged(&error))?;
        if file == CHECKSUMS {
            if size > LONGEST_LIST || !list.is_empty() {
                return Err(format!("{path:?} is there twice or too long"));
            }
            entry.read_to_end(&mut list).map_err(|error| damaged(&error))?;
            continue;
        }
        if digests.contains_key(file) {
            return Err(format!("{path:?} is there twice"));
        }
        let target = folder.join(paper).join(name).join(file);
        digests.insert(file.to_owned(), stored(&mut entry, size, &target)?);
    }
    let missing = NEEDED.into_iter().find(|&file| !digests.contains_key(file));
    if let Some(missing) = missing.or(list.is_empty().then_some(CHECKSUMS)) {
        return Err(format!("it has no {missing}: it is not a bundle, or cut off"));
    }
    let Some(checksums) = Checksums::parse(&list) else {
        return Err(format!("its {CHECKSUMS} is damaged"));
    };
    if let Some(missing) = checksums.names().find(|&name| !digests.contains_key(name)) {
        return Err(format!("it has no {missing:?}, and its {CHECKSUMS} lists it"));
    }
    if let Some((bad, _)) = digests.iter().find(|(name, sha256)| !checksums.expects(name, sha256)) {
        return Err(format!("its {bad} is not the one that its {CHECKSUMS} lists"));
    }
    let (paper, name) = run.unwrap_or_default();
    let run = folder.join(paper).join(name);
    fs::write(run.join(CHECKSUMS), &list).map_err(|error| error.to_string())?;
    let members = digests.into_iter().map(|(name, sha256)| Member { name, sha256 });
    Ok((run, members.collect()))
}

/// Writes a file of `size` bytes; its SHA-256.
fn stored(content: &mut impl Read, size: u64, target: &Path) -> Result<String, String> {
    let unwritable = |error: io::Error| format!("cannot write {}: {error}", target.display());
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
    if written == size { Ok(hex::encode(digest.finalize())) } else { Err("it is cut off".into()) }
}

fn damaged(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off".into(),
        io::ErrorKind::FileTooLarge => error.to_string(),
        _ => format!("it is damaged, or no {} ({error})", super::ENDING),
    }
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
