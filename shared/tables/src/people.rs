//! A table as three splits.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use ndarray::{Array1, Array2, Axis, concatenate};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    CsvFiles, Encoder, Schema, Table, TableError, TableName,
    read::{self, read_like, text_of},
};
use shared::{
    counted,
    data::{
        Binarise, ClassNames, DataConfig, DataError, ExampleSet, FetchOptions, Knowledge,
        Preparation, Source, Splits, published,
    },
    noise::{Noise, Stream, uniform},
    progress,
    reading::{listed, one_line, short},
};

/// Shares of training and validation; the rest is for test.
const SHARES: [f64; 2] = [0.5, 0.2];
/// Name of the split that is fitted to.
const TRAINING: &str = "training";
/// Rows and features of the generated table.
const GENERATED: (usize, usize) = (2000, 8);

/// What is known of a table besides its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct People {
    /// Names of the features: a column, or `column=value`.
    pub features: Vec<String>,
    /// True for features that are 0 or 1; the others are standardised numbers.
    pub binary: Vec<bool>,
    /// How rows became numbers; a generated table consists of numbers already.
    pub encoder: Option<Encoder>,
    /// Readable definition of a member of the sensitive group.
    pub sensitive: String,
    /// Readable definition of the target; a generated table has no schema that could say another.
    pub target: Option<String>,
    /// The value of those who are no members, where the schema does not list what the sensitive column may have.
    pub other: Option<String>,
    /// Which rows have no target, where some have none: then all labels are 0, and none is known.
    pub without_target: Option<String>,
    /// The second target, where there is one.
    pub second: Option<SecondTarget>,
    /// Rows left out because a value is missing.
    pub dropped: usize,
}

/// What a run keeps of it: the columns of the encoded table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableColumns {
    /// Names of the features: a column, or `column=value`.
    pub features: Vec<String>,
    /// True for features that are 0 or 1.
    pub binary: Vec<bool>,
    /// Readable definition of a member of the sensitive group.
    pub sensitive: String,
    /// Readable definition of the target. A run of an older version has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The value of those who are no members, where the schema does not list what the sensitive column may have: new
    /// people with a further one are neither. A run of an older version has none, and takes whatever it meets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// How rows become numbers, by the statistics of the training split; a generated table consists of
    /// numbers already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Encoder>,
}

impl TableColumns {
    const NAME: &str = "table";

    /// What a run kept.
    pub fn of(preparation: &Preparation) -> Option<Self> {
        preparation.own(Self::NAME)
    }

    /// Refuses a schema, found at this place, by which s or the target means something else: what the model answers
    /// would be taken for what it was not fitted to.
    fn check(&self, schema: &Schema, place: &str) -> Result<(), TableError> {
        let (sensitive, target) = (schema.sensitive.to_string(), schema.target.to_string());
        let both = [
            ("sensitive", Some(&self.sensitive), sensitive),
            ("target", self.target.as_ref(), target),
        ];
        for (key, fitted, found) in both {
            if let Some(fitted) = fitted.filter(|fitted| meaning(fitted) != meaning(&found)) {
                return Err(TableError::Degenerate(format!(
                    "{place}: {key} is {found}, and the model was fitted to {fitted}: use the schema it was fitted \
                     with, or fit another"
                )));
            }
        }
        Ok(())
    }
}

/// What the description of a group or a target says, whatever the order of its values.
fn meaning(text: &str) -> Vec<Vec<&str>> {
    let parts = text.split(", against ").flat_map(|part| part.splitn(2, " = "));
    parts
        .map(|part| {
            let mut values: Vec<&str> = part.split(" or ").collect();
            values.sort_unstable();
            values
        })
        .collect()
}

impl Knowledge for People {
    fn kept(&self) -> Map<String, Value> {
        let columns = TableColumns {
            features: self.features.clone(),
            binary: self.binary.clone(),
            sensitive: self.sensitive.clone(),
            target: self.target.clone(),
            other: self.other.clone(),
            encoder: self.encoder.clone(),
        };
        // What consists of numbers and strings always has a JSON.
        let value = serde_json::to_value(columns).unwrap_or_default();
        let mut kept: Map<String, Value> =
            [(TableColumns::NAME.to_owned(), value)].into_iter().collect();
        if self.without_target.is_some() {
            kept.extend([ClassNames::one().kept()]);
        }
        kept
    }
}

