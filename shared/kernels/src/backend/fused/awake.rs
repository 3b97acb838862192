//! Threads that stay awake between parallel loops.
//!
//! A training step is some twenty loops of a few to a few hundred microseconds. A thread of rayon's pool that finds
//! nothing to do goes to sleep at once, and waking it takes as long as many of the loops. Here it goes on looking
//! for a while, as the threads of OpenMP do. It yields to other programs, and where there are some, it sleeps.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// How long a thread looks for work that does not come.
const PATIENCE: Duration = Duration::from_micros(200);

/// A yield that takes longer gave the processor to another program.
const OWN: Duration = Duration::from_micros(300);
/// Loops after which it is tried again.
const AGAIN: usize = 500;

/// Loops for which nobody looks, because the machine is busy.
static BUSY: AtomicUsize = AtomicUsize::new(0);
/// Threads that are looking.
static LOOKING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_LOOKING: Cell<bool> = const { Cell::new(false) };
}

/// Sees to it that as many threads are awake as a loop in so many parts can use.
pub(super) fn stay_awake(parts: usize) {
    // This one is one of them.
    if LOOKING.load(Ordering::Relaxed) + 1 >= parts {
        return;
    }
    let busy = BUSY.load(Ordering::Relaxed);
    if busy > 0 {
        BUSY.store(busy - 1, Ordering::Relaxed);
        return;
    }
    let Some(caller) = rayon::current_thread_index() else { return };
    rayon::spawn_broadcast(move |context| {
        if context.index() != caller && !IS_LOOKING.replace(true) {
            LOOKING.fetch_add(1, Ordering::Relaxed);
            look();
            LOOKING.fetch_sub(1, Ordering::Relaxed);
            IS_LOOKING.set(false);
        }
    });
}

/// Does what there is to do, until nothing comes any more or another program wants the processor.
fn look() {
    let mut since = Instant::now();
    while since.elapsed() < PATIENCE {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            since = Instant::now();
            continue;
        }
        let before = Instant::now();
        std::thread::yield_now();
        if before.elapsed() > OWN {
            BUSY.store(AGAIN, Ordering::Relaxed);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_looks_does_the_work_and_sleeps_when_there_is_none() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let sum = pool.install(|| {
            (0..200u64)
                .map(|n| {
                    stay_awake(3);
                    let (a, b) = rayon::join(|| n, || n * n);
                    a + b
                })
                .sum::<u64>()
        });
        assert_eq!(sum, 19_900 + 2_646_700);
        // Other tests have pools of their own.
        let given_up = Instant::now() + Duration::from_secs(60);
        while LOOKING.load(Ordering::Relaxed) > 0 && Instant::now() < given_up {
            std::thread::yield_now();
        }
        assert_eq!(LOOKING.load(Ordering::Relaxed), 0);
        // Outside a pool there is nobody to keep awake.
        stay_awake(3);
    }
}
