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

/// A row of a CSV whose values each lie within a line: a quote that is never closed would swallow the rows below it.
/// A row of one value that has other separators is refused with their name.
///
/// # Errors
/// Why it cannot be read, in one line.
pub fn csv_row(row: Result<csv::StringRecord, csv::Error>) -> Result<csv::StringRecord, String> {
    let row = row.map_err(|error| match error.kind() {
        csv::ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line}: no UTF-8; save it as UTF-8")
        }
        _ => error.to_string().replace('\n', " "),
    })?;
    if row.iter().any(|field| field.contains(['\n', '\r'])) {
        let line = csv_line(&row);
        return Err(format!("line {line}: a quote \" that is not closed on its line"));
    }
    if row.len() == 1 {
        let separators = [(';', "semicolons"), ('\t', "tabs")];
        if let Some((_, name)) =
            separators.iter().find(|(separator, _)| row[0].contains(*separator))
        {
            let line = csv_line(&row);
            return Err(format!("line {line}: columns divided by {name}: save it with commas"));
        }
    }
    Ok(row)
}

/// The line of its file on which a row of a CSV begins, from 1.
pub fn csv_line(row: &csv::StringRecord) -> u64 {
    row.position().map_or(0, csv::Position::line)
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

    #[test]
    fn a_quote_that_is_not_closed_swallows_no_row() {
        let rows = |text: &str| -> Vec<Result<usize, String>> {
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            reader.records().map(|row| csv_row(row).map(|row| row.len())).collect()
        };
        assert_eq!(rows("\"a,b\",c\nd,e\n"), [Ok(2), Ok(2)]);
        let swallowed = rows("a,b\n\"c,d\n\"e,f\n");
        assert_eq!(swallowed[0], Ok(2));
        assert!(swallowed[1].as_ref().unwrap_err().starts_with("line 2: a quote"), "{swallowed:?}");
    }

    #[test]
    fn other_separators_are_named() {
        let refused = |text: &str| {
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            csv_row(reader.records().next().unwrap()).unwrap_err()
        };
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
