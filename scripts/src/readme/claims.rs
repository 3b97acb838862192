//! `<!-- claims: PAPER -->`: what the papers report beside what is measured here, from `claims.toml` in the folder of
//! the paper's crate and the records under results/.

use std::{fmt::Write, fs};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use shared::run::{Better, Record};

use crate::{
    cells::{self, RunMetric, fitted_in, parted, percent, refuse_gaps},
    results::Records,
    workspace,
};

/// `claims.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    /// Units, and which numbers are recalled and which checked.
    about: String,
    claim: Vec<Claim>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    /// What it is of.
    of: String,
    /// What the paper reports; begins with a number, in per cent if a `%` follows it.
    published: String,
    /// What public reproductions report.
    reproduced: Option<String>,
    /// What is measured; none if nothing is.
    here: Option<RunMetric>,
    /// What to know of it; says of a claim that is not reached why it is not.
    remark: Option<String>,
}

/// The table of a paper, and what is to be known to read it.
pub(super) fn table(paper: &str, records: &Records) -> Result<String> {
    let path = workspace().join("crates").join(paper).join("claims.toml");
    let read = || -> Result<String> {
        let claims: Claims = toml::from_str(&fs::read_to_string(&path)?)?;
        let mut text = format!(
            "What the papers report, and what is measured here. A claim is reached if the mean, rounded to the digits \
             that were published, is at least as good. {}\n\n\
             | | paper | reproductions | here | run | seeds | fitted in | reached |\n\
             |---|---|---|---|---|---|---|---|\n",
            claims.about
        );
        for claim in &claims.claim {
            let line = line(paper, claim, records).with_context(|| claim.of.clone())?;
            writeln!(text, "{line}")?;
        }
        Ok(text)
    };
    read().with_context(|| path.display().to_string())
}

fn line(paper: &str, claim: &Claim, records: &Records) -> Result<String> {
    let Claim { of, published, reproduced, here, remark } = claim;
    let reproduced = reproduced.as_deref().unwrap_or("-");
    let remark = remark.as_deref();
    let Some(RunMetric { run, metric }) = here else {
        let why = remark.context("not measured: say in `remark` why not")?;
        return Ok(format!("| {of} | {published} | {reproduced} | - | - | - | - | no: {why} |"));
    };
    let name = format!("{paper}-{run}");
    let runs = records.get(&name).with_context(|| format!("results/ has no record of {name}"))?;
    refuse_gaps(run, runs, metric)?;
    // Of the number alone: another may follow.
    let is_percent = published.split(' ').next().is_some_and(|first| first.ends_with('%'));
    let value = match is_percent {
        true => percent(runs, metric),
        false => cells::value(runs, metric),
    };
    let reached = match (is_reached(&value, published, better(runs, metric)?)?, remark) {
        (true, None) => "yes".into(),
        (true, Some(remark)) => format!("yes; {remark}"),
        (false, Some(why)) => format!("no: {why}"),
        (false, None) => bail!("{value} is not {published}: say in `remark` why not"),
    };
    let (seeds, time) = (runs.len(), fitted_in(runs));
    Ok(format!(
        "| {of} | {published} | {reproduced} | {value} | `{run}` | {seeds} | {time} | {reached} |"
    ))
}

/// Which way a metric of these runs improves.
fn better(runs: &[Record], metric: &str) -> Result<Better> {
    let (metric, _) = parted(metric);
    let found = runs.first().and_then(|run| run.metrics.get(metric));
    Ok(found.with_context(|| format!("no record of the run has {metric}"))?.better)
}

/// Whether a value, with the digits that were published, is at least as good.
fn is_reached(value: &str, published: &str, better: Better) -> Result<bool> {
    let (ours, _) = number(value)?;
    let (theirs, digits) = number(published)?;
    let unit = 10_f64.powi(digits);
    let [ours, theirs] = [ours, theirs].map(|number| (number * unit).round());
    match better {
        Better::Lower => Ok(ours <= theirs),
        Better::Higher => Ok(ours >= theirs),
        Better::Neither => bail!("neither more nor less of this metric is better"),
    }
}

/// The number that a text begins with, and how many of its digits follow the point.
fn number(text: &str) -> Result<(f64, i32)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !"-.".contains(c)).unwrap_or(text.len());
    let number = &text[..end];
    let digits = number.split_once('.').map_or(0, |(_, digits)| digits.len());
    let number = number.parse().with_context(|| format!("{text}: does not begin with a number"))?;
    Ok((number, digits as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_reached_with_the_digits_that_were_published() {
        let is_reached = |ours, theirs, better| is_reached(ours, theirs, better).unwrap();
        assert!(is_reached("86.27 ± 0.03", "86.76", Better::Lower));
        assert!(is_reached("2.84% ± 0.15", "2.84%", Better::Lower));
        assert!(is_reached("6.8946", "6.90 with four particles", Better::Lower));
        assert!(is_reached("6.9046", "6.90", Better::Lower));
        assert!(!is_reached("6.9051", "6.90", Better::Lower));
        assert!(!is_reached("0.9442 (15 of 30)", "0.992", Better::Higher));
        assert!(is_reached("0.9917", "0.992", Better::Higher));
        assert!(!is_reached("90", "9", Better::Lower));
        assert!(is_reached("-306.51 ± 0.00", "-306.5", Better::Lower));
    }

    #[test]
    fn what_is_not_reached_or_not_measured_needs_a_reason() {
        let records = crate::results::records(&workspace().join("results")).unwrap();
        let line = |published: &str, metric: &str, remark: Option<&str>| {
            let here = format!("here = {{ run = \"quick\", metric = \"{metric}\" }}");
            let here = if metric.is_empty() { String::new() } else { here };
            let remark = remark.map_or(String::new(), |remark| format!("remark = \"{remark}\""));
            let text = format!("of = \"x\"\npublished = \"{published}\"\n{here}\n{remark}");
            line("vae", &toml::from_str(&text).unwrap(), &records)
        };
        let said = |published, metric| line(published, metric, None).unwrap_err().to_string();
        assert!(line("99.9", "nll", None).unwrap().ends_with("| yes |"));
        assert!(line("99.9", "nll", Some("short")).unwrap().ends_with("| yes; short |"));
        assert!(line("1.0", "nll", Some("short")).unwrap().ends_with("| no: short |"));
        assert!(line("99.9 with 5% hidden", "nll", None).unwrap().contains("| 93."));
        assert!(said("1.0", "nll").contains("is not 1.0: say in `remark` why not"));
        assert!(said("1.0", "").contains("not measured"));
        assert!(said("1.0", "nil").contains("nil"));
        assert!(said("about 1", "nll").contains("about 1: does not begin with a number"));
        assert!(said("1", "active_units").contains("neither more nor less"));
    }
}
