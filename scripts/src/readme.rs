//! Tables in Markdown pages, written from the records under results/ into their [`blocks`]:
//! `<!-- table: NAMES | METRICS -->` is one of runs, where those that differ in their seed alone share a line,
//! a metric written `NAME:95` stands with its 95% interval over test examples, and one written
//! `NAME:median` with its median, least and greatest over seeds, and one written `NAME:upper-half` with the mean of
//! the better half of all draws of all seeds; `<!-- speed: NAME -->` that of `bench-peers` on one processor or GPU;
//! `<!-- waits: NAME -->` that of `bench-run`;
//! `<!-- frontier: DATA -->` what `fair-repr frontier` chose, `<!-- frontier-points: DATA -->` which of its points are
//! above the reduction; `<!-- against: NAME -->` our metrics beside those of a
//! reference; `<!-- validate: TABLE -->` one of [`crate::validate`]; `<!-- papers -->` the table of [`papers`].

pub(crate) mod blocks;
mod frontier;
pub(crate) mod papers;

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use blocks::filled;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::{
    run::{Record, write_atomic},
    statistics::{mean, mean_and_deviation, median},
};

use crate::{
    compare::{
        number::{arrow, brief},
        records::{Found, RecordSet, RunKey},
        stale::mixed,
    },
    validate::tables::with_validation,
    workspace,
};

const INTERVAL: &str = ":95";
const MEDIAN: &str = ":median";
const UPPER_HALF: &str = ":upper-half";

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
    let page = filled(&page, "speed", |name| speeds(&result(name)?))?;
    let page = filled(&page, "waits", |name| waits(&result(name)?))?;
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

/// Records by `paper-name`, one for each seed.
pub(crate) type Records = BTreeMap<String, Vec<Record>>;

/// Every record under a folder, one of each seed.
///
/// # Errors
/// A record that is damaged, or two of one seed that differ, or of one run and different experiments.
pub(crate) fn records(folder: &Path) -> Result<Records> {
    let set = RecordSet::read(folder)?;
    if let Some(damaged) = set.damaged.first() {
        bail!("{damaged}");
    }
    set.runs.values().try_for_each(|found| refuse_mixed(found))?;
    let named = |(key, found): (RunKey, Vec<Found>)| {
        let records = found.into_iter().map(|found| found.record).collect();
        (format!("{}-{}", key.paper, key.name), records)
    };
    Ok(set.runs.into_iter().map(named).collect())
}

/// Refuses records of one run that differ in more than their seed: a table has their mean over seeds.
fn refuse_mixed(found: &[Found]) -> Result<()> {
    let Some((first, others)) = found.split_first() else { return Ok(()) };
    for other in others {
        let differences = mixed(&first.record, &other.record);
        if !differences.is_empty() {
            bail!(
                "{} and {} are records of one run and differ in more than their seed: {}; give one of the runs \
                 another --name, or train it again",
                first.file.display(),
                other.file.display(),
                differences.join(", ")
            );
        }
    }
    Ok(())
}

