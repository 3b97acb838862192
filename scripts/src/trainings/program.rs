//! The program of a paper: where it is, and where its data are.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use shared::progress;

use crate::build;

/// The program of a paper: in a folder of programs, or built by Cargo with these features.
pub(crate) fn built(paper: &str, folder: Option<&Path>, features: &[String]) -> Result<PathBuf> {
    if let Some(folder) = folder {
        let program = folder.join(file_name(paper));
        if !program.is_file() {
            bail!("--programs {}: there is no {paper}", folder.display());
        }
        return std::path::absolute(&program).with_context(|| program.display().to_string());
    }
    progress::line(&format!("building {paper}"));
    build::program(paper, features)
}

/// The file of a paper's program.
pub(crate) fn file_name(paper: &str) -> String {
    format!("{paper}{}", std::env::consts::EXE_SUFFIX)
}

/// A copy of a program in `folder`, which later builds do not change; it replaces the copy of an earlier call, and says
/// so if that was another program.
pub(crate) fn copied(program: &Path, name: &str, folder: &Path) -> Result<PathBuf> {
    let copy = folder.join(file_name(name));
    let bytes = |path: &Path| fs::read(path).ok();
    if copy.is_file() && bytes(&copy) != bytes(program) {
        progress::line(&format!(
            "{name} is another program than when {} was written: what was begun or finished before is of the \
             earlier one",
            copy.display()
        ));
    }
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let part = folder.join(format!(".{name}-{}", std::process::id()));
        fs::copy(program, &part)?;
        fs::rename(&part, &copy)
    };
    write().with_context(|| format!("cannot copy {} to {}", program.display(), copy.display()))?;
    Ok(copy)
}

/// The command with the data in this folder.
pub(crate) fn with_cache(mut command: Command, cache: Option<&Path>) -> Command {
    if let Some(cache) = cache {
        command.env("AE_CACHE_DIR", cache);
    }
    command
}
