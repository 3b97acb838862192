//! The numbers of a numpy array.

use std::io::Read;

use super::npy::Header;

/// An array of numbers, the last index running fastest.
#[derive(Debug)]
pub struct Numbers {
    /// Elements along each dimension.
    pub shape: Vec<usize>,
    values: Values,
}

/// Bytes stay bytes, since they may be billions.
#[derive(Debug)]
enum Values {
    Bytes(Vec<u8>),
    Floats(Vec<f64>),
}

impl Numbers {
    /// The array that `source` begins with, of at most `largest` bytes: bytes, truth values, whole numbers, and
    /// floats of single or double precision, in either order of their indices.
    ///
    /// # Errors
    /// What is wrong, to be read after the array's name: "has the type <U3".
    pub fn read(source: &mut impl Read, largest: u64) -> Result<Self, String> {
        let header = Header::read(source).map_err(|reason| format!("is {reason}"))?;
        let (kind, width) = kind_of(&header.descr)?;
        let shape: Option<Vec<usize>> =
            header.shape.iter().map(|&side| usize::try_from(side).ok()).collect();
        let count = shape.as_ref().and_then(|shape| {
            shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side))
        });
        let (Some(shape), Some(count)) = (shape, count) else {
            return Err(format!("has the shape {:?}: too large", header.shape));
        };
        // A header may promise more than follows: what is there is read, and then counted.
        let wanted = (count as u64).saturating_mul(width as u64);
        if wanted > largest {
            return Err(format!("has the shape {shape:?}: at most {largest} bytes"));
        }
        let mut bytes = Vec::new();
        source
            .take(wanted + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot be read ({error})"))?;
        if bytes.len() as u64 != wanted {
            return Err(format!("does not have the {wanted} bytes its shape {shape:?} asks for"));
        }
        let values = if width == 1 && kind != b'i' {
            Values::Bytes(if header.by_columns { by_rows(&shape, &bytes) } else { bytes })
        } else {
            let values: Vec<f64> = bytes.chunks(width).map(|word| value(kind, word)).collect();
            Values::Floats(if header.by_columns { by_rows(&shape, &values) } else { values })
        };
        Ok(Self { shape, values })
    }

    /// The numbers.
    pub fn floats(self) -> Vec<f64> {
        match self.values {
            Values::Bytes(values) => values.into_iter().map(f64::from).collect(),
            Values::Floats(values) => values,
        }
    }

    /// The numbers as bytes if they are stored so, otherwise as floats.
    pub(super) fn bytes(self) -> Result<Vec<u8>, Vec<f64>> {
        match self.values {
            Values::Bytes(values) => Ok(values),
            Values::Floats(values) => Err(values),
        }
    }
}

/// First letter of a type of numbers, and the bytes of a number.
fn kind_of(descr: &str) -> Result<(u8, usize), String> {
    match descr.trim_start_matches(['<', '|', '=']) {
        "u1" | "b1" => Ok((b'u', 1)),
        "i1" => Ok((b'i', 1)),
        "u2" => Ok((b'u', 2)),
        "i2" => Ok((b'i', 2)),
        "u4" => Ok((b'u', 4)),
        "i4" => Ok((b'i', 4)),
        "f4" => Ok((b'f', 4)),
        "u8" => Ok((b'u', 8)),
        "i8" => Ok((b'i', 8)),
        "f8" => Ok((b'f', 8)),
        "f2" => Err("has half precision: save it with astype(np.float32)".into()),
        "O" => Err("is an array of objects, perhaps of unequal sizes".into()),
        other if other.starts_with(['U', 'S']) => {
            Err("is an array of texts: give numbers, classes for instance from 0".into())
        }
        _ => {
            let descr: String = descr.escape_debug().take(100).collect();
            Err(format!(
                "has the type {descr}: bytes, whole numbers or floats are read, as astype(np.float32) \
                 makes them"
            ))
        }
    }
}

