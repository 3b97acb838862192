//! What a sweep is: a paper, configurations, values of some of their keys, and seeds; and the runs that follow.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::{
    cli::value_of,
    reading::{Places, from_table, listed, read_text, syntax},
    run::is_name_letter,
};
use toml::{Table, Value};

/// Most runs of a sweep: more are a slip of the pen.
const MOST: usize = 10_000;
/// Longest name of a cell that is not cut.
const LONGEST: usize = 80;
/// Options of `train` that the sweep sets itself.
const OWN: [&str; 10] = [
    "--seed",
    "--seeds",
    "--out",
    "--name",
    "--config",
    "--resume",
    "--force",
    "--check",
    "--threads",
    "--device",
];

/// A sweep as a file says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sweep {
    /// The program.
    pub(super) paper: String,
    /// Its configurations, by name or file.
    #[serde(default = "quick")]
    pub(super) configs: Vec<String>,
    /// The seeds of every cell.
    pub(super) seeds: Vec<u64>,
    /// Further options of every training.
    #[serde(default)]
    pub(super) options: Vec<String>,
    /// Values by dotted key.
    #[serde(default)]
    pub(super) grid: Table,
}

/// The configuration that every paper has.
pub(super) fn quick() -> Vec<String> {
    vec!["quick".into()]
}

impl Sweep {
    /// The sweep in a file.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = read_text(path)?;
        let name = path.display().to_string();
        let table: Table = toml::from_str(&text).map_err(|e| anyhow!(syntax(&name, &text, &e)))?;
        let places = Places::new(&*name, text);
        let sweep: Self = from_table(&table).map_err(|e| anyhow!(places.message(&e)))?;
        if let Err(problem) = Plan::new(sweep.clone()) {
            let located = places.locate(&problem);
            bail!("{}", if located == problem { format!("{name}: {problem}") } else { located });
        }
        Ok(sweep)
    }

    /// The grid of `--grid KEY=V,W` options.
    ///
    /// # Errors
    /// The option that is wrong.
    pub(super) fn grid_of(options: &[String]) -> Result<Table> {
        let mut grid = Table::new();
        for option in options {
            let split = option.split_once('=').map(|(key, values)| (key.trim(), values.trim()));
            let Some((key, values)) = split.filter(|(key, _)| !key.is_empty()) else {
                bail!("--grid {option}: write KEY=VALUE,VALUE");
            };
            let values = parts(values).into_iter().map(value_of).collect::<Result<Vec<_>>>();
            let values = values.with_context(|| format!("--grid {option}"))?;
            if grid.insert(key.into(), values.into()).is_some() {
                bail!("--grid {option}: {key} is given twice");
            }
        }
        Ok(grid)
    }
}

/// A key of the grid and its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    /// With its sections, dotted.
    pub(super) name: String,
    /// The end of it that tells it from the others.
    pub(super) label: String,
    pub(super) values: Vec<Value>,
}

/// What all runs of a cell have in common: all but the seed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    /// Name of its runs.
    pub(super) name: String,
    pub(super) config: String,
    /// One of each key.
    pub(super) values: Vec<Value>,
}

/// A sweep with its runs: run `i` is of seed `i / cells`, so that an early end leaves whole comparisons.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) sweep: Sweep,
    pub(super) keys: Vec<Key>,
    pub(super) cells: Vec<Cell>,
}

