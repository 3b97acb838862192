//! Names of runs, and of their papers' folders.

/// What they are made of, for messages.
pub const NAME_LETTERS: &str = "letters from a to z, digits, '-', '_' and '.'";

/// True for a letter of a name.
pub fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_.".contains(letter)
}

/// True if a folder can have this name on any system and is not hidden.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_name_letter)
}
