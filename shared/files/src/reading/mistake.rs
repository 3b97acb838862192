use std::fmt;

use toml::Value;

use super::{did_you_mean, short};

/// One mistake in a table of settings, and the key it is at.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// Keys from the outermost section to the mistake.
    pub path: Vec<String>,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a key or its value.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// There is no such key; these there are.
    UnknownKey(Vec<String>),
    /// A word that is none of those a key may have.
    UnknownWord {
        /// The word.
        found: String,
        /// The words there are.
        known: Vec<String>,
    },
    /// The section lacks a key.
    Missing(String),
    /// A value of another kind or out of range.
    Value {
        /// The value as serde has it.
        found: String,
        /// What belongs there.
        wanted: String,
    },
    /// Anything else.
    Other(String),
}

impl Mistake {
    /// What is wrong with the value of a key in a section of `[data]`.
    pub fn in_data(section: &str, key: &str, problem: String) -> Self {
        Self {
            path: ["data", section, key].map(str::to_owned).to_vec(),
            problem: Problem::Other(problem),
        }
    }

    /// The key with its sections, dotted.
    pub fn key(&self) -> String {
        self.path.join(".")
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key();
        match &self.problem {
            Problem::UnknownKey(known) => {
                let wrong = self.path.last().map_or("", String::as_str);
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                write!(f, "{key}: no such key{}", did_you_mean(wrong, &known))
            }
            Problem::UnknownWord { found, known } => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let all = known.join(", ");
                match super::nearest(found, known.iter().copied()) {
                    Some(word) => {
                        write!(f, "{key} = \"{found}\" is none of {all}; did you mean {word}?")
                    }
                    None => write!(f, "{key} = \"{found}\" is none of {all}"),
                }
            }
            Problem::Missing(field) if key.is_empty() => write!(f, "{field} is missing"),
            Problem::Missing(field) => write!(f, "{key}.{field} is missing"),
            Problem::Value { found, wanted } => {
                let (wanted, found) = (belongs(wanted), written(found));
                write!(f, "{key} = {found}: {wanted} belongs here")?;
                let inner = found.trim_matches('"');
                if inner.len() < found.len()
                    && inner.parse::<f64>().is_ok()
                    && wanted.contains("number")
                {
                    write!(f, ", without quotation marks")?;
                }
                Ok(())
            }
            Problem::Other(problem) if key.is_empty() => write!(f, "{problem}"),
            Problem::Other(problem) => write!(f, "{key}: {problem}"),
        }
    }
}

/// What serde expected, in readable words.
fn belongs(wanted: &str) -> String {
    match wanted {
        "f32" | "f64" => "a number".into(),
        "usize" | "u64" | "u32" => "a whole number, 0 or more,".into(),
        "u16" => "a whole number, 0 to 65535,".into(),
        "u8" => "a whole number, 0 to 255,".into(),
        "i64" | "i32" => "a whole number".into(),
        "a boolean" => "true or false".into(),
        "a string" | "path string" | "variant identifier" => "a text in quotation marks".into(),
        "a character" => "a single character in quotation marks".into(),
        "a sequence" => "a list, as in [1, 2],".into(),
        struct_like if struct_like.contains("struct ") || struct_like.contains("tagged enum") => {
            "a section".into()
        }
        "a map" => "a section".into(),
        other => other.into(),
    }
}

/// The value as serde describes it, as the file has it.
fn written(found: &str) -> String {
    match found.split_once(' ') {
        Some(("string", text)) => text.into(),
        Some(("integer" | "boolean", text)) => text.trim_matches('`').into(),
        Some(("floating", text)) => {
            let text = text.trim_start_matches("point ").trim_matches('`');
            // One that is not usual may have three hundred digits.
            let value = text.parse().ok().filter(|_| text.len() > 20);
            value.map_or_else(|| text.to_owned(), short)
        }
        _ if found == "sequence" => "[...]".into(),
        _ if found == "map" => "{...}".into(),
        _ => found.into(),
    }
}

/// How serde describes this value when it is not what was expected.
pub(super) fn described(value: &Value) -> String {
    use serde::de::Unexpected;
    match value {
        Value::String(text) => Unexpected::Str(text).to_string(),
        Value::Integer(number) => Unexpected::Signed(*number).to_string(),
        Value::Float(number) => Unexpected::Float(*number).to_string(),
        Value::Boolean(flag) => Unexpected::Bool(*flag).to_string(),
        Value::Datetime(time) => Unexpected::Str(&time.to_string()).to_string(),
        Value::Array(_) => Unexpected::Seq.to_string(),
        Value::Table(_) => Unexpected::Map.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn a_number_is_as_short_as_it_can_be() {
        let float = |value: f64| written(&serde::de::Unexpected::Float(value).to_string());
        assert_eq!([0.5, -3.0, 1e-320, 1e300].map(float), ["0.5", "-3.0", "1e-320", "1e300"]);
    }
}
