use std::{
    fmt,
    fs::{self, File},
    io::{self, BufReader, Seek},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use data::{FetchOptions, create_cache, download};
use files::{sha256, temporary_folder};

use super::{ENDING, UnpackError, unpack};
use crate::{RunError, RunFolder, UNFINISHED};

/// Folder of the cache for unpacked bundles, one for each by its checksum.
const BUNDLES: &str = "bundles";
/// Comes between an address and the checksum that its file must have.
const SHA256: &str = "#sha256=";
/// Bytes of a bundle, at most.
const LARGEST: u64 = 2 << 30;

/// A bundle by its file's path or its address, and the checksum it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    place: Place,
    sha256: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Web(String),
}

impl Bundle {
    /// The bundle that a user names where a run's folder may stand too: an address, a checksum or the ending of a
    /// file tell it; `None` for a folder.
    ///
    /// # Errors
    /// A checksum that is none, or an address without one whose answer anybody on the way could change.
    pub fn named(path: &Path) -> Result<Option<Self>> {
        let Some(text) = path.to_str() else { return Ok(None) };
        let (address, sha256) = match text.rsplit_once(SHA256) {
            Some((address, sha256)) => (address, Some(sha256.to_ascii_lowercase())),
            None => (text, None),
        };
        if let Some(sha256) = &sha256
            && (sha256.len() != 64 || !sha256.bytes().all(|digit| digit.is_ascii_hexdigit()))
        {
            bail!("{text}: the SHA-256 after {SHA256} has 64 digits from 0 to 9 and a to f");
        }
        let is_web = |scheme: &str| address.starts_with(scheme);
        if is_web("http://") && sha256.is_none() {
            bail!("{text}: over http only with a checksum: append {SHA256}HEX, or use https");
        }
        let place = if is_web("https://") || is_web("http://") {
            Place::Web(address.to_owned())
        } else {
            Place::File(address.into())
        };
        let is_bundle = match &place {
            Place::Web(_) => true,
            Place::File(file) => sha256.is_some() || (address.ends_with(ENDING) && !file.is_dir()),
        };
        Ok(is_bundle.then_some(Self { place, sha256 }))
    }

    /// Its run, unpacked in the cache and not to be written to.
    ///
    /// # Errors
    /// If it cannot be had, or is not a whole bundle; nothing is left of it then.
    pub fn open(&self) -> Result<RunFolder> {
        let options = FetchOptions::from_env(None);
        let cache = options.cache_dir.join(BUNDLES);
        // With a checksum there is no need to ask for what is there.
        let known = self.sha256.as_ref().filter(|_| matches!(self.place, Place::Web(_)));
        if let Some(run) = known.and_then(|sha256| whole(&cache.join(sha256))) {
            return RunFolder::open_bundle(run, self.to_string()).map_err(Into::into);
        }
        create_cache(&cache)?;
        let (mut file, sha256) = self.file(&options, &cache)?;
        let run = self.cached(&mut file, &cache, &cache.join(sha256))?;
        Ok(RunFolder::open_bundle(run, self.to_string())?)
    }

    /// Unpacks it as a run that can be written to, `out`/PAPER/NAME; that folder.
    ///
    /// # Errors
    /// As [`Self::open`]; if there is something already.
    pub fn unpack_below(&self, out: &Path) -> Result<PathBuf> {
        let options = FetchOptions::from_env(None);
        let below = || format!("cannot write into {}", out.display());
        fs::create_dir_all(out).with_context(below)?;
        let work = temporary_folder(out, UNFINISHED).with_context(below)?;
        let (mut file, _) = self.file(&options, out)?;
        let made = self.unpacked(&mut file, work.path())?;
        let run = out.join(made.strip_prefix(work.path())?);
        if run.exists() {
            return Err(match RunFolder::open(run.clone()) {
                Ok(_) => anyhow!("{}: choose another --out", RunError::Exists(run)),
                Err(_) => anyhow!("{} with --out", RunError::NotARun(run)),
            });
        }
        fs::create_dir_all(run.parent().unwrap_or(out)).with_context(below)?;
        fs::rename(&made, &run).with_context(below)?;
        Ok(run)
    }

