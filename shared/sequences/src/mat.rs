//! Piano rolls in the MATLAB files of the literature on polyphonic music (Boulanger-Lewandowski et al. 2012,
//! Bai et al. 2018): cells `traindata`, `validdata` and `testdata`, each cell a matrix of T x 88 zeros and ones.
//!
//! Level 5 of the format ("MAT-File Format", The MathWorks, section 1), as much of it as these files use; no
//! well-kept crate reads cells.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::PIANO;

const HEADER: usize = 128;
/// Bytes an unpacked variable may have.
const LARGEST: u64 = 1 << 30;

/// Types of data elements.
const INT8: u32 = 1;
const UINT8: u32 = 2;
const INT16: u32 = 3;
const UINT16: u32 = 4;
const INT32: u32 = 5;
const UINT32: u32 = 6;
const SINGLE: u32 = 7;
const DOUBLE: u32 = 9;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Classes of arrays.
const CELL: u8 = 1;
const SPARSE: u8 = 5;
/// Numeric and logical classes lie between these.
const NUMERIC: std::ops::RangeInclusive<u8> = 6..=15;

/// Chords of the training, validation and test split.
///
/// # Errors
/// What is not of this form.
pub fn parse(bytes: &[u8]) -> Result<[Vec<Vec<Vec<u8>>>; 3], String> {
    if bytes.len() < HEADER || !bytes.starts_with(b"MATLAB 5.0 MAT-file") {
        let hint = if bytes.starts_with(b"\x89HDF") || bytes.starts_with(b"MATLAB 7.3") {
            ": it is of version 7.3; save it with -v7"
        } else {
            ""
        };
        return Err(format!("no MAT file of level 5{hint}"));
    }
    if bytes[126..128] != *b"IM" {
        return Err("its numbers are big-endian; save it anew on another machine".into());
    }
    let mut found: [Option<Vec<Vec<Vec<u8>>>>; 3] = [None, None, None];
    let mut rest = &bytes[HEADER..];
    while !rest.is_empty() {
        let element = Element::next(&mut rest)?;
        let unpacked;
        let mut inner = element;
        if element.kind == COMPRESSED {
            let mut content = Vec::new();
            let decoder = ZlibDecoder::new(element.content);
            decoder
                .take(LARGEST + 1)
                .read_to_end(&mut content)
                .map_err(|error| format!("a variable cannot be unpacked ({error}): damaged?"))?;
            if content.len() as u64 > LARGEST {
                return Err(format!("a variable has more than {LARGEST} bytes"));
            }
            unpacked = content;
            inner = Element::next(&mut &unpacked[..])?;
        }
        if inner.kind != MATRIX {
            continue;
        }
        let array = Array::read(inner.content)?;
        let place =
            ["traindata", "validdata", "testdata"].iter().position(|name| *name == array.name);
        let Some(place) = place else { continue };
        found[place] = Some(array.rolls()?);
    }
    let [train, valid, test] = found;
    let (Some(train), Some(valid), Some(test)) = (train, valid, test) else {
        return Err("it lacks one of the cells traindata, validdata and testdata".into());
    };
    Ok([train, valid, test])
}

/// A tagged piece of a file.
#[derive(Clone, Copy)]
struct Element<'a> {
    kind: u32,
    content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element, which is taken from `rest`.
    fn next(rest: &mut &'a [u8]) -> Result<Self, String> {
        let truncated = || "it ends within a variable: truncated?".to_owned();
        let word = |at: usize| {
            let bytes = rest.get(at..at + 4).ok_or_else(truncated)?;
            Ok::<_, String>(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        let first = word(0)?;
        // Four bytes or fewer share the tag's eight.
        let (kind, start, length, end) = if first >> 16 != 0 {
            let length = (first >> 16) as usize;
            if length > 4 {
                return Err("a small element of more than four bytes: damaged?".into());
            }
            (first & 0xffff, 4, length, 8)
        } else {
            let length = word(4)? as usize;
            let padding = if first == COMPRESSED { 0 } else { length.wrapping_neg() % 8 };
            let end = 8usize.checked_add(length).and_then(|end| end.checked_add(padding));
            (first, 8, length, end.ok_or_else(truncated)?)
        };
        let content = rest.get(start..start + length).ok_or_else(truncated)?;
        // Padding may be missing at the very end.
        *rest = rest.get(end..).unwrap_or(&[]);
        Ok(Self { kind, content })
    }

    /// Its numbers.
    fn numbers(self) -> Result<Vec<f64>, String> {
        let bytes = self.content;
        Ok(match self.kind {
            INT8 => bytes.iter().map(|&b| f64::from(b as i8)).collect(),
            UINT8 => bytes.iter().map(|&b| f64::from(b)).collect(),
            INT16 => words(bytes, |b| f64::from(i16::from_le_bytes(b))),
            UINT16 => words(bytes, |b| f64::from(u16::from_le_bytes(b))),
            INT32 => words(bytes, |b| f64::from(i32::from_le_bytes(b))),
            UINT32 => words(bytes, |b| f64::from(u32::from_le_bytes(b))),
            SINGLE => words(bytes, |b| f64::from(f32::from_le_bytes(b))),
            DOUBLE => words(bytes, f64::from_le_bytes),
            kind => return Err(format!("numbers of an unknown type, {kind}")),
        })
    }
}

fn words<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.as_chunks::<N>().0.iter().map(|word| value(*word)).collect()
}

/// A variable or a cell.
struct Array<'a> {
    class: u8,
    sizes: Vec<usize>,
    name: String,
    rest: &'a [u8],
}

