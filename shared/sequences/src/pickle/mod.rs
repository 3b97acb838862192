//! A reader of Python's pickles that hold numpy arrays, and nothing else.
//!
//! A pickle is a program for a small stack machine, which may ask for any function of Python to be
//! called. This one knows the five names of [`Global`], whose work is done here; it refuses every
//! other, so a file can make it do nothing but hold arrays. Protocols 2 to 5; the instructions are
//! those of <https://docs.python.org/3/library/pickletools.html> that numpy's arrays are made of.

mod numpy;

use std::{borrow::Cow, collections::BTreeMap};

pub(super) use numpy::{Array, Dtype};

use numpy::Global;

/// Instructions in one pickle: a million arrays have fewer. As no instruction makes more than one
/// value, this bounds the memory that a made-up file can take.
const MOST_INSTRUCTIONS: usize = 1 << 25;

/// Place of a value among those of its pickle. Values are shared by place, as Python shares
/// objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(usize);

/// What a pickle can hold here; bytes are those of the file wherever they can be.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating point number.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// Bytes, and the strings of Python 2.
    Bytes(Cow<'a, [u8]>),
    /// A list.
    List(Vec<Id>),
    /// A tuple.
    Tuple(Vec<Id>),
    /// A function or class.
    Global(Global),
    /// An element type.
    Dtype(Dtype),
    /// An array, empty until its content is known.
    Array(Option<Array>),
}

impl Value<'_> {
    /// What it is, for an error.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::None => "None".into(),
            Self::Bool(value) => format!("the truth value {value}"),
            Self::Int(value) => format!("the number {value}"),
            Self::Float(value) => format!("the number {value}"),
            Self::Text(text) => format!("a text of {} bytes", text.len()),
            Self::Bytes(bytes) => format!("a string of {} bytes", bytes.len()),
            Self::List(items) => format!("a list of {}", items.len()),
            Self::Tuple(items) => format!("a tuple of {}", items.len()),
            Self::Global(global) => format!("the name {global:?}"),
            Self::Dtype(dtype) => format!("the element type {dtype}"),
            Self::Array(_) => "an array".into(),
        }
    }
}

/// All values of a pickle.
#[derive(Debug, Default)]
pub(super) struct Values<'a>(Vec<Value<'a>>);

impl<'a> Values<'a> {
    pub(super) fn get(&self, id: Id) -> &Value<'a> {
        &self.0[id.0]
    }

    pub(super) fn set(&mut self, id: Id, value: Value<'a>) {
        self.0[id.0] = value;
    }

    fn push(&mut self, value: Value<'a>) -> Id {
        self.0.push(value);
        Id(self.0.len() - 1)
    }

    /// A short string, which Python 2 wrote as bytes and Python 3 writes as text.
    pub(super) fn string(&self, id: Id) -> Option<&[u8]> {
        match self.get(id) {
            Value::Text(text) => Some(text.as_bytes()),
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn bytes(&self, id: Id) -> Option<&[u8]> {
        if let Value::Bytes(bytes) = self.get(id) { Some(bytes) } else { None }
    }

    pub(super) fn tuple(&self, id: Id) -> Option<&[Id]> {
        if let Value::Tuple(items) = self.get(id) { Some(items) } else { None }
    }

    pub(super) fn list(&self, id: Id) -> Option<&[Id]> {
        if let Value::List(items) = self.get(id) { Some(items) } else { None }
    }

    /// A whole number, as which old pickles write truth values too.
    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match *self.get(id) {
            Value::Int(value) => Some(value),
            Value::Bool(value) => Some(value.into()),
            _ => None,
        }
    }
}