/// A second target of the same people, for the transfer of a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondTarget {
    /// Readable description.
    pub name: String,
    /// 1 where it holds, training split.
    pub train: Vec<u8>,
    /// The same, validation split.
    pub valid: Vec<u8>,
    /// The same, test split.
    pub test: Vec<u8>,
}

/// Rows in the order of the split, before they are handed out.
struct Rows {
    features: Array2<f32>,
    targets: Vec<u8>,
    groups: Vec<u8>,
    second: Option<(String, Vec<u8>)>,
    places: Vec<String>,
    names: Vec<String>,
    binary: Vec<bool>,
    encoder: Option<Encoder>,
    sensitive: String,
    target: Option<String>,
    other: Option<String>,
    without_target: Option<String>,
    /// How many have none.
    unknown: usize,
    dropped: usize,
    unseen: BTreeMap<String, usize>,
    constant: Vec<(String, f64, usize)>,
    files: BTreeMap<String, String>,
}

/// Reads a table and splits its rows at random, 50/20/30. An input is the features and, last, the
/// sensitive attribute. They are encoded by the training rows, or as those that are `known` were.
///
/// # Errors
/// Whatever is wrong with files, schema and values, and splits in which there is nothing to learn.
pub(crate) fn splits(
    name: TableName,
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<&Preparation>,
) -> Result<Splits, DataError> {
    let noise = Noise::new(config.split_seed.unwrap_or(1));
    rows(name, config, options, known, Some(noise))?.handed_out(config)
}

/// The whole table as the test split, in the order of its rows, encoded as those that are `known` were.
///
/// # Errors
/// As [`splits`]; but a few rows are enough.
pub(crate) fn whole(
    name: TableName,
    config: &DataConfig,
    options: &FetchOptions,
    known: &Preparation,
) -> Result<Splits, DataError> {
    let is_encoded = TableColumns::of(known).is_some_and(|columns| columns.encoder.is_some());
    if name != TableName::People && !is_encoded {
        return Err(DataError::Kind(
            "this is a table, and the run was fitted to other data".into(),
        ));
    }
    let (rows, people, files) = rows(name, config, options, Some(known), None)?.told()?;
    let splits = Splits::consecutive(rows.into(), [0, 0], files);
    Ok(Splits { known: Some(Arc::new(people)), ..splits })
}

/// The rows of a table, in random order if there is `noise`.
fn rows(
    name: TableName,
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<&Preparation>,
    noise: Option<Noise>,
) -> Result<Rows, DataError> {
    if config.binarise != Binarise::None {
        return Err(DataError::Config("binarise = \"none\": a table has no pixels".into()));
    }
    let known = known.and_then(TableColumns::of).filter(|columns| columns.encoder.is_some());
    let known = known.as_ref();
    let other = known.and_then(|columns| columns.other.as_deref());
    Ok(match (name.published(options)?, CsvFiles::of(config)?) {
        (Some((schema, set, files)), _) => {
            known.map_or(Ok(()), |columns| columns.check(&schema, name.name()))?;
            let table = read_like(&schema, &files, other)?;
            Rows { files: published(set), ..encoded(&schema, &table, config, noise, known)? }
        }
        (None, Some(csv)) => {
            let schema_path = options.locate(&csv.schema);
            let schema = read_schema(&schema_path)?;
            let place = schema_path.display().to_string();
            known.map_or(Ok(()), |columns| columns.check(&schema, &place))?;
            if csv.files.is_empty() {
                return Err(DataError::Config("csv.files: name one file at least".into()));
            }
            let paths: Vec<PathBuf> = csv.files.iter().map(|file| options.locate(file)).collect();
            let table = match noise {
                Some(_) => read_like(&schema, &paths, other)?,
                None => read::rows(&schema, &paths, other)?,
            };
            let mut rows = encoded(&schema, &table, config, noise, known)?;
            for (name, path) in csv.files.iter().zip(&paths).chain([(&csv.schema, &schema_path)]) {
                rows.files.insert(name.display().to_string(), digest(path)?);
            }
            rows
        }
        (None, None) if name == TableName::People => {
            generated(Noise::new(config.split_seed.unwrap_or(1)))
        }
        (None, None) => {
            return Err(DataError::NoPath {
                name: "csv",
                wanted: "a table, and its schema beside it",
                option: "FILE.csv",
            });
        }
    })
}

