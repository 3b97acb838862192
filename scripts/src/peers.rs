//! `bench-peers`: our training step, evaluation and PCA beside PyTorch, JAX and scikit-learn.
//!
//! One process for each contestant, all alive at once, asked in turn to repeat the same piece of
//! work: what disturbs the machine disturbs all of them.

use std::{
    fs,
    io::{BufRead, BufReader, ErrorKind, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use shared::{
    data::{CATALOGUE, FetchOptions, fetch},
    run::write_atomic,
};

use crate::{
    build::program,
    processor::{Busy, kind, machine, processor_seconds},
    workspace,
};

/// Threads of a contestant, unless another number is asked for.
const THREADS: usize = 2;
/// Most seconds of a round.
const LONGEST: f64 = 3600.0;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Rounds; in each, every contestant works once.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Seconds of work a contestant is given in a round.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Threads of each contestant; other than two have a record of their own.
    #[arg(long, default_value_t = THREADS)]
    threads: usize,
    /// Other work that wants the processors all the time, in so many threads, beside the contestants; it has a record
    /// of its own.
    #[arg(long, default_value_t = 0)]
    busy: usize,
    /// Only cases whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Python to make the peers' environment with.
    #[arg(long, default_value = "python3")]
    python: String,
    /// Use the peers that this Python has already, of whatever version.
    #[arg(long)]
    installed: bool,
    /// Ours and the peers on the first NVIDIA GPU; writes results/gpu-CARD.json.
    #[arg(long)]
    gpu: bool,
}

/// One comparison.
struct Case {
    name: &'static str,
    about: &'static str,
    /// Options of both sides.
    options: &'static [&'static str],
    /// Examples in one repetition of the work.
    examples: f64,
    ours: &'static [&'static str],
    peers: &'static [&'static str],
}

const OURS: &[&str] = &["flex", "ndarray"];
/// Ours on a GPU.
const ON_GPU: &[&str] = &["cuda"];
const FRAMEWORKS: &[&str] = &["torch", "torch-compile", "jax"];
const PCA: &str = "pca";
const CASES: &[Case] = &[
    Case {
        name: "step-20",
        about: "VAE 784-400-20 step, batch 20",
        options: &["--work", "step", "--batch", "20"],
        examples: 20.0,
        ours: OURS,
        peers: FRAMEWORKS,
    },
    Case {
        name: "step-128",
        about: "VAE 784-400-20 step, batch 128",
        options: &["--work", "step", "--batch", "128"],
        examples: 128.0,
        ours: OURS,
        peers: FRAMEWORKS,
    },
    Case {
        name: "step-512",
        about: "VAE 784-400-20 step, batch 512",
        options: &["--work", "step", "--batch", "512"],
        examples: 512.0,
        ours: OURS,
        peers: FRAMEWORKS,
    },
    Case {
        name: "step-128-lit",
        about: "the same, nine of ten pixels lit, batch 128",
        options: &["--work", "step", "--batch", "128", "--lit", "0.9"],
        examples: 128.0,
        ours: &["flex"],
        peers: FRAMEWORKS,
    },
    Case {
        name: "step-512-lit",
        about: "the same, nine of ten pixels lit, batch 512",
        options: &["--work", "step", "--batch", "512", "--lit", "0.9"],
        examples: 512.0,
        ours: &["flex"],
        peers: FRAMEWORKS,
    },
    Case {
        name: "dsprites-64",
        about: "VAE 4096-1200-1200-10 step, batch 64",
        options: &[
            "--work",
            "step",
            "--batch",
            "64",
            "--pixels",
            "4096",
            "--hidden",
            "1200,1200",
            "--latent",
            "10",
        ],
        examples: 64.0,
        ours: OURS,
        peers: FRAMEWORKS,
    },
    Case {
        name: "vrnn-128",
        about: "VRNN step, 28 steps of 28, GRU of 256, batch 128",
        options: &["--work", "vrnn", "--batch", "128"],
        examples: 128.0,
        ours: OURS,
        peers: &["torch"],
    },
    Case {
        name: "rnn-128",
        about: "the same without latents (PyTorch: nn.GRU)",
        options: &["--work", "rnn", "--batch", "128"],
        examples: 128.0,
        ours: OURS,
        peers: &["torch"],
    },
    Case {
        name: "convolutional-64",
        about: "convolutional beta-VAE step, 64 x 64, batch 64",
        options: &["--work", "convolutional", "--batch", "64", "--pixels", "4096"],
        examples: 64.0,
        ours: &["flex"],
        peers: &["torch", "torch-compile"],
    },
    Case {
        name: "quadrants-128",
        about: "CVAE step, one quadrant observed, batch 128",
        options: &["--work", "quadrants", "--batch", "128"],
        examples: 128.0,
        ours: &["flex"],
        peers: &["torch", "torch-compile"],
    },
    Case {
        name: "ladder-100",
        about: "ladder network step, batch 100 beside 100 labelled",
        options: &["--work", "ladder", "--batch", "100"],
        examples: 100.0,
        ours: &["flex"],
        peers: &["torch", "torch-compile"],
    },
    Case {
        name: "epochs-128",
        about: "4 whole epochs of MNIST, batch 128",
        options: &["--work", "epochs", "--batch", "128"],
        examples: 200_000.0,
        // burn-ndarray takes most of a minute for one.
        ours: &["flex"],
        peers: FRAMEWORKS,
    },
    Case {
        name: "bound-5000",
        about: "importance-weighted bound, K = 5000, 200 images",
        options: &["--work", "bound"],
        examples: 200.0,
        ours: &["flex"],
        peers: FRAMEWORKS,
    },
    Case {
        name: "encode-60000",
        about: "VAE 784-400-20, encoding 60,000 images",
        options: &["--work", "encode"],
        examples: 60_000.0,
        ours: &["flex"],
        peers: FRAMEWORKS,
    },
    Case {
        name: "sample-10000",
        about: "the same, decoding 10,000 draws from the prior",
        options: &["--work", "sample"],
        examples: 10_000.0,
        ours: &["flex"],
        peers: FRAMEWORKS,
    },
    Case {
        name: PCA,
        about: "PCA of 60,000 x 784",
        options: &["--work", "pca"],
        examples: 60_000.0,
        ours: &["flex"],
        peers: &["sklearn"],
    },
    Case {
        name: "pca-3072",
        about: "PCA of 10,000 x 3,072 random numbers",
        options: &["--work", "pca", "--pixels", "3072"],
        examples: 10_000.0,
        ours: &["flex"],
        peers: &["sklearn"],
    },
];

