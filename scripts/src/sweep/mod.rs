//! Many runs: configurations, values of their keys and seeds, planned, run here, on Slurm or on GitLab, continued by
//! the same command, and summed up. A sweep is a folder with its plan; the folder of each run says how far it is.

mod estimate;
mod gitlab;
mod plan;
mod program;
mod report;
mod runs;
mod slurm;
mod template;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};
use shared::{
    classifier::CLASSIFIER,
    cli::{quoted, refuse_zero},
    counted,
    processes::{self, Ended, Stopped},
    progress,
    run::{NAME_LETTERS, Record, write_atomic},
};
use toml::Table;

pub(crate) use self::plan::repeated;
use self::{
    estimate::Speeds,
    plan::{Plan, Sweep, difference, file_safe, quick},
    program::configurations,
    report::Found,
    runs::{Runs, State},
};
use crate::{
    cells::duration,
    keep,
    trainings::{self, How, Today, Training, built, copied, file_name},
};

/// Name of the plan in the folder of a sweep.
const PLAN: &str = "plan.toml";
/// Folder of all sweeps.
const OUT: &str = "runs/sweeps";
/// Before the checksum of what follows.
const WRITTEN: &str = "# Written by cargo xtask sweep, not to be changed. sha256: ";
/// Threads of a task on Slurm.
const THREADS: usize = 4;
/// Most cells that are listed.
const LISTED: usize = 40;

#[derive(clap::Args)]
pub(super) struct Args {
    /// A sweep as TOML (paper, configs, seeds, options, grid), or the folder of one that was started.
    #[arg(required_unless_present = "paper")]
    file: Option<PathBuf>,
    /// The paper's program.
    #[arg(long, conflicts_with = "file", requires = "seeds")]
    paper: Option<String>,
    /// Configurations, by name or file (default: quick).
    #[arg(long, value_delimiter = ',', value_name = "NAME|FILE,...", conflicts_with = "file")]
    config: Vec<String>,
    /// Seeds of every cell.
    #[arg(long, value_delimiter = ',', value_name = "S,...", conflicts_with = "file")]
    seeds: Vec<u64>,
    /// Values of a key, as `train --set` has them; may be repeated.
    #[arg(long, value_name = "KEY=V,W,...", conflicts_with = "file")]
    grid: Vec<String>,
    /// After `--`: further options of every training.
    #[arg(last = true, value_name = "OPTION", conflicts_with = "file")]
    options: Vec<String>,
    /// Name of the sweep (default: that of the file, or of paper, configurations and keys).
    #[arg(long)]
    name: Option<String>,
    /// Folder of all sweeps (default: runs/sweeps).
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Where the runs are computed.
    #[arg(long, value_enum, default_value_t)]
    on: On,
    /// Runs at a time (default: one here, on Slurm as many as it starts).
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Threads of a run (default: here the cores, shared among the jobs; on Slurm 4).
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Device of every run.
    #[arg(long)]
    device: Option<String>,
    /// Cargo features of the program, e.g. cuda.
    #[arg(long, value_delimiter = ',', value_name = "FEATURE,...")]
    features: Vec<String>,
    /// Folder of data that all runs share; filled before the first starts (default: the user's cache).
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// Script or pipeline to use in place of that in scripts/templates/sweep.
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Run the program of this folder, built before.
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    #[command(flatten)]
    slurm: slurm::Batch,
    /// Check every cell, show the plan, and start nothing.
    #[arg(long)]
    dry_run: bool,
    /// Start nothing: table and picture of what is finished.
    #[arg(long, conflicts_with = "dry_run")]
    report: bool,
    /// Metrics of the table, the first of the picture too (default: the one that sums the paper up).
    #[arg(long, value_delimiter = ',', value_name = "METRIC,...")]
    metrics: Vec<String>,
    /// Keep every record under results/ once all runs are finished.
    #[arg(long, conflicts_with = "dry_run")]
    keep: bool,
    /// Keep them in place of records of other experiments too.
    #[arg(long, requires = "keep")]
    replace: bool,
    /// Do only this run of the sweep: what a task of Slurm or GitLab calls.
    #[arg(long, value_name = "I", conflicts_with_all = ["on", "dry_run", "report", "keep"])]
    index: Option<usize>,
}

