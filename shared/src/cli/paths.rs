//! Paths in a configuration: those of a file are relative to the file, those of an option to the
//! working folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use toml::Value;

use crate::data::PATHS;

/// True for a key whose value is a path, or a list of them.
pub(super) fn is_path(key: &str) -> bool {
    let parts: Vec<&str> = key.split('.').collect();
    matches!(parts[..], ["data", _, key] if PATHS.contains(&key))
}

/// Changes every path in the value of `key`.
fn change(key: &str, value: &mut Value, to: &impl Fn(&str) -> String) {
    match value {
        Value::Table(table) => {
            for (inner, value) in table.iter_mut() {
                let key = if key.is_empty() { inner.to_string() } else { format!("{key}.{inner}") };
                change(&key, value, to);
            }
        }
        Value::Array(values) if is_path(key) => {
            values.iter_mut().for_each(|value| change(key, value, to));
        }
        Value::String(path) if is_path(key) => *path = to(path),
        _ => {}
    }
}

/// A path of an option, rewritten for a configuration whose relative paths start in `base`.
pub(super) fn of_option(key: &str, value: &mut Value, base: &Path) {
    if base.as_os_str().is_empty() {
        return;
    }
    change(key, value, &|path| {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
        absolute.to_string_lossy().into_owned()
    });
}

/// The file of a path in a configuration, so that two spellings can be compared.
pub(super) fn resolved(key: &str, value: &mut Value, base: &Path) {
    change(key, value, &|path| {
        let joined = base.join(path);
        let file = fs::canonicalize(&joined).or_else(|_| std::path::absolute(&joined));
        file.unwrap_or(joined).to_string_lossy().into_owned()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_options_are_kept_apart_from_those_of_the_file() {
        let value = |text: &str| toml::from_str::<toml::Table>(text).unwrap().remove("v").unwrap();
        let mut csv = value("v = { schema = 's.toml', files = ['a.csv', 'b.csv'] }");
        of_option("data.csv", &mut csv, Path::new(""));
        assert_eq!(csv["schema"].as_str(), Some("s.toml"));
        of_option("data.csv", &mut csv, Path::new("elsewhere"));
        let here = |name: &str| std::path::absolute(name).unwrap().to_string_lossy().into_owned();
        assert_eq!(csv["schema"].as_str(), Some(&*here("s.toml")));
        assert_eq!(csv["files"][1].as_str(), Some(&*here("b.csv")));
        let mut name = value("v = 'text'");
        of_option("data.name", &mut name, Path::new("elsewhere"));
        assert_eq!(name.as_str(), Some("text"));
        let mut whole = value("v = { data = { text = { file = 'x.txt' } } }");
        resolved("", &mut whole, Path::new("/somewhere"));
        assert_eq!(whole["data"]["text"]["file"].as_str(), Some("/somewhere/x.txt"));
    }
}
