//! What numpy's arrays are made of in a pickle: the functions it asks for, and the states of
//! arrays.

use std::{borrow::Cow, fmt};

use super::{Id, Value, Values};

/// A function or class that a pickle of arrays may name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Global {
    /// `numpy.core.multiarray._reconstruct`: an array that is still empty.
    Reconstruct,
    /// `numpy.core.numeric._frombuffer`: an array out of bytes, which protocol 5 uses.
    FromBuffer,
    /// `numpy.ndarray`: the class of arrays.
    Ndarray,
    /// `numpy.dtype`: an element type.
    Dtype,
    /// `_codecs.encode`: bytes, which protocol 2 writes as text with one character a byte.
    Encode,
}

impl Global {
    /// The function of that module and name; since numpy 2, `core` is `_core`.
    pub(crate) fn named(module: &[u8], name: &[u8]) -> Result<Self, String> {
        match (module, name) {
            (b"numpy.core.multiarray" | b"numpy._core.multiarray", b"_reconstruct") => {
                Ok(Self::Reconstruct)
            }
            (b"numpy.core.numeric" | b"numpy._core.numeric", b"_frombuffer") => {
                Ok(Self::FromBuffer)
            }
            (b"numpy", b"ndarray") => Ok(Self::Ndarray),
            (b"numpy", b"dtype") => Ok(Self::Dtype),
            (b"_codecs", b"encode") => Ok(Self::Encode),
            _ => Err(format!(
                "it refuses to run {}.{}, which arrays of numbers do not need",
                shortened(module),
                shortened(name)
            )),
        }
    }

    /// What the function returns for these arguments.
    pub(crate) fn call<'a>(
        self,
        values: &Values<'a>,
        arguments: &[Id],
    ) -> Result<Value<'a>, String> {
        match (self, arguments) {
            (Self::Reconstruct, [class, ..])
                if matches!(values.get(*class), Value::Global(Self::Ndarray)) =>
            {
                Ok(Value::Array(None))
            }
            (Self::FromBuffer, &[bytes, dtype, shape, order]) => {
                let by_columns = values.string(order) == Some(b"F");
                Array::new(values, shape, dtype, by_columns, bytes).map(Some).map(Value::Array)
            }
            (Self::Dtype, [name, ..]) => {
                let name = values.string(*name).ok_or("an element type without a name")?;
                Dtype::named(name).map(Value::Dtype)
            }
            (Self::Encode, &[text, encoding]) if values.string(encoding) == Some(b"latin1") => {
                let Value::Text(text) = values.get(text) else {
                    return Err(format!("{} is not text to encode", values.get(text).describe()));
                };
                let bytes = text.chars().map(u8::try_from).collect::<Result<Vec<u8>, _>>();
                let bytes = bytes.map_err(|error| format!("a text is not of bytes ({error})"))?;
                Ok(Value::Bytes(Cow::Owned(bytes)))
            }
            _ => Err(format!("{self:?} cannot be called with these arguments: damaged")),
        }
    }
}

/// Gives an array or an element type the content that follows it in the pickle.
pub(crate) fn build(values: &mut Values<'_>, object: Id, state: Id) -> Result<(), String> {
    let content = match (values.get(object), values.tuple(state)) {
        (Value::Array(None), Some(&[_version, shape, dtype, by_columns, data])) => {
            let by_columns = values.int(by_columns) == Some(1);
            Value::Array(Some(Array::new(values, shape, dtype, by_columns, data)?))
        }
        (Value::Dtype(dtype), Some(&[_version, order, subtype, names, ..])) => {
            let plain = [subtype, names].iter().all(|&id| matches!(values.get(id), Value::None));
            if !plain {
                return Err("elements that have fields are not numbers".into());
            }
            if !matches!(values.string(order), Some(b"<" | b"|")) {
                return Err(format!("{dtype} elements that are not little-endian; convert them"));
            }
            return Ok(());
        }
        (other, _) => {
            return Err(format!("{} has no content of this form: damaged", other.describe()));
        }
    };
    values.set(object, content);
    Ok(())
}

/// A type of array elements, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dtype {
    /// Any Python object.
    Object,
    /// A truth value of one byte.
    Bool,
    /// A signed whole number of 1, 2, 4 or 8 bytes.
    Int(usize),
    /// An unsigned whole number of 1, 2, 4 or 8 bytes.
    Uint(usize),
    /// A floating point number of 2, 4 or 8 bytes.
    Float(usize),
}

impl Dtype {
    fn named(name: &[u8]) -> Result<Self, String> {
        Ok(match name {
            [b'O', ..] => Self::Object,
            b"b1" => Self::Bool,
            [b'i', size @ (b'1' | b'2' | b'4' | b'8')] => Self::Int((size - b'0').into()),
            [b'u', size @ (b'1' | b'2' | b'4' | b'8')] => Self::Uint((size - b'0').into()),
            [b'f', size @ (b'2' | b'4' | b'8')] => Self::Float((size - b'0').into()),
            _ => {
                let name = shortened(name);
                return Err(format!("elements of type {name}; expected real numbers or objects"));
            }
        })
    }

    /// Bytes of an element; none of objects, which are not in the array itself.
    fn size(self) -> usize {
        match self {
            Self::Object => 0,
            Self::Bool => 1,
            Self::Int(size) | Self::Uint(size) | Self::Float(size) => size,
        }
    }

