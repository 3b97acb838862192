//! How should an autoencoder be validated? Every variant with a code for an image, at several code sizes, on
//! the same data, asked everything `shared` can ask; and two demonstrations of what the answers
//! are worth. Runs lie under runs/validate, what they found in results/validate-autoencoders.json, from
//! which `cargo xtask readme` writes the tables of docs/validation.md.

mod pictures;
mod plan;
mod results;
pub(crate) mod tables;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use shared::{
    classifier::CLASSIFIER,
    cli::refuse_zero,
    counted, processes, progress,
    run::{Metric, Record, RunFolder, write_atomic, write_json},
};

use self::{
    plan::{Part, Planned},
    results::{Asked, Measured, Results},
};
use crate::{
    trainings::{self, Configurations, How, Today, Training, built, copied},
    workspace,
};

/// Code sizes of the table, unless others are asked for.
const CODES: [usize; 4] = [2, 4, 16, 64];

#[derive(clap::Args)]
pub(super) struct Args {
    /// Parts: table, goldilocks, copier; all by default.
    #[arg(long, value_delimiter = ',', value_name = "PART,...")]
    only: Vec<Part>,
    /// Seeds.
    #[arg(long, value_delimiter = ',', value_name = "S,...", default_value = "1,2,3")]
    seeds: Vec<u64>,
    /// Code sizes of the table (default: 2,4,16,64).
    #[arg(long, value_delimiter = ',', value_name = "N,...")]
    codes: Vec<usize>,
    /// Only these variants in the table.
    #[arg(long, value_delimiter = ',', value_name = "PAPER,...")]
    variants: Vec<String>,
    /// Options for every run, in one word: for instance --options="--epochs 1 --data segments". Needs --to.
    #[arg(long, default_value = "", value_name = "OPTIONS", allow_hyphen_values = true)]
    options: String,
    /// Folder of the runs; what is finished there is not done again.
    #[arg(long, default_value = "runs/validate", value_name = "FOLDER")]
    out: PathBuf,
    /// Train nothing: draw the pictures of what was found before.
    #[arg(long, conflicts_with_all = [
        "only", "seeds", "codes", "variants", "options", "programs", "jobs", "threads",
    ])]
    redraw: bool,
    /// Write what was found and the pictures here, not into results/ and docs/pictures.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Run the programs of this folder, built before.
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// Runs at a time.
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Threads of a run (default: the cores, shared among the jobs).
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
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
    if !args.options.is_empty() && args.to.is_none() {
        bail!(
            "--options: results/ and docs/pictures are of runs without further options; name another folder with --to"
        );
    }
    let (table, pictures) = targets(args);
    if args.redraw {
        return draw(&read(&table)?, args, &pictures);
    }
    if let Some(option) = without_effect(args) {
        bail!("{option}: without effect, --only leaves out the table");
    }
    for (option, number) in [("--jobs", Some(args.jobs)), ("--threads", args.threads)] {
        refuse_zero(option, number)?;
    }
    let (planned, left_out) = plan::plan(args)?;
    for (variant, reason) in &left_out {
        progress::line(&format!("{variant} is not in the table: {reason}"));
    }
    let todo = unfinished(&planned, args.programs.as_deref())?;
    if !todo.is_empty() {
        train(&todo, args)?;
    }
    let mut results = Results { left_out, ..Results::default() };
    for run in &planned {
        let folder = run.training.folder();
        let record = RunFolder::open(folder.clone())?.record()?;
        let record = record.with_context(|| format!("{} has no record", folder.display()))?;
        results.add(run, &record);
    }
    // What was not asked for stays as it was.
    if table.exists() {
        let Args { seeds, variants, .. } = args;
        let asked = Asked { parts: &args.parts(), seeds, codes: &args.codes(), variants };
        results.keep_others(read(&table)?, &asked);
    }
    write_json(&table, &results)?;
    shared::print_line!("wrote {}", table.display());
    draw(&results, args, &pictures)
}

/// An option that has no meaning for the parts that are asked for.
fn without_effect(args: &Args) -> Option<&'static str> {
    let given = [("--codes", !args.codes.is_empty()), ("--variants", !args.variants.is_empty())];
    let has_table = args.parts().contains(&Part::Table);
    given.into_iter().find_map(|(option, is_given)| (is_given && !has_table).then_some(option))
}

/// The trainings that have no record yet.
///
/// # Errors
/// If the folder of one holds a run of other options, of another configuration, or one on other data.
fn unfinished(planned: &[Planned], programs: Option<&Path>) -> Result<Vec<Training>> {
    let mut configurations = Configurations::new(programs);
    let mut today = Today::default();
    let mut todo = Vec::new();
    for Planned { training, .. } in planned {
        let folder = training.folder();
        let wanted = serde_json::to_string(&training.options)?;
        if folder.exists() && fs::read_to_string(mark(&folder)).unwrap_or_default() != wanted {
            bail!(
                "{} was run with other options: remove it, or choose another --out",
                folder.display()
            );
        }
        let Ok(opened) = RunFolder::open(folder.clone()) else {
            todo.push(training.clone());
            continue;
        };
        match opened.record()? {
            None => todo.push(training.clone()),
            Some(record) => {
                record.refuse_incomparable(&folder)?;
                if let Some(difference) = configurations.difference(&opened, training)? {
                    bail!(
                        "{} is of another configuration: {difference}; remove it, or choose another --out",
                        folder.display()
                    );
                }
                if let Some(difference) = today.difference(&opened, &record, &training.options)? {
                    bail!(
                        "{} was fitted to other data: {difference}; remove it, or choose another --out",
                        folder.display()
                    );
                }
            }
        }
    }
    shared::print_line!(
        "{}: {} finished, {} to do",
        counted(planned.len(), "run"),
        planned.len() - todo.len(),
        todo.len()
    );
    Ok(todo)
}

/// The file that says which options a run was started with.
fn mark(folder: &Path) -> PathBuf {
    folder.with_extension("options.json")
}

/// Trains these, each to its end.
fn train(todo: &[Training], args: &Args) -> Result<()> {
    // One classifier for all seeds.
    let classifier = args.out.join(CLASSIFIER);
    fs::create_dir_all(&classifier).with_context(|| classifier.display().to_string())?;
    let bin = args.out.join("bin");
    let papers: BTreeSet<&str> = todo.iter().map(|training| &*training.paper).collect();
    for paper in papers {
        copied(&built(paper, args.programs.as_deref(), &[])?, paper, &bin)?;
    }
    for training in todo {
        let options = serde_json::to_string(&training.options)?;
        write_atomic(&mark(&training.folder()), options.as_bytes())?;
    }
    let threads = args.threads.unwrap_or_else(|| processes::threads(todo.len(), args.jobs));
    trainings::here(todo, args.jobs, &How { programs: &bin, threads, device: None, cache: None })
}

impl Args {
    fn parts(&self) -> Vec<Part> {
        if self.only.is_empty() { Part::value_variants().to_vec() } else { self.only.clone() }
    }

    fn codes(&self) -> Vec<usize> {
        if self.codes.is_empty() { CODES.to_vec() } else { self.codes.clone() }
    }
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
            seed: run.training.seed,
            metrics: metrics.map(|(name, metric)| (name.clone(), metric.value)).collect(),
            fit_seconds: record.machine.fit_seconds,
        });
    }
}
