//! What Ctrl-C does: one thing at a time, which may be replaced.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow};

type Handler = Arc<dyn Fn() + Send + Sync>;

static HANDLER: Mutex<Option<Handler>> = Mutex::new(None);

/// From now on Ctrl-C, and a request to end, does this and no longer what it did before.
///
/// # Errors
/// If the system does not let the program watch for it.
pub fn on_interrupt(handler: impl Fn() + Send + Sync + 'static) -> Result<()> {
    let mut current = current();
    if current.is_none() {
        ctrlc::set_handler(interrupted).map_err(|e| anyhow!("cannot watch for Ctrl-C: {e}"))?;
    }
    *current = Some(Arc::new(handler));
    Ok(())
}

fn interrupted() {
    // A handler may end the program, so the lock is not held.
    let handler = current().clone();
    if let Some(handler) = handler {
        handler();
    }
}

fn current() -> MutexGuard<'static, Option<Handler>> {
    HANDLER.lock().unwrap_or_else(PoisonError::into_inner)
}
