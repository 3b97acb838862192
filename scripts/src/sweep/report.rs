//! What a sweep found: a table in Markdown and CSV, and a picture.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::{Result, bail};
use shared::{
    plot::{Axis, Place, means},
    run::{Record, RunFolder, write_atomic},
    statistics::{deviation, mean},
};
use toml::Value;

use super::{plan::shown, runs::Runs};
use crate::{
    cells::{column, duration, having, value},
    compare::records,
    papers::headline,
    results::refuse_mixed,
};

/// Seconds of fitting, a column of the CSV.
const SECONDS: &str = "fit_seconds";
/// An axis is logarithmic if its values differ by more than this factor.
const WIDE: f64 = 20.0;

/// The records of each cell that has some.
pub(super) struct Found {
    cells: BTreeMap<usize, Vec<Record>>,
}

impl Found {
    /// # Errors
    /// If the records of a cell differ in more than their seed, for instance in their backend.
    pub(super) fn of(runs: &Runs) -> Result<Self> {
        let mut cells: BTreeMap<usize, Vec<records::Found>> = BTreeMap::new();
        for index in 0..runs.plan.len() {
            if let Some(record) = runs.record(index)? {
                let file = runs.run(index).join(RunFolder::RECORD);
                let cell = cells.entry(runs.plan.run(index).0).or_default();
                cell.push(records::Found { record, file });
            }
        }
        cells.values().try_for_each(|found| refuse_mixed(found))?;
        let records = |found: Vec<records::Found>| found.into_iter().map(|found| found.record);
        let cells = cells.into_iter().map(|(cell, found)| (cell, records(found).collect()));
        Ok(Self { cells: cells.collect() })
    }

    pub(super) fn records(&self) -> usize {
        self.cells.values().map(Vec::len).sum()
    }

    /// Every metric of any record.
    fn metrics(&self) -> BTreeSet<&str> {
        let records = self.cells.values().flatten();
        records.flat_map(|record| record.metrics.keys().map(String::as_str)).collect()
    }

    /// The metrics of the table: those asked for, or the one that sums the paper up.
    fn chosen(&self, paper: &str, asked: &[String]) -> Result<Vec<String>> {
        let known = self.metrics();
        let name = |metric: &str| metric.split(':').next().unwrap_or_default().to_owned();
        let is_there =
            |metric: &String| self.cells.values().any(|records| having(records, metric) > 0);
        let is_known = |metric: &String| known.contains(&*name(metric)) && is_there(metric);
        if let Some(unknown) = asked.iter().find(|metric| !is_known(metric)) {
            let known: Vec<&str> = known.into_iter().collect();
            bail!(
                "--metrics {unknown}: the records have {}; :95, :median or :upper-half may follow",
                known.join(", ")
            );
        }
        if !asked.is_empty() {
            return Ok(asked.to_vec());
        }
        let headline = headline(paper).ok().filter(|metric| known.contains(&*name(metric)));
        Ok(headline.or_else(|| known.first().map(|name| (*name).to_owned())).into_iter().collect())
    }

    fn markdown(&self, runs: &Runs, metrics: &[String]) -> String {
        let plan = &runs.plan;
        let mut heads = vec!["run".to_owned()];
        heads.extend(plan.keys.iter().map(|key| key.label.clone()));
        let first = self.cells.values().flatten().next();
        heads.extend(metrics.iter().map(|metric| column(first, metric)));
        heads.extend(["seeds".into(), "fitted in".into()]);
        let mut text = format!("{}|{}\n", row(&heads), "---|".repeat(heads.len()));
        for (&cell, records) in &self.cells {
            let mut words = vec![plan.cells[cell].name.clone()];
            words.extend(plan.cells[cell].values.iter().map(shown));
            words.extend(metrics.iter().map(|metric| match having(records, metric) {
                some if 0 < some && some < records.len() => {
                    format!("{} (of {some})", value(records, metric))
                }
                _ => value(records, metric),
            }));
            let seconds: Vec<f64> = records.iter().map(|r| r.machine.fit_seconds).collect();
            words.extend([records.len().to_string(), duration(mean(&seconds))]);
            text.push_str(&row(&words));
        }
        text
    }

