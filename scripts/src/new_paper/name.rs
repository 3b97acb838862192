//! Names of crates.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, bail};

/// What cannot name a Rust module, nor a file on Windows, nor a program in Cargo's target folder; and what the
/// workspace has under this name already, where no package says so.
const RESERVED: &str = "abstract as async await become box break const continue crate do dyn else enum \
    extern false final fn for gen if impl in let loop macro match mod move mut override priv pub ref \
    return self static struct super trait true try type typeof union unsafe unsized use virtual where \
    while yield alloc core proc-macro std test aux con nul prn build deps examples incremental \
    blank tests classifier";

const LONGEST: usize = 40;

/// The name of a crate in its two spellings.
pub(super) struct Name {
    /// `my-paper`: package, program and folder.
    pub(super) kebab: String,
    /// `my_paper`: module.
    snake: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kebab)
    }
}

impl Name {
    /// The name that is written so in kebab-case.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let is_part = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        if !text.split('-').all(is_part) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            bail!(
                "'{text}' is not a valid crate name: lower-case letters and digits, a letter first, words \
                 joined by single hyphens, for instance sparse-ae"
            );
        }
        if text.len() > LONGEST {
            bail!("'{text}' is longer than {LONGEST} letters");
        }
        if RESERVED.split_whitespace().any(|word| word == text) {
            bail!(
                "'{text}' is reserved by Rust, Cargo, Windows or this workspace: choose another name"
            );
        }
        Ok(Self::known(text))
    }

    /// The name of a crate that is there.
    pub(super) fn known(kebab: &str) -> Self {
        Self { kebab: kebab.into(), snake: kebab.replace('-', "_") }
    }

    /// Refuses a name that the workspace or one of its dependencies has.
    pub(super) fn check_free(&self, root: &Path) -> Result<()> {
        if root.join("crates").join(&self.kebab).exists() {
            bail!("crates/{self} is there already");
        }
        let lock = root.join("Cargo.lock");
        let text = fs::read_to_string(&lock).with_context(|| lock.display().to_string())?;
        let names = text.lines().filter_map(|line| line.strip_prefix("name = "));
        // To rustc foo-bar and foo_bar are one name.
        if names.map(|name| name.trim_matches('"').replace('-', "_")).any(|name| name == self.snake)
        {
            bail!(
                "'{self}' is a package of this workspace or one it depends on: choose another name"
            );
        }
        Ok(())
    }
}

/// The text with one crate's name for another's: as a module before `::`, as a package elsewhere. Other words that
/// hold the name, beta-vae or elbo_vae, stay.
pub(super) fn renamed(text: &str, from: &Name, to: &Name) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut new = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (between, found) = rest.split_at(start);
        let (word, after) = found.split_at(found.find(|c| !is_part(c)).unwrap_or(found.len()));
        new.push_str(between);
        new.push_str(match word {
            word if word == from.snake && after.starts_with("::") => &to.snake,
            word if word == from.kebab => &to.kebab,
            word => word,
        });
        rest = after;
    }
    new + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_name_the_source_are_renamed_and_no_others() {
        let new =
            |text: &str, from: &str| renamed(text, &Name::known(from), &Name::known("my-vae"));
        let text = "use vae::{Model}; // `vae` is \"vae\", not beta-vae, vae_rnn or elbo_vae";
        let expected =
            "use my_vae::{Model}; // `my-vae` is \"my-vae\", not beta-vae, vae_rnn or elbo_vae";
        assert_eq!(new(text, "vae"), expected);
        let text = "denoising_ae::Paper, denoising-ae, denoising";
        assert_eq!(new(text, "denoising-ae"), "my_vae::Paper, my-vae, denoising");
    }
}
