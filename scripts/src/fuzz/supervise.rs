//! Starts workers, listens to them, and replaces those that die.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use fuzzing::{Kind, Target};
use shared::progress;

use super::worker::{self, Line};

/// An input takes no longer, unless its reader does not come to an end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Inputs that are kept of the same finding.
const KEPT: usize = 3;
/// How often a log says how far it is.
const EVERY: Duration = Duration::from_secs(60);

/// What came of one target.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub target: &'static str,
    pub inputs: u64,
    pub accepted: u64,
    pub seconds: f64,
    /// By kind and place in the code: how many inputs, and an example in words.
    pub findings: BTreeMap<(String, String), (u64, String)>,
}

/// Tries all targets one after another for `time` in all.
pub(super) fn all(
    targets: &[Target],
    seed: u64,
    time: Duration,
    out: &Path,
) -> Result<Vec<Outcome>> {
    let share = time / u32::try_from(targets.len().max(1))?;
    let bar = progress::steps("fuzz", time.as_secs().max(1), "s");
    let mut outcomes = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        let before = share * index as u32;
        let mut said = Instant::now();
        let outcome = one(target, seed, share, out, &mut |outcome: &Outcome, elapsed| {
            let passed = before + elapsed;
            bar.set_position(passed.as_secs());
            let line = line(outcome, elapsed);
            bar.set_message(line.clone());
            if !progress::is_terminal() && said.elapsed() > EVERY {
                said = Instant::now();
                progress::line(&format!(
                    "{line}; {} min left",
                    time.saturating_sub(passed).as_secs().div_ceil(60)
                ));
            }
        })?;
        let elapsed = Duration::from_secs_f64(outcome.seconds);
        bar.suspend(|| progress::line(&line(&outcome, elapsed)));
        outcomes.push(outcome);
    }
    bar.finish_and_clear();
    Ok(outcomes)
}

fn line(outcome: &Outcome, elapsed: Duration) -> String {
    let rate = outcome.inputs as f64 / elapsed.as_secs_f64().max(1e-3);
    let Outcome { target, inputs, findings, .. } = outcome;
    format!("{target}: {inputs} inputs, {rate:.0} a second, {} findings", findings.len())
}

