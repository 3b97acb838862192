use std::{fs, io, path::Path, path::PathBuf};

/// Why a text file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("{path}: cannot read it: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// It is in another encoding.
    #[error("{path}, {reason}")]
    Encoding {
        /// The file.
        path: PathBuf,
        /// Where, and what to do.
        reason: String,
    },
}

/// A whole file of UTF-8 text, without the mark some editors put at its beginning.
///
/// # Errors
/// If it cannot be read, or is in another encoding.
pub fn read_text(path: &Path) -> Result<String, ReadError> {
    let bytes = fs::read(path).map_err(|reason| ReadError::Io { path: path.into(), reason })?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
        Err(error) => {
            let reason = not_utf8(&bytes, error.valid_up_to());
            Err(ReadError::Encoding { path: path.into(), reason })
        }
    }
}

/// Where `bytes` stop being UTF-8, `valid` bytes from the beginning, and what to do about it.
pub fn not_utf8(bytes: &[u8], valid: usize) -> String {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return "not UTF-8 but UTF-16: save the file as UTF-8, or convert it with iconv -f UTF-16 -t UTF-8"
            .into();
    }
    let before = &bytes[..valid.min(bytes.len())];
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    let byte = bytes.get(valid).copied().unwrap_or_default();
    format!(
        "line {line} is not UTF-8 (byte 0x{byte:02x}): save the file as UTF-8, or convert it, for \
         instance with iconv -f LATIN1 -t UTF-8"
    )
}

/// What a UTF-8 file may begin with.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The rows of a CSV, each with the line it is on, from 1.
///
/// The values of a row lie within a line: a quote that is never closed would swallow the rows below it. A row of one
/// value that has other separators is refused with their name.
pub struct CsvRows<'a> {
    reader: csv::Reader<&'a [u8]>,
    lines: Lines<'a>,
}

impl<'a> CsvRows<'a> {
    /// The rows of `bytes`, a mark at their beginning aside, as `format` says; `comment` begins the lines that are
    /// none.
    pub fn new(bytes: &'a [u8], format: &mut csv::ReaderBuilder, comment: Option<u8>) -> Self {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let reader = format.comment(comment).from_reader(bytes);
        Self { reader, lines: Lines { bytes, comment, at: 0, line: 1 } }
    }

    /// The header, before any row.
    ///
    /// # Errors
    /// Why it cannot be read, in one line.
    pub fn header(&mut self) -> Result<csv::StringRecord, String> {
        let header = self.reader.headers().cloned();
        self.lines.checked(header).map(|(_, header)| header)
    }
}

impl Iterator for CsvRows<'_> {
    type Item = Result<(u64, csv::StringRecord), String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = csv::StringRecord::new();
        match self.reader.read_record(&mut row) {
            Ok(false) => None,
            Ok(true) => Some(self.lines.checked(Ok(row))),
            Err(error) => Some(self.lines.checked(Err(error))),
        }
    }
}

/// Counts the lines before a place. The parser's own count is behind where lines end in a carriage return and a
/// newline, and at empty lines.
struct Lines<'a> {
    bytes: &'a [u8],
    comment: Option<u8>,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the row that begins at `position`, or after empty lines and comments there; never before the last
    /// one asked for.
    fn of(&mut self, position: Option<&csv::Position>) -> u64 {
        let from = position.map_or(0, |position| position.byte() as usize);
        while let Some(&byte) = self.bytes.get(self.at) {
            let begins = self.at == 0 || self.bytes[self.at - 1] == b'\n';
            if self.at >= from && begins && self.comment == Some(byte) {
                let rest = &self.bytes[self.at..];
                self.at += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
            } else if self.at >= from && !matches!(byte, b'\r' | b'\n') {
                break;
            } else {
                self.line += u64::from(byte == b'\n');
                self.at += 1;
            }
        }
        self.line
    }

    fn checked(
        &mut self,
        row: Result<csv::StringRecord, csv::Error>,
    ) -> Result<(u64, csv::StringRecord), String> {
        let row = row.map_err(|error| match error.kind() {
            csv::ErrorKind::Utf8 { pos, .. } => {
                format!("line {}: no UTF-8; save it as UTF-8", self.of(pos.as_ref()))
            }
            _ => error.to_string().replace('\n', " "),
        })?;
        let line = self.of(row.position());
        if row.iter().any(|field| field.contains(['\n', '\r'])) {
            return Err(format!("line {line}: a quote \" that is not closed on its line"));
        }
        if row.len() == 1 {
            let separators = [(';', "semicolons"), ('\t', "tabs")];
            if let Some((_, name)) =
                separators.iter().find(|(separator, _)| row[0].contains(*separator))
            {
                return Err(format!("line {line}: columns divided by {name}: save it with commas"));
            }
        }
        Ok((line, row))
    }
}

