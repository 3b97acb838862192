//! What unpacks downloads.

use std::{
    io::{Cursor, Write},
    sync::LazyLock,
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use zip::{
    CompressionMethod::{self, Deflated, Stored},
    ZipWriter,
    write::SimpleFileOptions,
};

use super::{Target, outcome};
use shared::data::{DataFile, readers};

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
];

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