pub(super) fn run(args: &Args) -> Result<()> {
    if args.rounds == 0 || !(args.seconds > 0.0 && args.seconds <= LONGEST) || args.threads == 0 {
        bail!("--rounds and --threads are at least 1, --seconds above 0 and at most {LONGEST}");
    }
    // Principal components are found on the processor alone.
    let is_timed =
        |case: &&Case| case.name.contains(&args.only) && !(args.gpu && case.name.starts_with(PCA));
    let cases: Vec<&Case> = CASES.iter().filter(is_timed).collect();
    if cases.is_empty() {
        let here = if args.gpu { " on a GPU" } else { "" };
        bail!("no case{here} has '{}' in its name", args.only);
    }
    let card = if args.gpu { Some(card()?) } else { None };
    let python = environment(args)?;
    let data = mnist()?;
    let ours = program("peers", &[if args.gpu { "cuda" } else { "ndarray" }.to_owned()])?;
    let (file, machine) = match &card {
        Some(card) => (
            format!("gpu-{}", card.to_lowercase().replace(' ', "-")),
            format!("{card}, {}", machine()),
        ),
        None => (format!("bench-peers-{}", kind().file), machine()),
    };
    let file = file + &circumstances(args);
    let target = workspace().join(format!("results/{file}.json"));
    refuse_of_another(&read(&target)?, &machine, &target)?;
    let _busy = Busy::start(args.busy).with_context(|| format!("--busy {}", args.busy))?;
    let peers = versions(&python)?;
    for case in cases {
        let mut timed = compare(case, args, &ours, &python, &data)?;
        timed["peers"] = peers.clone().into();
        // After each: an early end loses none of those before.
        let result = json!({
            "about": format!("examples/s, all contestants in turn, medians over rounds with the quartiles; \
                      ratio: ours ({}) over the best peer, median of the rounds' ratios", ours_of(case, args)[0]),
            "machine": machine,
            "cases": with_others(timed, &target)?,
        });
        write_atomic(&target, format!("{result:#}\n").as_bytes())?;
    }
    shared::print_line!("wrote {}; cargo xtask readme writes the table", target.display());
    Ok(())
}

