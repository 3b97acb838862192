//! Names of crates.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, bail};

/// What cannot name a Rust module, nor a file on Windows, nor a program in Cargo's target folder.
const RESERVED: &str = "abstract as async await become box break const continue crate do dyn else enum \
    extern false final fn for gen if impl in let loop macro match mod move mut override priv pub ref \
    return self static struct super trait true try type typeof union unsafe unsized use virtual where \
    while yield alloc core proc-macro std test aux con nul prn build deps examples incremental";

/// What the workspace has under this name already, where no package says so.
const TAKEN: [(&str, &str); 5] = [
    ("shared", "the library of what papers share"),
    ("xtask", "the workspace's chores"),
    ("tests", "the workspace's tests"),
    ("peers", "the workspace's side of bench-peers"),
    ("classifier", "the folder of the shared classifier under runs/"),
];

const LONGEST: usize = 40;

/// The name of a crate in its three spellings.
pub(super) struct Name {
    /// `my-paper`: package, program and folder.
    pub(super) kebab: String,
    /// `my_paper`: module.
    pub(super) snake: String,
    /// `MyPaper`: type.
    pub(super) camel: String,
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
                "'{text}' is no name for a crate: lower-case letters and digits, a letter first, words \
                 joined by single hyphens, for instance sparse-ae"
            );
        }
        if text.len() > LONGEST {
            bail!("'{text}' is longer than {LONGEST} letters");
        }
        if RESERVED.split_whitespace().any(|word| word == text) {
            bail!("'{text}' is reserved by Rust, Cargo or Windows: choose another name");
        }
        Ok(Self::known(text))
    }

    /// The name of a crate that is there.
    pub(super) fn known(kebab: &str) -> Self {
        let capital = |part: &str| part[..1].to_ascii_uppercase() + &part[1..];
        Self {
            kebab: kebab.into(),
            snake: kebab.replace('-', "_"),
            camel: kebab.split('-').map(capital).collect(),
        }
    }

    /// Refuses a name that the workspace or one of its dependencies has.
    pub(super) fn check_free(&self, root: &Path) -> Result<()> {
        if root.join("crates").join(&self.kebab).exists() {
            bail!("crates/{self} is there already");
        }
        if let Some((_, what)) = TAKEN.iter().find(|(taken, _)| *taken == self.kebab) {
            bail!("'{self}' is {what}: choose another name");
        }
        let lock = root.join("Cargo.lock");
        let read = || -> Result<Lock> { Ok(toml::from_str(&fs::read_to_string(&lock)?)?) };
        let lock = read().with_context(|| lock.display().to_string())?;
        // To rustc foo-bar and foo_bar are one name.
        if lock.package.iter().any(|package| package.name.replace('-', "_") == self.snake) {
            bail!("'{self}' is a package this workspace depends on: choose another name");
        }
        Ok(())
    }
}

/// Cargo.lock.
#[derive(serde::Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(serde::Deserialize)]
struct Package {
    name: String,
}
