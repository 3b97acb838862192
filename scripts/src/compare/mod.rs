//! Two sets of records side by side, or one as a league table: `compare.md` for a merge request,
//! `compare.html` with the pictures, `compare.json` and `compare.prom` for programs.
//!
//! Runs are matched by paper and name; what remains between their records is the seed. A metric
//! has changed only if its mean over seeds, or a single seed, moved further than seeds alone move it ([`spread`]).

mod document;
mod html;
mod judge;
mod league;
mod markdown;
mod missing;
pub(crate) mod number;
mod objective;
mod open_metrics;
mod page;
mod pictures;
pub(crate) mod records;
mod report;
mod spread;
pub(crate) mod stale;
#[cfg(test)]
mod tests;

pub(crate) use records::FUZZ;

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Result, bail};
use shared::run::{write_atomic, write_json};

use self::{
    records::RecordSet,
    report::{Report, Rules},
    spread::Spreads,
};
use crate::workspace;

/// Of a run, unless asked for another.
const CONFIDENCE: f64 = 0.995;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder of the records to compare with, searched with all folders in it.
    #[arg(long, value_name = "FOLDER")]
    base: PathBuf,
    /// Folder of the records that are new; without it, the others alone make a league table.
    #[arg(long, value_name = "FOLDER")]
    new: Option<PathBuf>,
    /// Only this paper; may be given several times.
    #[arg(long, value_name = "PAPER")]
    only: Vec<String>,
    /// Where the pages go; target/compare by default.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Judge runs though their configurations, data, backend or evaluation differ.
    #[arg(long, requires = "new")]
    across_configs: bool,
    /// Judge speed as any metric: only on one and the same idle machine.
    #[arg(long, requires = "new")]
    judge_speed: bool,
    /// Judge runs of which new has fewer seeds than base, too.
    #[arg(long, requires = "new")]
    fewer_seeds: bool,
    /// Nominal probability that a run of which nothing changed but seeds shows no regression.
    #[arg(long, default_value_t = CONFIDENCE, value_parser = confidence, requires = "new")]
    confidence: f64,
}

fn confidence(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.5..1.0).contains(&value) { Ok(value) } else { Err("at least 0.5 and below 1".into()) }
}

pub(super) fn run(args: &Args) -> Result<()> {
    let mut base = RecordSet::read(&args.base)?;
    let mut new = args.new.as_deref().map(RecordSet::read).transpose()?;
    // What other papers' runs tell is asked for even if only one is compared.
    let spreads = Spreads::of(&base);
    restrict(&args.only, &mut base, new.as_mut())?;
    let rules = Rules {
        confidence: args.confidence,
        across_configs: args.across_configs,
        judge_speed: args.judge_speed,
        fewer_seeds: args.fewer_seeds,
    };
    let report = Report::of(&base, new.as_ref(), &spreads, &rules);
    let page = page::page(&report, &base, new.as_ref());

    let out = args.out.clone().unwrap_or_else(|| workspace().join("target/compare"));
    let write = |name: &str, text: &str| write_atomic(&out.join(name), text.as_bytes());
    write("compare.md", &markdown::render(&page))?;
    write("compare.html", &html::render(&page)?)?;
    write("compare.prom", &open_metrics::render(&report))?;
    write_json(&out.join("compare.json"), &report)?;
    shared::print_text!("{}", markdown::unfolded(&page));
    shared::print_line!("\nwritten: {}", out.join("compare.{md,html,json,prom}").display());

    let failures = report.failures();
    if !failures.is_empty() {
        bail!("{}", failures.join("\n       "));
    }
    Ok(())
}

/// Leaves only the papers asked for. Those must be in the set that is judged: base may have no record of a new paper.
fn restrict(only: &[String], base: &mut RecordSet, new: Option<&mut RecordSet>) -> Result<()> {
    let mut sets: Vec<&mut RecordSet> = std::iter::once(base).chain(new).collect();
    if let Some(set) = sets.iter().find(|set| set.runs.is_empty() && set.damaged.is_empty()) {
        let folder = set.folder.display();
        bail!("no record in {folder}: train a run, or name the folder that holds them");
    }
    let Some(judged) = sets.last() else { return Ok(()) };
    let known: BTreeSet<&str> = judged.runs.keys().map(|run| run.paper.as_str()).collect();
    for paper in only {
        // A damaged record may be of any paper, and fails by itself.
        if !known.contains(paper.as_str()) && judged.damaged.is_empty() {
            let known: Vec<&str> = known.into_iter().collect();
            let folder = judged.folder.display();
            bail!("--only {paper}: no record of it in {folder}; there are {}", known.join(", "));
        }
    }
    if !only.is_empty() {
        sets.iter_mut().for_each(|set| set.runs.retain(|run, _| only.contains(&run.paper)));
    }
    Ok(())
}
