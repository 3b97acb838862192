//! The runs of a sweep as an array of Slurm.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context, Result, bail};
use shared::{cli::quoted, run::write_atomic};

use super::{runs::Runs, template};
use crate::trainings::copied;

/// Folder inside the sweep's for what is Slurm's.
const FOLDER: &str = "slurm";
/// The jobs that were submitted, one a line.
const JOBS: &str = "jobs";

#[derive(clap::Args, Debug)]
pub(super) struct Batch {
    /// Slurm: partition.
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Slurm: most time of a run, e.g. 2:00:00.
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Slurm: memory of a run, e.g. 4G.
    #[arg(long, value_name = "SIZE")]
    mem: Option<String>,
    /// Slurm: any other option of sbatch, e.g. --sbatch=--gres=gpu:1; may be repeated.
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    sbatch: Vec<String>,
}

impl Batch {
    /// One of these options, if there is any.
    pub(super) fn given(&self) -> Option<&'static str> {
        let Self { partition, time, mem, sbatch } = self;
        [
            ("--partition", partition.is_some()),
            ("--time", time.is_some()),
            ("--mem", mem.is_some()),
            ("--sbatch", !sbatch.is_empty()),
        ]
        .into_iter()
        .find_map(|(option, is_given)| is_given.then_some(option))
    }

    /// Lines of the script.
    fn lines(&self) -> Result<String> {
        let named = [("partition", &self.partition), ("time", &self.time), ("mem", &self.mem)];
        let named = named
            .into_iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("--{name}={value}")));
        let lines: Vec<String> = named.chain(self.sbatch.iter().cloned()).collect();
        if let Some(bad) = lines.iter().find(|line| !line.starts_with('-') || line.contains('\n')) {
            bail!("--sbatch {bad:?}: an option of sbatch in one line, as in --sbatch=--gres=gpu:1");
        }
        Ok(lines.iter().map(|line| format!("#SBATCH {line}\n")).collect::<String>())
    }
}

/// Runs whose task waits or runs, as far as Slurm tells.
pub(super) fn queued(runs: &Runs) -> Result<BTreeSet<usize>> {
    let jobs = submitted(runs)?;
    if jobs.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut command = Command::new("squeue");
    command.args(["--noheader", "--array", "--format=%F %K"]);
    command.arg(format!("--name={}", job_name(runs)));
    match command.output() {
        Ok(Output { status, stdout, .. }) if status.success() => {
            Ok(indices(&String::from_utf8_lossy(&stdout), &jobs))
        }
        result => {
            let reason = match result {
                Ok(output) => String::from_utf8_lossy(&output.stderr).trim().replace('\n', ", "),
                Err(error) => error.to_string(),
            };
            bail!(
                "squeue does not say what is still queued: {reason}; what is submitted twice would be trained twice: try \
                 again, or delete {} if Slurm has lost those jobs",
                runs.folder.join(FOLDER).join(JOBS).display()
            );
        }
    }
}

/// The indices that squeue lists for these jobs.
fn indices(said: &str, jobs: &[String]) -> BTreeSet<usize> {
    let index = |line: &str| {
        let (job, index) = line.trim().split_once(' ')?;
        jobs.iter().any(|known| known == job).then(|| index.trim().parse().ok())?
    };
    said.lines().filter_map(index).collect()
}

fn submitted(runs: &Runs) -> Result<Vec<String>> {
    let file = runs.folder.join(FOLDER).join(JOBS);
    match fs::read_to_string(&file) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}

fn job_name(runs: &Runs) -> String {
    let name = runs.folder.file_name().unwrap_or_default().to_string_lossy();
    format!("sweep-{name}")
}

/// What a task needs besides its index.
pub(super) struct Task<'a> {
    /// Most at a time; as many as Slurm likes if `None`.
    pub(super) jobs: Option<usize>,
    pub(super) threads: usize,
    pub(super) device: Option<&'a str>,
    pub(super) cache: Option<&'a Path>,
    pub(super) template: Option<&'a Path>,
}

/// Submits these runs; the number of the job.
pub(super) fn submit(runs: &Runs, todo: &[usize], args: &Batch, task: &Task<'_>) -> Result<String> {
    let absolute =
        |path: &Path| std::path::absolute(path).with_context(|| path.display().to_string());
    let folder = absolute(&runs.folder)?;
    let this = std::env::current_exe().context("cannot find this program")?;
    // The nodes have no Cargo, and what is built later is not for them.
    let xtask = copied(&this, "xtask", &folder.join("bin"))?;
    let plan = folder.join(super::PLAN);
    let threads = task.threads.to_string();
    let mut words = vec![xtask.display().to_string(), "sweep".into(), plan.display().to_string()];
    words.extend(["--threads".into(), threads.clone()]);
    if let Some(device) = task.device {
        words.extend(["--device".into(), device.into()]);
    }
    if let Some(cache) = task.cache {
        words.extend(["--cache".into(), absolute(cache)?.display().to_string()]);
    }
    let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let working = std::env::current_dir().context("there is no working folder")?;
    let values = [
        ("NAME", job_name(runs)),
        ("FOLDER", folder.display().to_string()),
        ("THREADS", threads),
        ("OPTIONS", args.lines()?),
        ("WORKING", quoted(&working.display().to_string())),
        ("TASK", line.join(" ")),
    ];
    let template = template::path(task.template, "slurm.sh");
    let text = template::filled(&template, &values, &["NAME", "TASK"])?;
    let script = folder.join(FOLDER).join("job.sh");
    write_atomic(&script, text.as_bytes())?;

    let most = task.jobs.map_or_else(String::new, |jobs| format!("%{jobs}"));
    let mut command = Command::new("sbatch");
    command.arg("--parsable").arg(format!("--array={}{most}", ranges(todo))).arg(&script);
    let output = command
        .output()
        .context("cannot run sbatch: --on slurm is for a machine from which jobs are submitted")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', ", ");
        bail!("sbatch: {said}; the script is {}", script.display());
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // On several clusters, the cluster's name follows.
    let job = said.trim().split(';').next().unwrap_or_default().to_owned();
    let jobs = [submitted(runs)?, vec![job.clone()]].concat();
    write_atomic(&folder.join(FOLDER).join(JOBS), format!("{}\n", jobs.join("\n")).as_bytes())?;
    Ok(job)
}

/// Increasing numbers as Slurm writes them: 0-2,5.
fn ranges(numbers: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let text = |(first, last): (usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.into_iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_written_in_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        assert_eq!([ranges(&[3]), ranges(&[])], ["3", ""]);
    }

    #[test]
    fn only_tasks_of_own_jobs_are_queued() {
        let said = "12 0\n12 3\n 13 5\n99 1\n12 N/A\n\n";
        let found = indices(said, &["12".into(), "13".into()]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [0, 3, 5]);
    }

    #[test]
    fn options_become_lines_and_nothing_else_does() {
        let args = |sbatch: &[&str]| Batch {
            partition: Some("day".into()),
            time: None,
            mem: Some("4G".into()),
            sbatch: sbatch.iter().map(|text| (*text).to_owned()).collect(),
        };
        let lines = args(&["--gres=gpu:1"]).lines().unwrap();
        assert_eq!(lines, "#SBATCH --partition=day\n#SBATCH --mem=4G\n#SBATCH --gres=gpu:1\n");
        for bad in ["gres", "--a\nrm"] {
            assert!(args(&[bad]).lines().unwrap_err().to_string().contains("in one line"));
        }
    }
}
