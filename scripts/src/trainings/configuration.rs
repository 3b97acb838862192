//! Whether a run that is not done again has the configuration that its options give today.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, anyhow, bail};
use shared::{processes::last_words, progress, run::RunFolder};
use toml::{Table, Value};

use super::{
    program::{built, with_cache},
    training::Training,
};

/// What a program that does not train but checks makes of these options and this seed: the configuration in full, as
/// text and as a table. The data are fetched on the way.
///
/// # Errors
/// If the program refuses them, with its reason.
pub(crate) fn checked(
    program: &Path,
    paper: &str,
    options: &[String],
    seed: u64,
    cache: Option<&Path>,
) -> Result<(String, Table)> {
    let mut command = with_cache(Command::new(program), cache);
    command.args(["train", "--check"]).args(options);
    command.arg("--seed").arg(seed.to_string()).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("{}", last_words(&String::from_utf8_lossy(&output.stderr), paper));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let table = toml::from_str(&text)
        .map_err(|_| anyhow!("{paper} prints no configuration: build it again"))?;
    Ok((text, table))
}

/// How a configuration that the run in `folder` has, as text, differs from this one with this seed: the first key, with
/// both values.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn differs(
    folder: &Path,
    text: &str,
    configuration: &Table,
    seed: u64,
) -> Result<Option<String>> {
    let found: Table = toml::from_str(text)
        .map_err(|error| anyhow!("{}: {}", folder.display(), error.message()))?;
    let mut wanted = configuration.clone();
    wanted.insert("seed".into(), Value::Integer(seed as i64));
    Ok(differing("", &found, &wanted))
}

/// The first key in which two configurations differ, with both values.
fn differing(prefix: &str, found: &Table, wanted: &Table) -> Option<String> {
    found.keys().chain(wanted.keys()).find_map(|key| match (found.get(key), wanted.get(key)) {
        (Some(Value::Table(found)), Some(Value::Table(wanted))) => {
            differing(&format!("{prefix}{key}."), found, wanted)
        }
        (found, wanted) if found == wanted => None,
        (found, wanted) => {
            let said =
                |value: Option<&Value>| value.map_or_else(|| "missing".into(), Value::to_string);
            Some(format!("{prefix}{key} is {}, and would be {}", said(found), said(wanted)))
        }
    })
}

/// The configurations of today, each asked of its program once.
pub(crate) struct Configurations<'a> {
    /// Folder of the programs; Cargo builds them if there is none.
    folder: Option<&'a Path>,
    /// By paper.
    programs: BTreeMap<String, PathBuf>,
    /// By paper and options.
    known: BTreeMap<(String, Vec<String>), Table>,
}

impl<'a> Configurations<'a> {
    /// Those of the programs in this folder, or of those that Cargo builds.
    pub(crate) fn new(folder: Option<&'a Path>) -> Self {
        Self { folder, programs: BTreeMap::new(), known: BTreeMap::new() }
    }

    /// How the configuration of a run differs from what this training would have today, in one line.
    ///
    /// # Errors
    /// If either cannot be known.
    pub(crate) fn difference(
        &mut self,
        run: &RunFolder,
        training: &Training,
    ) -> Result<Option<String>> {
        let today = self.of(training).with_context(|| training.title())?;
        differs(run.path(), &run.config_text()?, today, training.seed)
    }

    fn of(&mut self, training: &Training) -> Result<&Table> {
        let Training { paper, options, seed, .. } = training;
        let key = (paper.clone(), options.clone());
        if !self.known.contains_key(&key) {
            let (_, table) = checked(&self.program(paper)?, paper, options, *seed, None)?;
            self.known.insert(key.clone(), table);
        }
        Ok(&self.known[&key])
    }

    fn program(&mut self, paper: &str) -> Result<PathBuf> {
        if let Some(program) = self.programs.get(paper) {
            return Ok(program.clone());
        }
        let program = built(paper, self.folder, &[])?;
        progress::line(&format!("checking the configurations of {paper}"));
        self.programs.insert(paper.to_owned(), program.clone());
        Ok(program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_its_key_and_both_values() {
        let table = |text: &str| toml::from_str::<Table>(text).unwrap();
        let old = table("seed = 1\n[train]\nepochs = 3\n[train.schedule]\nrate = 0.1\n");
        assert_eq!(differing("", &old, &old), None);
        let new = table("seed = 1\n[train]\nepochs = 3\n[train.schedule]\nrate = 0.2\n");
        let said = differing("", &old, &new).unwrap();
        assert_eq!(said, "train.schedule.rate is 0.1, and would be 0.2");
        let said = differing("", &old, &table("seed = 1\n")).unwrap();
        assert!(said.starts_with("train is ") && said.ends_with("missing"), "{said}");
    }

    #[test]
    fn the_seed_is_that_of_the_run() {
        let today = toml::from_str::<Table>("seed = 1\nepochs = 3\n").unwrap();
        let of_seed_2 = |text: &str| differs(Path::new("runs/vae/quick"), text, &today, 2).unwrap();
        assert_eq!(of_seed_2("seed = 2\nepochs = 3\n"), None);
        assert_eq!(of_seed_2("seed = 2\nepochs = 4\n").unwrap(), "epochs is 4, and would be 3");
        let wrong = differs(Path::new("runs/vae/quick"), "epochs", &today, 2).unwrap_err();
        assert!(wrong.to_string().starts_with("runs/vae/quick: "), "{wrong}");
    }
}
