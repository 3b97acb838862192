//! The tables of docs/validation.md and the README, between `<!-- validate: NAME -->` and `<!-- end -->`.

use std::fmt::Write;

use anyhow::{Result, bail};
use shared::statistics::mean;

use super::{
    plan::{COPIES, Part},
    results::Results,
};
use crate::{
    blocks::filled,
    cells::{cell, rounded},
    results::result,
};

/// Code size of the league table.
const LEAGUE_CODE: usize = 16;

/// Numbers of labels that a code is read with, and the size of that code.
const LABELS: [usize; 2] = [100, 1000];
const LABELS_CODE: usize = 64;

/// A metric, what its column is called, and where it is better: up, down or neither.
type Column = (&'static str, &'static str, char);

const RECONSTRUCTION: &[Column] = &[
    ("reconstruction_mse_train", "mse, training ↓", '-'),
    ("reconstruction_mse", "mse, test ↓", '-'),
    ("reconstruction_gap", "gap", ' '),
    ("nll", "NLL, nats ↓", '-'),
    ("active_units", "active units", ' '),
];
const CODES: &[Column] = &[
    ("probe_linear_10", "linear, 10 labels ↑", '+'),
    ("probe_linear_100", "100 ↑", '+'),
    ("probe_linear_1000", "1,000 ↑", '+'),
    ("probe_linear_10000", "10,000 ↑", '+'),
    ("probe_knn_10", "neighbours, 10 ↑", '+'),
    ("probe_knn_100", "100 ↑", '+'),
    ("probe_knn_1000", "1,000 ↑", '+'),
    ("probe_knn_10000", "10,000 ↑", '+'),
];
const SAMPLES: &[Column] = &[
    ("frechet_distance", "Fréchet distance ↓", '-'),
    ("precision", "precision ↑", '+'),
    ("recall", "recall ↑", '+'),
    ("two_sample_accuracy", "told apart ↓", '-'),
    ("interpolation_frechet", "between codes: Fréchet distance ↓", '-'),
    ("interpolation_confidence", "confidence ↑", '+'),
];
const LEAGUE: &[Column] = &[
    ("reconstruction_mse", "mse ↓", '-'),
    ("nll", "NLL, nats ↓", '-'),
    ("probe_linear_100", "linear, 100 labels ↑", '+'),
    ("probe_knn_10000", "neighbours, 10,000 ↑", '+'),
    ("frechet_distance", "samples: Fréchet ↓", '-'),
    ("two_sample_accuracy", "told apart ↓", '-'),
    ("interpolation_frechet", "between codes: Fréchet ↓", '-'),
];
const COPIER: &[Column] = &[
    ("reconstruction_mse", "mse, test ↓", '-'),
    ("reconstruction_gap", "gap", ' '),
    ("probe_linear_100", "linear, 100 labels ↑", '+'),
    ("probe_knn_100", "neighbours, 100 ↑", '+'),
    ("interpolation_frechet", "between codes: Fréchet ↓", '-'),
    ("interpolation_confidence", "confidence ↑", '+'),
    ("frechet_distance", "samples: Fréchet ↓", '-'),
    ("two_sample_accuracy", "told apart ↓", '-'),
];

/// A line of a table: what it is called, where its numbers stand.
struct Line {
    title: String,
    part: Part,
    label: String,
    code: usize,
}

/// The page with its tables, if it has some.
pub(crate) fn with_validation(page: &str) -> Result<String> {
    // Read once, and only for a page that has tables.
    let mut read = None;
    filled(page, "validate", |what| {
        let results = match &mut read {
            Some(results) => results,
            nothing => nothing.insert(result("validate-autoencoders")?),
        };
        part(results, what)
    })
}

fn part(results: &Results, what: &str) -> Result<String> {
    match what {
        "reconstruction" => by_code(results, RECONSTRUCTION),
        "codes" => by_code(results, CODES),
        "samples" => by_code(results, SAMPLES),
        "league" => table(results, &at_code(results, LEAGUE_CODE, false), LEAGUE),
        "copier" => {
            let mut lines = at_code(results, COPIES[0].1, true);
            lines.extend(COPIES.map(|(label, code)| Line {
                title: format!("**{label}**, {code}"),
                part: Part::Copier,
                label: label.into(),
                code,
            }));
            table(results, &lines, COPIER)
        }
        "goldilocks" => goldilocks(results),
        "labels" => labels(results),
        "about" => about(results),
        _ => bail!("there is no such table"),
    }
}

/// All variants at a code size.
fn at_code(results: &Results, code: usize, with_code: bool) -> Vec<Line> {
    let line = |label: &str| Line {
        title: if with_code { format!("{label}, {code}") } else { label.to_owned() },
        part: Part::Table,
        label: label.to_owned(),
        code,
    };
    let labels = results.labels(Part::Table);
    labels
        .into_iter()
        .map(line)
        .filter(|line| !values(results, line, "reconstruction_mse").is_empty())
        .collect()
}