impl<'a> Array<'a> {
    fn read(mut content: &'a [u8]) -> Result<Self, String> {
        let flags = Element::next(&mut content)?;
        let class = *flags.content.first().ok_or("a variable without a class: damaged?")?;
        let sizes = Element::next(&mut content)?.numbers()?;
        let sizes = sizes.into_iter().map(|size| size as usize).collect();
        let name = String::from_utf8_lossy(Element::next(&mut content)?.content).into_owned();
        Ok(Self { class, sizes, name, rest: content })
    }

    /// The piano rolls in a cell array.
    fn rolls(mut self) -> Result<Vec<Vec<Vec<u8>>>, String> {
        let name = &self.name;
        if self.class != CELL {
            return Err(format!("{name} is no cell array"));
        }
        let count = self.sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let mut rolls = Vec::new();
        for cell in 0..count.unwrap_or(usize::MAX) {
            let about = |reason: String| format!("{name}{{{}}}: {reason}", cell + 1);
            let element = Element::next(&mut self.rest).map_err(about)?;
            rolls.push(Array::read(element.content).and_then(Array::chords).map_err(about)?);
        }
        Ok(rolls)
    }

    /// The keys of each step of a matrix of zeros and ones, stored column by column.
    fn chords(mut self) -> Result<Vec<Vec<u8>>, String> {
        let [steps, keys] = self.sizes[..] else {
            return Err(format!(
                "of shape {:?}: a matrix of steps x keys belongs there",
                self.sizes
            ));
        };
        if self.class == SPARSE || !NUMERIC.contains(&self.class) {
            return Err("no full matrix of numbers".into());
        }
        if keys != PIANO.1 || steps == 0 {
            return Err(format!(
                "{steps} x {keys}: a piano roll has one step or more of {} keys",
                PIANO.1
            ));
        }
        let values = Element::next(&mut self.rest)?.numbers()?;
        if Some(values.len()) != steps.checked_mul(keys) {
            return Err(format!("{} numbers for {steps} x {keys}", values.len()));
        }
        if let Some(bad) = values.iter().find(|value| **value != 0.0 && **value != 1.0) {
            return Err(format!("{bad} in a piano roll of zeros and ones"));
        }
        let mut chords = vec![Vec::new(); steps];
        for (key, column) in values.chunks(steps).enumerate() {
            for (chord, &value) in chords.iter_mut().zip(column) {
                if value == 1.0 {
                    chord.push(PIANO.0 + key as u8);
                }
            }
        }
        Ok(chords)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn element(kind: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_le_bytes(), (content.len() as u32).to_le_bytes()].concat();
        bytes.extend(content);
        if kind != COMPRESSED {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        bytes
    }

    fn array(class: u8, sizes: [u32; 2], name: &str, content: &[u8]) -> Vec<u8> {
        let sizes = sizes.map(u32::to_le_bytes).concat();
        let flags = [class, 0, 0, 0, 0, 0, 0, 0];
        let parts = [
            element(UINT32, &flags),
            element(INT32, &sizes),
            element(INT8, name.as_bytes()),
            content.to_vec(),
        ];
        element(MATRIX, &parts.concat())
    }

    fn roll(steps: &[&[u8]]) -> Vec<u8> {
        let mut values = vec![0u8; steps.len() * PIANO.1];
        for (step, keys) in steps.iter().enumerate() {
            keys.iter().for_each(|key| values[usize::from(key - PIANO.0) * steps.len() + step] = 1);
        }
        array(9, [steps.len() as u32, PIANO.1 as u32], "", &element(UINT8, &values))
    }

    /// A file of these sequences for training, validation and test.
    pub(crate) fn file([train, valid, test]: [&[&[&[u8]]]; 3], packed: bool) -> Vec<u8> {
        let mut bytes = b"MATLAB 5.0 MAT-file".to_vec();
        bytes.resize(124, b' ');
        bytes.extend(b"\0\x01IM");
        for (name, sequences) in [("testdata", test), ("traindata", train), ("validdata", valid)] {
            let cells: Vec<u8> = sequences.iter().flat_map(|steps| roll(steps)).collect();
            let variable = array(CELL, [1, sequences.len() as u32], name, &cells);
            if packed {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&variable).unwrap();
                bytes.extend(element(COMPRESSED, &encoder.finish().unwrap()));
            } else {
                bytes.extend(variable);
            }
        }
        bytes
    }

    const TUNES: &[&[&[u8]]] = &[&[&[21, 60], &[], &[108]], &[&[64]]];

    #[test]
    fn rolls_are_read_packed_or_not() {
        for packed in [false, true] {
            let bytes = file([TUNES, &[&[&[65]]], &[&[&[66]]]], packed);
            let [train, valid, test] = parse(&bytes).unwrap();
            assert_eq!(train, [vec![vec![21, 60], vec![], vec![108]], vec![vec![64]]]);
            assert_eq!((valid, test), (vec![vec![vec![65]]], vec![vec![vec![66]]]));
        }
    }

    #[test]
    fn what_is_no_roll_is_named() {
        let whole = file([TUNES; 3], false);
        let told = |bytes: &[u8]| parse(bytes).unwrap_err();
        assert!(told(b"MATLAB 7.3 MAT-file, HDF5").contains("-v7"));
        assert!(told(&whole[..whole.len() - 200]).contains("truncated"));
        assert!(told(&whole[..HEADER]).contains("lacks one of the cells"));
        let mut two = whole.clone();
        // The first step of the first roll's first key.
        let at = two.windows(2).rposition(|pair| pair == [1, 0]).unwrap();
        two[at] = 2;
        assert!(told(&two).contains("2 in a piano roll"), "{}", told(&two));
    }
}
