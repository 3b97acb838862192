//! What unpacks downloads, and bundles of runs.

use std::{
    fs,
    io::{self, Cursor, Read, Write},
    path::{Path, PathBuf},
    sync::LazyLock,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use sha2::{Digest, Sha256};
use zip::{
    CompressionMethod::{self, Deflated, Stored},
    ZipWriter,
    write::SimpleFileOptions,
};

use super::{Target, bytes, hashed, outcome, runs};
use shared::{
    data::{DataFile, readers},
    run::{RunFolder, bundle},
    weights,
};

/// Each file of a download has its sha256 in the catalogue: nothing damaged gets through.
const DOWNLOAD: Target = Target { has_checksum: true, ..Target::BYTES };

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "gzip",
        seeds: || vec![gzip(CONTENT)],
        read: |path| outcome(readers::gzipped(path, &file())),
        ..DOWNLOAD
    },
    Target {
        name: "tar",
        seeds: || vec![tar()],
        words: &["package/little", "package/", "././@LongLink", "ustar"],
        read: |path| outcome(readers::packed(path, &file())),
        ..DOWNLOAD
    },
    Target {
        name: "zip",
        seeds: || {
            let members: &[(&str, &[u8])] =
                &[("package/little", CONTENT), ("package/other", b"no")];
            vec![zip(members, Deflated), zip(members, Stored)]
        },
        words: &["package/little", "PK\x01\x02", "PK\x03\x04", "PK\x05\x06", "PK\x06\x06"],
        read: |path| outcome(readers::zipped(path, &file())),
        ..Target::ZIPPED
    },
    Target {
        name: "bundle",
        seeds: || vec![bundle()],
        read: |path| {
            let bytes = bytes(path)?;
            in_folder(path, |folder| {
                bundle::unpack(&*bytes, bytes.len() as u64, folder)
                    .map(drop)
                    .map_err(|error| error.to_string())
            })
        },
        ..DOWNLOAD
    },
    Target {
        name: "bundle-members",
        seeds: || vec![members()],
        words: &[
            "vae/quick/config.toml",
            "vae/quick/weights.safetensors",
            "vae/quick/SHA256SUMS",
            "vae/quick/latents.csv",
            "../",
            "ustar",
            "# sha256 of the lines above: ",
        ],
        read: |path| {
            let bytes = bytes(path)?;
            in_folder(path, |folder| {
                bundle::unpack_members(&*bytes, folder).map(drop).map_err(|error| error.to_string())
            })
        },
        ..DOWNLOAD
    },
];

/// A packed run.
fn bundle() -> Vec<u8> {
    let made = || -> anyhow::Result<Vec<u8>> {
        let work = tempfile::tempdir()?;
        let run = RunFolder::create(work.path().join("vae/quick"), "seed = 1\n", false)?;
        run.write(weights::DESCRIPTION, br#"{"paper": "vae"}"#)?;
        run.write(RunFolder::RECORD, runs::record().as_bytes())?;
        run.write(weights::WEIGHTS, CONTENT)?;
        Ok(bundle::pack(&run)?.bytes)
    };
    made().unwrap_or_default()
}

/// What it unpacks to.
fn members() -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = GzDecoder::new(&*bundle()).read_to_end(&mut bytes);
    bytes
}

/// A digest of every file that is unpacked into a folder beside the input, of which nothing may lie outside.
fn in_folder(path: &Path, unpack: impl FnOnce(&Path) -> Result<(), String>) -> Result<u64, String> {
    let beside =
        |path: &Path| path.parent().and_then(|folder| fs::read_dir(folder).ok()?.count().into());
    let before = beside(path);
    let work = path.parent().map(tempfile::tempdir_in).transpose().map_err(|e| e.to_string())?;
    let Some(work) = work else { return Err("no folder".into()) };
    let unpacked = unpack(work.path());
    let mut files = Vec::new();
    collect(work.path(), work.path(), &mut files).map_err(|error| error.to_string())?;
    drop(work);
    assert_eq!(beside(path), before, "something was written outside of the folder");
    unpacked?;
    files.sort();
    Ok(hashed(&files))
}

/// Paths from `root` and contents of all files below `folder`.
fn collect(root: &Path, folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            files.push((path.strip_prefix(root).unwrap_or(&path).into(), fs::read(&path)?));
        }
    }
    Ok(())
}

const CONTENT: &[u8] = b"four little files in a row, and four little files in another";

fn file() -> DataFile {
    static DIGEST: LazyLock<String> = LazyLock::new(|| hex::encode(Sha256::digest(CONTENT)));
    DataFile { name: "little", sha256: &DIGEST, bytes: CONTENT.len() as u64 }
}

/// A zip archive of these members.
pub(super) fn zip(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in members {
        // Memory takes whatever is written.
        let _ = zip.start_file(*name, options).and_then(|()| Ok(zip.write_all(bytes)?));
    }
    zip.finish().map(Cursor::into_inner).unwrap_or_default()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let _ = gzip.write_all(bytes);
    gzip.finish().unwrap_or_default()
}

fn tar() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in [("package/other", &b"no"[..]), ("package/little", CONTENT)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let _ = tar.append_data(&mut header, name, bytes);
    }
    tar.into_inner().unwrap_or_default()
}
