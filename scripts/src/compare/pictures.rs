//! The pictures of a run.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use shared::run::RunFolder;

use super::{
    document::Pictures,
    records::{Found, RecordSet, RunKey},
};

/// The pictures of a run in both sets, by name.
pub(super) fn pairs(run: &RunKey, base: &RecordSet, new: Option<&RecordSet>) -> Vec<Pictures> {
    let mut base = of(run, base);
    let mut new = new.map(|set| of(run, set)).unwrap_or_default();
    let mut titles: Vec<String> = base.keys().chain(new.keys()).cloned().collect();
    titles.sort();
    titles.dedup();
    let pair =
        |title: String| Pictures { base: base.remove(&title), new: new.remove(&title), title };
    titles.into_iter().map(pair).collect()
}

/// Pictures by name, of the first seed that has any.
fn of(run: &RunKey, set: &RecordSet) -> BTreeMap<String, PathBuf> {
    let all = set.of(run).iter().map(|found| beside(run, found, set));
    all.into_iter().find(|pictures| !pictures.is_empty()).unwrap_or_default()
}

/// Those in the folder of the run; for a record that is kept, those in docs/pictures beside the
/// folder `results` of its paper's.
fn beside(run: &RunKey, found: &Found, set: &RecordSet) -> BTreeMap<String, PathBuf> {
    let folder = found.file.parent().unwrap_or(Path::new("."));
    if found.file.file_name().is_some_and(|name| name == RunFolder::RECORD) {
        return pngs(folder);
    }
    let mut kept = pngs(&folder.join("../../docs/pictures"));
    let prefix = |run: &RunKey| format!("{}-{}-", run.paper, run.name);
    let own = prefix(run);
    // rot-none-loss.png is a picture of rot-none, not of rot.
    let longer: Vec<String> =
        set.runs.keys().map(prefix).filter(|other| other.len() > own.len()).collect();
    kept.retain(|name, _| !longer.iter().any(|other| name.starts_with(other)));
    kept.into_iter()
        .filter_map(|(name, path)| Some((name.strip_prefix(&own)?.to_owned(), path)))
        .collect()
}

fn pngs(folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .filter_map(|path| Some((path.file_stem()?.to_string_lossy().into_owned(), path)))
        .collect()
}
