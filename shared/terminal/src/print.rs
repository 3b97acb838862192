//! Printing to standard output. A reader that has gone, as in `evaluate | head -1`, ends the printing and
//! nothing else: a training still writes its record.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::progress;

/// Set once standard output takes nothing any more.
static CLOSED: AtomicBool = AtomicBool::new(false);
/// Set if that was for another reason than a reader that has gone.
static FAILED: AtomicBool = AtomicBool::new(false);

/// Prints to standard output, in silence if nobody reads it any more. Any other failure, a full disk for
/// instance, is reported once on standard error.
pub fn text(text: Arguments<'_>) {
    if CLOSED.load(Ordering::Relaxed) {
        return;
    }
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_fmt(text).and_then(|()| out.flush())
        && !CLOSED.swap(true, Ordering::Relaxed)
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILED.store(true, Ordering::Relaxed);
        progress::line(&format!("cannot print to standard output: {error}"));
    }
}

/// How a program ends that did its work: with a failure if part of what it printed was lost.
pub fn exit_code() -> ExitCode {
    if FAILED.load(Ordering::Relaxed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// As `print!`, but a closed pipe does not panic: see [`text`](crate::print::text).
#[macro_export]
macro_rules! print_text {
    ($($text:tt)*) => { $crate::print::text(format_args!($($text)*)) };
}

/// As `println!`, but a closed pipe does not panic: see [`text`](crate::print::text).
#[macro_export]
macro_rules! print_line {
    () => { $crate::print::text(format_args!("\n")) };
    ($($text:tt)+) => { $crate::print::text(format_args!("{}\n", format_args!($($text)+))) };
}
