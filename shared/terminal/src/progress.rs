//! Progress on standard error: bars in a terminal, plain lines elsewhere.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use crate::excerpt::excerpt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// True if standard error is a terminal.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// A permanent line, in a terminal and in a log. If standard error is closed the line is lost, and the
/// work continues.
pub fn line(text: &str) {
    // One write, so that lines of several threads do not mix.
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Why a program failed: the error and its causes in one message, none of them twice. (A library's error may
/// have said already what its source says again.)
pub fn failure(program: &str, error: &anyhow::Error) {
    line(&format!("{program}: {}", excerpt(&without_repetition(error))));
}

fn without_repetition(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if message.is_empty() {
            message = cause;
        } else if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A bar over bytes with rate and time left.
pub fn bytes(name: &str, length: Option<u64>) -> ProgressBar {
    let bar = match length {
        Some(length) => ProgressBar::new(length),
        None => ProgressBar::no_length(),
    };
    bar.set_style(style("{prefix} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left"));
    bar.set_prefix(name.to_owned());
    bar
}

/// A bar over `length` units of work named `unit`, with rate and time left.
///
/// Without a terminal nothing is drawn; callers print lines of their own at milestones.
pub fn steps(name: &str, length: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if !is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.set_style(style(&format!(
        "{{prefix}} [{{wide_bar}}] {{pos}}/{{len}} {unit} {{per_sec}} {{eta}} left {{msg}}"
    )));
    bar.set_prefix(name.to_owned());
    bar
}

/// A sign of life while another program runs.
pub fn spinner(name: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_message(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn no_cause_is_told_twice() {
        let missing = std::fs::read("/no/such/file")
            .context("cannot read it: No such file or directory (os error 2)");
        assert_eq!(without_repetition(&missing.unwrap_err()).matches("os error").count(), 1);
        let twice = anyhow::anyhow!("inner").context("outer");
        assert_eq!(without_repetition(&twice), "outer: inner");
    }
}
