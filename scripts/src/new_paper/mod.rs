//! `new-paper`: a crate for another paper, begun as a copy of one that is here or from a blank
//! template, and its removal. What it writes besides `crates/NAME` is a line of the README's table and
//! an entry of Cargo.lock; everything else finds crates by itself.

mod name;
mod place;
mod rename;
mod template;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::{Result, bail};

use crate::workspace;
use name::Name;
use template::Template;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Name of the crate and its program, in kebab-case.
    name: String,
    /// What it begins as.
    #[arg(long, required_unless_present = "remove")]
    from: Option<Template>,
    /// Title of the paper.
    #[arg(long)]
    title: Option<String>,
    /// Its authors, for instance "D. P. Kingma, M. Welling".
    #[arg(long)]
    authors: Option<String>,
    /// Remove a crate that this command made.
    #[arg(long, conflicts_with_all = ["from", "title", "authors"])]
    remove: bool,
    /// Remove it even if it has been changed since.
    #[arg(long, requires = "remove")]
    force: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    run_in(&workspace(), args)
}

fn run_in(root: &Path, args: &Args) -> Result<()> {
    let name = Name::parse(&args.name)?;
    let Some(from) = args.from else {
        place::remove(root, &name, args.force)?;
        shared::print_line!("removed crates/{name} and its lines in README.md and Cargo.lock");
        return Ok(());
    };
    name.check_free(root)?;
    let paper = Citation {
        title: line("--title", &args.title)?,
        authors: line("--authors", &args.authors)?,
    };
    place::add(root, &name, &from.crate_for(root, &name, &paper)?)?;
    shared::print_line!(
        "wrote crates/{name} and its lines in README.md and Cargo.lock\n\
         try it: cargo run --release -p {name} -- train\n\
         then: CONTRIBUTING.md, \"Add a paper\""
    );
    Ok(())
}

/// What is known of the paper so far.
struct Citation {
    title: Option<String>,
    authors: Option<String>,
}

/// The value of an option that is to be one line of text.
fn line(option: &str, value: &Option<String>) -> Result<Option<String>> {
    match value.as_deref().map(str::trim) {
        Some("") => bail!("{option} is empty"),
        Some(text) if text.contains(char::is_control) => bail!("{option}: write it in one line"),
        value => Ok(value.map(str::to_owned)),
    }
}
