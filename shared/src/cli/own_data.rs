//! The data of a run: loaded when they are needed, and checked to be those it was fitted to.

use anyhow::{Error, Result, bail};

use super::options::Common;
use super::paper::{Paper, RunConfig};
use crate::{
    data::{
        DataConfig, FetchOptions, Identity, PixelShape, Preparation, Source, Splits, files_differ,
        holds,
    },
    kind, memory, progress,
    run::{CHECKPOINTS, RunData, RunFolder},
    weights::WEIGHTS,
};

/// Where to look for data: in the folder that `--data-dir` names, in the one the run's data came from,
/// in that of `AE_DATA_DIR`, in this order; a file that the configuration names is looked for in the last only if nothing
/// lies at its path.
pub(super) fn fetch_options<P: Paper>(
    config: &DataConfig,
    common: &Common,
    kept: Option<&RunData>,
) -> Result<FetchOptions> {
    let files = P::KIND.source(config).map(|source| source.files(config)).unwrap_or_default();
    let recorded = kept.and_then(|kept| kept.folder.clone());
    let recorded = recorded.filter(|folder| folder.is_dir() && holds(&files, folder));
    let options = match (&common.data_dir, recorded) {
        (None, Some(folder)) => FetchOptions::from_env(Some(folder)),
        (named, _) => FetchOptions::named(named.clone())?,
    };
    let base = kept.and_then(|kept| kept.base.clone()).unwrap_or_else(|| common.base.clone());
    Ok(FetchOptions { base, ..options })
}

/// The data of a configuration.
pub(super) fn load_data<P: Paper>(
    config: &P::Config,
    options: &FetchOptions,
    known: Option<&Preparation>,
) -> Result<Splits> {
    // What is wrong with the configuration is said by those that read it.
    if let Ok(source) = P::KIND.source(config.data()) {
        refuse_beyond_memory(source, config.data(), options, None)?;
    }
    Ok(kind::load(P::KIND, config.data(), options, known)?)
}

/// Refuses data that certainly take more memory than there is, in the shape of a model that was `fitted` if there is
/// one, before they are read.
pub(super) fn refuse_beyond_memory(
    source: &dyn Source,
    config: &DataConfig,
    options: &FetchOptions,
    fitted: Option<PixelShape>,
) -> Result<()> {
    match source.least_memory(config, options, fitted) {
        Some((what, bytes)) => memory::refuse_beyond_available(&what, bytes).map_err(Error::msg),
        None => Ok(()),
    }
}

/// Data that were loaded for a run.
pub(super) struct LoadedData {
    pub(super) splits: Splits,
    /// The identity of the data the run was fitted to, if these are others.
    pub(super) trained_on: Option<Identity>,
}

/// What to do about data that are not the run's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfOther {
    /// Refuse, with this advice.
    Refuse(&'static str),
    /// Use them as the run's own were used.
    Use,
}

impl IfOther {
    /// For commands that use a fitted run.
    pub(super) fn with_option(is_given: bool) -> Self {
        if is_given {
            return Self::Use;
        }
        Self::Refuse(
            "name the folder of its own with --data-dir, or use these on purpose with --other-data",
        )
    }
}

