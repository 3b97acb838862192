//! What Ctrl-C does: one thing at a time, which may be replaced.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

type Handler = Arc<dyn Fn() + Send + Sync>;

static CURRENT: Mutex<Current> =
    Mutex::new(Current { handler: None, last: None, processes: Vec::new() });

/// Signals so close together are one: a terminal, a group of processes and the process that started this one may each send
/// theirs.
const TOGETHER: Duration = Duration::from_millis(300);

struct Current {
    handler: Option<Handler>,
    last: Option<Instant>,
    /// Those that are told of a request to end.
    processes: Vec<u32>,
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
        current().processes.push(process);
        Self(process)
    }
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        current().processes.retain(|process| *process != self.0);
    }
}

fn interrupted() {
    // A handler may end the program, so the lock is not held.
    let handler = {
        let mut current = current();
        let now = Instant::now();
        let is_same = current.last.replace(now).is_some_and(|last| now - last < TOGETHER);
        current.handler.clone().filter(|_| !is_same)
    };
    if let Some(handler) = handler {
        handler();
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

    use super::{current, interrupted};

    pub(super) fn watch() -> io::Result<()> {
        let hang_up = (!is_hang_up_ignored()).then_some(SIGHUP);
        let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hang_up))?;
        let watch = move || {
            for signal in signals.forever() {
                if signal != SIGINT {
                    pass_on();
                }
                interrupted();
            }
        };
        thread::Builder::new().name("interrupt".into()).spawn(watch).map(drop)
    }

    fn pass_on() {
        let processes = current().processes.clone();
        let known = processes.into_iter().filter_map(|process| process.try_into().ok());
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
        ctrlc::set_handler(super::interrupted)
    }
}