/// The number in a word of one, two, four or eight bytes.
fn value(kind: u8, bytes: &[u8]) -> f64 {
    let mut word = [0u8; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    let (unsigned, shift) = (u64::from_le_bytes(word), 64 - 8 * bytes.len() as u32);
    match kind {
        b'f' if bytes.len() == 4 => f64::from(f32::from_bits(unsigned as u32)),
        b'f' => f64::from_bits(unsigned),
        // The sign is the highest bit of the narrow number.
        b'i' => ((unsigned << shift) as i64 >> shift) as f64,
        _ => unsigned as f64,
    }
}

/// Elements whose first index runs fastest, in the order in which the last does.
fn by_rows<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
    let mut index = vec![0; shape.len()];
    let mut strides = vec![1; shape.len()];
    for side in 1..shape.len() {
        strides[side] = strides[side - 1] * shape[side - 1];
    }
    let mut place = 0;
    let next = |_: &T| {
        let found = values[place];
        for side in (0..shape.len()).rev() {
            index[side] += 1;
            place += strides[side];
            if index[side] < shape[side] {
                break;
            }
            place -= strides[side] * shape[side];
            index[side] = 0;
        }
        found
    };
    values.iter().map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::npy::array, *};

    fn read(descr: &str, shape: &str, content: &[u8]) -> Result<(Vec<usize>, Vec<f64>), String> {
        let numbers = Numbers::read(&mut &array(descr, shape, content)[..], 1 << 10)?;
        Ok((numbers.shape.clone(), numbers.floats()))
    }

    #[test]
    fn numbers_of_every_width_keep_their_sign() {
        for (descr, content, values) in [
            ("|u1", &[7, 255][..], [7.0, 255.0]),
            ("|i1", &[7, 255], [7.0, -1.0]),
            ("<i2", &[7, 0, 254, 255], [7.0, -2.0]),
            ("<u2", &[7, 0, 254, 255], [7.0, 65534.0]),
            ("<f4", &[0, 0, 192, 63, 0, 0, 0, 192], [1.5, -2.0]),
        ] {
            assert_eq!(
                read(descr, "(2,)", content).unwrap(),
                (vec![2], values.to_vec()),
                "{descr}"
            );
        }
    }

    #[test]
    fn either_order_of_the_indices_gives_the_same() {
        let rows: Vec<u8> = (0..24).collect();
        // The element at [a, b, c] of a 2 x 3 x 4 array is the number of its place.
        let columns: Vec<u8> =
            (0..24).map(|place| place % 2 * 12 + place / 2 % 3 * 4 + place / 6).collect();
        let by_columns = |descr: &str, content: &[u8]| {
            let bytes = array(descr, "(2, 3, 4)", content);
            let at = bytes.windows(5).position(|word| word == b"False").unwrap();
            let bytes = [&bytes[..at], b"True ", &bytes[at + 5..]].concat();
            Numbers::read(&mut &bytes[..], 1 << 10).unwrap().floats()
        };
        let expected = read("|u1", "(2, 3, 4)", &rows).unwrap().1;
        assert_eq!(by_columns("|u1", &columns), expected);
        assert_eq!(by_columns("|i1", &columns), expected);
    }

    #[test]
    fn what_are_no_numbers_is_named() {
        for (descr, shape, part) in [
            ("<U3", "(1,)", "is an array of texts"),
            ("|O", "(1,)", "is an array of objects"),
            ("<f2", "(1,)", "has half precision"),
            (">f8", "(1,)", "has the type >f8"),
            ("<f8", "(3,)", "does not have the 24 bytes its shape [3]"),
            ("<f8", "(1000,)", "at most 1024 bytes"),
            ("<f8", "(4294967296, 4294967296)", "too large"),
        ] {
            let reason = read(descr, shape, &[0; 12]).unwrap_err();
            assert!(reason.contains(part), "{reason}");
        }
        assert!(Numbers::read(&mut &b"no"[..], 9).unwrap_err().starts_with("is not a numpy array"));
    }
}