impl Rows {
    fn handed_out(self, config: &DataConfig) -> Result<Splits, DataError> {
        let [train, valid] = sizes(self.targets.len());
        let wanted = config.training(train, "rows")?;
        for (what, range) in [
            (TRAINING, 0..wanted),
            ("validation", train..train + valid),
            ("test", train + valid..self.targets.len()),
        ] {
            self.check(what, range)?;
        }
        let second = self.second.clone().map(|(name, values)| SecondTarget {
            name,
            train: values[..wanted].to_vec(),
            valid: values[train..train + valid].to_vec(),
            test: values[train + valid..].to_vec(),
        });
        let (rows, people, files) = self.told()?;
        let splits = Splits::consecutive(rows.into(), [train, valid], files);
        let known = People { second, ..people };
        let mut splits = Splits { known: Some(Arc::new(known)), ..splits };
        splits.train = splits.train.take(wanted);
        Ok(splits)
    }

    /// The rows as examples and what is known of them, but for the second target; says what of their
    /// values is lost.
    fn told(self) -> Result<(ExampleSet, People, BTreeMap<String, String>), DataError> {
        let people = People {
            features: self.names,
            binary: self.binary,
            encoder: self.encoder,
            sensitive: self.sensitive,
            target: self.target,
            other: self.other,
            without_target: self.without_target,
            second: None,
            dropped: self.dropped,
        };
        if people.dropped > 0 {
            progress::line(&format!(
                "{} of {} rows are left out, because a value is missing",
                people.dropped,
                people.dropped + self.targets.len()
            ));
        }
        if let Some(lacking) = &people.without_target
            && self.unknown < self.targets.len()
        {
            progress::line(&format!(
                "{lacking}: the target counts as not known of all; leave such rows out to have what is predicted of \
                 the others judged"
            ));
        }
        if !self.unseen.is_empty() {
            let named = self
                .unseen
                .iter()
                .map(|(value, &rows)| format!("{} ({})", one_line(value), counted(rows, "row")));
            progress::line(&format!(
                "not in the training split, so none of the known categories: {}",
                listed(named)
            ));
        }
        for (column, value, differing) in self.constant {
            let others = match differing {
                0 => "it carries no information".to_owned(),
                rows => {
                    format!(
                        "the other values of {rows} rows outside it count as {} too",
                        short(value)
                    )
                }
            };
            progress::line(&format!(
                "column '{column}' is {} in the whole training split: {others}",
                short(value)
            ));
        }
        let groups: Array1<f32> = self.groups.iter().map(|&s| f32::from(s)).collect();
        let inputs =
            concatenate(Axis(1), &[self.features.view(), groups.view().insert_axis(Axis(1))])
                .map_err(|e| TableError::Degenerate(e.to_string()))?;
        Ok((ExampleSet::rows(&inputs, self.targets).named(self.places), people, self.files))
    }

