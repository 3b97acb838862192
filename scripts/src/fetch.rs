use std::path::PathBuf;

use anyhow::{Result, bail};
use shared::data::{self, DataSet, FetchOptions, fetch};

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
    for set in sets {
        if args.names.is_empty() || args.names.iter().any(|name| name == set.name) {
            for path in fetch(set, &options)? {
                shared::print_line!("{}: {}", set.name, path.display());
            }
        }
    }
    Ok(())
}
