//! A text of one crate as it would stand in another: every word that names the one names the other.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::name::Name;

/// Which words become which.
pub(super) struct Renaming<'a> {
    pub(super) from: &'a Name,
    pub(super) to: &'a Name,
    /// Types of the source that do not begin with its name, and how they end in the new crate.
    pub(super) aliases: &'a [(&'a str, &'a str)],
}

impl Renaming<'_> {
    /// The text with its words renamed.
    pub(super) fn apply(&self, text: &str) -> String {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let mut new = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(is_part) {
            let (between, found) = rest.split_at(start);
            let (word, after) = found.split_at(found.find(|c| !is_part(c)).unwrap_or(found.len()));
            new.push_str(between);
            new.push_str(&self.word(word, after.starts_with("::")));
            rest = after;
        }
        new + rest
    }

    fn word(&self, word: &str, is_module: bool) -> String {
        if word == self.from.kebab {
            return if is_module { self.to.snake.clone() } else { self.to.kebab.clone() };
        }
        // A hyphen may be a minus too. The parts of another crate's name, beta-vae, stay.
        word.split('-').map(|part| self.identifier(part)).collect::<Vec<_>>().join("-")
    }

    fn identifier(&self, word: &str) -> String {
        let Name { snake, camel, kebab } = self.from;
        if word == snake && snake != kebab {
            return self.to.snake.clone();
        }
        let own = word.strip_prefix(camel.as_str());
        let own = own.filter(|end| end.is_empty() || end.starts_with(char::is_uppercase));
        let alias = self.aliases.iter().find(|(alias, _)| *alias == word).map(|(_, end)| *end);
        match own.or(alias) {
            Some(end) => format!("{}{end}", self.to.camel),
            None => word.into(),
        }
    }

    /// Refuses a new name that the code already uses for something else.
    pub(super) fn check<'t>(&self, code: impl Iterator<Item = &'t str>) -> Result<()> {
        let (mut kept, mut made) = (BTreeSet::new(), BTreeSet::new());
        made.insert(self.to.snake.clone());
        let lines = code.flat_map(str::lines).filter(|line| !line.trim_start().starts_with("//"));
        // Every second part of a line is a string.
        for code in lines.flat_map(|line| line.split('"').step_by(2)) {
            for word in code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
                match self.identifier(word) {
                    new if new == word => kept.insert(new),
                    new => made.insert(new),
                };
            }
        }
        match made.intersection(&kept).next() {
            Some(word) => bail!(
                "'{}' would give the new crate a second {word}, which the code of {} has for \
                 something else: choose a more particular name",
                self.to,
                self.from
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_name_the_source_are_renamed_once_and_no_others() {
        let [vae, stack] = ["vae", "denoising-ae"].map(Name::known);
        // Names that hold the old one are the hard case.
        let [to, other] = ["vae-model", "my-ae"].map(Name::known);
        let renaming = Renaming { from: &vae, to: &to, aliases: &[] };
        let text = "use vae::{Vae, VaeModel}; // `vae` is \"vae\", not beta-vae, Vaes or elbo_vae";
        let new = "use vae_model::{VaeModel, VaeModelModel}; // `vae-model` is \"vae-model\", not \
                   beta-vae, Vaes or elbo_vae";
        assert_eq!(renaming.apply(text), new);
        let aliases = &[("StackedModel", "Model")];
        let renaming = Renaming { from: &stack, to: &other, aliases };
        let text = "denoising_ae::DenoisingAe, StackedModel<B>-like, denoising-ae; Denoising";
        assert_eq!(renaming.apply(text), "my_ae::MyAe, MyAeModel<B>-like, my-ae; Denoising");
    }

    #[test]
    fn a_name_that_the_code_has_already_is_refused_but_not_for_comments_and_strings() {
        let [vae, noise] = ["vae", "noise"].map(Name::known);
        let check = |code: &str| {
            Renaming { from: &vae, to: &noise, aliases: &[] }.check([code].into_iter())
        };
        assert!(check("// noise and Noise\nlet a = \"noise\";\n").is_ok());
        assert!(check("let noise = 1;").unwrap_err().to_string().contains("second noise"));
        assert!(check("VaeModel, NoiseModel").unwrap_err().to_string().contains("NoiseModel"));
    }
}