    /// The number that element `index` of `bytes` stands for.
    fn number(self, bytes: &[u8], index: usize) -> Option<f64> {
        let size = self.size();
        let bytes = bytes.get(index.checked_mul(size)?..)?.get(..size)?;
        Some(match (self, bytes) {
            (Self::Bool | Self::Uint(_), &[a]) => f64::from(a),
            (Self::Uint(_), &[a, b]) => u16::from_le_bytes([a, b]).into(),
            (Self::Uint(_), &[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]).into(),
            (Self::Uint(_), _) => u64::from_le_bytes(bytes.try_into().ok()?) as f64,
            (Self::Int(_), &[a]) => f64::from(a as i8),
            (Self::Int(_), &[a, b]) => i16::from_le_bytes([a, b]).into(),
            (Self::Int(_), &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]).into(),
            (Self::Int(_), _) => i64::from_le_bytes(bytes.try_into().ok()?) as f64,
            (Self::Float(_), &[a, b]) => half(u16::from_le_bytes([a, b])),
            (Self::Float(_), &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]).into(),
            (Self::Float(_), _) => f64::from_le_bytes(bytes.try_into().ok()?),
            (Self::Object | Self::Bool, _) => return None,
        })
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object => write!(f, "object"),
            Self::Bool => write!(f, "bool"),
            Self::Int(size) => write!(f, "int{}", 8 * size),
            Self::Uint(size) => write!(f, "uint{}", 8 * size),
            Self::Float(size) => write!(f, "float{}", 8 * size),
        }
    }
}

/// The value of a 16-bit floating point number of IEEE 754.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match bits >> 10 & 0x1f {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1024.0 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// An array whose data have the size that its shape and element type ask for.
#[derive(Debug)]
pub(crate) struct Array {
    /// Elements along each dimension.
    pub(crate) shape: Vec<usize>,
    /// Type of the elements.
    pub(crate) dtype: Dtype,
    /// True if the first index runs fastest.
    by_columns: bool,
    /// The list of objects, or the bytes of numbers.
    data: Id,
}

impl Array {
    fn new(
        values: &Values<'_>,
        shape: Id,
        dtype: Id,
        by_columns: bool,
        data: Id,
    ) -> Result<Self, String> {
        let sizes = values.tuple(shape).and_then(|sizes| {
            let size = |&id: &Id| values.int(id).and_then(|size| usize::try_from(size).ok());
            sizes.iter().map(size).collect::<Option<Vec<usize>>>()
        });
        let (Some(shape), &Value::Dtype(dtype)) = (sizes, values.get(dtype)) else {
            return Err("an array without a shape or an element type: damaged".into());
        };
        let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        let (expected, found) = match dtype {
            Dtype::Object => (count, values.list(data).map(<[Id]>::len)),
            _ => (
                count.and_then(|count| count.checked_mul(dtype.size())),
                values.bytes(data).map(<[u8]>::len),
            ),
        };
        if expected.is_none() || expected != found {
            return Err(format!(
                "an array of shape {shape:?} and type {dtype} comes with {}: damaged",
                values.get(data).describe()
            ));
        }
        Ok(Self { shape, dtype, by_columns, data })
    }

    /// The objects of an array of objects, in the order in which they are stored.
    pub(crate) fn objects<'v>(&self, values: &'v Values<'_>) -> Option<&'v [Id]> {
        values.list(self.data)
    }

    /// The number in a row and column of an array of numbers that has two dimensions.
    pub(crate) fn number(&self, values: &Values<'_>, row: usize, column: usize) -> Option<f64> {
        let &[rows, columns] = self.shape.as_slice() else { return None };
        let index = if self.by_columns { column * rows + row } else { row * columns + column };
        self.dtype.number(values.bytes(self.data)?, index)
    }
}

/// The beginning of a name, which may be any bytes.
fn shortened(name: &[u8]) -> String {
    String::from_utf8_lossy(&name[..name.len().min(60)]).escape_debug().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_types_are_read() {
        for (name, bytes, number) in [
            ("b1", &[1][..], 1.0),
            ("i1", &[0xff], -1.0),
            ("u1", &[0xff], 255.0),
            ("i2", &(-300i16).to_le_bytes(), -300.0),
            ("u2", &65_000u16.to_le_bytes(), 65_000.0),
            ("i4", &(-70_000i32).to_le_bytes(), -70_000.0),
            ("u4", &70_000u32.to_le_bytes(), 70_000.0),
            ("i8", &(-1i64 << 40).to_le_bytes(), -(2f64.powi(40))),
            ("u8", &(1u64 << 63).to_le_bytes(), 2f64.powi(63)),
            ("f2", &0xc500u16.to_le_bytes(), -5.0),
            ("f4", &0.1f32.to_le_bytes(), f64::from(0.1f32)),
            ("f8", &0.1f64.to_le_bytes(), 0.1),
        ] {
            let dtype = Dtype::named(name.as_bytes()).unwrap();
            let twice = [bytes, bytes].concat();
            assert_eq!(dtype.number(&twice, 1), Some(number), "{name}");
            assert_eq!(dtype.number(&twice, 2), None, "{name}");
        }
    }

    #[test]
    fn half_precision_has_its_special_values() {
        assert_eq!(half(0x3c00), 1.0);
        assert_eq!(half(0x0001), 2f64.powi(-24));
        assert_eq!(half(0x7bff), 65_504.0);
        assert_eq!(half(0xfc00), f64::NEG_INFINITY);
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn other_types_are_refused_by_name() {
        for name in ["c8", "S3", "M8", "i3", "f1", "V4", ""] {
            let reason = Dtype::named(name.as_bytes()).unwrap_err();
            assert!(reason.contains(&format!("type {name};")), "{reason}");
        }
    }
}
