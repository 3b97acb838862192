//! The commands every paper's program has.

mod asked;
mod bounds;
mod configuration;
mod data_option;
mod demand;
mod encode;
mod evaluate;
mod every_class;
mod exchange;
mod explore;
mod integrity;
mod model;
mod options;
mod own_data;
pub mod paper;
mod paths;
mod pictures;
mod reconstruct;
mod score;
mod seeds;
mod several;
mod sheet;
mod shell;
mod table;
mod trackers;
mod train;

pub use asked::{Asked, Examples, On, To, new_picture, refuse_existing};
pub use configuration::{ConfigurationArgs, parsed, value_of};
pub use model::Loaded;
pub use options::{Common, OfRun, refuse_zero};
pub use several::{Planned, Several};
pub use sheet::{Sheet, SheetRow};
pub use shell::quoted;
pub use train::{check_all, fitted, recorded, refuse_name};

use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use clap::{CommandFactory, FromArgMatches, Subcommand, ValueEnum};

use crate::{paper::Paper, plot, print, progress};
use options::{
    BoundsArgs, EncodeArgs, EvaluateArgs, ExploreArgs, ExportArgs, ImportArgs, InterpolateArgs,
    LatentMapArgs, ReconstructArgs, SampleArgs, ScoreArgs, TraverseArgs,
};
use train::TrainArgs;

/// Exit code of a command that this model cannot do, or that was called wrongly.
const CANNOT: u8 = 2;
/// Exit code after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

#[derive(clap::Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Threads (default: one per core).
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,
    /// Formats of pictures; PNG is always written.
    #[arg(long, global = true, value_delimiter = ',', value_name = "FORMAT,...")]
    format: Vec<PictureFormat>,
}

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PictureFormat {
    /// Pixels.
    Png,
    /// Lines and text, for slides and print.
    Svg,
}

#[derive(Subcommand)]
enum Command {
    /// Fit a model, evaluate it and draw its pictures.
    Train(TrainArgs),
    /// Evaluate a run on the test split and rewrite its record.
    Evaluate(EvaluateArgs),
    /// Draw images beside their reconstructions.
    Reconstruct(ReconstructArgs),
    /// Draw samples from the model.
    Sample(SampleArgs),
    /// Interpolate between two images in code space and in pixel space.
    Interpolate(InterpolateArgs),
    /// Vary one latent at a time, the most informative first.
    Traverse(TraverseArgs),
    /// Draw the code space in two dimensions, coloured by class.
    LatentMap(LatentMapArgs),
    /// Write a page in which the model runs: draw an image, drag its latents, walk the map.
    Explore(ExploreArgs),
    /// Write the code of every example as CSV or npz.
    Encode(EncodeArgs),
    /// Rank examples by their likelihood.
    Score(ScoreArgs),
    /// Draw how tight the bound on the likelihood is, by the number of its samples.
    Bounds(BoundsArgs),
    /// Write the weights as safetensors with a description, for PyTorch and others.
    Export(ExportArgs),
    /// Make a run from weights written by `export` or by PyTorch.
    Import(ImportArgs),
}

/// Ends the program with a code of its own, without being a failure.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// The model cannot do this.
    #[error("{0}")]
    Cannot(String),
    /// Ctrl-C.
    #[error("{0}")]
    Interrupted(String),
}

/// A paper's own commands.
pub trait OwnCommands: Subcommand + Send {
    /// Runs the command.
    ///
    /// # Errors
    /// Any error, in readable form.
    fn run(self) -> Result<()>;
}

/// No commands beyond the shared ones.
#[derive(Subcommand)]
pub enum NoCommands {}

impl OwnCommands for NoCommands {
    fn run(self) -> Result<()> {
        match self {}
    }
}

/// Runs the program of paper `P`.
pub fn run<P: Paper>() -> ExitCode {
    run_with::<P, NoCommands>()
}