/// Loads the data of a run and compares them with what the run keeps of its own.
pub(super) fn load_own<P: Paper>(
    run: &RunFolder,
    config: &P::Config,
    common: &Common,
    kept: Option<&RunData>,
    if_other: IfOther,
) -> Result<LoadedData> {
    let options = fetch_options::<P>(config.data(), common, kept)?;
    let say_own = || {
        if if_other == IfOther::Use {
            progress::line("--other-data: without effect, these are the run's own data");
        }
    };
    let Some(kept) = kept else {
        let splits = load_data::<P>(config, &options, None)?;
        compare_with_record(run, &splits, if_other)?;
        say_own();
        return Ok(LoadedData { splits, trained_on: None });
    };
    // Other data are read as the run's own were: by its vocabulary and its statistics.
    let known = (if_other == IfOther::Use).then_some(&kept.preparation);
    let splits = load_data::<P>(config, &options, known)?;
    let found = Identity::of(&splits, &Preparation::of(&splits));
    let Some(difference) = kept.identity.difference(&found) else {
        say_own();
        return Ok(LoadedData { splits, trained_on: None });
    };
    if kept.identity.same_contents(&found) {
        progress::line(&format!(
            "{}: {difference}; what a model sees of them is the same",
            run.path().display()
        ));
        say_own();
        return Ok(LoadedData { splits, trained_on: None });
    }
    // An older version may have found another vocabulary or other statistics in the same files.
    if known.is_none() && kept.identity.files == found.files {
        let splits = load_data::<P>(config, &options, Some(&kept.preparation))?;
        if kept.identity.same_contents(&Identity::of(&splits, &Preparation::of(&splits))) {
            return Ok(LoadedData { splits, trained_on: None });
        }
    }
    match if_other {
        IfOther::Refuse(advice) => {
            bail!("{} was fitted to other data: {difference}; {advice}", run.path().display())
        }
        IfOther::Use => {
            let problem = kept.preparation.problem(&splits);
            if let Some(problem) = problem.or_else(|| P::problem_of_use(config, &splits)) {
                bail!("--other-data: {problem}");
            }
            progress::line(&format!("other data than the run's: {difference}"));
            Ok(LoadedData { splits, trained_on: Some(kept.identity.clone()) })
        }
    }
}

/// A run of an older version has nothing but its record to compare with.
fn compare_with_record(run: &RunFolder, data: &Splits, if_other: IfOther) -> Result<()> {
    let place = run.path().display();
    let Ok(Some(record)) = run.record() else {
        progress::line(&format!(
            "{place} has no {} and no record: an older version made it, and whether these are its \
             data cannot be checked",
            RunData::FILE
        ));
        return Ok(());
    };
    let own = &record.data.sha256;
    let mut found = data.files.clone();
    if !own.is_empty() {
        // Older records do not name every file.
        found.retain(|name, _| own.contains_key(name));
    }
    let sizes = [data.train.len(), data.valid.len(), data.test.len()];
    let own_sizes = [record.data.train, record.data.valid, record.data.test];
    let difference = files_differ(own, &found).or_else(|| {
        (sizes != own_sizes).then(|| {
            format!("the splits have {sizes:?} examples, those of its record {own_sizes:?}")
        })
    });
    match (difference, if_other) {
        (None, _) => progress::line(&format!(
            "{place} has no {}: an older version made it; by the checksums in its record these are \
             its data",
            RunData::FILE
        )),
        (Some(difference), IfOther::Refuse(advice)) => {
            bail!("{place} was fitted to other data: {difference}; {advice}")
        }
        (Some(_), IfOther::Use) => bail!(
            "--other-data: {place} has no {}, so that other data cannot be read as its own were; fit \
             it anew",
            RunData::FILE
        ),
    }
    Ok(())
}

/// The data to fit a model to, and what a run that has no `data.json` yet is to keep of them. A run that
/// was begun is continued on its own data alone.
pub(super) fn to_fit<P: Paper>(
    begun: Option<&RunFolder>,
    config: &P::Config,
    common: &Common,
    advice: &'static str,
) -> Result<(Splits, Option<RunData>)> {
    if let Some(run) = begun {
        let kept = RunData::read(run)?;
        let is_fitted = run.file(WEIGHTS).exists() || run.file(CHECKPOINTS).is_dir();
        if kept.is_some() || is_fitted {
            let refuse = IfOther::Refuse(advice);
            return Ok((load_own::<P>(run, config, common, kept.as_ref(), refuse)?.splits, None));
        }
    }
    let options = fetch_options::<P>(config.data(), common, None)?;
    let splits = load_data::<P>(config, &options, None)?;
    let files = P::KIND.source(config.data()).map(|source| source.files(config.data()));
    let kept = RunData::new(config.data(), &files.unwrap_or_default(), &splits, &options);
    Ok((splits, Some(kept)))
}