impl Plan {
    /// The plan of a sweep, or what is wrong with it.
    pub(super) fn new(mut sweep: Sweep) -> Result<Self, String> {
        let keys = keys(&sweep.grid)?;
        if keys.iter().any(|key| key.name == "seed") {
            return Err("[grid] seed: seeds are a list of their own, as in seeds = [1, 2]".into());
        }
        // However the file nests them.
        sweep.grid = keys.iter().map(|key| (key.name.clone(), key.values.clone().into())).collect();
        for (what, is_empty) in
            [("seeds", sweep.seeds.is_empty()), ("configs", sweep.configs.is_empty())]
        {
            if is_empty {
                return Err(format!("{what}: at least one"));
            }
        }
        if let Some(twice) = repeated(&sweep.seeds) {
            return Err(format!("seeds: {twice} is given twice"));
        }
        if let Some(large) = sweep.seeds.iter().find(|seed| i64::try_from(**seed).is_err()) {
            return Err(format!("seeds: {large} is above {}", i64::MAX));
        }
        if let Some(twice) = repeated(&sweep.configs) {
            return Err(format!("configs: {twice} is given twice"));
        }
        let is_own = |option: &&String| {
            OWN.contains(&option.split_once('=').map_or(option.as_str(), |(name, _)| name))
        };
        if let Some(own) = sweep.options.iter().find(is_own) {
            return Err(format!("options: {own} is the sweep's own, leave it out"));
        }
        if let Some(key) = keys.iter().find(|key| sets(&sweep.options, &key.name)) {
            return Err(format!(
                "options: --set {}=... would be without effect, [grid] has its values",
                key.name
            ));
        }
        let sizes = [sweep.seeds.len(), sweep.configs.len()];
        let sizes = sizes.into_iter().chain(keys.iter().map(|key| key.values.len()));
        if sizes.clone().try_fold(1usize, usize::checked_mul).is_none_or(|runs| runs > MOST) {
            let sizes: Vec<String> = sizes.map(|size| size.to_string()).collect();
            return Err(format!("{} runs are too many: at most {MOST}", sizes.join(" x ")));
        }
        let cells = cells(&sweep.configs, &keys);
        Ok(Self { sweep, keys, cells })
    }

    /// Number of runs.
    pub(super) fn len(&self) -> usize {
        self.cells.len() * self.sweep.seeds.len()
    }

    /// Cell and seed of a run.
    pub(super) fn run(&self, index: usize) -> (usize, u64) {
        (index % self.cells.len(), self.sweep.seeds[index / self.cells.len()])
    }

    /// The options that make the configuration of a cell.
    pub(super) fn options(&self, cell: &Cell) -> Vec<String> {
        let mut options = vec!["--config".into(), cell.config.clone()];
        options.extend(self.sweep.options.iter().cloned());
        for (key, value) in self.keys.iter().zip(&cell.values) {
            options.extend(["--set".into(), format!("{}={value}", key.name)]);
        }
        options
    }
}

/// True if `--set` among these options is of this key.
fn sets(options: &[String], key: &str) -> bool {
    let joined = options.iter().filter_map(|option| option.strip_prefix("--set="));
    let apart = options.iter().zip(options.iter().skip(1)).filter(|(option, _)| *option == "--set");
    let mut set = joined.chain(apart.map(|(_, set)| set.as_str()));
    set.any(|set| set.split_once('=').is_some_and(|(name, _)| name.trim() == key))
}

/// A value that stands in a list twice.
pub(crate) fn repeated<T: Ord>(values: &[T]) -> Option<&T> {
    let mut seen = BTreeSet::new();
    values.iter().find(|value| !seen.insert(*value))
}

/// The keys of a grid, in the order of their names.
fn keys(grid: &Table) -> Result<Vec<Key>, String> {
    fn collect(
        prefix: &str,
        table: &Table,
        found: &mut BTreeMap<String, Vec<Value>>,
    ) -> Result<(), String> {
        for (key, value) in table {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                Value::Table(inner) => collect(&name, inner, found)?,
                Value::Array(values) if values.is_empty() => {
                    return Err(format!("[grid] {name}: at least one value"));
                }
                Value::Array(values) => {
                    let texts: Vec<String> = values.iter().map(Value::to_string).collect();
                    if let Some(twice) = repeated(&texts) {
                        return Err(format!("[grid] {name}: {twice} is given twice"));
                    }
                    if found.insert(name.clone(), values.clone()).is_some() {
                        return Err(format!("[grid] {name}: is given twice"));
                    }
                }
                _ => return Err(format!("[grid] {name}: a list of values, as in [1, 2]")),
            }
        }
        Ok(())
    }
    let mut found = BTreeMap::new();
    collect("", grid, &mut found)?;
    let names: Vec<String> = found.keys().cloned().collect();
    let key = |(name, values): (String, _)| Key { label: label(&name, &names), name, values };
    Ok(found.into_iter().map(key).collect())
}

