/// The known word most like `wrong`, if one is like it at all.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    most_like(wrong, known, 0.5)
}

/// The word that is `wanted` but for a slip.
pub(super) fn near<'a>(wanted: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    most_like(wanted, words, 0.7)
}

fn most_like<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
    least: f64,
) -> Option<&'a str> {
    let wrong = wrong.to_lowercase().replace('_', "-");
    let distance = |word: &str| {
        strsim::normalized_damerau_levenshtein(&wrong, &word.to_lowercase().replace('_', "-"))
    };
    let scored = known.into_iter().map(|word| (distance(word), word));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= least).then_some(best.1)
}

/// "; did you mean X?", or all that is known, to end a message with.
pub fn did_you_mean(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(word) => format!("; did you mean {word}?"),
        None if known.is_empty() => String::new(),
        None => format!("; known here: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_finds_none() {
        let known = ["seed", "data", "model", "train", "evaluate"];
        assert_eq!(nearest("trian", known), Some("train"));
        assert_eq!(nearest("Seed", known), Some("seed"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(did_you_mean("colour", &["name", "split"]), "; known here: name, split");
    }
}
