use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use terminal::progress;

use super::{
    client::Point,
    remote::{Remote, now},
};
use crate::{EpochLine, trackers::TrainingEnd};

/// The thread that talks to the server, seen from the training.
#[derive(Debug)]
pub(super) struct Sender(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What the thread has not taken yet; an earlier session may have sent those marked so. There are never more
    /// than the training itself keeps: its figures of every epoch.
    points: Vec<(Point, bool)>,
    end: Option<TrainingEnd>,
    /// The thread has ended.
    is_done: bool,
    /// Nobody waits for the thread any more.
    is_left: bool,
}

impl Sender {
    /// A thread that sends what is added.
    pub(super) fn start(remote: Remote) -> Self {
        let shared = Arc::new(Shared::default());
        let work = shared.clone();
        let started = thread::Builder::new().name("mlflow".into()).spawn(move || work.send(remote));
        if let Err(error) = started {
            notice(&error);
            shared.locked().is_done = true;
        }
        Self(shared)
    }

    /// Adds the figures of an epoch.
    pub(super) fn add(&self, prefix: &str, line: &EpochLine, is_old: bool) {
        let (time, step) = (now(), line.epoch as i64);
        let scalars = line.scalars().into_iter().filter(|(_, value)| value.is_finite());
        let points = scalars.map(|(name, value)| {
            (Point { key: format!("{prefix}{name}"), value, step, time }, is_old)
        });
        let mut state = self.0.locked();
        if !state.is_done {
            state.points.extend(points);
            self.0.changed.notify_all();
        }
    }

    /// Lets the thread send what is left and the run's files; false if it is not done in time.
    pub(super) fn end(&self, end: TrainingEnd, most: Duration) -> bool {
        let until = Instant::now() + most;
        let mut state = self.0.locked();
        state.end = Some(end);
        self.0.changed.notify_all();
        while !state.is_done {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.is_left = true;
                return false;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Shared {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread does.
    fn send(&self, mut remote: Remote) {
        let pause = remote.pause();
        let mut not_before = None;
        let mut has_failed = false;
        loop {
            let (points, end) = self.work(not_before);
            remote.add(points);
            let sent = remote.send();
            match &sent {
                Ok(()) => not_before = None,
                Err(failure) => {
                    not_before = Some(Instant::now() + pause);
                    if !has_failed {
                        notice(failure);
                        has_failed = true;
                    }
                }
            }
            let Some(end) = end else { continue };
            if sent.is_ok()
                && let Err(failure) = remote.end(end, || self.locked().is_left)
            {
                notice(&failure);
            }
            self.locked().is_done = true;
            self.changed.notify_all();
            return;
        }
    }

    /// What there is to send, once there is something; after a failure not before its pause is over or the
    /// training ends.
    fn work(&self, not_before: Option<Instant>) -> (Vec<(Point, bool)>, Option<TrainingEnd>) {
        let mut state = self.locked();
        loop {
            let pause = not_before
                .map(|time| time.saturating_duration_since(Instant::now()))
                .filter(|left| !left.is_zero());
            if state.end.is_some() || (pause.is_none() && has_work(&state, not_before)) {
                return (std::mem::take(&mut state.points), state.end);
            }
            let changed = &self.changed;
            state = match pause {
                Some(left) => {
                    changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

/// True if there is something new, or something that failed.
fn has_work(state: &State, not_before: Option<Instant>) -> bool {
    !state.points.is_empty() || not_before.is_some()
}

fn notice(reason: &dyn std::fmt::Display) {
    progress::line(&format!(
        "--log mlflow: {reason}; training goes on, and what is missing is sent later"
    ));
}
