use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::Mistake;

/// Where the keys of a configuration come from: a file, and options that changed it.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The file or preset.
    name: String,
    text: String,
    /// Options as they were typed, by the dotted key they set.
    options: BTreeMap<String, String>,
}

impl Places {
    /// Of a text called `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), options: BTreeMap::new() }
    }

    /// Notes that `option`, as typed, set `key`.
    pub fn set(&mut self, key: &str, option: String) {
        self.options.insert(key.into(), option);
    }

    /// The option that set this key, or a key inside it.
    pub fn option(&self, path: &[String]) -> Option<&str> {
        let key = path.join(".");
        let inside = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        // What is a mistake below an option's key is the option's; so is an unknown section it made.
        let of = self.options.iter().find(|(set, _)| inside(set, &key));
        let made =
            || self.options.iter().find(|(set, _)| self.line(path).is_none() && inside(&key, set));
        of.or_else(made).map(|(_, option)| option.as_str())
    }

    /// A line for each option that set nothing but keys in these sections, or such keys, which are not used
    /// for the reason that follows them.
    pub fn without_effect(&self, unused: &[(&str, String)]) -> Vec<String> {
        let reason_of = |set: &str| {
            let is_in = |key: &str| {
                set.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            unused.iter().find(|(key, _)| is_in(key)).map(|(_, reason)| reason)
        };
        let mut reasons: BTreeMap<&str, Option<&String>> = BTreeMap::new();
        for (set, option) in &self.options {
            let reason = reason_of(set);
            let of_all = reasons.entry(option).or_insert(reason);
            *of_all = of_all.and(reason);
        }
        let line = |(option, reason): (&str, Option<&String>)| {
            Some(format!("{option}: without effect, {}", reason?))
        };
        reasons.into_iter().filter_map(line).collect()
    }

    /// Line of this key in the file, from 1, if it stands there.
    pub fn line(&self, path: &[String]) -> Option<usize> {
        let (last, sections) = path.split_last()?;
        let table = DeTable::parse(&self.text).ok()?;
        let mut table = table.into_inner();
        for section in sections {
            let (_, value) = table.into_iter().find(|(key, _)| key.get_ref() == section)?;
            table = match value.into_inner() {
                DeValue::Table(table) => table,
                // A list: its own line will do.
                _ => return self.line(sections),
            };
        }
        let (key, _) = table.iter().find(|(key, _)| key.get_ref() == last)?;
        Some(line_at(&self.text, key.span().start))
    }

    /// Where the key is set, to begin a message with: an option as typed, or a file and a line; the nearest
    /// section where the key itself stands nowhere.
    pub fn of(&self, path: &[String]) -> String {
        if let Some(option) = self.option(path) {
            return option.to_owned();
        }
        let line = (1..=path.len()).rev().find_map(|length| self.line(&path[..length]));
        match line {
            Some(line) => format!("{}, line {line}", self.name),
            None => self.name.clone(),
        }
    }

    /// A mistake with its place, in one line.
    pub fn message(&self, mistake: &Mistake) -> String {
        format!("{}: {mistake}", self.of(&mistake.path))
    }

    /// A problem that begins with `[section] key`, with the place of that key.
    pub fn locate(&self, problem: &str) -> String {
        let path = || {
            let (section, rest) = problem.strip_prefix('[')?.split_once("] ")?;
            let word = |c: char| !(c.is_alphanumeric() || c == '_' || c == '.' || c == '-');
            let key = rest.split(word).next().filter(|key| !key.is_empty())?;
            Some(section.split('.').chain(key.split('.')).map(str::to_owned).collect::<Vec<_>>())
        };
        let Some(path) = path() else { return problem.to_owned() };
        match self.option(&path) {
            Some(option) => format!("{option}: {problem}"),
            None => match self.line(&path).or_else(|| self.line(&path[..path.len() - 1])) {
                Some(line) => format!("{}, line {line}: {problem}", self.name),
                None => problem.to_owned(),
            },
        }
    }
}

/// What is wrong with a text that is not TOML, in one line.
pub fn syntax(name: &str, text: &str, error: &toml::de::Error) -> String {
    let mut problem = error.message().trim().replace('\n', ", ");
    // What serde says of a number that TOML cannot hold is about its types.
    if problem.contains("i128") || problem.contains("u64") {
        problem = format!("a whole number beyond {} to {}", i64::MIN, i64::MAX);
    }
    match error.span() {
        Some(span) => format!("{name}, line {}: {problem}", line_at(text, span.start)),
        None => format!("{name}: {problem}"),
    }
}

fn line_at(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(key: &str) -> Vec<String> {
        key.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn a_number_that_toml_cannot_hold_is_told_without_types() {
        for number in ["9999999999999999999", "99999999999999999999999", "-99999999999999999999"] {
            let text = format!("\nseed = {number}");
            let error = toml::from_str::<toml::Table>(&text).unwrap_err();
            let told = syntax("mine.toml", &text, &error);
            assert!(told.starts_with("mine.toml, line 2: a whole number beyond -9223"), "{told}");
        }
    }

    #[test]
    fn a_key_is_found_in_the_file_or_in_the_option_that_set_it() {
        let text = "seed = 1\n\n[train]\nschedule = { kind = \"constant\", rate = 1 }\n[model]\nhidden = [3]\n";
        let mut places = Places::new("mine.toml", text);
        assert_eq!(places.of(&path("train.schedule.rate")), "mine.toml, line 4");
        assert_eq!(places.of(&path("model.hidden.0")), "mine.toml, line 6");
        assert_eq!(places.of(&path("model.latent")), "mine.toml, line 5");
        assert_eq!(places.of(&path("nothing")), "mine.toml");
        assert_eq!(
            places.locate("[train.schedule] rate = 1: too much"),
            "mine.toml, line 4: [train.schedule] rate = 1: too much"
        );
        places.set("train.schedule.rate", "--set train.schedule.rate=1".into());
        places.set("objective.beta", "--set objective.beta=1".into());
        assert_eq!(places.of(&path("train.schedule.rate")), "--set train.schedule.rate=1");
        assert_eq!(places.of(&path("objective")), "--set objective.beta=1");
        assert_eq!(places.of(&path("train.schedule.kind")), "mine.toml, line 4");
    }

    #[test]
    fn an_option_has_no_effect_if_all_it_sets_is_unused() {
        let mut places = Places::new("mine.toml", "[train]\nepochs = 3\n");
        for (key, option) in [
            ("train.epochs", "--epochs 2"),
            ("fine_tuning.epochs", "--epochs 2"),
            ("train.batch_size", "--set train.batch_size=5"),
            ("training", "--set training=1"),
            ("model.latent", "--latent 3"),
        ] {
            places.set(key, option.into());
        }
        let because = || "nothing is trained".to_owned();
        let batch = "--set train.batch_size=5: without effect, nothing is trained";
        assert_eq!(places.without_effect(&[("train", because())]), [batch]);
        let both = places.without_effect(&[("train", because()), ("fine_tuning", because())]);
        assert_eq!(both, ["--epochs 2: without effect, nothing is trained", batch]);
        assert!(places.without_effect(&[]).is_empty());
    }
}