/// Where runs are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum On {
    /// This machine.
    #[default]
    Local,
    /// Slurm, as an array of jobs.
    Slurm,
    /// GitLab, as a child pipeline.
    Gitlab,
}

pub(super) fn run(args: &Args) -> Result<()> {
    for (option, number) in [("--jobs", args.jobs), ("--threads", args.threads)] {
        refuse_zero(option, number)?;
    }
    if let Some((option, on)) = without_effect(args) {
        bail!("{option}: without effect --on {on}");
    }
    // The jobs of GitLab build the program with them.
    if args.programs.is_some() && !args.features.is_empty() && args.on != On::Gitlab {
        bail!("--features: without effect, the program of --programs is built already");
    }
    let runs = opened(args)?;
    if let Some(index) = args.index {
        return one(&runs, args, index);
    }
    if args.report {
        return report(&runs, args);
    }
    program::known(&runs.plan.sweep.paper)?;
    let program = built(&runs.plan.sweep.paper, args.programs.as_deref(), &args.features)?;
    let cells: Vec<usize> = (0..runs.plan.cells.len()).collect();
    let configurations = configurations(&runs.plan, &cells, &program, args.cache.as_deref())?;
    let mut today = Today::new(args.cache.as_deref());
    let state = |index: usize| {
        let (cell, _) = runs.plan.run(index);
        runs.state(index, &configurations[&cell], &mut today)
    };
    let states: Vec<State> = (0..runs.plan.len()).map(state).collect::<Result<_>>()?;
    // What cannot be summed up in the end is refused before more is trained.
    Found::of(&runs)?;
    let jobs = args.jobs.unwrap_or(1);
    show(&runs, &states, &configurations, jobs)?;
    if args.dry_run {
        return Ok(());
    }
    let is_left = |index: &usize| !matches!(states[*index], State::Finished(_));
    let todo: Vec<usize> = (0..states.len()).filter(is_left).collect();
    if todo.is_empty() {
        return report(&runs, args);
    }
    match args.on {
        On::Local => {
            store(&runs)?;
            here(&runs, &todo, args, jobs, &program)
        }
        On::Slurm => {
            store(&runs)?;
            on_slurm(&runs, &todo, args, &program)
        }
        On::Gitlab => on_gitlab(&runs, &todo, args),
    }
}

/// An option that has no meaning where the runs are to be computed, and where that is.
fn without_effect(args: &Args) -> Option<(&'static str, &'static str)> {
    // A task of Slurm is called with the index of its run alone.
    let of_slurm = args.slurm.given().filter(|_| args.index.is_none());
    match args.on {
        On::Slurm => None,
        On::Local => of_slurm
            .map(|option| (option, "local (--on slurm has it)"))
            .or_else(|| args.template.as_ref().map(|_| ("--template", "local"))),
        On::Gitlab => of_slurm
            .or_else(|| args.jobs.map(|_| "--jobs"))
            .or_else(|| args.cache.as_ref().map(|_| "--cache"))
            .or_else(|| args.keep.then_some("--keep"))
            .or_else(|| (!args.metrics.is_empty()).then_some("--metrics"))
            .map(|option| (option, "gitlab")),
    }
}