/// The shortest end of a dotted key that no other key ends with.
fn label(name: &str, names: &[String]) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    let end = |length: usize| parts[parts.len() - length..].join(".");
    let is_alone = |end: &String| {
        let others = names.iter().filter(|other| *other != name);
        others.clone().all(|other| other != end && !other.ends_with(&format!(".{end}")))
    };
    (1..parts.len()).map(end).find(is_alone).unwrap_or_else(|| name.to_owned())
}

fn cells(configs: &[String], keys: &[Key]) -> Vec<Cell> {
    let mut cells: Vec<Cell> = configs
        .iter()
        .map(|config| Cell {
            name: file_safe(&Path::new(config).file_stem().unwrap_or_default().to_string_lossy()),
            config: config.clone(),
            values: Vec::new(),
        })
        .collect();
    for key in keys {
        let with = |cell: &Cell, value: &Value| {
            let (label, text) = (file_safe(&key.label), file_safe(&shown(value)));
            let name = format!("{}-{label}-{text}", cell.name);
            let values = [&cell.values[..], std::slice::from_ref(value)].concat();
            Cell { name, config: cell.config.clone(), values }
        };
        cells = cells.iter().flat_map(|cell| key.values.iter().map(|v| with(cell, v))).collect();
    }
    // Some file systems do not tell A from a.
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    cells.iter().for_each(|cell| *times.entry(cell.name.to_lowercase()).or_default() += 1);
    for cell in &mut cells {
        if times[&cell.name.to_lowercase()] > 1 || cell.name.len() > LONGEST {
            let digest = Sha256::digest(format!("{:?} {:?}", cell.config, cell.values));
            cell.name.truncate(LONGEST);
            cell.name.push_str(&format!("-{}", &hex::encode(digest)[..12]));
        }
    }
    cells
}

/// A value of the grid, a text without quotation marks.
pub(super) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text as a part of a file's name.
pub(super) fn file_safe(text: &str) -> String {
    let words = text.split(|letter| !is_name_letter(letter)).filter(|word| !word.is_empty());
    let safe = words.collect::<Vec<_>>().join("-");
    // A hidden folder would be no run, and an empty name none either.
    if safe.is_empty() || safe.starts_with('.') { format!("x{safe}") } else { safe }
}