    /// Refuses a split without two classes and two groups.
    fn check(&self, split: &str, range: Range<usize>) -> Result<(), TableError> {
        let problem = |what: &str, values: &[u8]| match values.iter().filter(|v| **v == 1).count() {
            0 => Some(format!("nobody {what}")),
            all if all == values.len() => Some(format!("nobody not {what}")),
            _ => None,
        };
        let found = if range.is_empty() {
            Some("no row".into())
        } else {
            problem("in the positive class", &self.targets[range.clone()])
                .or_else(|| {
                    problem(&format!("with {}", self.sensitive), &self.groups[range.clone()])
                })
                .or_else(|| {
                    // Only there is something fitted to it.
                    let (name, values) = self.second.as_ref().filter(|_| split == TRAINING)?;
                    problem(&format!("with {name}, the second target"), &values[range.clone()])
                })
                .or_else(|| self.missing_class_of_a_group(split, range.clone()))
        };
        // Fewer than there are, because the configuration says so.
        let is_limited = split == TRAINING && range.len() < sizes(self.targets.len())[0];
        let more = if is_limited { "a larger --set data.train_examples=N" } else { "more rows" };
        match found {
            None => Ok(()),
            Some(found) => Err(TableError::Degenerate(format!(
                "the {split} split ({} of {} rows) has {found}: give {more}, or another \
                 data.split_seed",
                range.len(),
                self.targets.len()
            ))),
        }
    }

    /// A group of a split whose predictions are judged, of which nobody is in one of the classes: gaps
    /// between groups compare those of one class.
    fn missing_class_of_a_group(&self, split: &str, range: Range<usize>) -> Option<String> {
        let is_judged = split != TRAINING;
        let find = |y: u8, s: u8| {
            !self.targets[range.clone()]
                .iter()
                .zip(&self.groups[range.clone()])
                .any(|found| found == (&y, &s))
        };
        let (y, s) =
            [(1, 1), (1, 0), (0, 1), (0, 0)].into_iter().find(|&(y, s)| is_judged && find(y, s))?;
        Some(format!(
            "nobody {} {} who is {}in the positive class, and no gap between groups",
            if s == 1 { "with" } else { "without" },
            self.sensitive,
            if y == 1 { "" } else { "not " }
        ))
    }
}

/// Training and validation rows of this many.
fn sizes(rows: usize) -> [usize; 2] {
    SHARES.map(|share| (rows as f64 * share).round() as usize)
}

/// The rows as numbers, by the statistics of those that are fitted to alone, or as those that are `known` were.
fn encoded(
    schema: &Schema,
    table: &Table,
    config: &DataConfig,
    noise: Option<Noise>,
    known: Option<&TableColumns>,
) -> Result<Rows, DataError> {
    let order = match noise {
        Some(noise) => noise.permutation(Stream::Split, 0, table.len()),
        None => (0..table.len()).collect(),
    };
    let encoder = match known.and_then(|columns| columns.encoder.clone()) {
        Some(encoder) => encoder,
        None => {
            let [train, _] = sizes(table.len());
            Encoder::fit(table, &order[..config.training(train, "rows")?])?
        }
    };
    encoder.check(table)?;
    let encoded = encoder.encode(table, &order)?;
    let without_target = table.without_target(&schema.target.column);
    let pick = |values: &[u8]| order.iter().map(|&row| values[row]).collect::<Vec<u8>>();
    let second = schema.transfer.as_ref().zip(table.transfer.as_ref());
    Ok(Rows {
        features: encoded.features,
        targets: match &without_target {
            Some(_) => vec![0; table.len()],
            None => pick(&table.targets),
        },
        groups: pick(&table.groups),
        second: second.map(|(group, values)| (group.to_string(), pick(values))),
        places: order.iter().map(|&row| table.places[row].clone()).collect(),
        names: encoder.names(),
        binary: encoder.binary(),
        encoder: Some(encoder),
        sensitive: schema.sensitive.to_string(),
        // As a run keeps it, so that one of an older version is still the same.
        target: known
            .map_or_else(|| Some(schema.target.to_string()), |columns| columns.target.clone()),
        other: known.map_or_else(|| table.other.clone(), |columns| columns.other.clone()),
        without_target,
        unknown: table.unknown.len(),
        dropped: table.dropped,
        unseen: encoded.unseen,
        constant: encoded.constant,
        files: BTreeMap::new(),
    })
}

fn read_schema(path: &Path) -> Result<Schema, TableError> {
    Schema::named(&path.display().to_string(), &text_of(path)?)
}

