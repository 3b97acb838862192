//! The runs of a sweep on this machine, several at a time.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use anyhow::{Result, anyhow};
use shared::progress;

use super::runs::{Ended, How, Runs};
use crate::readme::duration;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Ctrl-C reaches the programs too: each writes a checkpoint and ends. Here it only keeps the next from starting.
pub(super) fn watch() -> Result<()> {
    let said = || {
        STOP.store(true, Ordering::Relaxed);
        progress::line("stopping: no further run is started; the same command goes on later");
    };
    ctrlc::set_handler(said).map_err(|error| anyhow!("cannot watch for Ctrl-C: {error}"))
}

/// Does these runs, `jobs` at a time; what became of those that were started.
pub(super) fn run(
    runs: &Runs,
    todo: &[usize],
    jobs: usize,
    how: &How<'_>,
) -> Result<Vec<(usize, Ended)>> {
    watch()?;
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let ended = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        while !STOP.load(Ordering::Relaxed) {
            let Some(&index) = todo.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let title = runs.plan.title(index);
            progress::line(&format!("{title}: started, log in {}", runs.log(index).display()));
            let how = runs.to_the_end(index, how)?;
            let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            let said = match &how {
                Ended::Done => "done".into(),
                Ended::Failed(said) => format!("failed: {said}"),
                Ended::Stopped => "stopped".into(),
            };
            ended.push((index, how));
            let seconds = started.elapsed().as_secs_f64();
            let left = rate(ended.len(), todo.len(), seconds);
            progress::line(&format!("{title}: {said} ({left})"));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| {
            worker.join().unwrap_or_else(|_| Err(anyhow!("a thread of the sweep panicked")))
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

/// True if Ctrl-C ended it.
pub(super) fn is_stopped() -> bool {
    STOP.load(Ordering::Relaxed)
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
