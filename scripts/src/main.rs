//! `cargo xtask`: the workspace's own chores.

mod bench_run;
mod blocks;
mod build;
mod bundle;
mod cells;
mod changed;
mod code_quality;
mod compare;
mod fetch;
mod fuzz;
mod keep;
mod new_paper;
mod papers;
mod peers;
mod pixels;
mod processor;
mod readme;
mod results;
mod site;
mod sweep;
mod trainings;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "The workspace's own chores",
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Time our work beside PyTorch, JAX and scikit-learn, and write results/bench-peers-KIND.json.
    BenchPeers(peers::Args),
    /// Time a whole run as a user sees it, and epochs over more and more images; results/bench-run-KIND.json.
    BenchRun(bench_run::Args),
    /// Pack trained runs into one file each, for a release, or make a run of such a file.
    Bundle(bundle::Args),
    /// List the variants that this branch changes.
    Changed(changed::Args),
    /// Turn clippy's messages into GitLab's code quality report.
    CodeQuality(code_quality::Args),
    /// Compare two sets of records, or rank one: Markdown, HTML, JSON and OpenMetrics.
    Compare(compare::Args),
    /// Fetch data sets ahead of time.
    Fetch(fetch::Args),
    /// Try every reader with damaged and made-up files.
    Fuzz(fuzz::Args),
    /// Keep a run's record under results/, and its pictures under docs/pictures if wanted.
    Keep(keep::Args),
    /// Add a crate for another paper, or take it away again.
    NewPaper(new_paper::Args),
    /// Write the images of a set as an npz archive, for other programs.
    Pixels(pixels::Args),
    /// Write the tables of the README pages from the records under results/.
    Readme(readme::Args),
    /// Write the course, the pages and the explorers as a static site.
    Site(site::Args),
    /// Train configurations, values of their keys and seeds, here, on Slurm or GitLab, and sum them up.
    Sweep(Box<sweep::Args>),
    /// Validate every variant at several code sizes, and show what each way of validating is worth.
    ValidateAutoencoders(validate::Args),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::BenchPeers(args) => peers::run(&args),
        Task::BenchRun(args) => bench_run::run(&args),
        Task::Bundle(args) => bundle::run(&args),
        Task::Changed(args) => changed::run(&args),
        Task::CodeQuality(args) => code_quality::run(&args),
        Task::Compare(args) => compare::run(&args),
        Task::Fetch(args) => fetch::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Keep(args) => keep::run(&args),
        Task::NewPaper(args) => new_paper::run(&args),
        Task::Pixels(args) => pixels::run(&args),
        Task::Readme(args) => readme::run(&args),
        Task::Site(args) => site::run(&args),
        Task::Sweep(args) => sweep::run(&args),
        Task::ValidateAutoencoders(args) => validate::run(&args),
    };
    match result {
        Ok(()) => shared::print::exit_code(),
        Err(error) => {
            shared::progress::failure("xtask", &error);
            // After Ctrl-C, as shells have it.
            if error.is::<shared::processes::Stopped>() {
                ExitCode::from(130)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Root of the workspace: where Cargo runs the program, since a copied target folder holds one that was built in
/// another checkout; without Cargo, where it was built.
fn workspace() -> std::path::PathBuf {
    let built = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(std::path::PathBuf::from);
    // Programs of other packages that call this one leave their own folder there.
    let manifest = manifest.filter(|folder| folder.file_name() == built.file_name());
    let manifest = manifest.unwrap_or(built);
    manifest.parent().unwrap_or(&manifest).into()
}
