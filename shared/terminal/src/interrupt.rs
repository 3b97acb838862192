//! What Ctrl-C does: one thing at a time, which may be replaced.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

type Handler = Arc<dyn Fn() + Send + Sync>;

static CURRENT: Mutex<Current> =
    Mutex::new(Current { handler: None, last: None, processes: Vec::new(), is_to_end: false });

/// Requests to end so soon after a signal are none of their own: a group of processes and the process that started this one
/// may each be sent, and pass on, the same. A second Ctrl-C is always meant.
const TOGETHER: Duration = Duration::from_millis(300);

struct Current {
    handler: Option<Handler>,
    last: Option<Instant>,
    /// Those that are told of a request to end.
    processes: Vec<u32>,
    /// Whether there was one: a process that is started afterwards is told at once.
    is_to_end: bool,
}

/// From now on Ctrl-C, and a request to end, does this and no longer what it did before. A terminal that is closed ends
/// the program too, unless `nohup` started it.
///
/// # Errors
/// If the system does not let the program watch for it.
pub fn on_interrupt(handler: impl Fn() + Send + Sync + 'static) -> Result<()> {
    let mut current = current();
    if current.handler.is_none() {
        signals::watch().map_err(|e| anyhow!("cannot watch for Ctrl-C: {e}"))?;
    }
    current.handler = Some(Arc::new(handler));
    Ok(())
}

/// A process that was started: as long as this lives, a request to end is passed on to it. Ctrl-C reaches it by itself.
#[derive(Debug)]
pub struct PassedOn(u32);

impl PassedOn {
    /// To the process of this number.
    #[must_use]
    pub fn to(process: u32) -> Self {
        let mut current = current();
        current.processes.push(process);
        if current.is_to_end {
            signals::pass_on(&[process]);
        }
        Self(process)
    }
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        current().processes.retain(|process| *process != self.0);
    }
}

/// Ctrl-C, or a request to end.
fn interrupted(is_request: bool) {
    let (handler, told) = {
        let mut current = current();
        if !current.counts(is_request, Instant::now()) {
            return;
        }
        let told = if is_request { current.processes.clone() } else { Vec::new() };
        (current.handler.clone(), told)
    };
    // The handler comes last, without the lock, since it may end the program.
    signals::pass_on(&told);
    if let Some(handler) = handler {
        handler();
    }
}

impl Current {
    /// Whether a signal is one of its own.
    fn counts(&mut self, is_request: bool, now: Instant) -> bool {
        self.is_to_end |= is_request;
        let is_same =
            is_request && self.last.is_some_and(|last| now.duration_since(last) < TOGETHER);
        if !is_same {
            self.last = Some(now);
        }
        !is_same
    }
}

fn current() -> MutexGuard<'static, Current> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
mod signals {
    use std::{fs, io, thread};

    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
    };

    use super::interrupted;

    pub(super) fn watch() -> io::Result<()> {
        let hang_up = (!is_hang_up_ignored()).then_some(SIGHUP);
        let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hang_up))?;
        let watch = move || {
            for signal in signals.forever() {
                interrupted(signal != SIGINT);
            }
        };
        thread::Builder::new().name("interrupt".into()).spawn(watch).map(drop)
    }

    pub(super) fn pass_on(processes: &[u32]) {
        let known = processes.iter().filter_map(|&process| process.try_into().ok());
        for process in known.filter_map(Pid::from_raw) {
            // One that has just ended needs no signal.
            let _ = kill_process(process, Signal::TERM);
        }
    }

    /// As `nohup` leaves it; where the system does not say so, a hang-up ends the program.
    fn is_hang_up_ignored() -> bool {
        fs::read_to_string("/proc/self/status").is_ok_and(|status| is_ignored(&status, SIGHUP))
    }

    fn is_ignored(status: &str, signal: i32) -> bool {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_mask_of_ignored_signals_is_read() {
            let status = "Name:\tvae\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
            assert!(is_ignored(status, SIGHUP));
            assert!(!is_ignored(status, SIGINT) && !is_ignored("", SIGHUP));
        }
    }
}

#[cfg(not(unix))]
mod signals {
    pub(super) fn watch() -> Result<(), ctrlc::Error> {
        ctrlc::set_handler(|| super::interrupted(false))
    }

    pub(super) fn pass_on(_: &[u32]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_comes_twice_counts_once_and_every_ctrl_c_counts() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let counted = |signals: &[(bool, u64)]| {
            let mut current =
                Current { handler: None, last: None, processes: Vec::new(), is_to_end: false };
            let counts =
                signals.iter().filter(|&&(is_request, time)| current.counts(is_request, at(time)));
            (counts.count(), current.is_to_end)
        };
        assert_eq!(counted(&[(true, 0), (true, 100)]), (1, true));
        // One that is sent again and again counts again in the end.
        assert_eq!(counted(&[(true, 0), (true, 200), (true, 400)]), (2, true));
        assert_eq!(counted(&[(false, 0), (false, 30)]), (2, false));
        assert_eq!(counted(&[(false, 0), (true, 30)]), (1, true));
    }
}
