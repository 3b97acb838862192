//! Numpy's arrays, <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>, and archives of them.
//!
//! Of the Python dictionary in a header three values are all that is wanted, and no parser of Python: one takes as
//! long as it likes for a hundred opening brackets.

use std::{
    io::{Cursor, Read, Write},
    sync::LazyLock,
};

use regex::Regex;
use zip::{ZipWriter, result::ZipResult, write::SimpleFileOptions};

/// Bytes a header may have; numpy itself reads no more.
const LONGEST: usize = 10_000;
/// What every array begins with.
const MAGIC: &[u8] = b"\x93NUMPY";

/// What an array consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Type of the elements as numpy writes it, for instance `|u1`, or the fields of a record.
    pub descr: String,
    /// True if the first index runs fastest.
    pub by_columns: bool,
    /// Elements along each dimension.
    pub shape: Vec<u64>,
}

impl Header {
    /// Reads a header, and nothing of what follows it.
    ///
    /// # Errors
    /// What is wrong with it, without the array's name.
    pub fn read(source: &mut impl Read) -> Result<Self, String> {
        let mut take = |count: usize| {
            let mut bytes = vec![0; count];
            source
                .read_exact(&mut bytes)
                .map(|()| bytes)
                .map_err(|error| format!("not a numpy array ({error})"))
        };
        let start = take(MAGIC.len() + 2)?;
        let Some(&[version, _]) = start.strip_prefix(MAGIC) else {
            return Err("not a numpy array: it does not begin like one".into());
        };
        let length = match (version, take(2)?) {
            (1, length) => usize::from(u16::from_le_bytes([length[0], length[1]])),
            (2 | 3, low) => {
                let high = take(2)?;
                u32::from_le_bytes([low[0], low[1], high[0], high[1]]) as usize
            }
            _ => return Err(format!("a numpy array of version {version}; 1 to 3 can be read")),
        };
        if length > LONGEST {
            return Err(format!("a numpy array whose header has {length} bytes: damaged"));
        }
        let text = String::from_utf8(take(length)?)
            .map_err(|_| "a numpy array whose header is not text: damaged")?;
        Self::parse(&text).ok_or_else(|| {
            let shown: String = text.trim().escape_debug().take(200).collect();
            format!(
                "a numpy array with the header {shown}; type, order and shape are expected in it"
            )
        })
    }

    fn parse(text: &str) -> Option<Self> {
        static WANTED: LazyLock<[Option<Regex>; 3]> = LazyLock::new(|| {
            let wanted = |key: &str, value: &str| {
                Regex::new(&format!(r#"['"]{key}['"]\s*:\s*{value}"#)).ok()
            };
            [
                wanted("descr", r#"(?:['"]([^'"]*)['"]|(\[[^{}]*\]))"#),
                wanted("fortran_order", "(True|False)"),
                wanted("shape", r"\(([0-9, L]*)\)"),
            ]
        });
        let value = |at: usize| {
            let found = WANTED[at].as_ref()?.captures(text)?;
            found.iter().skip(1).flatten().next().map(|value| value.as_str())
        };
        // Python 2 wrote 3L for 3.
        let sizes = value(2)?.split(',').map(|size| size.trim().trim_end_matches('L'));
        let shape = sizes.filter(|size| !size.is_empty()).map(str::parse).collect::<Result<_, _>>();
        Some(Self { descr: value(0)?.into(), by_columns: value(1)? == "True", shape: shape.ok()? })
    }
}

/// An array as numpy writes it, format 1.0: `content` has as many bytes as `shape` and `descr` say. Type and
/// shape are as Python writes them.
pub fn array(descr: &str, shape: &str, content: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [MAGIC, b"\x01\x00", &length, header.as_bytes(), content].concat()
}

/// An npz archive of arrays by their names.
///
/// # Errors
/// If they are too large for one.
pub fn archive<'a>(arrays: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, array) in arrays {
        writer.start_file(format!("{name}.npy"), SimpleFileOptions::default())?;
        writer.write_all(&array)?;
    }
    Ok(writer.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_header(version: u8, header: &str) -> Vec<u8> {
        let length = (header.len() as u32).to_le_bytes();
        let length = if version == 1 { &length[..2] } else { &length[..] };
        [MAGIC, &[version, 0], length, header.as_bytes(), b"rest"].concat()
    }

    #[test]
    fn headers_of_all_versions_are_read_and_what_follows_is_left() {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   \n";
        for version in 1..4 {
            let bytes = with_header(version, text);
            let mut rest = &bytes[..];
            let header = Header::read(&mut rest).unwrap();
            let expected = Header { descr: "<f4".into(), by_columns: false, shape: vec![3, 4] };
            assert_eq!((header, rest), (expected, &b"rest"[..]));
        }
        for (text, shape) in [
            ("{\"shape\": (737280L,), \"fortran_order\": True, \"descr\": \"|O8\"}", vec![737_280]),
            ("{'shape': (), 'fortran_order': True, 'descr': [('a', '|O'), ('b', '<i2')]}", vec![]),
        ] {
            let header = Header::read(&mut &with_header(1, text)[..]).unwrap();
            assert!(header.by_columns && header.descr.contains("|O"), "{header:?}");
            assert_eq!(header.shape, shape);
        }
    }

    #[test]
    fn what_is_no_header_is_named_and_costs_nothing() {
        let long = [MAGIC, &[2, 0], &u32::MAX.to_le_bytes()].concat();
        // Found by fuzzing: the crate npyz asks for 4 GiB here, and for longer than anybody waits below.
        let nested = with_header(
            1,
            &format!("{{'descr': '|O', 'fortran_order': False, 'shape':{}", "[".repeat(2000)),
        );
        for (bytes, part) in [
            (b"PK".to_vec(), "not a numpy array"),
            (with_header(1, "{'descr'")[..9].to_vec(), "not a numpy array"),
            (with_header(4, "{'descr'"), "of version 4"),
            (long, "4294967295 bytes"),
            (nested, "type, order and shape are expected"),
            (
                with_header(1, "{'descr': '|O', 'fortran_order': False, 'shape': (-1,)}"),
                "type, order",
            ),
            (
                with_header(
                    1,
                    &format!(
                        "{{'descr': '|O', 'fortran_order': False, 'shape': ({}, )}}",
                        u128::MAX
                    ),
                ),
                "type, order",
            ),
        ] {
            let (error, peak) =
                memory::allocation::peak_of(1 << 30, || Header::read(&mut &bytes[..]).unwrap_err());
            assert!(error.contains(part), "{part}: {error}");
            assert!(peak < 1 << 20, "{peak}");
        }
    }
}
