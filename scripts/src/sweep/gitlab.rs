//! The runs of a sweep as GitLab's child pipeline.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use shared::{cli::quoted, run::write_atomic};

use super::{runs::Runs, template};

/// Most jobs of a matrix.
const MOST: usize = 200;

/// Writes the pipeline of these runs, of a sweep that stands in a file of the repository; the file.
///
/// # Errors
/// If there are none, or too many, or the template is wrong.
pub(super) fn write(
    runs: &Runs,
    todo: &[usize],
    file: &Path,
    options: &[String],
    own: Option<&Path>,
) -> Result<PathBuf> {
    if todo.is_empty() || todo.len() > MOST {
        bail!("{} runs: GitLab makes pipelines of 1 to {MOST}; write several sweeps", todo.len());
    }
    if file.is_absolute() || runs.folder.is_absolute() {
        bail!(
            "--on gitlab: {} and {} must be in the repository, and named from its root",
            file.display(),
            runs.folder.display()
        );
    }
    let indices: Vec<String> = todo.iter().map(|index| format!("\"{index}\"")).collect();
    let task = ["cargo xtask sweep".to_owned(), quoted(&file.display().to_string())];
    let task = [&task[..], options].concat();
    let values = [
        ("NAME", runs.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        ("PAPER", runs.plan.sweep.paper.clone()),
        ("FOLDER", runs.folder.display().to_string()),
        ("INDICES", indices.join(", ")),
        ("TASK", task.join(" ")),
    ];
    let template = template::path(own, "gitlab.yml");
    let text = template::filled(&template, &values, &["INDICES", "TASK"])?;
    let pipeline = runs.folder.join("pipeline.yml");
    write_atomic(&pipeline, text.as_bytes())?;
    Ok(pipeline)
}
