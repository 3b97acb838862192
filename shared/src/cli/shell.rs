//! Words of a command line, quoted for copying.

/// A word as a shell reads it back.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./-=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn what_a_shell_would_split_or_expand_is_quoted() {
        for (word, expected) in [
            ("runs/a-b_c.1", "runs/a-b_c.1"),
            ("my data", "'my data'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
            ("l'été", "'l'\\''été'"),
            ("a;b", "'a;b'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