/// Tries one target, with a new worker behind each input that ends one.
fn one(
    target: &Target,
    seed: u64,
    time: Duration,
    out: &Path,
    watch: &mut dyn FnMut(&Outcome, Duration),
) -> Result<Outcome> {
    let started = Instant::now();
    let work = tempfile::tempdir()?;
    let state = work.path().join("number");
    let mut outcome = Outcome { target: target.name, ..Outcome::default() };
    let mut first = 0;
    while started.elapsed() < time {
        let left = time.saturating_sub(started.elapsed());
        let (inputs, accepted) = (outcome.inputs, outcome.accepted);
        let mut worker = Command::new(std::env::current_exe()?)
            .args(["fuzz", "--target", target.name])
            .args(["--seed", &seed.to_string(), "--first", &first.to_string()])
            .args(["--milliseconds", &left.as_millis().to_string()])
            .arg("--worker")
            .arg(&state)
            .env("TMPDIR", work.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start a process for the readers")?;
        let end = listen(&mut worker, &state, PATIENCE, |line| {
            match line {
                Line::Done { inputs: more, accepted: read } => {
                    (outcome.inputs, outcome.accepted) = (inputs + more, accepted + read);
                }
                Line::Found { number, kind, place, what } => {
                    note(&mut outcome, target, seed, out, number, (kind, place), what)?;
                }
                Line::End => {}
            }
            watch(&outcome, started.elapsed());
            Ok(())
        })?;
        let Some((kind, what)) = end else { break };
        let number = worker::number(&state).unwrap_or(first);
        outcome.inputs = inputs + number + 1 - first;
        note(&mut outcome, target, seed, out, number, (kind.to_string(), String::new()), what)?;
        first = number + 1;
    }
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

/// Hears a worker to its end: how it ended, unless because its time was over.
fn listen(
    worker: &mut Child,
    state: &Path,
    patience: Duration,
    mut hear: impl FnMut(Line) -> Result<()>,
) -> Result<Option<(Kind, String)>> {
    let (said, lines) = mpsc::channel();
    let output = worker.stdout.take().context("a worker without output")?;
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Ok(line) = serde_json::from_str::<Line>(&line)
                && said.send(line).is_err()
            {
                break;
            }
        }
    });
    let errors = worker.stderr.take().context("a worker without errors")?;
    let errors = thread::spawn(move || {
        // What it says when it ends is its last line. Readers may say a lot before, in any encoding.
        let mut last = String::new();
        for line in BufReader::new(errors).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            if !line.trim().is_empty() {
                last = line.chars().take(500).collect();
            }
        }
        last
    });
    let (mut number, mut since, mut ended, mut is_endless) = (None, Instant::now(), false, false);
    loop {
        match lines.recv_timeout(Duration::from_millis(500)) {
            Ok(line) => {
                ended |= matches!(line, Line::End);
                hear(line)?;
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = worker::number(state);
        if now != number {
            (number, since) = (now, Instant::now());
        } else if since.elapsed() > patience && !is_endless {
            is_endless = true;
            worker.kill().context("cannot end a process")?;
        }
    }
    let status = worker.wait().context("cannot wait for a process")?;
    let said = errors.join().unwrap_or_default();
    Ok(match (is_endless, ended && status.success()) {
        (true, _) => Some((Kind::Endless, format!("no end after {} s", patience.as_secs()))),
        (_, true) => None,
        _ => Some((Kind::Abort, format!("{status}; {said}"))),
    })
}

/// Counts a finding; the first of its kind and place are written down with how to repeat them.
fn note(
    outcome: &mut Outcome,
    target: &Target,
    seed: u64,
    out: &Path,
    number: u64,
    key: (String, String),
    what: String,
) -> Result<()> {
    let kind = key.0.clone();
    let place = if key.1.is_empty() { String::new() } else { format!(" at {}", key.1) };
    let (count, _) = outcome.findings.entry(key).or_insert_with(|| (0, what.clone()));
    *count += 1;
    if *count as usize > KEPT {
        return Ok(());
    }
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let file = out.join(format!("{}-{kind}-{seed}-{number}", target.name));
    let input = target.input(&(target.seeds)(), seed, number);
    fs::write(&file, &input.bytes).with_context(|| format!("cannot write {}", file.display()))?;
    progress::line(&format!(
        "{}, {kind}{place}: {}\n    cargo xtask fuzz --target {} --input {}",
        target.name,
        what.lines().next().unwrap_or_default(),
        target.name,
        file.display()
    ));
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// How a worker ends that does this, and what was heard of it.
    fn heard(script: &str) -> (Option<(Kind, String)>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let mut worker = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = 0;
        let hear = |_| {
            lines += 1;
            Ok(())
        };
        let end = listen(&mut worker, &folder.path().join("none"), Duration::from_secs(1), hear);
        (end.unwrap(), lines)
    }

    #[test]
    fn a_worker_that_ends_or_hangs_is_a_finding() {
        let done = r#"echo '{"Done":{"inputs":3,"accepted":1}}'"#;
        assert_eq!(heard(&format!("{done}; echo '\"End\"'")), (None, 2));
        let (end, lines) = heard(&format!("{done}; echo 'stack overflow' >&2; kill -ABRT $$"));
        let (kind, what) = end.unwrap();
        assert_eq!((kind, lines), (Kind::Abort, 1));
        assert!(what.contains("signal: 6") && what.ends_with("stack overflow"), "{what}");
        // The shell is replaced, so that nothing is left behind.
        assert_eq!(heard("exec sleep 600").0.unwrap().0, Kind::Endless);
    }
}