/// A number of a user's file for a message: a large or tiny one by its exponent, since it may have three hundred
/// digits.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e16).contains(&size) || !size.is_finite() {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

/// A message that quotes a user's file, in one line.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// Names of a user's file for a message: the first ten of them, and how many more there are; "nothing" if
/// there are none.
pub fn listed<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    const FIRST: usize = 10;
    let mut names = names.into_iter();
    let first: Vec<S> = names.by_ref().take(FIRST).collect();
    let first = first.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ");
    match names.count() {
        0 if first.is_empty() => "nothing".into(),
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines and numbers of values of the rows of a text without a header.
    fn rows(text: &str) -> Vec<Result<(u64, usize), String>> {
        let mut format = csv::ReaderBuilder::new();
        let rows = CsvRows::new(text.as_bytes(), format.has_headers(false), Some(b'#'));
        rows.map(|row| row.map(|(line, row)| (line, row.len()))).collect()
    }

    #[test]
    fn a_quote_that_is_not_closed_swallows_no_row() {
        assert_eq!(rows("\"a,b\",c\nd,e\n"), [Ok((1, 2)), Ok((2, 2))]);
        let swallowed = rows("a,b\n\"c,d\n\"e,f\n");
        assert_eq!(swallowed[0], Ok((1, 2)));
        assert!(swallowed[1].as_ref().unwrap_err().starts_with("line 2: a quote"), "{swallowed:?}");
    }

    #[test]
    fn a_row_is_on_the_line_an_editor_shows() {
        for end in ["\n", "\r\n"] {
            let text = ["", "", "a,b", "", "# a, comment", "c,d", "e,f"].join(end);
            assert_eq!(rows(&text), [Ok((3, 2)), Ok((6, 2)), Ok((7, 2))], "{end:?}");
            let mut format = csv::ReaderBuilder::new();
            let text = format!("\u{feff}x,y{end}1,2{end}{end}3,4{end}");
            let mut rows = CsvRows::new(text.as_bytes(), &mut format, None);
            assert_eq!(rows.header().unwrap(), vec!["x", "y"]);
            assert_eq!(rows.map(|row| row.unwrap().0).collect::<Vec<_>>(), [2, 4], "{end:?}");
        }
    }

    #[test]
    fn other_separators_are_named() {
        let refused = |text: &str| rows(text)[0].clone().unwrap_err();
        assert!(refused("a;b;c").contains("semicolons: save it with commas"));
        assert!(refused("a\tb").contains("tabs"));
    }

    #[test]
    fn what_a_message_quotes_is_short_and_in_one_line() {
        for (value, text) in [(0.0, "0"), (-1.5, "-1.5"), (1e300, "1e300"), (1e-9, "1e-9")] {
            assert_eq!(short(value), text);
        }
        assert_eq!(short(f64::NAN), "NaN");
        assert_eq!(one_line("a\n\tb é"), "a\\n\\tb é");
        assert_eq!(listed(["a", "b"]), "a, b");
        assert_eq!(listed([""; 0]), "nothing");
        assert!(listed(["x"; 784]).ends_with("x, x and 774 more"));
    }

    #[test]
    fn latin_1_is_named_with_its_line_and_a_mark_at_the_beginning_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        fs::write(&file, b"seed = 1\n# gr\xf6\xdfer\n").unwrap();
        let message = read_text(&file).unwrap_err().to_string();
        assert!(message.contains("mine.toml, line 2 is not UTF-8 (byte 0xf6)"), "{message}");
        assert!(message.contains("iconv"), "{message}");
        fs::write(&file, "\u{feff}seed = 1\n").unwrap();
        assert_eq!(read_text(&file).unwrap(), "seed = 1\n");
        let message = read_text(&folder.path().join("none")).unwrap_err().to_string();
        assert_eq!(message.matches("os error").count(), 1, "{message}");
    }
}
