//! How should an autoencoder be validated? Every variant with a code for an image, at several code sizes, on
//! the same data, asked everything `shared` can ask; and two demonstrations of what the answers
//! are worth. Runs lie under runs/validate, what they found in results/validate-autoencoders.json, from
//! which `cargo xtask readme` writes the tables of docs/validation.md.

mod pictures;
mod plan;
mod results;
pub(crate) mod tables;
pub(crate) mod today;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use shared::{
    classifier::CLASSIFIER,
    progress,
    run::{Metric, Record, RunFolder, write_atomic, write_json},
};

use self::{
    plan::{Part, Planned},
    results::{Measured, Results},
    today::Today,
};
use crate::{build::cargo, workspace};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Parts: table, goldilocks, copier; all by default.
    #[arg(long, value_delimiter = ',', value_name = "PART,...")]
    only: Vec<Part>,
    /// Seeds.
    #[arg(long, value_delimiter = ',', value_name = "S,...", default_value = "1,2,3")]
    seeds: Vec<u64>,
    /// Code sizes of the table.
    #[arg(long, value_delimiter = ',', value_name = "N,...", default_value = "2,4,16,64")]
    codes: Vec<usize>,
    /// Only these variants in the table.
    #[arg(long, value_delimiter = ',', value_name = "PAPER,...")]
    variants: Vec<String>,
    /// Options for every run, in one word: for instance --options="--epochs 1 --data segments".
    #[arg(long, default_value = "", value_name = "OPTIONS", allow_hyphen_values = true)]
    options: String,
    /// Folder of the runs; what is finished there is not done again.
    #[arg(long, default_value = "runs/validate", value_name = "FOLDER")]
    out: PathBuf,
    /// Train nothing: draw the pictures of what was found before.
    #[arg(long)]
    redraw: bool,
    /// Write what was found and the pictures here, not into results/ and docs/pictures.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Run the programs of this folder, built before, and not by cargo run --release.
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
}

/// The file of what was found, and the folder of pictures.
fn targets(args: &Args) -> (PathBuf, PathBuf) {
    match &args.to {
        Some(folder) => (folder.join("validate-autoencoders.json"), folder.clone()),
        None => {
            let root = workspace();
            (root.join("results/validate-autoencoders.json"), root.join("docs/pictures"))
        }
    }
}

fn read(table: &Path) -> Result<Results> {
    let bytes = fs::read(table).with_context(|| table.display().to_string())?;
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is damaged: remove it", table.display()))
}

fn draw(results: &Results, args: &Args, pictures: &Path) -> Result<()> {
    for picture in pictures::draw(results, &args.out, pictures)? {
        shared::print_line!("wrote {}", picture.display());
    }
    Ok(())
}

pub(super) fn run(args: &Args) -> Result<()> {
    let (table, pictures) = targets(args);
    if args.redraw {
        return draw(&read(&table)?, args, &pictures);
    }
    let (planned, left_out) = plan::plan(args)?;
    for (variant, reason) in &left_out {
        progress::line(&format!("{variant} is not in the table: {reason}"));
    }
    // One classifier for all seeds.
    let classifier = args.out.join(CLASSIFIER);
    fs::create_dir_all(&classifier).with_context(|| classifier.display().to_string())?;
    let started = Instant::now();
    let mut results = Results { left_out, ..Results::default() };
    let mut today = Today::default();
    for (done, run) in planned.iter().enumerate() {
        let record = finished(run, args, &mut today)?;
        results.add(run, &record);
        let left = started.elapsed().as_secs_f64() / (done + 1) as f64;
        let left = left * (planned.len() - done - 1) as f64 / 60.0;
        progress::line(&format!(
            "{}/{} {}; {left:.0} min left",
            done + 1,
            planned.len(),
            run.title()
        ));
    }
    // Parts that were not asked for stay as they were.
    if table.exists() {
        results.keep_other_parts(read(&table)?, &args.parts());
    }
    write_json(&table, &results)?;
    shared::print_line!("wrote {}", table.display());
    draw(&results, args, &pictures)
}

impl Args {
    fn parts(&self) -> Vec<Part> {
        if self.only.is_empty() { Part::value_variants().to_vec() } else { self.only.clone() }
    }
}

/// The record of a run: trained if it was not, continued if it was interrupted.
fn finished(run: &Planned, args: &Args, today: &mut Today) -> Result<Record> {
    let folder = run.folder(&args.out);
    let mark = folder.with_extension("options.json");
    let mut options = run.options.clone();
    options.extend(args.options.split_whitespace().map(str::to_owned));
    let wanted = serde_json::to_string(&options)?;
    if folder.exists() && fs::read_to_string(&mark).unwrap_or_default() != wanted {
        bail!(
            "{} was run with other options: remove it, or choose another --out",
            folder.display()
        );
    }
    if let Ok(opened) = RunFolder::open(folder.clone())
        && let Some(record) = opened.record()?
    {
        if let Some(difference) = today.difference(&opened, &record, &options)? {
            bail!(
                "{} was fitted to other data: {difference}; remove it, or choose another --out",
                folder.display()
            );
        }
        return Ok(record);
    }
    write_atomic(&mark, wanted.as_bytes())?;
    let mut command = match &args.programs {
        Some(programs) => Command::new(programs.join(&run.program)),
        None => {
            let mut cargo = cargo();
            cargo.args(["run", "--release", "--quiet", "--package", &run.program, "--"]);
            cargo
        }
    };
    command.arg("train").args(&options);
    command.arg("--out").arg(args.out.join(run.seed_folder()));
    command.args(["--name", &run.name, "--seed", &run.seed.to_string()]);
    // What has a checkpoint goes on; what has none has lost nothing.
    if folder.join("checkpoints").is_dir() {
        command.arg("--resume");
    } else if folder.exists() {
        command.arg("--force");
    }
    let status = command
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {}", run.program))?;
    if !status.success() {
        bail!("{} failed ({status}): {command:?}", run.title());
    }
    record(&folder)
}

fn record(folder: &Path) -> Result<Record> {
    let record = RunFolder::open(folder.into())?.record()?;
    record.with_context(|| format!("{} has no record", folder.display()))
}

impl Results {
    fn add(&mut self, run: &Planned, record: &Record) {
        // A density of grey pixels is no rival of a probability of binary ones.
        let is_density = |metric: &Metric| metric.about.contains("not comparable");
        let metrics = record.metrics.iter().filter(|(_, metric)| !is_density(metric));
        self.runs.push(Measured {
            part: run.part,
            label: run.label.clone(),
            code: run.code,
            seed: run.seed,
            metrics: metrics.map(|(name, metric)| (name.clone(), metric.value)).collect(),
            fit_seconds: record.machine.fit_seconds,
        });
    }
}
