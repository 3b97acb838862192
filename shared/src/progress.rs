//! Progress on standard error: bars in a terminal, plain lines elsewhere.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// True if standard error is a terminal.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// A line that stays, in a terminal and in a log.
pub fn line(text: &str) {
    eprintln!("{text}");
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
