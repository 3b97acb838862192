//! Members of a zip archive in memory, unpacked with a limit to their size.

use std::io::{Cursor, Read};

use zip::ZipArchive;

/// Bytes that a byte of an archive may unpack to, beyond [`LITTLE`]. Drawings and scores give some ten or
/// forty; a thousand is what an archive gives that is made to fill the memory.
const MOST: u64 = 200;
/// Bytes that any archive may unpack to.
const LITTLE: u64 = 1 << 16;

/// A zip archive.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// Bytes of a member that the archive can justify.
    most: u64,
}

impl<'a> Archive<'a> {
    /// The archive that is these bytes; `kind` is what such a file is called.
    pub(super) fn open(bytes: &'a [u8], kind: &str) -> Result<Self, String> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| {
            format!("it is not a complete {kind} archive ({error}): truncated, damaged or another format")
        })?;
        Ok(Self { zip, most: LITTLE + MOST * bytes.len() as u64 })
    }

    /// Names of all members.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.zip.file_names()
    }

    /// The unpacked bytes of a member, at most `largest`.
    pub(super) fn member(&mut self, name: &str, largest: u64) -> Result<Vec<u8>, String> {
        let largest = largest.min(self.most);
        let Some(index) = self.zip.index_for_name(name) else {
            let mut names: Vec<&str> = self.names().take(5).collect();
            names.sort_unstable();
            return Err(format!("it has no member {name}, only {}", names.join(", ")));
        };
        let entry = self
            .zip
            .by_index(index)
            .map_err(|error| format!("{name} cannot be unpacked ({error})"))?;
        let size = entry.size();
        if size > largest {
            return Err(format!(
                "{name} unpacks to {size} bytes; {largest} are the most that is read of an archive of \
                 its size"
            ));
        }
        let mut bytes = Vec::new();
        // One byte more than there should be, so that a member that is longer shows, and the
        // checksum at its end is compared.
        let read = entry.take(size + 1).read_to_end(&mut bytes);
        read.map_err(|error| format!("{name} cannot be unpacked ({error}): truncated or damaged"))?;
        if bytes.len() as u64 != size {
            return Err(format!("{name} does not unpack to {size} bytes as it says: damaged"));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    /// An archive of these members.
    pub(crate) fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn no_more_is_unpacked_than_is_allowed_and_said() {
        let zeros = zipped(&[("zeros", &[0; 5000])]);
        let unpacked =
            |zip: &[u8], largest: u64| Archive::open(zip, "zip").unwrap().member("zeros", largest);
        assert_eq!(unpacked(&zeros, 5000).map(|bytes| bytes.len()), Ok(5000));
        let reason = unpacked(&zeros, 4999).unwrap_err();
        assert!(reason.contains("unpacks to 5000 bytes; 4999 are the most"), "{reason}");
        // The size in the archive's directory, at 24 in its entry, is made smaller and larger.
        let entry = zeros.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
        for size in [100u32, 6000] {
            let mut lying = zeros.clone();
            lying[entry + 24..entry + 28].copy_from_slice(&size.to_le_bytes());
            assert!(unpacked(&lying, 10_000).is_err(), "{size}");
        }
    }

    #[test]
    fn a_little_archive_does_not_fill_the_memory() {
        let bomb = zipped(&[("zeros", &[0; 10 << 20])]);
        let mut archive = Archive::open(&bomb, "zip").unwrap();
        let reason = archive.member("zeros", u64::MAX).unwrap_err();
        assert!(reason.contains("unpacks to 10485760 bytes"), "{reason}");
    }

    #[test]
    fn what_is_missing_or_damaged_is_named() {
        let mut zip = zipped(&[("b", b"bbbb"), ("a", b"")]);
        let member =
            |zip: &[u8], name: &str| Archive::open(zip, "npz").and_then(|mut a| a.member(name, 9));
        assert_eq!(member(&zip, "c"), Err("it has no member c, only a, b".into()));
        assert!(member(b"text", "c").unwrap_err().contains("not a complete npz archive"));
        // The checksum of the first member, at 14 in its entry.
        zip[14] ^= 1;
        let entry = zip.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
        zip[entry + 16] ^= 1;
        assert!(member(&zip, "b").unwrap_err().contains("b cannot be unpacked"));
    }
}