/// The values of the pickle that begins at byte `start` of a file, and which of them it is about.
/// Whatever follows the pickle's end is left alone.
///
/// # Errors
/// What cannot be read, with its offset in `file`.
pub(super) fn read(file: &[u8], start: usize) -> Result<(Values<'_>, Id), String> {
    let mut machine = Machine {
        file,
        at: start,
        values: Values::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: BTreeMap::new(),
        encoded: 0,
    };
    for _ in 0..MOST_INSTRUCTIONS {
        let at = machine.at;
        let root = machine.step().map_err(|reason| format!("byte {at}: {reason}"))?;
        if let Some(root) = root {
            return Ok((machine.values, root));
        }
    }
    Err(format!(
        "it has more than {MOST_INSTRUCTIONS} instructions, more than a million arrays need"
    ))
}

struct Machine<'a> {
    file: &'a [u8],
    at: usize,
    values: Values<'a>,
    stack: Vec<Id>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Id>,
    /// Bytes made out of text so far.
    encoded: usize,
}

impl<'a> Machine<'a> {
    /// Executes one instruction; the last one returns what the pickle is about.
    fn step(&mut self) -> Result<Option<Id>, String> {
        let [opcode] = self.fixed()?;
        match opcode {
            b'.' => return self.pop().map(Some),
            0x80 => self.protocol()?,
            // The frame's length only helps to read ahead.
            0x95 => drop(self.fixed::<8>()?),

            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' => {
                let value = i32::from_le_bytes(self.fixed()?);
                self.push(Value::Int(value.into()));
            }
            b'K' => {
                let [value] = self.fixed()?;
                self.push(Value::Int(value.into()));
            }
            b'M' => {
                let value = u16::from_le_bytes(self.fixed()?);
                self.push(Value::Int(value.into()));
            }
            0x8a => {
                let value = self.long()?;
                self.push(Value::Int(value));
            }
            b'G' => {
                let value = f64::from_be_bytes(self.fixed()?);
                self.push(Value::Float(value));
            }

            b'U' | b'C' => {
                let [length] = self.fixed()?;
                self.push_bytes(length.into())?;
            }
            b'T' | b'B' => {
                let length = u32::from_le_bytes(self.fixed()?);
                self.push_bytes(length.into())?;
            }
            0x8e | 0x96 => {
                let length = u64::from_le_bytes(self.fixed()?);
                self.push_bytes(length)?;
            }
            0x8c => {
                let [length] = self.fixed()?;
                self.push_text(length.into())?;
            }
            b'X' => {
                let length = u32::from_le_bytes(self.fixed()?);
                self.push_text(length.into())?;
            }
            0x8d => {
                let length = u64::from_le_bytes(self.fixed()?);
                self.push_text(length)?;
            }

            b'(' => self.marks.push(self.stack.len()),
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                let items =
                    (0..opcode - 0x84).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
                self.push(Value::Tuple(items.into_iter().rev().collect()));
            }
            b't' => {
                let items = self.since_mark()?;
                self.push(Value::Tuple(items));
            }
            b']' => self.push(Value::List(Vec::new())),
            b'l' => {
                let items = self.since_mark()?;
                self.push(Value::List(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.since_mark()?;
                self.append(items)?;
            }

            b'q' => {
                let [place] = self.fixed()?;
                self.remember(place.into())?;
            }
            b'r' => {
                let place = u32::from_le_bytes(self.fixed()?);
                self.remember(place)?;
            }
            // At most as many as there are instructions, which a u32 can count.
            0x94 => self.remember(self.memo.len() as u32)?,
            b'h' => {
                let [place] = self.fixed()?;
                self.recall(place.into())?;
            }
            b'j' => {
                let place = u32::from_le_bytes(self.fixed()?);
                self.recall(place)?;
            }

            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(Global::named(module, name)?));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let string = |id| self.values.string(id).ok_or("a function's name is not text");
                let global = Global::named(string(module)?, string(name)?)?;
                self.push(Value::Global(global));
            }
            b'R' => self.call()?,
            b'b' => {
                let (state, object) = (self.pop()?, self.top()?);
                numpy::build(&mut self.values, object, state)?;
            }
            _ => {
                return Err(format!(
                    "the pickle's instruction {opcode:#04x} is not one that arrays of numbers need"
                ));
            }
        }
        Ok(None)
    }

    fn protocol(&mut self) -> Result<(), String> {
        match self.fixed()? {
            [2..=5] => Ok(()),
            [protocol] => Err(format!("the pickle is of protocol {protocol}; 2 to 5 can be read")),
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], String> {
        let rest = &self.file[self.at.min(self.file.len())..];
        let taken = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let taken = taken.ok_or_else(|| {
            format!("{length} bytes expected but {} are left: truncated or damaged", rest.len())
        })?;
        self.at += taken.len();
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N as u64)?);
        Ok(bytes)
    }

    fn line(&mut self) -> Result<&'a [u8], String> {
        let rest = &self.file[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let length = length.ok_or("a name does not end: truncated or damaged")?;
        self.at += length + 1;
        Ok(&rest[..length])
    }

    /// A signed little-endian number of as many bytes as its first byte says.
    fn long(&mut self) -> Result<i64, String> {
        let [length] = self.fixed()?;
        let bytes = self.take(length.into())?;
        if bytes.len() > 8 {
            return Err(format!("a whole number of {length} bytes; 8 are the most"));
        }
        let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut value = [if negative { 0xff } else { 0 }; 8];
        value[..bytes.len()].copy_from_slice(bytes);
        Ok(i64::from_le_bytes(value))
    }

    fn push(&mut self, value: Value<'a>) {
        let id = self.values.push(value);
        self.stack.push(id);
    }

    fn push_bytes(&mut self, length: u64) -> Result<(), String> {
        let bytes = self.take(length)?;
        self.push(Value::Bytes(bytes.into()));
        Ok(())
    }

    fn push_text(&mut self, length: u64) -> Result<(), String> {
        let text = str::from_utf8(self.take(length)?)
            .map_err(|error| format!("a text is not UTF-8 ({error}): damaged"))?;
        self.push(Value::Text(text));
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, String> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    /// The uppermost value, which must lie above the last mark.
    fn top(&self) -> Result<Id, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let above = self.stack.get(floor..).unwrap_or_default();
        above.last().copied().ok_or_else(|| "a value is missing: damaged".into())
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        let mark = mark.ok_or("a mark is missing: damaged")?;
        Ok(self.stack.split_off(mark))
    }

    fn append(&mut self, new: Vec<Id>) -> Result<(), String> {
        let list = self.top()?;
        match &mut self.values.0[list.0] {
            Value::List(items) => {
                items.extend(new);
                Ok(())
            }
            other => Err(format!("{} has no room for items: damaged", other.describe())),
        }
    }

    fn remember(&mut self, place: u32) -> Result<(), String> {
        let top = self.top()?;
        self.memo.insert(place, top);
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Result<(), String> {
        let id = self.memo.get(&place);
        let id = *id.ok_or_else(|| format!("no value was remembered as {place}: damaged"))?;
        self.stack.push(id);
        Ok(())
    }

    fn call(&mut self) -> Result<(), String> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let (Value::Global(global), Some(arguments)) =
            (self.values.get(callable), self.values.tuple(arguments))
        else {
            let described = self.values.get(callable).describe();
            return Err(format!("{described} cannot be called: damaged"));
        };
        let result = global.call(&self.values, arguments)?;
        if let (Global::Encode, Value::Bytes(bytes)) = (global, &result) {
            // Each text is encoded once; again and again would fill the memory from a small file.
            self.encoded += bytes.len();
            if self.encoded > self.file.len() {
                return Err("more bytes are made of text than the file has: damaged".into());
            }
        }
        self.push(result);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(pickle: &[u8]) -> Result<String, String> {
        read(pickle, 0).map(|(values, root)| values.get(root).describe())
    }

    #[test]
    fn instructions_make_their_values() {
        for (pickle, described) in [
            (&b"\x80\x02N."[..], "None"),
            (b"\x80\x02\x88.", "the truth value true"),
            (b"\x80\x02J\xfe\xff\xff\xff.", "the number -2"),
            (b"\x80\x02K\xfe.", "the number 254"),
            (b"\x80\x02M\x00\x01.", "the number 256"),
            (b"\x80\x02\x8a\x00.", "the number 0"),
            (b"\x80\x02\x8a\x01\xff.", "the number -1"),
            (b"\x80\x02\x8a\x02\xff\x00.", "the number 255"),
            (b"\x80\x02G\x3f\xe0\0\0\0\0\0\0.", "the number 0.5"),
            (b"\x80\x02U\x02ab.", "a string of 2 bytes"),
            (b"\x80\x02T\x02\0\0\0ab.", "a string of 2 bytes"),
            (b"\x80\x05\x96\x02\0\0\0\0\0\0\0ab.", "a string of 2 bytes"),
            (b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8d\x01\0\0\0\0\0\0\0a.", "a text of 1 bytes"),
            (b"\x80\x02)NN\x87.", "a tuple of 3"),
            (b"\x80\x02(NNl.", "a list of 2"),
            (b"\x80\x02]Na(NNe.", "a list of 3"),
            (b"\x80\x04]\x94h\0a.", "a list of 1"),
            (b"\x80\x02]q\x07r\0\x01\0\0j\0\x01\0\0Na.", "a list of 1"),
            (b"\x80\x02cnumpy\nndarray\n.", "the name Ndarray"),
        ] {
            assert_eq!(value(pickle).as_deref(), Ok(described), "{pickle:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_offset() {
        for (pickle, part) in [
            (&b""[..], "byte 0: 1 bytes expected but 0 are left"),
            (b"\x80\x02", "byte 2: 1 bytes expected"),
            (b"\x80\x09N.", "byte 0: the pickle is of protocol 9"),
            (b"\x80\x02}.", "byte 2: the pickle's instruction 0x7d"),
            (b"\x80\x02cos\nsystem\n(U\x04exitt\x52.", "byte 2: it refuses to run os.system"),
            (b"\x80\x04\x8c\x02os\x8c\x04exit\x93.", "byte 12: it refuses to run os.exit"),
            (b"\x80\x02cos", "does not end"),
            (b"\x80\x02X\x05\0\0\0ab.", "5 bytes expected but 3 are left"),
            (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xffab.", "truncated"),
            (b"\x80\x02X\x01\0\0\0\xff.", "not UTF-8"),
            (b"\x80\x02\x8a\x09123456789.", "9 bytes"),
            (b"\x80\x02.", "a value is missing"),
            (b"\x80\x02N(.", "a value is missing"),
            (b"\x80\x02N\x86.", "a value is missing"),
            (b"\x80\x02Nt.", "a mark is missing"),
            (b"\x80\x02NNa.", "None has no room"),
            (b"\x80\x02h\x05.", "remembered as 5"),
            (b"\x80\x02N)R.", "None cannot be called"),
            (b"\x80\x02N)b.", "None has no content"),
            (b"\x80\x02cnumpy\nndarray\n)R.", "cannot be called"),
        ] {
            let reason = value(pickle).unwrap_err();
            assert!(reason.contains(part), "{pickle:?}: {reason}");
        }
    }

    #[test]
    fn text_is_not_made_into_bytes_again_and_again() {
        let mut pickle = b"\x80\x02c_codecs\nencode\nq\0X\x40\0\0\0".to_vec();
        pickle.extend([b'a'; 64]);
        pickle.extend(b"q\x01X\x06\0\0\0latin1q\x02\x86R");
        for _ in 0..99 {
            pickle.extend(b"h\0h\x01h\x02\x86R");
        }
        pickle.push(b'.');
        assert!(value(&pickle).unwrap_err().contains("more bytes are made of text"));
    }
}