/// The sweep that the options describe, with its folder, which holds no other.
fn opened(args: &Args) -> Result<Runs> {
    let Some(file) = &args.file else {
        let sweep = Sweep {
            paper: args.paper.clone().unwrap_or_default(),
            configs: if args.config.is_empty() { quick() } else { args.config.clone() },
            seeds: args.seeds.clone(),
            options: args.options.clone(),
            grid: Sweep::grid_of(&args.grid)?,
        };
        let plan = Plan::new(sweep).map_err(|problem| anyhow!(problem))?;
        let name = default_name(&plan);
        return of_name(plan, &name, args);
    };
    let file = if file.is_dir() { file.join(PLAN) } else { file.clone() };
    if file.file_name().is_some_and(|name| name == PLAN) {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // Jobs are called after the folder.
        let folder = if folder.file_name().is_some() {
            folder.to_owned()
        } else {
            fs::canonicalize(folder).with_context(|| folder.display().to_string())?
        };
        let plan = stored(&file)?;
        for (option, is_given) in [("--name", args.name.is_some()), ("--out", args.out.is_some())] {
            if is_given {
                bail!("{option}: without effect, {} is a sweep that was started", folder.display());
            }
        }
        return Ok(Runs { plan, folder });
    }
    let plan = Plan::new(Sweep::read(&file)?).map_err(|problem| anyhow!(problem))?;
    let name = file_safe(&file.file_stem().unwrap_or_default().to_string_lossy());
    of_name(plan, &name, args)
}

fn of_name(plan: Plan, default: &str, args: &Args) -> Result<Runs> {
    let name = args.name.as_deref().unwrap_or(default);
    if file_safe(name) != name {
        bail!("--name {name:?}: use {NAME_LETTERS}");
    }
    let folder = args.out.as_deref().unwrap_or(Path::new(OUT)).join(name);
    let file = folder.join(PLAN);
    if file.exists()
        && let Some(difference) = difference(&stored(&file)?.sweep, &plan.sweep)
    {
        bail!(
            "{} holds another sweep, {difference}; choose another --name, or remove it",
            folder.display()
        );
    }
    Ok(Runs { plan, folder })
}

/// What a sweep is called that nobody named.
fn default_name(plan: &Plan) -> String {
    let Sweep { paper, configs, .. } = &plan.sweep;
    let stem = |config: &String| {
        Path::new(config).file_stem().unwrap_or_default().to_string_lossy().into_owned()
    };
    let mut words = vec![paper.clone()];
    words.extend(configs.iter().map(stem));
    words.extend(plan.keys.iter().map(|key| key.label.clone()));
    let mut name = file_safe(&words.join("-"));
    name.truncate(100);
    name
}

/// The plan in the folder of a sweep.
fn stored(file: &Path) -> Result<Plan> {
    let text = shared::reading::read_text(file)?;
    if !text.starts_with(WRITTEN) {
        bail!(
            "{} was not written by a sweep that was started, and only its plan has this name: give a sweep of your own \
             another",
            file.display()
        );
    }
    let is_whole = text.split_once('\n').is_some_and(|(head, body)| {
        head.strip_prefix(WRITTEN) == Some(&hex::encode(Sha256::digest(body)))
    });
    if !is_whole {
        bail!(
            "{} is not as it was written: put it back from a copy, or start another sweep",
            file.display()
        );
    }
    Plan::new(Sweep::read(file)?).map_err(|problem| anyhow!("{}: {problem}", file.display()))
}

/// Writes the plan into the folder of the sweep.
fn store(runs: &Runs) -> Result<()> {
    let body = toml::to_string(&runs.plan.sweep)?;
    let text = format!("{WRITTEN}{}\n{body}", hex::encode(Sha256::digest(&body)));
    write_atomic(&runs.folder.join(PLAN), text.as_bytes())?;
    // One classifier for all seeds.
    let classifier = runs.folder.join(CLASSIFIER);
    fs::create_dir_all(&classifier).with_context(|| classifier.display().to_string())
}

