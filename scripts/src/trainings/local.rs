//! Trainings on this machine, several at a time.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use anyhow::{Result, anyhow, bail};
use shared::progress;

use super::{Ended, How, Training};
use crate::{compare::number::counted, readme::duration};

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Ctrl-C ended them.
#[derive(Debug)]
pub(crate) struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped; the same command goes on")
    }
}

impl std::error::Error for Stopped {}

/// Ctrl-C reaches the programs too: each writes a checkpoint and ends. Here it only keeps the next from starting.
pub(crate) fn watch() -> Result<()> {
    let said = || {
        STOP.store(true, Ordering::Relaxed);
        progress::line("stopping: no further run is started; the same command goes on later");
    };
    ctrlc::set_handler(said).map_err(|error| anyhow!("cannot watch for Ctrl-C: {error}"))
}

/// Threads of each of so many trainings at a time: the cores, shared among them.
pub(crate) fn threads(jobs: usize) -> usize {
    (std::thread::available_parallelism().map_or(1, usize::from) / jobs).max(1)
}

/// Does these trainings, `jobs` at a time, each to its end.
///
/// # Errors
/// [`Stopped`] after Ctrl-C; those that failed, with the reason of each, once all have been tried.
pub(crate) fn here(trainings: &[Training], jobs: usize, how: &How<'_>) -> Result<()> {
    progress::line(&format!(
        "{} on this machine, {jobs} at a time, {} each; Ctrl-C stops, and the same command goes on",
        counted(trainings.len(), "run"),
        counted(how.threads, "thread")
    ));
    let ended = all(trainings, jobs, how)?;
    if STOP.load(Ordering::Relaxed) || ended.iter().any(|(_, ended)| *ended == Ended::Stopped) {
        let done = ended.iter().filter(|(_, ended)| *ended == Ended::Done).count();
        return if done == trainings.len() { Ok(()) } else { Err(Stopped.into()) };
    }
    let failed = ended.iter().filter_map(|(training, ended)| match ended {
        Ended::Failed(said) => Some(format!("{}: {said}", training.title())),
        _ => None,
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!(
        "{} of {} failed; the same command tries again: {}",
        failed.len(),
        counted(trainings.len(), "run"),
        failed.join("; ")
    )
}

/// What became of those that were started.
fn all<'a>(
    trainings: &'a [Training],
    jobs: usize,
    how: &How<'_>,
) -> Result<Vec<(&'a Training, Ended)>> {
    watch()?;
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let ended = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        while !STOP.load(Ordering::Relaxed) {
            let Some(training) = trainings.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let title = training.title();
            progress::line(&format!("{title}: started, log in {}", training.log.display()));
            let how = training.to_the_end(how)?;
            let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            let said = match &how {
                Ended::Done => "done".into(),
                Ended::Failed(said) => format!("failed: {said}"),
                Ended::Stopped => "stopped".into(),
            };
            ended.push((training, how));
            let seconds = started.elapsed().as_secs_f64();
            let left = rate(ended.len(), trainings.len(), seconds);
            progress::line(&format!("{title}: {said} ({left})"));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err(anyhow!("a thread that waits for a training panicked")))
        });
        // All are waited for, whatever the first came to.
        results.collect::<Vec<_>>().into_iter().collect::<Result<()>>()
    })?;
    Ok(ended.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// How far the runs are, how fast they end, and the time left.
fn rate(ended: usize, all: usize, seconds: f64) -> String {
    let each = seconds / ended as f64;
    let hour = 3600.0 / each.max(1e-3);
    format!("{ended} of {all}, {hour:.0} an hour, {} left", duration(each * (all - ended) as f64))
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn the_time_left_is_that_of_the_runs_so_far() {
        assert_eq!(rate(2, 6, 120.0), "2 of 6, 60 an hour, 4 min left");
        assert_eq!(rate(6, 6, 60.0), "6 of 6, 360 an hour, 0.0 s left");
    }
}
