//! One process at a time writes into a run.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use terminal::progress;

use super::RunError;

/// Name of the file in a run's folder that the process which writes there has locked.
pub(super) const LOCK: &str = ".lock";
/// Linux: no locks available.
const ENOLCK: i32 = 37;

/// The right to write into a run; the system ends it with the process, however that ends.
#[derive(Debug)]
pub(super) struct RunLock {
    path: PathBuf,
    _file: File,
    /// The file system has locks.
    is_held: bool,
    /// The file was made for this lock, and nothing has been written under it yet.
    is_unused: bool,
}

impl RunLock {
    /// Locks the run in `folder`, which must be there.
    ///
    /// # Errors
    /// [`RunError::Busy`] if another process has it.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let (mut lock, result) = Self::open(folder, File::try_lock)?;
        match result {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => {
                // It is the other's.
                lock.used();
                Err(RunError::Busy(folder.into()).into())
            }
            Err(TryLockError::Error(error)) => lock.without(error),
        }
    }

    /// The same, waiting for another process to end.
    pub(super) fn wait(folder: &Path) -> Result<Self> {
        let wait = |file: &File| match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let folder = folder.display();
                progress::line(&format!("waiting for the other process that writes into {folder}"));
                file.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        let (lock, result) = Self::open(folder, wait)?;
        match result {
            Ok(()) => Ok(lock),
            Err(error) => lock.without(error),
        }
    }

    fn open<T>(folder: &Path, lock: impl FnOnce(&File) -> T) -> Result<(Self, T)> {
        let path = folder.join(LOCK);
        let is_unused = !path.exists();
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        let result = lock(&file);
        Ok((Self { path, _file: file, is_held: true, is_unused }, result))
    }

    /// A run on a file system without locks is used without one.
    fn without(mut self, error: io::Error) -> Result<Self> {
        // NFS without a lock daemon has no kind of its own.
        let has_no_locks = error.kind() == io::ErrorKind::Unsupported
            || cfg!(target_os = "linux") && error.raw_os_error() == Some(ENOLCK);
        if !has_no_locks {
            return Err(error).with_context(|| format!("cannot lock {}", self.path.display()));
        }
        progress::line(&format!(
            "{} cannot be locked on this file system: see to it yourself that no other process \
             writes into this run",
            self.path.display()
        ));
        self.is_held = false;
        Ok(self)
    }

    /// True if no other process can have it.
    pub(super) fn is_held(&self) -> bool {
        self.is_held
    }

    /// Something was written: the file stays.
    pub(super) fn used(&mut self) {
        self.is_unused = false;
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        if self.is_unused {
            // What is refused changes nothing.
            let _ = fs::remove_file(&self.path);
        }
    }
}