fn digest(path: &Path) -> Result<String, TableError> {
    use sha2::{Digest, Sha256};
    let bytes = std::fs::read(path)
        .map_err(|e| TableError::Read { path: path.into(), reason: e.to_string() })?;
    Ok(hex::encode(Sha256::digest(bytes)))
}

/// People whose features depend on a group and on a talent of their own, and whose success depends
/// on both: three features tell the group, three the talent, two nothing.
fn generated(noise: Noise) -> Rows {
    let (rows, width) = GENERATED;
    let mut features = Array2::zeros((rows, width));
    let (mut targets, mut groups, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for (row, mut values) in features.rows_mut().into_iter().enumerate() {
        let mut random = noise.generator(Stream::Generate, 1, row as u64);
        let normal = |random: &mut ChaCha8Rng| -> f32 { StandardNormal.sample(random) };
        let group = uniform(&mut random) < 0.6;
        let lean = if group { 0.8 } else { -0.8 };
        let talent = normal(&mut random);
        for (place, value) in values.iter_mut().enumerate() {
            let centre = match place {
                0..=2 => lean,
                3..=5 => talent,
                _ => 0.0,
            };
            *value = centre + 0.6 * normal(&mut random);
        }
        let success = talent + 0.7 * lean - 0.2 + 0.5 * normal(&mut random);
        targets.push(u8::from(success > 0.0));
        groups.push(u8::from(group));
        second.push(u8::from(talent > 0.0));
    }
    Rows {
        features,
        targets,
        groups,
        second: Some(("talent above 0".into(), second)),
        places: Vec::new(),
        names: (0..width).map(|i| format!("feature {i}")).collect(),
        binary: vec![false; width],
        encoder: None,
        sensitive: "group".into(),
        target: None,
        other: None,
        without_target: None,
        unknown: 0,
        dropped: 0,
        unseen: BTreeMap::new(),
        constant: Vec::new(),
        files: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> FetchOptions {
        FetchOptions { offline: true, ..FetchOptions::from_env(None) }
    }

    fn load(config: &DataConfig) -> Result<Splits, DataError> {
        crate::load(config, &options())
    }

    /// A table written to this folder.
    fn written(folder: &Path, schema: &str, rows: &str) -> DataConfig {
        let [schema_path, rows_path] = ["s.toml", "r.csv"].map(|name| folder.join(name));
        std::fs::write(&schema_path, schema).unwrap();
        std::fs::write(&rows_path, rows).unwrap();
        let csv = CsvFiles { schema: schema_path, files: vec![rows_path] };
        DataConfig::new("csv", Binarise::None).with("csv", csv)
    }

    fn of(schema: &str, rows: &str, change: impl Fn(&mut DataConfig)) -> Result<Splits, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let mut config = written(folder.path(), schema, rows);
        change(&mut config);
        load(&config)
    }

    const SCHEMA: &str = r#"
        header = true
        target = { column = "y", positive = ["1"], negative = ["0"] }
        sensitive = { column = "s", values = ["a"] }
        columns = [
            { name = "x", kind = "number" },
            { name = "s", kind = "category" },
            { name = "y", kind = "category" },
        ]
    "#;

    fn rows(count: usize) -> String {
        let line = |i: usize| format!("{i},{},{}\n", ["a", "b"][i % 2], (i / 2) % 2);
        "x,s,y\n".to_owned() + &(0..count).map(line).collect::<String>()
    }

    #[test]
    fn splits_are_disjoint_and_standardised_by_training_rows_alone() {
        let data = of(SCHEMA, &rows(200), |_| {}).unwrap();
        assert_eq!([data.train.len(), data.valid.len(), data.test.len()], [100, 40, 60]);
        let x = |split: &shared::data::Split| split.all_grey().column(0).to_vec();
        let mean = x(&data.train).iter().sum::<f32>() / 100.0;
        assert!(mean.abs() < 1e-5, "{mean}");
        let mut all = [x(&data.train), x(&data.valid), x(&data.test)].concat();
        all.sort_by(f32::total_cmp);
        all.dedup();
        assert_eq!(all.len(), 200);
        let s: Vec<u8> = data.test.all_grey().column(1).iter().map(|v| *v as u8).collect();
        assert_eq!(s, crate::groups(&data.test));
        let other = of(SCHEMA, &rows(200), |config| config.split_seed = Some(2)).unwrap();
        assert_ne!(x(&other.test), x(&data.test));
    }

    #[test]
    fn rows_that_are_not_fitted_to_say_nothing_of_the_scale() {
        let data = of(SCHEMA, &rows(200), |config| config.train_examples = Some(30)).unwrap();
        let x = data.train.all_grey().column(0).to_vec();
        assert_eq!(x.len(), 30);
        let mean = x.iter().sum::<f32>() / 30.0;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 30.0;
        assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{mean} {variance}");
    }

    #[test]
    fn new_people_are_in_one_of_the_groups_of_the_fit() {
        let folder = tempfile::tempdir().unwrap();
        let preparation =
            Preparation::of(&load(&written(folder.path(), SCHEMA, &rows(200))).unwrap());
        let columns = TableColumns::of(&preparation).unwrap();
        assert_eq!(columns.other.as_deref(), Some("b"));
        let asked = |known: &Preparation, rows: &str| {
            whole(TableName::Csv, &written(folder.path(), SCHEMA, rows), &options(), known)
        };
        let groups =
            |known: &Preparation, rows: &str| crate::groups(&asked(known, rows).unwrap().test);
        assert_eq!(groups(&preparation, "x,s,y\n1,b,0\n2,b,0\n"), [0, 0]);
        assert_eq!(groups(&preparation, "x,s\n1,a\n"), [1]);
        for strange in ["A", "c"] {
            let everybody = format!("x,s,y\n1,{strange},0\n2,{strange},1\n");
            let said = asked(&preparation, &everybody).unwrap_err().to_string();
            let expected = format!("line 2, column 's': '{strange}' is none of 'a', 'b'");
            assert!(said.contains(&expected) && !said.contains('\n'), "{said}");
        }
        // Of an older run it is not known.
        let mut older = preparation.clone();
        let kept = older.own[TableColumns::NAME].as_object_mut().unwrap();
        assert!(kept.remove("other").is_some());
        assert_eq!(TableColumns::of(&older), Some(TableColumns { other: None, ..columns }));
        assert_eq!(groups(&older, "x,s,y\n1,c,0\n2,c,1\n"), [0, 0]);
        // Where the schema lists what may occur, or a number divides people, nothing is to be remembered.
        let listed = SCHEMA.replace(
            "{ name = \"s\", kind = \"category\" }",
            "{ name = \"s\", kind = \"category\", categories = [\"a\", \"b\"] }",
        );
        let of_number = SCHEMA
            .replace("{ column = \"s\", values = [\"a\"] }", "{ column = \"x\", above = 99.5 }");
        for schema in [listed, of_number] {
            let data = of(&schema, &rows(200), |_| {}).unwrap();
            assert_eq!(data.known::<People>().unwrap().other, None);
        }
    }

    #[test]
    fn a_model_is_not_asked_by_a_schema_that_means_something_else() {
        let folder = tempfile::tempdir().unwrap();
        let fitted = load(&written(folder.path(), SCHEMA, &rows(200))).unwrap();
        let preparation = Preparation::of(&fitted);
        let columns = TableColumns::of(&preparation).unwrap();
        assert_eq!(columns.target.as_deref(), Some("y = 1, against 0"));
        let asked = |known: &Preparation, schema: &str| {
            let config = written(folder.path(), schema, &rows(200));
            let all = whole(TableName::Csv, &config, &options(), known);
            let split = splits(TableName::Csv, &config, &options(), Some(known));
            [all, split].map(|data| data.map_err(|error| error.to_string()))
        };
        for (from, to, said) in [
            (
                "positive = [\"1\"], negative = [\"0\"]",
                "positive = [\"0\"], negative = [\"1\"]",
                "s.toml: target is y = 0, against 1, and the model was fitted to y = 1, against 0",
            ),
            (
                "values = [\"a\"]",
                "values = [\"b\"]",
                "s.toml: sensitive is s = b, and the model was fitted to s = a",
            ),
        ] {
            for data in asked(&preparation, &SCHEMA.replace(from, to)) {
                let found = data.unwrap_err();
                assert!(found.contains(said) && !found.contains('\n'), "{found}");
            }
        }
        // The order of values means nothing.
        let both = SCHEMA.replace("negative = [\"0\"]", "negative = [\"0\", \"no\"]");
        let several = Preparation::of(&load(&written(folder.path(), &both, &rows(200))).unwrap());
        let turned = both.replace("[\"0\", \"no\"]", "[\"no\", \"0\"]");
        assert!(asked(&several, &turned).into_iter().all(|data| data.is_ok()));
        let marks = "missing = { mark = [\"?\", \"\"], drop_rows = true }\nheader";
        for data in asked(&preparation, &SCHEMA.replace("header", marks)) {
            assert_eq!(Preparation::of(&data.unwrap()).own, preparation.own);
        }
        // An older run does not know what its target was, and stays as it is.
        let mut older = preparation.clone();
        let kept = older.own[TableColumns::NAME].as_object_mut().unwrap();
        assert!(kept.remove("target").is_some());
        assert_eq!(TableColumns::of(&older), Some(TableColumns { target: None, ..columns }));
        for data in asked(&older, SCHEMA) {
            assert_eq!(Preparation::of(&data.unwrap()).own, older.own);
        }
    }

    #[test]
    fn who_is_only_asked_about_needs_no_value_of_a_target() {
        let schema = SCHEMA.replace(
            "columns = [",
            "missing = { mark = \"?\", drop_rows = true }\n\
             transfer = { column = \"t\", values = [\"old\"] }\n columns = [\n\
             { name = \"t\", kind = \"ignore\" },",
        );
        let folder = tempfile::tempdir().unwrap();
        let table = |rows: &str| written(folder.path(), &schema, rows);
        let line = |i: usize| {
            let (t, s) = (["young", "old"][i / 4 % 2], ["a", "b"][i % 2]);
            format!("{t},{i},{s},{}\n", i / 2 % 2)
        };
        let all = "t,x,s,y\n".to_owned() + &(0..200).map(line).collect::<String>();
        let preparation = Preparation::of(&load(&table(&all)).unwrap());
        let asked = |rows: &str| {
            let config = table(&format!("t,x,s,y\n{rows}"));
            whole(TableName::Csv, &config, &options(), &preparation)
        };
        let lacking = |data: &Splits| data.known::<People>().unwrap().without_target.clone();
        // Known, and then the second target counts as little as its column would.
        let known = asked("?,1,a,1\n,2,b,0\nold,?,b,0\n").unwrap();
        assert_eq!((known.test.labels(), lacking(&known)), (vec![1, 0], None));
        assert_eq!(known.known::<People>().unwrap().dropped, 1);
        let unknown = asked("old,1,a,\nold,2,b,?\n").unwrap();
        assert_eq!((unknown.test.labels(), crate::groups(&unknown.test)), (vec![0, 0], vec![1, 0]));
        assert_eq!(lacking(&unknown).unwrap(), "these rows have no column 'y', or no value in it");
        let some = asked("old,1,a,1\nold,2,b,?\nold,3,b,\n").unwrap();
        assert_eq!(some.test.labels(), [0, 0, 0]);
        let said = lacking(&some).unwrap();
        assert_eq!(said, "2 of 3 rows have no value in column 'y', the first in r.csv:3");
        assert!(ClassNames::of_data(&some).are_unknown());
        // What is neither a value of the target nor missing is a mistake, and so is a fit to what is missing.
        let strange = asked("old,1,a,maybe\n").unwrap_err().to_string();
        assert!(strange.contains("line 2, column 'y': 'maybe' is none of '1', '0'"), "{strange}");
        let fitted = load(&table(&all.replacen("0,a,0", "0,a,", 1))).unwrap_err().to_string();
        assert!(fitted.contains("line 2, column 'y': '' is none of '1', '0'"), "{fitted}");
    }

    #[test]
    fn a_second_target_that_is_the_same_for_everybody_is_refused() {
        let schema = SCHEMA.replace(
            "columns = [",
            "transfer = { column = \"t\", values = [\"old\"] }\n columns = [\n\
             { name = \"t\", kind = \"ignore\" },",
        );
        let table = |t: fn(usize) -> &'static str| {
            let line = |i: usize| format!("{},{i},{},{}\n", t(i), ["a", "b"][i % 2], (i / 2) % 2);
            "t,x,s,y\n".to_owned() + &(0..200).map(line).collect::<String>()
        };
        let say =
            |t: fn(usize) -> &'static str| of(&schema, &table(t), |_| {}).unwrap_err().to_string();
        let said = say(|_| "young");
        assert!(
            said.contains("the training split") && said.contains("nobody with t = old"),
            "{said}"
        );
        assert!(say(|_| "old").contains("nobody not with t = old"));
        assert!(of(&schema, &table(|i| ["young", "old"][i / 4 % 2]), |_| {}).is_ok());
    }

    #[test]
    fn what_cannot_be_split_says_why() {
        let say = |rows: &str, change: fn(&mut DataConfig)| {
            of(SCHEMA, rows, change).unwrap_err().to_string()
        };
        assert!(say(&rows(4), |_| {}).contains("split"), "{}", say(&rows(4), |_| {}));
        assert!(say(&rows(40), |c| c.train_examples = Some(21)).contains("has 20 rows"));
        // More rows would not help.
        let limited = say(&rows(40), |c| c.train_examples = Some(1));
        let begins = "the training split (1 of 40 rows) has nobody ";
        let advice = ": give a larger --set data.train_examples=N, or another data.split_seed";
        assert!(limited.starts_with(begins) && limited.ends_with(advice), "{limited}");
        assert!(say(&rows(40), |c| c.binarise = Binarise::Dynamic).contains("binarise"));
        assert!(say(&rows(40), |c| c.own.clear()).contains("FILE.csv"));
        assert!(say(&rows(40), |c| c.name = "people".into()).contains("csv: only for"));
        assert!(say(&rows(40).replace(",b,", ",a,"), |_| {}).contains("everybody of 40 rows"));
        // One class in the training rows alone.
        let one = "x,s,y\n".to_owned()
            + &(0..40)
                .map(|i| format!("{i},{},{}\n", ["a", "b"][i % 2], usize::from(i == 0)))
                .collect::<String>();
        assert!(say(&one, |_| {}).contains("positive class"));
        // Positives of one group alone: no fit may begin.
        let one_sided = "x,s,y\n".to_owned()
            + &(0..400)
                .map(|i| format!("{i},{},{}\n", ["a", "b"][i % 2], usize::from(i % 4 == 0)))
                .collect::<String>();
        let said = say(&one_sided, |_| {});
        assert!(said.contains("validation split") && said.contains("without s = a"), "{said}");
    }

    #[test]
    fn generated_people_have_two_groups_two_classes_and_a_second_target() {
        let data = load(&DataConfig::new("people", Binarise::None)).unwrap();
        assert_eq!(data.train.input_dim(), GENERATED.1 + 1);
        let people = data.known::<People>().unwrap();
        let second = people.second.as_ref().unwrap();
        assert_eq!(second.train.len(), data.train.len());
        assert_eq!(second.test.len(), data.test.len());
    }

    #[test]
    fn what_a_run_keeps_of_a_table_survives_its_json_to_the_bit() {
        let data = load(&DataConfig::new("people", Binarise::None)).unwrap();
        let preparation = Preparation::of(&data);
        assert_eq!(TableColumns::of(&preparation).unwrap().features.len(), 8);
        let text = serde_json::to_string(&preparation).unwrap();
        assert_eq!(serde_json::from_str::<Preparation>(&text).unwrap(), preparation);
    }
}
