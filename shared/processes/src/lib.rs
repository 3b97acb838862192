//! Fits as processes of their own: started or continued, several at a time, each with its log, all ended by Ctrl-C.
//! A sweep, the validation and the commands of a paper that need several runs have theirs done here.

mod process;

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};
use indicatif::HumanDuration;
use terminal::{counted, interrupt, progress};

pub use process::{Ended, Process, last_words};

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Ctrl-C ended them.
#[derive(Debug, thiserror::Error)]
#[error("stopped; the same command goes on")]
pub struct Stopped;

/// Ctrl-C reaches the processes too, and a request to end is passed on: each writes a checkpoint and ends. Here it only keeps
/// the next from starting.
///
/// # Errors
/// If Ctrl-C cannot be watched for.
pub fn watch() -> Result<()> {
    interrupt::on_interrupt(|| {
        STOP.store(true, Ordering::Relaxed);
        progress::line("stopping: no further run is started; the same command goes on later");
    })
}

/// Threads of each of `runs` processes, `jobs` at a time: the cores, shared among them.
#[must_use]
pub fn threads(runs: usize, jobs: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / jobs.min(runs).max(1)).max(1)
}

/// Runs these, `jobs` at a time, each to its end; `threads` of each are told.
///
/// # Errors
/// [`Stopped`] after Ctrl-C; those that failed, with the reason of each, once all have been tried.
pub fn all(processes: Vec<Process>, jobs: usize, threads: usize) -> Result<()> {
    let count = processes.len();
    let jobs = jobs.min(count);
    progress::line(&format!(
        "{} on this machine, {jobs} at a time, {} each; Ctrl-C stops, and the same command goes on",
        counted(count, "run"),
        counted(threads, "thread")
    ));
    let ended = started(processes, jobs)?;
    if STOP.load(Ordering::Relaxed) || ended.iter().any(|(_, ended)| *ended == Ended::Stopped) {
        let done = ended.iter().filter(|(_, ended)| *ended == Ended::Done).count();
        return if done == count { Ok(()) } else { Err(Stopped.into()) };
    }
    let failed = ended.iter().filter_map(|(title, ended)| match ended {
        Ended::Failed(said) => Some(format!("{title}: {said}")),
        _ => None,
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!(
        "{} of {} failed; the same command tries again: {}",
        failed.len(),
        counted(count, "run"),
        failed.join("; ")
    )
}

/// What became of those that were started, by their titles.
fn started(processes: Vec<Process>, jobs: usize) -> Result<Vec<(String, Ended)>> {
    watch()?;
    let begun = Instant::now();
    let count = processes.len();
    let waiting = Mutex::new(processes.into_iter());
    let ended = Mutex::new(Vec::new());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || -> Result<()> {
        while !STOP.load(Ordering::Relaxed) {
            let Some(process) = next() else { break };
            let title = process.title.clone();
            progress::line(&format!("{title}: started, log in {}", process.log.display()));
            let how = process.to_the_end()?;
            let said = match &how {
                Ended::Done => "done".into(),
                Ended::Failed(said) => format!("failed: {said}"),
                Ended::Stopped => "stopped".into(),
            };
            let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.push((title.clone(), how));
            let left = rate(ended.len(), count, begun.elapsed());
            progress::line(&format!("{title}: {said} ({left})"));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| {
            worker.join().unwrap_or_else(|_| Err(anyhow!("a thread that waits for a run panicked")))
        });
        // All are waited for, whatever the first came to.
        results.collect::<Vec<_>>().into_iter().collect::<Result<()>>()
    })?;
    // What comes after them is not continued, so Ctrl-C ends it.
    interrupt::on_interrupt(|| std::process::exit(process::INTERRUPTED))?;
    Ok(ended.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// How far the runs are, how fast they end, and the time left.
#[must_use]
pub fn rate(ended: usize, all: usize, elapsed: Duration) -> String {
    let each = elapsed.as_secs_f64() / ended as f64;
    let hour = 3600.0 / each.max(1e-3);
    let left = HumanDuration(Duration::from_secs_f64(each * (all - ended) as f64));
    format!("{ended} of {all}, {hour:.0} an hour, {left} left")
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use std::{path::Path, process::Command};

    use super::*;

    #[test]
    fn the_time_left_is_that_of_the_runs_so_far() {
        let rate = |ended, all, seconds| rate(ended, all, Duration::from_secs(seconds));
        assert_eq!(rate(2, 6, 120), "2 of 6, 60 an hour, 4 minutes left");
        assert_eq!(rate(6, 6, 60), "6 of 6, 360 an hour, 0 seconds left");
    }

    /// Shells that do this, called by their places.
    #[cfg(unix)]
    fn shells(scripts: &[&str], folder: &Path) -> Vec<Process> {
        let shell = |(place, script): (usize, &&str)| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            let title = format!("run {place}");
            let log = folder.join(format!("{place}.log"));
            Process { title, program: "sh".into(), command, log }
        };
        scripts.iter().enumerate().map(shell).collect()
    }

    #[cfg(unix)]
    #[test]
    fn all_are_tried_and_those_that_failed_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let done = folder.path().join("done");
        all(shells(&["exit 0", "echo fine"], &done), 2, 1).unwrap();
        assert!(std::fs::read_to_string(done.join("1.log")).unwrap().ends_with("fine\n"));
        let scripts = ["echo 'sh: why' >&2; exit 1", "true", "kill -9 $$"];
        let error = all(shells(&scripts, folder.path()), 1, 1).unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with("2 of 3 runs failed"), "{said}");
        assert!(said.contains("run 0: why; run 2: ended by signal: 9"), "{said}");
        // Their last words are kept beside their logs.
        let failed = |place: usize| folder.path().join(format!("{place}.failed"));
        assert_eq!(std::fs::read_to_string(failed(0)).unwrap(), "why\n");
        assert!(!failed(1).exists());
    }
}
