//! The process in which readers run.

use std::{
    fs::{self, File},
    io::{self, Seek, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use fuzzing::{Attempt, Target};
use serde::{Deserialize, Serialize};

/// How often it says how far it is.
const EVERY: Duration = Duration::from_secs(1);

/// What the supervisor asks for.
#[derive(clap::Args)]
pub(super) struct WorkerArgs {
    /// File for the number of the input under way, as 8 bytes.
    #[arg(long, hide = true, value_name = "FILE")]
    worker: Option<PathBuf>,
    /// The first input's number.
    #[arg(long, hide = true, default_value_t = 0)]
    first: u64,
    /// How long.
    #[arg(long, hide = true, default_value_t = 0)]
    milliseconds: u64,
}

impl WorkerArgs {
    pub(super) fn is_wanted(&self) -> bool {
        self.worker.is_some()
    }
}

/// A line on standard output.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Line {
    /// So many inputs so far, so many of them accepted.
    Done { inputs: u64, accepted: u64 },
    /// An input that breaks a law.
    Found { number: u64, kind: String, place: String, what: String },
    /// The time is over.
    End,
}

pub(super) fn run(targets: &[Target], seed: u64, args: &WorkerArgs) -> Result<()> {
    let ([target], Some(state)) = (targets, &args.worker) else { bail!("a worker has one target") };
    let mut state =
        File::create(state).with_context(|| format!("cannot write {}", state.display()))?;
    let folder = tempfile::tempdir()?;
    let seeds = (target.seeds)();
    let attempt = Attempt::new(target, &seeds, folder.path());
    let started = Instant::now();
    let time = Duration::from_millis(args.milliseconds);
    let (mut inputs, mut accepted, mut said) = (0, 0, started);
    for number in args.first.. {
        if started.elapsed() >= time {
            break;
        }
        state.rewind()?;
        state.write_all(&number.to_le_bytes())?;
        inputs += 1;
        match attempt.with(&target.input(&seeds, seed, number)) {
            Ok(read) => accepted += u64::from(read),
            Err(finding) => say(&Line::Found {
                number,
                kind: finding.kind.to_string(),
                place: finding.place,
                what: finding.what,
            })?,
        }
        if said.elapsed() > EVERY {
            said = Instant::now();
            say(&Line::Done { inputs, accepted })?;
        }
    }
    say(&Line::Done { inputs, accepted })?;
    say(&Line::End)
}

fn say(line: &Line) -> Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

/// The number that a worker wrote last.
pub(super) fn number(state: &std::path::Path) -> Option<u64> {
    Some(u64::from_le_bytes(fs::read(state).ok()?.try_into().ok()?))
}