    /// Its file, downloaded into a temporary one where it is an address, and its checksum, which is as it must be.
    fn file(&self, options: &FetchOptions, folder: &Path) -> Result<(File, String)> {
        let (file, sha256) = match &self.place {
            Place::File(path) => opened(path).with_context(|| format!("{self}: cannot read it"))?,
            Place::Web(_) if options.offline => {
                bail!("{self}: AE_OFFLINE is set, so it is not downloaded")
            }
            Place::Web(url) => {
                let found = download(url, self.sha256.is_none(), LARGEST, folder);
                let (file, sha256) = found.map_err(|reason| anyhow!("{self}: {reason}"))?;
                if self.sha256.is_none() {
                    terminal::progress::line(&format!(
                        "with {SHA256}{sha256} after its address it is checked, and not fetched again"
                    ));
                }
                (file.reopen().with_context(|| self.to_string())?, sha256)
            }
        };
        match &self.sha256 {
            Some(expected) if *expected != sha256 => {
                bail!("{self}: its SHA-256 is {sha256}: another file, or a damaged one")
            }
            _ => Ok((file, sha256)),
        }
    }

    /// The run in this folder of the cache, which is unpacked unless it is there and whole.
    fn cached(&self, file: &mut File, cache: &Path, folder: &Path) -> Result<PathBuf> {
        if let Some(run) = whole(folder) {
            return Ok(run);
        }
        let below = || format!("cannot write into {}; AE_CACHE_DIR names another", cache.display());
        let work = temporary_folder(cache, UNFINISHED).with_context(below)?;
        let made = self.unpacked(file, work.path())?;
        let run = folder.join(made.strip_prefix(work.path())?);
        // Another process may have been faster.
        if let Some(run) = whole(folder) {
            return Ok(run);
        }
        if folder.exists() {
            // Damaged: it goes with this folder.
            let old = temporary_folder(cache, UNFINISHED).with_context(below)?;
            fs::rename(folder, old.path().join("damaged")).with_context(below)?;
        }
        match fs::rename(work.path(), folder) {
            // Renamed away: nothing is left to clean up.
            Ok(()) => drop(work.keep()),
            // Another process was faster.
            Err(_) if whole(folder).is_some() => {}
            Err(error) => return Err(error).with_context(below),
        }
        Ok(run)
    }

    fn unpacked(&self, file: &mut File, into: &Path) -> Result<PathBuf> {
        let size = file.metadata().with_context(|| self.to_string())?.len();
        unpack(BufReader::new(file), size, into).map_err(|error| match error {
            UnpackError::Content(reason) => anyhow!("{self} is not a bundle of a run: {reason}"),
            UnpackError::Unwritable(..) => anyhow!("{self}: {error}"),
        })
    }
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File(path) => path.display().fmt(f),
            Place::Web(url) => url.fmt(f),
        }
    }
}

/// A file and its SHA-256.
fn opened(path: &Path) -> io::Result<(File, String)> {
    let mut file = File::open(path)?;
    let sha256 = sha256(&file)?;
    file.rewind()?;
    Ok((file, sha256))
}

/// The run unpacked into this folder, if every file of it is as it was.
fn whole(folder: &Path) -> Option<PathBuf> {
    let only = |folder: &Path| {
        let mut entries = fs::read_dir(folder).ok()?;
        entries.next()?.ok().map(|entry| entry.path()).filter(|_| entries.next().is_none())
    };
    let run = only(&only(folder)?)?;
    let is_whole = RunFolder::open(run.clone()).ok()?.damaged().ok()?.is_empty();
    (is_whole && run.join(files::CHECKSUMS).is_file()).then_some(run)
}