/// The parts between commas that stand in no bracket or quotation.
fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0usize, None, 0);
    let mut parts = Vec::new();
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// How a sweep differs from the one that a folder holds, in one line.
pub(super) fn difference(old: &Sweep, new: &Sweep) -> Option<String> {
    let texts = |sweep: &Sweep| {
        let grid = sweep.grid.iter().map(|(key, values)| format!("{key} = {values}"));
        [
            ("paper", sweep.paper.clone()),
            ("configs", sweep.configs.join(", ")),
            ("seeds", listed(sweep.seeds.iter().map(u64::to_string))),
            ("options", sweep.options.join(" ")),
            ("grid", grid.collect::<Vec<_>>().join(", ")),
        ]
    };
    let differing = texts(old).into_iter().zip(texts(new)).find(|(old, new)| old != new);
    let nothing = |text: String| if text.is_empty() { "nothing".into() } else { text };
    match differing {
        Some(((what, old), (_, new))) => {
            Some(format!("its {what}: {}; now {}", nothing(old), nothing(new)))
        }
        None => (old != new).then(|| "other values".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(grid: &[&str], seeds: &[u64]) -> Sweep {
        Sweep {
            paper: "vae".into(),
            configs: vec!["quick".into(), "paper".into()],
            seeds: seeds.to_vec(),
            options: Vec::new(),
            grid: Sweep::grid_of(&grid.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
                .unwrap(),
        }
    }

    fn problem(grid: &[&str], seeds: &[u64]) -> String {
        Plan::new(sweep(grid, seeds)).unwrap_err()
    }

    fn names(plan: &Plan) -> Vec<&str> {
        plan.cells.iter().map(|cell| cell.name.as_str()).collect()
    }

    #[test]
    fn the_plan_is_the_product_and_every_run_is_one_cell_and_seed() {
        for rates in ["0.1", "0.1,0.2", "0.1,0.2,0.3"] {
            for hidden in ["[16]", "[16],[32,32]"] {
                for seeds in [&[7][..], &[1, 2, 3]] {
                    let rates = format!("train.schedule.rate={rates}");
                    let hidden = format!("model.hidden={hidden}");
                    let plan = Plan::new(sweep(&[&rates, &hidden], seeds)).unwrap();
                    let sizes: usize = plan.keys.iter().map(|key| key.values.len()).product();
                    assert_eq!(plan.len(), 2 * sizes * seeds.len());
                    let runs: BTreeSet<_> = (0..plan.len()).map(|run| plan.run(run)).collect();
                    assert_eq!(runs.len(), plan.len());
                    let options: BTreeSet<_> =
                        plan.cells.iter().map(|cell| plan.options(cell)).collect();
                    assert_eq!(options.len(), plan.cells.len());
                }
            }
        }
    }

    #[test]
    fn a_seed_is_no_key_of_the_grid() {
        assert!(problem(&["seed=1,2"], &[1]).contains("seeds = [1, 2]"));
    }

    #[test]
    fn a_value_that_the_grid_overrides_is_refused() {
        for options in [&["--set", "train.epochs=3"][..], &["--set=train.epochs=3"]] {
            let options = options.iter().map(|option| (*option).to_owned()).collect();
            let sweep = Sweep { options, ..sweep(&["train.epochs=1,2"], &[1]) };
            assert!(Plan::new(sweep).unwrap_err().contains("--set train.epochs=..."));
        }
        let options = vec!["--set".into(), "train.epoch_examples=3".into()];
        Plan::new(Sweep { options, ..sweep(&["train.epochs=1,2"], &[1]) }).unwrap();
    }

    #[test]
    fn names_say_the_values_are_safe_and_never_the_same() {
        let plan = Plan::new(sweep(&["train.schedule.rate=0.001,3e-4", "model.latent=2"], &[1]));
        let plan = plan.unwrap();
        assert_eq!(names(&plan)[0], "quick-latent-2-rate-0.001");
        assert_eq!(names(&plan)[3], "paper-latent-2-rate-0.0003");
        let long = format!("a.b=\"{}\",\"{}1\"", "x".repeat(300), "x".repeat(300));
        for grid in [
            &["a.b=\"/x\",\"x/\",\"X\",x,\"\",\".\",\"é\""][..],
            &["a.b=1,\"1\",[1],{c=1},\"1-c-2\"", "a.c=1,2,\"2-c-2\""],
            &["a.x.y=1,2", "b.x.y=1,2", "y=1,-1"],
            &[&long],
        ] {
            let plan = Plan::new(sweep(grid, &[1])).unwrap();
            let mut seen = BTreeSet::new();
            for name in names(&plan) {
                assert!(seen.insert(name.to_lowercase()), "{grid:?}: {name} twice");
                assert_eq!(file_safe(name), name, "{grid:?}");
                assert!(name.len() <= LONGEST + 13, "{name}");
            }
        }
    }

    #[test]
    fn keys_of_one_ending_are_told_apart() {
        let plan = Plan::new(sweep(&["train.rate=1,2", "predictor.rate=1", "data.count=1"], &[1]));
        let labels: Vec<String> = plan.unwrap().keys.into_iter().map(|key| key.label).collect();
        assert_eq!(labels, ["count", "predictor.rate", "train.rate"]);
    }

    #[test]
    fn what_is_no_sweep_is_refused_in_one_line() {
        for (grid, seeds, said) in [
            (&["a="][..], &[1][..], "[grid] a: at least one value"),
            (&["a=1,1"], &[1], "[grid] a: 1 is given twice"),
            (&[], &[], "seeds: at least one"),
            (&[], &[1, 2, 1], "seeds: 1 is given twice"),
            (&[], &[u64::MAX], "seeds: 18446744073709551615 is above"),
        ] {
            let found = problem(grid, seeds);
            assert!(found.contains(said), "{found}");
        }
        let many: Vec<String> = (0..200).map(|i| i.to_string()).collect();
        let [a, b] = ["a", "b"].map(|key| format!("{key}={}", many.join(",")));
        assert!(problem(&[&a, &b], &[1]).contains("1 x 2 x 200 x 200 runs are too many"));
        let own = Sweep { options: vec!["--seed=3".into()], ..sweep(&[], &[1]) };
        assert!(Plan::new(own).unwrap_err().contains("--seed=3 is the sweep's own"));
        for wrong in ["a", "=1", " = 1"] {
            let said = Sweep::grid_of(&[wrong.into()]).unwrap_err().to_string();
            assert!(said.contains("KEY=VALUE"), "{said}");
        }
        let twice = Sweep::grid_of(&["a=1".into(), "a=2".into()]).unwrap_err().to_string();
        assert!(twice.contains("a is given twice"), "{twice}");
    }

    #[test]
    fn a_file_says_the_same_as_options_and_its_mistakes_have_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Sweep::read(&file)
        };
        let text = "paper = \"vae\"\nconfigs = [\"quick\", \"paper\"]\nseeds = [1, 2]\n[grid]\n\
                    train.schedule.rate = [0.001, 0.0003]\nmodel.hidden = [[16], [32, 32]]\n";
        let options = ["train.schedule.rate=0.001,3e-4", "model.hidden=[16],[32,32]"];
        let plan = Plan::new(read(text).unwrap()).unwrap();
        let same = Plan::new(sweep(&options, &[1, 2])).unwrap();
        assert_eq!((&plan.sweep, &plan.cells), (&same.sweep, &same.cells));
        // And the plan that is stored reads as itself.
        assert_eq!(read(&toml::to_string(&plan.sweep).unwrap()).unwrap(), plan.sweep);
        for (from, to, said) in [
            ("seeds", "sedes", "mine.toml, line 3: sedes: no such key; did you mean seeds?"),
            ("[1, 2]", "[1, 1]", "mine.toml: seeds: 1 is given twice"),
            ("[1, 2]", "[1, \"2\"]", "mine.toml, line 3: seeds.1 = \"2\": a whole number"),
            ("[0.001, 0.0003]", "[]", "mine.toml, line 5: [grid] train.schedule.rate: at least"),
            ("[0.001, 0.0003]", "3", "mine.toml, line 5: [grid] train.schedule.rate: a list"),
            ("[0.001, 0.0003]", "[", "mine.toml, line 6"),
        ] {
            let found = read(&text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(found.contains(said), "{to}: {found}");
        }
    }

    #[test]
    fn another_sweep_is_told_by_what_differs() {
        let old = sweep(&["a=1,2"], &[1, 2]);
        assert_eq!(difference(&old, &old), None);
        let said = difference(&old, &sweep(&["a=1,2"], &[1])).unwrap();
        assert_eq!(said, "its seeds: 1, 2; now 1");
        let said = difference(&old, &sweep(&["a=1,3"], &[1, 2])).unwrap();
        assert_eq!(said, "its grid: a = [1, 2]; now a = [1, 3]");
        let said = difference(&old, &sweep(&[], &[1, 2])).unwrap();
        assert!(said.ends_with("now nothing"), "{said}");
    }
}
