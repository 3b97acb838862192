use std::path::PathBuf;

use anyhow::{Result, bail};
use shared::{
    data::{self, DataSet, FetchOptions, fetch},
    progress,
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Data sets by name; by default all.
    names: Vec<String>,
    /// Folder that may hold the files already.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let sets: Vec<&DataSet> =
        [data::CATALOGUE, tables::CATALOGUE, sequences::CATALOGUE].into_iter().flatten().collect();
    let known = || sets.iter().map(|set| set.name).collect::<Vec<_>>().join(", ");
    for name in &args.names {
        if !sets.iter().any(|set| set.name == name) {
            bail!("no data set {name}; there are {}", known());
        }
    }
    let options = FetchOptions::named(args.data_dir.clone())?;
    let is_asked_for =
        |set: &&&DataSet| args.names.is_empty() || args.names.iter().any(|name| name == set.name);
    all(sets.iter().filter(is_asked_for).copied(), &options)
}

/// Fetches each of these sets that can be had.
///
/// # Errors
/// At the end, with the names of the others.
fn all<'a>(sets: impl Iterator<Item = &'a DataSet>, options: &FetchOptions) -> Result<()> {
    let mut missing = Vec::new();
    for set in sets {
        match fetch(set, options) {
            Ok(paths) => {
                for path in paths {
                    shared::print_line!("{}: {}", set.name, path.display());
                }
            }
            Err(error) => {
                progress::line(&error.to_string());
                missing.push(set.name);
            }
        }
    }
    if !missing.is_empty() {
        bail!("not fetched: {}", missing.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_cannot_be_had_does_not_end_it_and_all_such_are_named() {
        let nowhere = tempfile::tempdir().unwrap();
        let options = FetchOptions {
            data_dir: None,
            cache_dir: nowhere.path().into(),
            offline: true,
            ..FetchOptions::from_env(None)
        };
        let said = all(data::CATALOGUE.iter().take(3), &options).unwrap_err().to_string();
        let names: Vec<&str> = data::CATALOGUE.iter().take(3).map(|set| set.name).collect();
        assert_eq!(said, format!("not fetched: {}", names.join(", ")));
    }
}