/// Runs the program of paper `P`, which has commands of its own.
pub fn run_with<P: Paper, C: OwnCommands>() -> ExitCode {
    // An option given twice counts as given last, as users of long command lines expect.
    let command = C::augment_subcommands(Arguments::command())
        .name(P::NAME)
        .about(P::ABOUT)
        .after_help(P::CITATION)
        .mut_subcommands(|command| {
            // -1 is a number that an option may refuse, and no option of its own.
            let mut command = command.args_override_self(true).mut_args(|argument| {
                let takes = argument.get_action().takes_values();
                argument.allow_negative_numbers(takes)
            });
            let has = |command: &clap::Command, option| {
                command.get_arguments().any(|argument| argument.get_id() == option)
            };
            if command.get_name() == "encode" && has(&command, "split") {
                let splits = "Split they come from (default: the three, one after another); `all` counts \
                              them as the data set does";
                command = command.mut_arg("split", |argument| argument.help(splits));
            }
            for option in ["data", "other"] {
                if has(&command, option) {
                    command = command.mut_arg(option, |argument| {
                        argument.value_parser(data_option::DataParser(P::KIND))
                    });
                }
            }
            if !has(&command, "epochs") {
                return command;
            }
            command.mut_arg("epochs", |argument| argument.help(help_of_epochs::<P>()))
        });
    let matches = command.get_matches();
    let threads = matches.get_one::<usize>("threads").copied();
    let mut formats = matches.get_many::<PictureFormat>("format").into_iter().flatten();
    let is_svg_wanted = formats.any(|format| *format == PictureFormat::Svg);
    if is_svg_wanted {
        plot::also_as_svg();
    }
    let is_own = matches.subcommand_name().is_some_and(C::has_subcommand);
    let result = if is_own {
        C::from_arg_matches(&matches).map(|own| on_threads(threads, || own.run()))
    } else {
        Arguments::from_arg_matches(&matches)
            .map(|arguments| on_threads(threads, || dispatch::<P>(arguments.command)))
    };
    match result {
        Err(error) => error.exit(),
        Ok(Ok(())) => {
            if is_svg_wanted && !plot::is_svg_written() {
                progress::line("--format svg: without effect, no such picture was drawn");
            }
            print::exit_code()
        }
        Ok(Err(error)) => {
            progress::failure(P::NAME, &error);
            match error.downcast_ref::<Stop>() {
                Some(Stop::Cannot(_)) => ExitCode::from(CANNOT),
                Some(Stop::Interrupted(_)) => ExitCode::from(INTERRUPTED),
                None => ExitCode::FAILURE,
            }
        }
    }
}

/// What `--epochs` counts in this paper.
fn help_of_epochs<P: Paper>() -> String {
    match (P::PHASES, P::EPOCHS) {
        ([], _) => "Refused: this fit has a closed form and makes no passes over the data".into(),
        (_, "") => "Passes over the training split".into(),
        (_, whose) => format!("Passes over the training split {whose}"),
    }
}

/// Upper limit of threads: each takes memory.
const MOST_THREADS: usize = 1024;

/// Does all of `work` inside the pool: a thread outside would sleep and wake at every parallel loop.
fn on_threads(threads: Option<usize>, work: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    if let Some(threads) = threads {
        if !(1..=MOST_THREADS).contains(&threads) {
            bail!("--threads {threads}: 1 to {MOST_THREADS}");
        }
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .map_err(|e| anyhow!("--threads {threads}: {e}"))?;
        let _ = several::THREADS.set(threads);
    }
    rayon::scope(|_| work())
}

fn dispatch<P: Paper>(command: Command) -> Result<()> {
    match command {
        Command::Train(args) => train::train::<P>(&args),
        Command::Evaluate(args) => evaluate::evaluate::<P>(args),
        Command::Reconstruct(args) => reconstruct::reconstruct::<P>(args),
        Command::Sample(args) => pictures::sample::<P>(args),
        Command::Interpolate(args) => pictures::interpolate::<P>(args),
        Command::Traverse(args) => pictures::traverse::<P>(args),
        Command::LatentMap(args) => pictures::latent_map::<P>(args),
        Command::Explore(args) => explore::explore::<P>(args),
        Command::Encode(args) => encode::encode::<P>(args),
        Command::Score(args) => score::score::<P>(args),
        Command::Bounds(args) => bounds::bounds::<P>(args),
        Command::Export(args) => exchange::export::<P>(args),
        Command::Import(args) => exchange::import::<P>(args),
    }
}
