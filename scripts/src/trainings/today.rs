//! Whether a run that is not done again was fitted to the data of today.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use shared::{
    data::{DataConfig, DataError, FetchOptions, Identity, Preparation, source_of},
    kind::{self, Images, Kind},
    progress,
    run::{Record, RunData, RunFolder},
};

/// The data of today.
#[derive(Default)]
pub(crate) struct Today {
    /// Where fetched data are, if not in the user's cache.
    cache: Option<PathBuf>,
    /// By their configuration and where its paths start; `None` if they are not available.
    known: BTreeMap<String, Option<Identity>>,
}

impl Today {
    /// The data that programs find [with this cache](super::program::with_cache).
    pub(crate) fn new(cache: Option<&Path>) -> Self {
        Self { cache: cache.map(Path::to_path_buf), known: BTreeMap::new() }
    }

    /// How the data that a run with these options finds today differ from those the run was fitted to, in one
    /// line; `None` if a model sees no difference, or if there are none today, which is said.
    pub(crate) fn difference(
        &mut self,
        run: &RunFolder,
        record: &Record,
        options: &[String],
    ) -> Result<Option<String>> {
        let kept = RunData::read(run)?;
        let base = kept.as_ref().and_then(|kept| kept.base.clone()).unwrap_or_default();
        let Some(today) = self.of(run, base, options)? else { return Ok(None) };
        Ok(match kept {
            Some(kept) if kept.identity.same_contents(today) => None,
            Some(kept) => kept.identity.difference(today),
            None => differs_from_record(record, today),
        })
    }

    fn of(
        &mut self,
        run: &RunFolder,
        base: PathBuf,
        options: &[String],
    ) -> Result<Option<&Identity>> {
        let mut config: toml::Table = toml::from_str(&run.config_text()?)
            .map_err(|e| anyhow!("{}: {e}", run.path().display()))?;
        let data = config.remove("data").unwrap_or_else(|| toml::Table::new().into());
        let key = format!("{} {data}", base.display());
        if !self.known.contains_key(&key) {
            let data: DataConfig = data
                .try_into()
                .with_context(|| format!("{}, [data]", run.file(RunFolder::CONFIG).display()))?;
            let kinds: [&dyn Kind; 3] = [&Images, &tables::Tables, &sequences::SequenceData];
            let has = |kind: &&&dyn Kind| source_of(&kind.sources(), &data.name).is_some();
            let kind: &dyn Kind = kinds.iter().find(has).map_or(&Images, |kind| *kind);
            let places = self.places(base, options);
            let found = places.and_then(|places| kind::load(kind, &data, &places, None));
            let found = match found {
                Ok(splits) => Some(Identity::of(&splits, &Preparation::of(&splits))),
                Err(error) => {
                    let reason = error.to_string().replace('\n', ", ");
                    progress::line(&format!(
                        "runs on {} are taken as they are, there is nothing to compare them with: {reason}",
                        data.name
                    ));
                    None
                }
            };
            self.known.insert(key.clone(), found);
        }
        Ok(self.known[&key].as_ref())
    }

    /// Where the data of a run with these options are looked for.
    fn places(&self, base: PathBuf, options: &[String]) -> Result<FetchOptions, DataError> {
        let mut places = FetchOptions::named(data_dir(options))?;
        places.base = base;
        if let Some(cache) = &self.cache {
            places.cache_dir.clone_from(cache);
        }
        Ok(places)
    }
}

/// The folder that the last `--data-dir` names.
fn data_dir(options: &[String]) -> Option<PathBuf> {
    let named = |(at, option): (usize, &String)| match option.strip_prefix("--data-dir")? {
        "" => options.get(at + 1).map(PathBuf::from),
        within => within.strip_prefix('=').map(PathBuf::from),
    };
    options.iter().enumerate().rev().find_map(named)
}

/// A run of an older version has nothing but its record to compare with.
fn differs_from_record(record: &Record, today: &Identity) -> Option<String> {
    let own = [record.data.train, record.data.valid, record.data.test];
    let found = [&today.train, &today.valid, &today.test].map(|split| split.examples);
    if own != found {
        return Some(format!("the splits have {found:?} examples, those of its record {own:?}"));
    }
    record.data.sha256.iter().find_map(|(file, sha256)| {
        let found = today.files.get(file)?;
        (found != sha256).then(|| format!("{file} has sha256 {found}, the run's has {sha256}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_folder_that_is_named_counts() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(data_dir(&words("--epochs 3")), None);
        assert_eq!(data_dir(&words("--data-dir a --epochs 3")), Some("a".into()));
        assert_eq!(data_dir(&words("--epochs 3 --data-dir=b")), Some("b".into()));
        for both in ["--data-dir=a --data-dir b", "--data-dir a --data-dir=b"] {
            assert_eq!(data_dir(&words(both)), Some("b".into()), "{both}");
        }
        assert_eq!(data_dir(&words("--data-dirs=a")), None);
    }

    #[test]
    fn data_are_looked_for_where_the_programs_find_them() {
        let cache = |today: &Today| today.places("base".into(), &[]).unwrap().cache_dir;
        assert_eq!(cache(&Today::new(Some(Path::new("mine")))), Path::new("mine"));
        let users = FetchOptions::from_env(None).cache_dir;
        assert_eq!(
            [Today::new(None), Today::default()].map(|today| cache(&today)),
            [users.clone(), users]
        );
    }
}
