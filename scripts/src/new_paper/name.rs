//! Names of crates.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::site::highlight::pieces;

/// What cannot name a Rust module, nor a file on Windows, nor a program in Cargo's target folder; and what the
/// workspace has under this name already, where no package says so.
const RESERVED: &str = "abstract as async await become box break const continue crate do dyn else enum \
    extern false final fn for gen if impl in let loop macro match mod move mut override priv pub ref \
    return self static struct super trait true try type typeof union unsafe unsized use virtual where \
    while yield alloc core proc-macro std test aux con nul prn build deps examples incremental \
    blank tests classifier sweeps validate";

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

/// The text of a file with one crate's name for another's: the `name`s of the manifest, and in Rust modules, strings and
/// comments. Variables and values of a configuration may be called as the crate is, and stay.
pub(super) fn renamed(path: &str, text: &str, from: &Name, to: &Name) -> String {
    if path == "Cargo.toml" {
        let is_name = |line: &str| line.starts_with("name = ");
        let line = |line| if is_name(line) { in_words(line, from, to) } else { line.to_owned() };
        return text.split_inclusive('\n').map(line).collect();
    }
    if path.ends_with(".rs") { in_code(text, from, to) } else { text.to_owned() }
}

fn in_code(code: &str, from: &Name, to: &Name) -> String {
    let mut new = String::with_capacity(code.len());
    let mut end = 0;
    for (piece, class) in pieces(code) {
        end += piece.len();
        // After a `::` it is a module within another.
        let is_module = || code[end..].starts_with("::") && !new.ends_with("::");
        match class {
            Some("string" | "comment") => new.push_str(&in_words(piece, from, to)),
            _ if piece == from.snake && is_module() => new.push_str(&to.snake),
            _ => new.push_str(piece),
        }
    }
    new
}

/// A string, a comment or a line: as a module before `::`, as a package elsewhere. Other words that hold the name,
/// beta-vae or elbo_vae, stay, and what documents an item, such as a value of that name, but for paths.
fn in_words(text: &str, from: &Name, to: &Name) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_of_item = text.starts_with("///");
    let mut new = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (between, found) = rest.split_at(start);
        let (word, after) = found.split_at(found.find(|c| !is_part(c)).unwrap_or(found.len()));
        new.push_str(between);
        new.push_str(match word {
            word if word == from.snake && after.starts_with("::") => &to.snake,
            word if word == from.kebab && (!is_of_item || between.ends_with('/')) => &to.kebab,
            word => word,
        });
        rest = after;
    }
    new + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(path: &str, text: &str, from: &str) -> String {
        renamed(path, text, &Name::known(from), &Name::known("my-vae"))
    }

    #[test]
    fn words_that_name_the_source_are_renamed_and_no_others() {
        let new = |text: &str, from: &str| new("src/lib.rs", text, from);
        let text = "use vae::{Model}; // `vae` is \"vae\", not beta-vae, vae_rnn or elbo_vae";
        let expected =
            "use my_vae::{Model}; // `my-vae` is \"my-vae\", not beta-vae, vae_rnn or elbo_vae";
        assert_eq!(new(text, "vae"), expected);
        let text = "denoising_ae::Paper // denoising-ae, denoising";
        assert_eq!(new(text, "denoising-ae"), "my_vae::Paper // my-vae, denoising");
        let text = "/// Under OUT/beta-vae/NAME, as beta_vae::Paper.";
        assert_eq!(new(text, "beta-vae"), "/// Under OUT/my-vae/NAME, as my_vae::Paper.");
    }

    #[test]
    fn variables_and_values_that_are_called_as_the_source_is_stay() {
        for code in [
            "let (pca, all) = (self.pca.fit(\"x\"), pca - 1);",
            "struct Rotated { pca: Model }",
            "crate::pca::fit()",
            "/// `pca`: a value of kind.",
        ] {
            assert_eq!(new("tests/laws.rs", code, "pca"), code);
        }
        let preset = "# of pca\n[objective]\nkind = \"pca\"\n";
        assert_eq!(new("configs/quick.toml", preset, "pca"), preset);
        let manifest = "name = \"pca\"\noptions = [\"--set\", \"objective.kind=pca\"]\n";
        let expected = manifest.replacen("pca", "my-vae", 1);
        assert_eq!(new("Cargo.toml", manifest, "pca"), expected);
    }
}