fn values(results: &Results, line: &Line, metric: &str) -> Vec<f64> {
    results.values(line.part, &line.label, line.code, metric)
}

fn by_code(results: &Results, columns: &[Column]) -> Result<String> {
    let codes = results.codes(Part::Table);
    let tables: Result<Vec<String>> = codes
        .iter()
        .map(|&code| {
            let lines = at_code(results, code, true);
            table(results, &lines, columns)
        })
        .collect();
    // One head for all: only the best of each code size is marked.
    let mut text = String::new();
    for (index, table) in tables?.iter().enumerate() {
        let skipped = if index == 0 { 0 } else { 2 };
        table.lines().skip(skipped).for_each(|line| text.push_str(&format!("{line}\n")));
    }
    Ok(text)
}

/// The best of each column in bold.
fn table(results: &Results, lines: &[Line], columns: &[Column]) -> Result<String> {
    let mut text = String::from("| variant, code size |");
    columns.iter().for_each(|(_, title, _)| text.push_str(&format!(" {title} |")));
    text.push_str(&format!("\n|---|{}\n", "---|".repeat(columns.len())));
    for line in lines {
        let seeds = results.own_seeds(line.part, &line.label, &[line.code]);
        write!(text, "| {}{seeds} |", line.title)?;
        for (metric, _, direction) in columns {
            let own = values(results, line, metric);
            let all = lines.iter().map(|line| values(results, line, metric));
            let all: Vec<f64> = all.filter(|v| !v.is_empty()).map(|v| mean(&v)).collect();
            let best = match direction {
                '+' => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                '-' => all.iter().copied().fold(f64::INFINITY, f64::min),
                _ => f64::NAN,
            };
            let cell = cell(&own);
            if !own.is_empty() && mean(&own) == best && all.len() > 1 {
                write!(text, " **{cell}** |")?;
            } else {
                write!(text, " {cell} |")?;
            }
        }
        text.push('\n');
    }
    Ok(text)
}

fn goldilocks(results: &Results) -> Result<String> {
    let codes = results.codes(Part::Goldilocks);
    let mut text = String::from("| mse, code size |");
    codes.iter().for_each(|code| text.push_str(&format!(" {code} |")));
    text.push_str(&format!("\n|---|{}\n", "---|".repeat(codes.len())));
    for label in results.labels(Part::Goldilocks) {
        let seeds = results.own_seeds(Part::Goldilocks, label, &codes);
        for (split, metric) in
            [("training", "reconstruction_mse_train"), ("test", "reconstruction_mse")]
        {
            write!(text, "| {label}, {split}{seeds} |")?;
            for &code in &codes {
                let values = results.values(Part::Goldilocks, label, code, metric);
                write!(text, " {:.4} |", mean(&values))?;
            }
            text.push('\n');
        }
    }
    Ok(text)
}

/// What a code is worth when labels are few: test error with each number of them, in percent.
fn labels(results: &Results) -> Result<String> {
    let (pixels, numbers) = COPIES[1];
    let mut text = String::from("| test error, % |");
    LABELS.iter().for_each(|count| text.push_str(&format!(" {count} labels ↓ |")));
    text.push_str("\n|---|---|---|\n");
    for (title, part, label, code) in [
        ("pixels", Part::Copier, pixels, numbers),
        ("codes of vae", Part::Table, "vae", LABELS_CODE),
        ("codes of denoising-ae", Part::Table, "denoising-ae", LABELS_CODE),
    ] {
        for (classifier, kind) in [("linear", "linear"), ("neighbours", "knn")] {
            let seeds = results.own_seeds(part, label, &[code]);
            write!(text, "| {title}, {classifier}{seeds} |")?;
            for count in LABELS {
                let right = results.values(part, label, code, &format!("probe_{kind}_{count}"));
                let wrong: Vec<f64> = right.into_iter().map(|v| 100.0 * (1.0 - v)).collect();
                write!(text, " {} |", rounded(&wrong, 1))?;
            }
            text.push('\n');
        }
    }
    Ok(text)
}

/// What all tables have in common.
fn about(results: &Results) -> Result<String> {
    let mut text = format!(
        "{} runs, {}, {:.0} minutes of fitting",
        results.runs.len(),
        results.all_seeds(),
        results.minutes()
    );
    let judged = results.runs.iter().find_map(|run| run.metrics.get("classifier_error"));
    if let Some(error) = judged {
        write!(text, "; the classifier is wrong on {:.2}% of the test images", 100.0 * error)?;
    }
    text.push('.');
    for (variant, reason) in &results.left_out {
        write!(text, " `{variant}` is left out: {reason}.")?;
    }
    text.push('\n');
    Ok(text)
}