/// What there is to do, what exists, and how long it will take.
fn show(
    runs: &Runs,
    states: &[State],
    configurations: &BTreeMap<usize, Table>,
    jobs: usize,
) -> Result<()> {
    let plan = &runs.plan;
    let own = states.iter().filter_map(|state| match state {
        State::Finished(record) => Some(Record::clone(record)),
        _ => None,
    });
    let speeds = Speeds::new(&plan.sweep.paper, own.collect())?;
    let seconds = |cell: usize| speeds.seconds(&configurations[&cell]);
    let (cells, seeds) = (plan.cells.len(), plan.sweep.seeds.len());
    shared::print_line!(
        "{}: {} x {} = {} in {}",
        plan.sweep.paper,
        counted(cells, "configuration"),
        counted(seeds, "seed"),
        counted(states.len(), "run"),
        runs.folder.display()
    );
    let width = plan.cells.iter().map(|cell| cell.name.len()).max().unwrap_or(0);
    for (cell, of) in plan.cells.iter().enumerate().take(LISTED) {
        let own = (cell..states.len()).step_by(cells).map(|index| &states[index]);
        let time = seconds(cell)
            .map_or_else(|| "unknown time".into(), |s| format!("about {}", duration(s)));
        shared::print_line!("  {:width$}  {}; {time} a run", of.name, summary(own));
    }
    if cells > LISTED {
        shared::print_line!("  and {} more", cells - LISTED);
    }
    for (index, state) in states.iter().enumerate() {
        if let State::Failed(said) = state {
            shared::print_line!("failed before: {}: {said}", runs.training(index).title());
        }
    }
    let left = (0..states.len()).filter(|&index| !matches!(states[index], State::Finished(_)));
    let times: Vec<Option<f64>> = left.map(|index| seconds(plan.run(index).0)).collect();
    let known: f64 = times.iter().flatten().sum();
    let unknown = times.iter().filter(|time| time.is_none()).count();
    let mut line = format!("{}: {}", counted(states.len(), "run"), summary(states.iter()));
    if known > 0.0 {
        line += &format!("; about {} of computing", duration(known));
        if jobs > 1 {
            line += &format!(", {} with {jobs} at a time", duration(known / jobs as f64));
        }
        line += ", from measured runs like these, on whatever machine they ran";
    }
    if unknown > 0 {
        line += &format!("; unknown time of {}", counted(unknown, "run"));
    }
    shared::print_line!("{line}");
    Ok(())
}