    fn csv(&self, runs: &Runs) -> Result<Vec<u8>> {
        let plan = &runs.plan;
        let metrics = self.metrics();
        let mut heads = vec!["run".to_owned(), "config".into()];
        heads.extend(plan.keys.iter().map(|key| key.name.clone()));
        heads.push("seeds".into());
        for metric in metrics.iter().copied().chain([SECONDS]) {
            heads.extend([format!("{metric}_mean"), format!("{metric}_deviation")]);
        }
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(&heads)?;
        for (&cell, records) in &self.cells {
            let Some(of) = plan.cells.get(cell) else { continue };
            let mut words = vec![of.name.clone(), of.config.clone()];
            words.extend(of.values.iter().map(shown));
            words.push(records.len().to_string());
            for metric in metrics.iter().copied().chain([SECONDS]) {
                let values = values(records, metric);
                let mean = (!values.is_empty()).then(|| mean(&values));
                let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
                words.extend([number(mean), number(deviation(&values))]);
            }
            table.write_record(&words)?;
        }
        Ok(table.into_inner()?)
    }

    /// A metric against the key with the most numbers, a series for each value of the others; against the cells
    /// where no key has numbers.
    fn draw(&self, runs: &Runs, metric: &str) -> Result<PathBuf> {
        let plan = &runs.plan;
        let name = metric.split(':').next().unwrap_or_default();
        let places = |key: usize| -> Option<BTreeMap<usize, f64>> {
            let place = |cell: usize| Some((cell, number(&plan.cells[cell].values[key])?));
            self.cells.keys().map(|&cell| place(cell)).collect()
        };
        let count = |key: &usize| plan.keys[*key].values.len();
        let numeric = (0..plan.keys.len()).filter(|key| count(key) > 1 && places(*key).is_some());
        let across = numeric.max_by_key(count);
        let at = match across.and_then(places) {
            Some(at) => at,
            None => self.cells.keys().enumerate().map(|(i, &c)| (c, (i + 1) as f64)).collect(),
        };
        let mut series: Vec<(String, Vec<Place>)> = Vec::new();
        for (&cell, records) in &self.cells {
            let of = &plan.cells[cell];
            let title = match across {
                None => format!("{}: {}", at[&cell], of.name),
                Some(across) => {
                    let config = (plan.sweep.configs.len() > 1).then(|| of.config.clone());
                    let others =
                        (0..plan.keys.len()).filter(|&key| key != across && count(&key) > 1);
                    let others = others
                        .map(|key| format!("{} {}", plan.keys[key].label, shown(&of.values[key])));
                    config.into_iter().chain(others).collect::<Vec<_>>().join(", ")
                }
            };
            let values = values(records, name);
            if values.is_empty() {
                continue;
            }
            match series.iter_mut().find(|(known, _)| *known == title) {
                Some((_, points)) => points.push((at[&cell], values)),
                None => series.push((title, vec![(at[&cell], values)])),
            }
        }
        series.iter_mut().for_each(|(_, points)| points.sort_by(|a, b| a.0.total_cmp(&b.0)));
        let label = across.map_or("run", |key| &plan.keys[key].name);
        let (low, high) =
            at.values().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        let axis = match low > 0.0 && high / low > WIDE {
            true if across.is_some() => Axis::logarithmic(label),
            _ if at.values().all(|value| value.fract() == 0.0) => Axis::whole(label),
            _ => Axis::linear(label),
        };
        // As in the CSV: values, no interval and no median. The font has no arrows.
        let mut records = self.cells.values().flatten();
        let unit = records.find_map(|record| Some(&record.metrics.get(name)?.unit));
        let unit = unit.filter(|unit| !unit.is_empty()).map(|unit| format!(", {unit}"));
        let metric = format!("{}{}", name.replace('_', " "), unit.unwrap_or_default());
        let caption = format!(
            "{} {}: {metric}; {}",
            plan.sweep.paper,
            plan.sweep.configs.join(", "),
            match plan.sweep.seeds.len() {
                1 => "one seed".into(),
                seeds => format!("{seeds} seeds and their mean"),
            }
        );
        let path = runs.folder.join("picture.png");
        means(&path, &caption, [axis, Axis::linear(&metric)], &series)?;
        Ok(path)
    }
}

