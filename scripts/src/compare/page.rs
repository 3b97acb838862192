//! What is said of a comparison, and in which order.

use shared::{
    counted,
    statistics::{deviation, mean},
};

use super::{
    document::{Block, Mark, Row, Table},
    league,
    number::{arrow, rough, signed, with_deviation},
    pictures,
    records::RecordSet,
    report::{Line, Report, Run, Verdict},
};

/// With more runs than this, each is folded away.
const UNFOLDED: usize = 3;

/// The page of a report.
pub(super) fn page(report: &Report, base: &RecordSet, new: Option<&RecordSet>) -> Vec<Block> {
    let mut page = match &report.new {
        Some(name) => {
            let title = format!("{name} compared with {}", report.base);
            let mut page = vec![Block::Heading(1, title)];
            page.extend(summary(report));
            page
        }
        None => vec![
            Block::Heading(1, format!("League of {}", report.base)),
            Block::Text(
                "The best runs at each metric, by their mean over seeds; ± is the standard \
                 deviation over seeds. Runs share a table if they share data and splits, and a \
                 line if the metric is computed alike."
                    .into(),
            ),
        ],
    };
    page.extend(problems(report));
    if new.is_none() {
        page.extend(league::tables(report));
    }
    page.extend(runs(report, base, new));
    page
}

fn summary(report: &Report) -> Vec<Block> {
    let count = |verdict| report.with(verdict).count();
    let mut blocks = vec![Block::Text(format!(
        "{} judged: {}, {}, {} within tolerance.",
        counted(report.tests, "metric"),
        counted(count(Verdict::Regression), "regression"),
        counted(count(Verdict::Improvement), "improvement"),
        count(Verdict::Within)
    ))];
    if report.tests > 0 {
        blocks.push(Block::Text(format!(
            "The tolerance is how far a mean over seeds, and behind the comma how far a single seed, \
             may be from the mean of base if nothing but the seeds changed: t intervals of the spread of \
             base. The nominal confidence is {}% for all metrics of a run together (Bonferroni). \
             df: degrees of freedom.",
            100.0 * report.confidence
        )));
    }
    for (title, verdict) in
        [("Regressions", Verdict::Regression), ("Improvements", Verdict::Improvement)]
    {
        let rows: Vec<Row> = report
            .with(verdict)
            .map(|(run, line)| {
                let mut row = row(line);
                row.cells.splice(0..0, [run.key.paper.clone(), run.key.name.clone()]);
                row
            })
            .collect();
        if !rows.is_empty() {
            let mut head = head();
            head.splice(0..0, ["paper".to_owned(), "run".to_owned()]);
            blocks.push(Block::Heading(2, title.into()));
            blocks.push(Block::Table(Table { head, rows }));
        }
    }
    blocks
}

/// What cannot be compared, and why.
fn problems(report: &Report) -> Vec<Block> {
    let said = |of: fn(&Run) -> Vec<&String>| -> Vec<String> {
        let lines = report
            .runs
            .iter()
            .flat_map(|run| of(run).into_iter().map(move |line| format!("{}: {line}", run.key)));
        lines.collect()
    };
    let in_one = |of: fn(&Run) -> &[u64]| -> Vec<String> {
        let is_pair = report.new.is_some();
        let runs = report.runs.iter().filter(|run| is_pair && of(run).is_empty());
        runs.map(|run| run.key.to_string()).collect()
    };
    let sections = [
        ("Damaged files", report.damaged.clone()),
        ("Nothing judged", report.unjudged()),
        ("Training and validation differ", said(|run| run.objective.iter().collect())),
        ("Missing in new", said(|run| run.missing.iter().collect())),
        ("Wrong split, never compared", said(|run| run.wrong_split.iter().collect())),
        (
            if report.across_configs {
                "Stale, compared all the same"
            } else {
                "Stale, not judged"
            },
            said(|run| run.stale.iter().collect()),
        ),
        ("Extra: in new alone", in_one(|run| &run.base_seeds)),
        ("Missing: in base alone", in_one(|run| &run.new_seeds)),
    ];
    let filled = sections.into_iter().filter(|(_, lines)| !lines.is_empty());
    filled
        .flat_map(|(title, lines)| [Block::Heading(2, title.into()), Block::List(lines)])
        .collect()
}

/// Every run that is new, or every run of a single set, metric by metric.
fn runs(report: &Report, base: &RecordSet, new: Option<&RecordSet>) -> Vec<Block> {
    let shown = |run: &&Run| new.is_none() || !run.new_seeds.is_empty();
    let runs: Vec<&Run> = report.runs.iter().filter(shown).collect();
    let is_folded = runs.len() > UNFOLDED || new.is_none();
    let mut blocks = Vec::new();
    for run in runs {
        let mut inner = vec![Block::Text(format!("{}; {}", run.data, seeds(run)))];
        let rows = run.metrics.iter().map(row).collect();
        inner.push(Block::Table(Table { head: head(), rows }));
        if !run.notes.is_empty() {
            inner.push(Block::List(run.notes.clone()));
        }
        inner.push(Block::Pictures(pictures::pairs(&run.key, base, new)));
        if is_folded {
            blocks.push(Block::Details(run.key.to_string(), inner));
        } else {
            blocks.push(Block::Heading(2, run.key.to_string()));
            blocks.extend(inner);
        }
    }
    blocks
}

fn seeds(run: &Run) -> String {
    let list = |seeds: &[u64]| {
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        if seeds.is_empty() { "none".to_owned() } else { seeds.join(", ") }
    };
    format!("seeds of base: {}; of new: {}", list(&run.base_seeds), list(&run.new_seeds))
}

fn head() -> Vec<String> {
    ["metric", "base", "new", "change", "tolerance", "spread", "verdict"].map(String::from).into()
}

fn row(line: &Line) -> Row {
    let value = |values: &[f64]| {
        if values.is_empty() {
            return String::new();
        }
        with_deviation(mean(values), deviation(values))
    };
    let is_in_both = !line.base.is_empty() && !line.new.is_empty();
    let (mark, verdict) = match line.verdict {
        Verdict::Regression => (Mark::Worse, "regression"),
        Verdict::Improvement => (Mark::Better, "improvement"),
        Verdict::Within => (Mark::Plain, "within"),
        Verdict::Shown => (Mark::Plain, "not judged"),
    };
    let worse: Vec<String> = line.worse_seeds.iter().map(u64::to_string).collect();
    let verdict = match worse.is_empty() {
        true => verdict.to_owned(),
        false => format!("{verdict} (seed {})", worse.join(", ")),
    };
    let tolerance = line.tolerance.as_ref();
    let cells = vec![
        format!("{}{}", line.metric, arrow(line.better)),
        value(&line.base),
        value(&line.new),
        if is_in_both { signed(line.change()) } else { String::new() },
        tolerance.map(|t| format!("±{}, ±{}", rough(t.mean), rough(t.seed))).unwrap_or_default(),
        tolerance.map(|tolerance| tolerance.basis.clone()).unwrap_or_default(),
        verdict,
    ];
    Row { mark, cells }
}