/// How many are how far.
fn summary<'a>(states: impl Iterator<Item = &'a State>) -> String {
    let mut counts = [0usize; 4];
    states.for_each(|state| {
        counts[match state {
            State::Finished(_) => 0,
            State::Failed(_) => 1,
            State::Begun => 2,
            State::New => 3,
        }] += 1;
    });
    let names = ["finished", "failed", "begun", "new"];
    let some = names.iter().zip(counts).filter(|(_, count)| *count > 0);
    some.map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

/// Runs them on this machine.
fn here(runs: &Runs, todo: &[usize], args: &Args, jobs: usize, program: &Path) -> Result<()> {
    let bin = runs.folder.join("bin");
    copied(program, &runs.plan.sweep.paper, &bin)?;
    let trainings: Vec<Training> = todo.iter().map(|&index| runs.training(index)).collect();
    let how = How {
        programs: &bin,
        threads: args.threads.unwrap_or_else(|| processes::threads(trainings.len(), jobs)),
        device: args.device.as_deref(),
        cache: args.cache.as_deref(),
    };
    trainings::here(&trainings, jobs, &how)?;
    report(runs, args)
}

/// Submits those that Slurm does not have yet.
fn on_slurm(runs: &Runs, todo: &[usize], args: &Args, program: &Path) -> Result<()> {
    let queued = slurm::queued(runs)?;
    let todo: Vec<usize> = todo.iter().copied().filter(|index| !queued.contains(index)).collect();
    if !queued.is_empty() {
        progress::line(&format!("{} queued or running", counted(queued.len(), "run")));
    }
    if todo.is_empty() {
        progress::line("nothing to submit: call again when they are done");
        return Ok(());
    }
    copied(program, &runs.plan.sweep.paper, &runs.folder.join("bin"))?;
    let task = slurm::Task {
        jobs: args.jobs,
        threads: args.threads.unwrap_or(THREADS),
        device: args.device.as_deref(),
        cache: args.cache.as_deref(),
        template: args.template.as_deref(),
    };
    let job = slurm::submit(runs, &todo, &args.slurm, &task)?;
    shared::print_line!(
        "submitted {} as job {job}; squeue --job {job} shows it, the same command submits what did not finish \
         and, once all are finished, writes the table",
        counted(todo.len(), "run")
    );
    Ok(())
}

/// Writes the child pipeline of a sweep that stands in a file.
fn on_gitlab(runs: &Runs, todo: &[usize], args: &Args) -> Result<()> {
    let file = args.file.as_ref().filter(|file| !file.ends_with(PLAN) && !file.is_dir());
    let Some(file) = file else {
        bail!(
            "--on gitlab: the jobs read the sweep from a file of the repository: write it as TOML, and name it"
        );
    };
    if args.programs.is_some() {
        progress::line("--programs: for the checks here alone, the jobs build the program");
    }
    let mut options = Vec::new();
    let out = args.out.as_ref().map(|out| out.display().to_string());
    let features = (!args.features.is_empty()).then(|| args.features.join(","));
    let threads = args.threads.map(|threads| threads.to_string());
    for (option, value) in [
        ("--out", &out),
        ("--name", &args.name),
        ("--device", &args.device),
        ("--features", &features),
        ("--threads", &threads),
    ] {
        options.extend(value.iter().map(|value| format!("{option} {}", quoted(value))));
    }
    let pipeline = gitlab::write(runs, todo, file, &options, args.template.as_deref())?;
    shared::print_line!("wrote {}: a job triggers it as a child pipeline", pipeline.display());
    Ok(())
}

/// Does one run of a sweep, wherever this is called.
fn one(runs: &Runs, args: &Args, index: usize) -> Result<()> {
    let last = runs.plan.len() - 1;
    if index > last {
        bail!("--index {index}: the sweep has runs 0 to {last}");
    }
    let paper = &runs.plan.sweep.paper;
    let bin = runs.folder.join("bin");
    let is_there = bin.join(file_name(paper)).is_file();
    let folder = args.programs.as_deref().or(is_there.then_some(&*bin));
    let program = built(paper, folder, &args.features)?;
    let (cell, _) = runs.plan.run(index);
    let (device, cache) = (args.device.as_deref(), args.cache.as_deref());
    let configuration = configurations(&runs.plan, &[cell], &program, cache)?;
    let training = runs.training(index);
    let title = training.title();
    let state = runs.state(index, &configuration[&cell], &mut Today::new(cache))?;
    if matches!(state, State::Finished(_)) {
        progress::line(&format!("{title}: finished before"));
        return Ok(());
    }
    if !runs.folder.join(PLAN).exists() {
        store(runs)?;
    }
    let programs = program.parent().unwrap_or(Path::new("."));
    let threads = args.threads.unwrap_or_else(|| processes::threads(1, 1));
    processes::watch()?;
    progress::line(&format!("{title}: started, log in {}", training.log.display()));
    match training.process(&How { programs, threads, device, cache }).to_the_end()? {
        Ended::Done => {
            progress::line(&format!("{title}: done"));
            Ok(())
        }
        Ended::Failed(said) => bail!("{title}: {said}"),
        Ended::Stopped => Err(Stopped.into()),
    }
}

/// Table and picture of what is finished; keeps the records if that is wanted and all are there.
fn report(runs: &Runs, args: &Args) -> Result<()> {
    let found = Found::of(runs)?;
    let (finished, all) = (found.records(), runs.plan.len());
    if finished == 0 {
        bail!("{}: no run is finished yet", runs.folder.display());
    }
    if finished < all {
        progress::line(&format!("{finished} of {} finished", counted(all, "run")));
        if args.keep {
            bail!("--keep: only once all runs are finished; call again without --report");
        }
    }
    report::write(runs, &found, &args.metrics)?;
    if args.keep {
        keep::all((0..all).map(|index| runs.run(index)), args.replace)?;
    }
    Ok(())
}
