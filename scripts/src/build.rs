//! Programs of the workspace, built by Cargo.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace;

/// Cargo: the one that runs this, if one does.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
}

/// The folder that Cargo builds the workspace at `root` into.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// The program of a package, built for speed with these features.
///
/// # Errors
/// If it cannot be built; Cargo has said why.
pub(crate) fn program(package: &str, features: &[String]) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--release", "--package", package]);
    command.arg("--message-format=json-render-diagnostics").current_dir(workspace());
    if !features.is_empty() {
        command.args(["--features", &features.join(",")]);
    }
    let output = command.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("{package} cannot be built ({})", output.status);
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == package)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo built no program {package}"))
}