/// Writes table and picture of what there is; prints the table and the files.
pub(super) fn write(runs: &Runs, found: &Found, asked: &[String]) -> Result<()> {
    let metrics = found.chosen(&runs.plan.sweep.paper, asked)?;
    let markdown = found.markdown(runs, &metrics);
    let [table, csv] = ["table.md", "table.csv"].map(|name| runs.folder.join(name));
    write_atomic(&table, markdown.as_bytes())?;
    write_atomic(&csv, &found.csv(runs)?)?;
    let mut files = vec![table, csv];
    if let Some(metric) = metrics.first() {
        files.push(found.draw(runs, metric)?);
    }
    shared::print_text!("{markdown}\n");
    files.iter().for_each(|file| shared::print_line!("wrote {}", file.display()));
    Ok(())
}

fn values(records: &[Record], metric: &str) -> Vec<f64> {
    if metric == SECONDS {
        return records.iter().map(|record| record.machine.fit_seconds).collect();
    }
    records.iter().filter_map(|record| Some(record.metrics.get(metric)?.value)).collect()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number).filter(|number| number.is_finite()),
        _ => None,
    }
}

fn row(words: &[String]) -> String {
    let words = words.iter().map(|word| format!(" {} |", word.replace('|', "\\|")));
    format!("|{}\n", words.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{
        super::plan::{Plan, Sweep, quick},
        *,
    };
    use crate::{results::records, workspace};

    #[test]
    fn a_mean_is_of_one_backend() {
        let folder = tempfile::tempdir().unwrap();
        let sweep = Sweep {
            paper: "vae".into(),
            configs: quick(),
            seeds: vec![1, 2],
            options: Vec::new(),
            grid: toml::Table::new(),
        };
        let runs = Runs { plan: Plan::new(sweep).unwrap(), folder: folder.path().into() };
        let write = |index: usize, backend: &str| {
            let kept = format!("results/vae/quick-seed{}.json", index + 1);
            let kept = fs::read(workspace().join(kept)).unwrap();
            let mut record: serde_json::Value = serde_json::from_slice(&kept).unwrap();
            record["backend"] = backend.into();
            let run = runs.run(index);
            fs::create_dir_all(&run).unwrap();
            fs::write(run.join(RunFolder::CONFIG), format!("seed = {}\n", index + 1)).unwrap();
            fs::write(run.join(RunFolder::RECORD), record.to_string()).unwrap();
        };
        write(0, "flex");
        write(1, "flex");
        assert_eq!(Found::of(&runs).unwrap().records(), 2);
        write(1, "cuda");
        let said = Found::of(&runs).err().unwrap().to_string();
        assert!(said.contains("backend: flex → cuda") && said.contains("seed2"), "{said}");
    }

    #[test]
    fn metrics_are_those_of_the_records_in_forms_that_they_have() {
        let records = records(&workspace().join("results/vae")).unwrap();
        let found = Found { cells: BTreeMap::from([(0, records["vae-quick"].clone())]) };
        let chosen = |metric: &str| found.chosen("vae", &[metric.to_owned()]);
        for metric in ["nll", "nll:median"] {
            assert_eq!(chosen(metric).unwrap(), [metric]);
        }
        for metric in ["nil", "nll:medain", "nll:upper-half", "nll:"] {
            let said = chosen(metric).unwrap_err().to_string();
            let start = format!("--metrics {metric}: the records have ");
            assert!(said.starts_with(&start) && said.contains("nll"), "{said}");
        }
    }
}
