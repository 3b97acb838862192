//! Tables in Markdown pages, written from the records under results/ into their [`blocks`](crate::blocks):
//! `<!-- table: NAMES | METRICS -->` is one of runs, where those that differ in their seed alone share a line,
//! a metric written `NAME:95` stands with its 95% interval over test examples, and one written
//! `NAME:median` with its median, least and greatest over seeds, and one written `NAME:upper-half` with the mean of
//! the better half of all draws of all seeds; `<!-- speed: NAME -->` that of `bench-peers` on one processor or GPU;
//! `<!-- claims: PAPER -->` what the papers report beside ours; `<!-- waits: NAME -->` that of `bench-run`;
//! `<!-- frontier: DATA -->` what `fair-repr frontier` chose, `<!-- frontier-points: DATA -->` which of its points are
//! above the reduction; `<!-- against: NAME -->` our metrics beside those of a
//! reference; `<!-- validate: TABLE -->` one of [`crate::validate`]; `<!-- papers -->` the table of [`papers`].

mod claims;
mod frontier;
mod speeds;

use std::{fmt::Write, fs, path::PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use shared::run::{Record, write_atomic};

use crate::{
    blocks::filled,
    cells::{column, fitted_in, having, refuse_gaps, value},
    papers,
    results::{Records, records, result},
    validate::tables::with_validation,
    workspace,
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Change nothing; fail if a page is not what the records say.
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let records = records(&workspace().join("results"))?;
    let mut stale = Vec::new();
    for page in pages()? {
        let old = fs::read_to_string(&page)?;
        let new = written(&old, &records).with_context(|| page.display().to_string())?;
        if new == old {
            continue;
        }
        if args.check {
            stale.push(page.display().to_string());
        } else {
            write_atomic(&page, new.as_bytes())?;
            shared::print_line!("wrote {}", page.display());
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!("not what the records say: {}; run cargo xtask readme", stale.join(", "))
}

/// A page with every table as the records have it.
pub(crate) fn written(page: &str, records: &Records) -> Result<String> {
    let page = with_tables(page, records)?;
    let page = filled(&page, "claims", |paper| claims::table(paper, records))?;
    let page = filled(&page, "speed", |name| speeds::peers(&result(name)?))?;
    let page = filled(&page, "waits", |name| speeds::waits(&result(name)?))?;
    let page = filled(&page, "frontier", |data| {
        frontier::chosen(&result(&format!("fair-repr/frontier-{data}"))?)
    })?;
    let page = filled(&page, "frontier-points", |data| {
        frontier::points(&result(&format!("fair-repr/frontier-{data}"))?)
    })?;
    let page = filled(&page, "against", |name| against(&result(name)?))?;
    papers::with_papers(&with_validation(&page)?, &workspace(), records)
}

/// The pages that have tables.
pub(crate) fn pages() -> Result<Vec<PathBuf>> {
    let mut pages = vec![workspace().join("README.md")];
    for folder in ["docs", "docs/course"] {
        for entry in fs::read_dir(workspace().join(folder))? {
            pages.push(entry?.path());
        }
    }
    for entry in fs::read_dir(workspace().join("crates"))? {
        pages.push(entry?.path().join("README.md"));
    }
    pages.retain(|page| page.is_file() && page.extension().is_some_and(|e| e == "md"));
    pages.sort();
    Ok(pages)
}

fn with_tables(page: &str, records: &Records) -> Result<String> {
    filled(page, "table", |argument| {
        let (names, metrics) =
            argument.split_once('|').ok_or_else(|| anyhow!("write table: names | metrics"))?;
        table(&words(names), &words(metrics), records)
    })
}

/// A line for each metric: a reference's on draws of its own, ours, and how far they are apart.
fn against(result: &Value) -> Result<String> {
    let mut text =
        String::from("| metric | reference, its draws | ours | ours - mean |\n|---|---|---|---|\n");
    for (name, row) in result["metrics"].as_object().context("no metrics")? {
        let draws = row["draws"].as_array().context("no draws")?.iter();
        let draws: Vec<String> =
            draws.map(|draw| draw.as_f64().map_or("-".into(), |v| format!("{v:.4}"))).collect();
        // A reference may know more than we do.
        if let [Some(ours), Some(difference)] = ["ours", "difference"].map(|key| row[key].as_f64())
        {
            let name = name.replace('_', " ");
            writeln!(text, "| {name} | {} | {ours:.4} | {difference:+.4} |", draws.join(", "))?;
        }
    }
    Ok(text)
}

fn words(text: &str) -> Vec<&str> {
    text.split([' ', ',']).filter(|word| !word.is_empty()).collect()
}

fn table(names: &[&str], metrics: &[&str], records: &Records) -> Result<String> {
    let of = |name: &&str| {
        records.get(*name).with_context(|| format!("results/ has no record of {name}"))
    };
    let found: Vec<&Vec<Record>> = names.iter().map(of).collect::<Result<_>>()?;
    let first = found.first().and_then(|runs| runs.first());
    let mut text = String::from("| run |");
    for metric in metrics {
        if found.iter().all(|runs| having(runs, metric) == 0) {
            bail!(
                "no record of {} has {metric}: correct it, or evaluate the runs again",
                names.join(", ")
            );
        }
        write!(text, " {} |", column(first, metric))?;
    }
    text.push_str(" seeds | fitted in |\n|---|");
    text.push_str(&"---|".repeat(metrics.len() + 2));
    text.push('\n');
    for (name, runs) in names.iter().zip(found) {
        write!(text, "| {name} |")?;
        for metric in metrics {
            refuse_gaps(name, runs, metric)?;
            write!(text, " {} |", value(runs, metric))?;
        }
        writeln!(text, " {} | {} |", runs.len(), fitted_in(runs))?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_that_no_run_of_a_table_has_is_an_error() {
        let committed = records(&workspace().join("results")).unwrap();
        let said = |metric: &str| {
            let page = format!("<!-- table: vae-quick | nll {metric} -->\n<!-- end -->\n");
            with_tables(&page, &committed).err().map(|error| format!("{error:#}"))
        };
        assert_eq!(said("nll:median"), None);
        for wrong in ["nil", "nll:medain", "nll_draw:upper-half"] {
            let said = said(wrong).unwrap();
            let expected = format!("no record of vae-quick has {wrong}");
            assert!(said.contains("table: vae-quick") && said.contains(&expected), "{said}");
        }
    }

    #[test]
    fn a_marker_without_a_record_is_an_error() {
        let page = "a\n<!-- table: no-such | nll -->\nold\n<!-- end -->\n";
        assert!(
            format!("{:#}", with_tables(page, &Records::new()).unwrap_err()).contains("no-such")
        );
    }
}