/// What lies under results/ by that name.
pub(crate) fn result<R: DeserializeOwned>(name: &str) -> Result<R> {
    let path = workspace().join(format!("results/{name}.json"));
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
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

/// What `bench-run` found.
fn waits(result: &Value) -> Result<String> {
    let number = |value: &Value| value.as_f64().context("no number");
    let mut text = String::from("| `vae train` | |\n|---|---|\n");
    writeln!(text, "| first picture | {:.1} s |", number(&result["first_picture_seconds"])?)?;
    let [fit, evaluate] =
        [&result["quick"]["fit_seconds"], &result["quick"]["evaluate_seconds"]].map(number);
    writeln!(text, "| `quick`: fit, evaluation | {:.0} s, {:.0} s |", fit?, evaluate?)?;
    for size in result["sizes"].as_array().context("no sizes")? {
        writeln!(
            text,
            "| one epoch, {} images of {:.0} MB | {:.1}k a second, {:.0} MB at most |",
            size["images"],
            number(&size["data_megabytes"])?,
            number(&size["examples_per_second"])? / 1000.0,
            size["peak_megabytes"].as_f64().unwrap_or(f64::NAN),
        )?;
    }
    Ok(text)
}

/// A line for each case of `bench-peers`, a column for each contestant.
fn speeds(result: &Value) -> Result<String> {
    let cases = result["cases"].as_array().context("no cases")?;
    let mut names: Vec<&str> = Vec::new();
    for case in cases {
        for name in case["contestants"].as_object().context("no contestants")?.keys() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    // Of our first backend and of the first peer.
    let cost = |case: &Value, name: &str| {
        case["contestants"][name]["processor_seconds_per_1000"].as_f64().map(|s| s * 1000.0)
    };
    let has_costs = cases.iter().any(|case| cost(case, names[0]).is_some());
    let (last, columns) = if has_costs { (" processor |", 3) } else { ("", 2) };
    let mut text =
        format!("| examples a second | {} | ratio | memory |{last}\n", names.join(" | "));
    text.push_str(&format!("|---|{}\n", "---|".repeat(names.len() + columns)));
    for case in cases {
        write!(text, "| {} |", case["about"].as_str().unwrap_or_default())?;
        for name in &names {
            match case["contestants"][name]["per_second"].as_f64() {
                Some(rate) if rate < 1000.0 => write!(text, " {rate:.0} |")?,
                Some(rate) => write!(text, " {:.1}k |", rate / 1000.0)?,
                None => text.push_str(" |"),
            }
        }
        let ratio = case["ratio"].as_f64().context("no ratio")?;
        // On a GPU, what is held there.
        let memory = |name: &str| {
            let contestant = &case["contestants"][name];
            let held = ["card_megabytes", "peak_megabytes"].map(|key| contestant[key].as_f64());
            held[0].or(held[1])
        };
        let ours = memory(names[0]).unwrap_or(f64::NAN);
        let peer = ["torch", "sklearn"].into_iter().find(|name| memory(name).is_some());
        let theirs = peer.and_then(memory).unwrap_or(f64::NAN);
        write!(text, " **{ratio:.2}** | {ours:.0} / {theirs:.0} MB |")?;
        if has_costs {
            let [ours, theirs] = [Some(names[0]), peer]
                .map(|name| name.and_then(|name| cost(case, name)).map_or("-".into(), brief));
            write!(text, " {ours} / {theirs} µs |")?;
        }
        text.push('\n');
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
        let seconds: f64 =
            runs.iter().map(|run| run.machine.fit_seconds).sum::<f64>() / runs.len() as f64;
        writeln!(text, " {} | {} |", runs.len(), duration(seconds))?;
    }
    Ok(text)
}

/// How many of these records have what a cell with this metric is made of.
pub(crate) fn having(runs: &[Record], metric: &str) -> usize {
    let count = |has: &dyn Fn(&Record) -> bool| runs.iter().filter(|run| has(run)).count();
    if let Some(metric) = metric.strip_suffix(INTERVAL) {
        return count(&|run| run.metrics.get(metric).is_some_and(|m| m.standard_error.is_some()));
    }
    if let Some(metric) = metric.strip_suffix(UPPER_HALF) {
        let draw = format!("{metric}_draw_");
        return count(&|run| run.metrics.keys().any(|name| name.starts_with(&draw)));
    }
    let metric = metric.strip_suffix(MEDIAN).unwrap_or(metric);
    count(&|run| run.metrics.contains_key(metric))
}

/// Refuses a metric that some seeds of a run have and others have not: the table counts them all.
fn refuse_gaps(name: &str, runs: &[Record], metric: &str) -> Result<()> {
    let having = having(runs, metric);
    if having > 0 && having < runs.len() {
        bail!(
            "{name}: {having} of {} records have {metric}; evaluate the others again",
            runs.len()
        );
    }
    Ok(())
}

/// What a metric is called at the head of its column, with an arrow to where it is better.
pub(crate) fn column(record: Option<&Record>, metric: &str) -> String {
    let forms = [(INTERVAL, ", 95% interval"), (MEDIAN, ", median"), (UPPER_HALF, ", upper half")];
    let (metric, about) = forms
        .iter()
        .find_map(|(form, about)| Some((metric.strip_suffix(form)?, *about)))
        .unwrap_or((metric, ""));
    let arrow = record.and_then(|r| r.metrics.get(metric)).map_or("", |m| arrow(m.better));
    format!("{}{about}{arrow}", metric.replace('_', " "))
}

/// A metric of runs that differ in their seed alone; `-` where none has it.
pub(crate) fn value(runs: &[Record], metric: &str) -> String {
    if let Some(metric) = metric.strip_suffix(INTERVAL) {
        return with_interval(runs, metric);
    }
    if let Some(metric) = metric.strip_suffix(UPPER_HALF) {
        return upper_half(runs, metric);
    }
    let (name, cell): (_, fn(&[f64]) -> String) = match metric.strip_suffix(MEDIAN) {
        Some(metric) => (metric, median_cell),
        None => (metric, cell),
    };
    let values: Vec<f64> =
        runs.iter().filter_map(|run| Some(run.metrics.get(name)?.value)).collect();
    cell(&values)
}

/// A share of test examples in percent with its 95% interval, over examples; means over seeds.
fn with_interval(runs: &[Record], metric: &str) -> String {
    let found: Vec<(f64, f64)> = runs
        .iter()
        .filter_map(|run| run.metrics.get(metric))
        .filter_map(|metric| Some((metric.value, metric.standard_error?)))
        .collect();
    if found.is_empty() {
        return "-".into();
    }
    let mean = |of: fn(&(f64, f64)) -> f64| found.iter().map(of).sum::<f64>() / found.len() as f64;
    format!("{:.2}% ± {:.2}", 100.0 * mean(|f| f.0), 196.0 * mean(|f| f.1))
}

/// The mean of the better half of all draws of a metric that is the better the higher, and how many they are.
fn upper_half(runs: &[Record], metric: &str) -> String {
    let prefix = format!("{metric}_draw_");
    let metrics = runs.iter().flat_map(|run| &run.metrics);
    let mut draws: Vec<f64> = metrics
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(_, metric)| metric.value)
        .collect();
    let all = draws.len();
    draws.sort_by(|a, b| b.total_cmp(a));
    draws.truncate(all.div_ceil(2));
    match draws.len() {
        0 => "-".into(),
        half => format!("{:.4} ({half} of {all})", mean(&draws)),
    }
}

/// Mean and standard deviation over seeds.
pub(crate) fn cell(values: &[f64]) -> String {
    rounded(values, if mean(values).abs() >= 10.0 { 2 } else { 4 })
}

/// Mean and standard deviation over seeds, with this many digits.
pub(crate) fn rounded(values: &[f64], digits: usize) -> String {
    let (mean, deviation) = mean_and_deviation(values);
    match values.len() {
        0 => "-".into(),
        1 => format!("{mean:.digits$}"),
        _ => format!("{mean:.digits$} ± {deviation:.digits$}"),
    }
}

/// Median, and least and greatest, over seeds.
fn median_cell(values: &[f64]) -> String {
    let Some(median) = median(values) else { return "-".into() };
    if values.len() == 1 {
        return format!("{median:.3}");
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{median:.3} ({least:.3} to {greatest:.3})")
}

pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.1} s"),
        s if s < 6000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use shared::run::Metric;

    use super::*;

    #[test]
    fn a_metric_that_one_seed_lacks_is_no_mean_of_all() {
        let committed = records(&workspace().join("results")).unwrap();
        let mut runs = committed["beta-vae-quick"].clone();
        refuse_gaps("quick", &runs, "mig:median").unwrap();
        runs[0].metrics.remove("mig");
        let said = refuse_gaps("quick", &runs, "mig").unwrap_err().to_string();
        assert!(said.contains("2 of 3 records have mig"), "{said}");
        refuse_gaps("quick", &runs, "no_such_metric").unwrap();
        // Nor are draws of some seeds the draws of all, nor intervals without an error.
        refuse_gaps("quick", &runs, "z_diff_25:upper-half").unwrap();
        runs[0].metrics.retain(|name, _| !name.starts_with("z_diff_25_draw_"));
        refuse_gaps("quick", &runs, "z_diff_25:upper-half").unwrap_err();
        let rate = Metric { standard_error: Some(0.1), ..runs[1].metrics["mig"].clone() };
        let without = Metric { standard_error: None, ..rate.clone() };
        for (run, rate) in runs.iter_mut().zip([rate.clone(), rate, without]) {
            run.metrics.insert("rate".into(), rate);
        }
        refuse_gaps("quick", &runs, "rate").unwrap();
        refuse_gaps("quick", &runs, "rate:95").unwrap_err();
    }

    #[test]
    fn the_upper_half_is_that_of_all_draws_of_all_seeds() {
        let committed = records(&workspace().join("results")).unwrap();
        let mut runs = committed["beta-vae-quick"][..2].to_vec();
        for (run, draws) in runs.iter_mut().zip([[0.1, 0.9], [0.8, 0.2]]) {
            for (draw, value) in draws.into_iter().enumerate() {
                let metric = Metric { value, ..run.metrics["mig"].clone() };
                run.metrics.insert(format!("guess_draw_{draw}"), metric);
            }
        }
        assert_eq!(value(&runs, "guess:upper-half"), "0.8500 (2 of 4)");
        assert_eq!(value(&runs, "mig_posterior_guess:upper-half"), "-");
    }

    #[test]
    fn a_median_is_the_middle_or_between_the_two_in_the_middle() {
        assert_eq!(median_cell(&[0.3, 0.1, 0.2]), "0.200 (0.100 to 0.300)");
        assert_eq!(median_cell(&[0.4, 0.1, 0.2, 0.3]), "0.250 (0.100 to 0.400)");
        assert_eq!([median_cell(&[0.5]), median_cell(&[])], ["0.500", "-"]);
    }

    #[test]
    fn records_of_one_run_differ_in_their_seed_and_the_version_of_the_code_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = [1, 2].map(|seed| format!("quick-seed{seed}.json"));
        let kept = |name: &str| fs::read(workspace().join("results/vae").join(name)).unwrap();
        fs::write(folder.path().join(&one), kept(&one)).unwrap();
        let said = |change: fn(&mut Value)| {
            let mut record: Value = serde_json::from_slice(&kept(&two)).unwrap();
            change(&mut record);
            fs::write(folder.path().join(&two), record.to_string()).unwrap();
            records(folder.path()).err().map(|error| error.to_string())
        };
        assert_eq!(said(|_| ()), None);
        assert_eq!(said(|record| record["code"] = "0.0.1".into()), None);
        let refuses = |change: fn(&mut Value), difference: &str| {
            let said = said(change).unwrap();
            for part in [one.as_str(), two.as_str(), difference] {
                assert!(said.contains(part), "no {part} in {said}");
            }
        };
        refuses(|record| record["backend"] = "cuda".into(), "backend: flex → cuda");
        refuses(|record| record["data"]["name"] = "kmnist".into(), "data: mnist → kmnist");
        refuses(|record| record["evaluate"]["nll_samples"] = 7.into(), "evaluate.nll_samples: ");
        refuses(|record| record["config"]["train"]["epochs"] = 7.into(), "config train.epochs: ");
    }

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