/// What a record's name says of them, where they are not the usual ones.
fn circumstances(args: &Args) -> String {
    let mut name = String::new();
    if args.threads != THREADS {
        let plural = if args.threads == 1 { "" } else { "s" };
        name += &format!("-{}-thread{plural}", args.threads);
    }
    if args.busy > 0 {
        name += &format!("-busy-{}", args.busy);
    }
    name
}

fn ours_of(case: &Case, args: &Args) -> &'static [&'static str] {
    if args.gpu {
        ON_GPU
    } else if circumstances(args).is_empty() {
        case.ours
    } else {
        // What is not usual is asked of the default backend.
        &case.ours[..1]
    }
}

/// Name of the first NVIDIA GPU.
fn card() -> Result<String> {
    let names = nvidia_smi("--query-gpu=name")
        .context("no NVIDIA GPU: without --gpu the processor is timed")?;
    Ok(names.lines().next().context("nvidia-smi names no GPU")?.trim().to_owned())
}

fn nvidia_smi(query: &str) -> Result<String> {
    let output = Command::new("nvidia-smi")
        .args([query, "--format=csv,noheader,nounits"])
        .output()
        .context("cannot run nvidia-smi")?;
    if !output.status.success() {
        bail!("nvidia-smi: {}", String::from_utf8_lossy(&output.stdout).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// What the file has already.
fn read(file: &Path) -> Result<Value> {
    match fs::read(file) {
        Ok(text) => serde_json::from_slice(&text)
            .with_context(|| format!("{} is damaged; put it back from git", file.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Value::Null),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}

/// Cases of two machines in a file would pass for one's. Older files do not tell family and model.
fn refuse_of_another(old: &Value, machine: &str, file: &Path) -> Result<()> {
    let without_family = match (machine.find(" (family "), machine.find("),")) {
        (Some(start), Some(end)) => format!("{}{}", &machine[..start], &machine[end + 1..]),
        _ => machine.to_owned(),
    };
    match old["machine"].as_str() {
        Some(other) if other != machine && other != without_family => bail!(
            "{} was timed on another machine ({other}; this is {machine}): rename it, or remove it",
            file.display()
        ),
        _ => Ok(()),
    }
}

/// The new case among the others of the file, in order.
fn with_others(new: Value, file: &Path) -> Result<Vec<Value>> {
    let old = read(file)?;
    // Earlier files have one list of versions for all cases.
    let of_all = old["peers"].clone();
    let mut old = old["cases"].as_array().cloned().unwrap_or_default();
    for case in old.iter_mut().filter(|case| case["peers"].is_null() && !of_all.is_null()) {
        case["peers"] = of_all.clone();
    }
    let case = |case: &Case| {
        let named = |value: &&Value| value["name"] == case.name;
        Some(&new).filter(named).or_else(|| old.iter().find(named)).cloned()
    };
    Ok(CASES.iter().filter_map(case).collect())
}

fn folder() -> PathBuf {
    workspace().join("scripts/peers")
}

/// The peers' Python, in an environment of its own with pinned versions unless they are there.
fn environment(args: &Args) -> Result<PathBuf> {
    if args.installed {
        return Ok(args.python.clone().into());
    }
    let requirements = fs::read_to_string(folder().join("requirements.txt"))?;
    let (venv, wanted) = if args.gpu {
        // PyTorch comes with its CUDA parts, JAX without.
        ("target/peers-cuda", requirements.replace("jax==", "jax[cuda13]=="))
    } else {
        ("target/peers", requirements)
    };
    let venv = workspace().join(venv);
    let inside = venv.join("bin/python");
    let installed = venv.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(inside);
    }
    shared::print_line!("installing the peers into {} (once)", venv.display());
    done(Command::new(&args.python).args(["-m", "venv"]).arg(&venv), "make a Python environment")?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    done(Command::new(&inside).args(pip).args(wanted.lines()), "install the peers")?;
    fs::write(installed, wanted)?;
    Ok(inside)
}

/// `name==version` of every peer that this Python has.
fn versions(python: &Path) -> Result<Vec<String>> {
    const NAMES: &str = "import importlib.metadata as m, sys\n\
                         for name in sys.argv[1:]: print(f'{name}=={m.version(name)}')";
    let requirements = fs::read_to_string(folder().join("requirements.txt"))?;
    let names = requirements.lines().filter_map(|line| Some(line.split_once("==")?.0));
    let output = Command::new(python).args(["-c", NAMES]).args(names).output();
    let output = output.with_context(|| format!("cannot run {}", python.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let reason = said.lines().rfind(|line| line.contains(':')).unwrap_or_default();
        bail!("{} lacks a peer of scripts/peers/requirements.txt: {reason}", python.display());
    }
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

fn done(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot {what}: {command:?}"))?;
    if !status.success() {
        bail!("cannot {what}: {command:?} ended with {status}");
    }
    Ok(())
}

/// Folder of MNIST's files.
pub(super) fn mnist() -> Result<PathBuf> {
    let set = CATALOGUE.iter().find(|set| set.name == "mnist").context("no MNIST")?;
    let files = fetch(set, &FetchOptions::from_env(None))?;
    Ok(files.first().and_then(|file| file.parent()).context("no MNIST files")?.into())
}

fn compare(case: &Case, args: &Args, ours: &Path, python: &Path, data: &Path) -> Result<Value> {
    shared::print_line!("{}: {}", case.name, case.about);
    let mut contestants = Vec::new();
    for (names, is_ours) in [(ours_of(case, args), true), (case.peers, false)] {
        for &name in names {
            let mut command = if is_ours {
                Command::new(ours)
            } else {
                let mut command = Command::new(python);
                command.arg(folder().join("peers.py"));
                command.args(["--device", if args.gpu { "cuda" } else { "cpu" }]);
                command
            };
            command.args(case.options).args(["--name", name]).arg("--data").arg(data);
            command.args(["--threads", &args.threads.to_string()]);
            // burn-ndarray's products read their threads here.
            command.env("MATMUL_NUM_THREADS", args.threads.to_string());
            contestants.push(Contestant::start(name, is_ours, command, args.seconds)?);
        }
    }
    let mut rates = vec![Vec::new(); contestants.len()];
    let mut costs = vec![Vec::new(); contestants.len()];
    for round in 0..args.rounds {
        for turn in 0..contestants.len() {
            let index = (turn + round) % contestants.len();
            let (rate, cost) = contestants[index].rate(case.examples)?;
            rates[index].push(rate);
            costs[index].extend(cost);
        }
    }
    let best_peer = |round: usize| {
        let peers = contestants.iter().zip(&rates).filter(|(contestant, _)| !contestant.is_ours);
        peers.map(|(_, rates)| rates[round]).fold(0.0, f64::max)
    };
    let ratios: Vec<f64> = (0..args.rounds).map(|r| rates[0][r] / best_peer(r)).collect();
    let on_card =
        if args.gpu { nvidia_smi("--query-compute-apps=pid,used_memory")? } else { String::new() };
    let mut results = serde_json::Map::new();
    for ((contestant, rates), costs) in contestants.into_iter().zip(&rates).zip(&costs) {
        let name = contestant.name;
        let [low, median, high] = quartiles(rates);
        let card_megabytes = memory_of(contestant.child.id(), &on_card);
        let megabytes = contestant.peak_memory()? as f64 / 1e6;
        shared::print_line!(
            "  {name:14} {median:12.1}/s  ({low:.1} to {high:.1})  {megabytes:.0} MB"
        );
        let mut result = json!({ "per_second": median, "quartiles": [low, high], "peak_megabytes": megabytes.round() });
        if !args.gpu && !costs.is_empty() {
            result["processor_seconds_per_1000"] = (quartiles(costs)[1] * 1000.0).into();
        }
        if let Some(megabytes) = card_megabytes {
            result["card_megabytes"] = megabytes.into();
        }
        results.insert(name.into(), result);
    }
    let [low, ratio, high] = quartiles(&ratios);
    shared::print_line!("  ours over the best peer: {ratio:.2} ({low:.2} to {high:.2})");
    Ok(json!({
        "name": case.name,
        "about": case.about,
        "threads": args.threads,
        "busy": args.busy,
        "rounds": args.rounds,
        "ratio": ratio,
        "ratio_quartiles": [low, high],
        "contestants": results,
    }))
}

/// Megabytes that a process holds on the card, of nvidia-smi's lines `pid, mebibytes`.
fn memory_of(process: u32, lines: &str) -> Option<f64> {
    lines.lines().find_map(|line| {
        let (id, mebibytes) = line.split_once(',')?;
        let is_its_own = id.trim().parse() == Ok(process);
        let mebibytes: f64 = mebibytes.trim().parse().ok().filter(|_| is_its_own)?;
        Some((mebibytes * 1.048_576).round())
    })
}

/// Lower quartile, median and upper quartile.
fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let position = share * (sorted.len() - 1) as f64;
        let (low, high) = (position.floor() as usize, position.ceil() as usize);
        sorted[low] + (sorted[high] - sorted[low]) * (position - low as f64)
    };
    [at(0.25), at(0.5), at(0.75)]
}

/// A process that works on request.
struct Contestant {
    name: &'static str,
    is_ours: bool,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Repetitions in a round.
    times: usize,
}

impl Contestant {
    fn start(
        name: &'static str,
        is_ours: bool,
        mut command: Command,
        seconds: f64,
    ) -> Result<Self> {
        let log = workspace().join(format!("target/peers-{name}.log"));
        // Of another CARGO_TARGET_DIR there is none.
        fs::create_dir_all(workspace().join("target"))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("{name} has no input or output");
        };
        let answers = BufReader::new(answers);
        let mut started = Self { name, is_ours, child, requests, answers, times: 1 };
        let context = || format!("{name} did not start; it said why in {}", log.display());
        if started.answer().with_context(context)? != "ready" {
            bail!(context());
        }
        // Compilation, first touches of memory, and how long one repetition takes.
        started.work(1).with_context(context)?;
        let begun = Instant::now();
        let mut done = 0.0;
        let mut count = 0;
        while begun.elapsed() < Duration::from_secs_f64(seconds) {
            done += started.work(1)?;
            count += 1;
        }
        started.times = ((seconds * f64::from(count) / done).round() as usize).max(1);
        Ok(started)
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("{} ended before it answered: {}", self.name, self.child.wait()?);
        }
        Ok(line.trim().into())
    }

    /// Seconds for this many repetitions.
    fn work(&mut self, times: usize) -> Result<f64> {
        writeln!(self.requests, "{times}")?;
        self.requests.flush()?;
        Ok(self.answer()?.parse()?)
    }

    /// Examples a second in one round, and seconds of processor an example, where the system tells.
    fn rate(&mut self, examples: f64) -> Result<(f64, Option<f64>)> {
        // Threads of the one before may still be spinning.
        std::thread::sleep(Duration::from_millis(200));
        let examples = examples * self.times as f64;
        let before = processor_seconds(self.child.id());
        let rate = examples / self.work(self.times)?;
        let after = processor_seconds(self.child.id());
        Ok((rate, before.zip(after).map(|(before, after)| (after - before) / examples)))
    }

    fn peak_memory(mut self) -> Result<u64> {
        drop(self.requests);
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        self.child.wait()?;
        Ok(line.trim().parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_of_two_machines_are_not_in_one_file() {
        let file = Path::new("results/bench-peers.json");
        let problem = |old: Value| {
            refuse_of_another(&old, "a", file).map_err(|error| error.to_string()).err()
        };
        assert_eq!(problem(Value::Null), None);
        assert_eq!(problem(json!({ "machine": "a" })), None);
        assert!(
            problem(json!({ "machine": "b" })).unwrap().starts_with("results/bench-peers.json")
        );
        let known = "EPYC (family 26, model 2), 2 cores, AVX-512";
        for (old, is_same) in [
            (known, true),
            ("EPYC, 2 cores, AVX-512", true),
            ("EPYC, 4 cores, AVX-512", false),
            ("EPYC (family 25, model 1), 2 cores, AVX-512", false),
        ] {
            let refused = refuse_of_another(&json!({ "machine": old }), known, file).is_err();
            assert_eq!(refused, !is_same, "{old}");
        }
    }
}
