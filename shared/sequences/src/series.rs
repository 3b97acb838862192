//! Numeric series of the user's: a CSV with a column that names the series, or an npz archive of arrays.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    known::{Column, Known, fitted, knowing},
    npz, series_csv, series_npz,
    split::{Named, Purpose, cut, read_named},
};
use shared::{
    data::{
        AtPath, DataConfig, DataError, DataKind, FetchOptions, Preparation, Sequences, Source,
        Splits, Steps, at_key, column, has_ending, name_and_sha256,
    },
    progress,
    reading::{Mistake, listed, one_line},
};

/// `[data.series]`: numeric series of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesFile {
    /// A CSV with a header, a row for each step, a column that names the series and numeric columns; or an
    /// npz archive with an array for each series, `[steps]` or `[steps, columns]`, as `np.savez("series.npz",
    /// *series)` writes it.
    pub file: PathBuf,
    /// The column of a CSV that names the series (default: `series`, `series_id`, `sequence` or `id`).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "column")]
    pub id: Option<String>,
    /// Series of more steps are cut into parts of so many.
    #[serde(default = "longest")]
    pub longest: usize,
}

fn longest() -> usize {
    200
}

/// Series by their columns, as a file has them.
#[derive(Debug)]
pub struct Table {
    /// Names of the numeric columns.
    pub columns: Vec<String>,
    /// Each series with its name: its steps, one after the other, as many numbers each as there are columns.
    pub series: Vec<(String, Vec<f64>)>,
}

/// The set.
#[derive(Debug)]
pub(crate) struct Series;

/// Fewer series have no three splits.
const FEWEST: usize = 3;

impl Series {
    /// Its name, and that of its section of `[data]`.
    pub(crate) const NAME: &str = "series";
}

impl Source for Series {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn about(&self) -> &'static str {
        "Sequences of numbers: series of yours, as `[data.series]` says; `--data FILE` names them"
    }

    fn examples(&self) -> DataKind {
        DataKind::Sequences
    }

    fn steps(&self) -> Steps {
        Steps::Numbers
    }

    fn own_keys(&self) -> &'static [&'static str] {
        &[Self::NAME]
    }

    fn check(&self, config: &DataConfig) -> Result<(), Mistake> {
        let Some(series) = config.own::<SeriesFile>(Self::NAME)? else { return Ok(()) };
        if series.longest >= 2 {
            return Ok(());
        }
        let problem = format!("{}: at least 2 steps", series.longest);
        Err(Mistake::in_data(Self::NAME, "longest", problem))
    }

    /// A CSV is one of series if a column names them. Otherwise a row of it may as well be an image, which only the
    /// user knows. An npz is one if its arrays have no names of their own.
    fn at_path(&self, path: &Path) -> Option<AtPath> {
        if npz::has_series(path) {
            return Some(at_key("data.series.file", path));
        }
        Some(match is_csv(path).then(|| series_csv::has_series(path))?? {
            true => at_key("data.series.file", path),
            false => {
                Err("its rows may be images or steps of series, and no column is called series, \
                          series_id, sequence or id: for series give --config \
                          series --set data.series.id=COLUMN, for images give --size HEIGHTxWIDTH"
                    .into())
            }
        })
    }

    fn at_named_path(&self, path: &Path) -> Option<AtPath> {
        (is_csv(path) || npz::is_one(path)).then(|| at_key("data.series.file", path))
    }

    fn is_split_by_seed(&self) -> bool {
        true
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        let known = known.and_then(|known| known.own(Known::COLUMNS));
        series(config, options, known, Purpose::Fit)
    }

    fn read_for(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: &Preparation,
    ) -> Result<Splits, DataError> {
        let known = fitted(known, Known::COLUMNS, "numeric series")?;
        series(config, options, Some(known), Purpose::Ask)
    }
}

fn is_csv(path: &Path) -> bool {
    has_ending(path, "csv")
}

/// Series with their numbers in units of their standard deviation over the training steps, from their mean, or in
/// those that are `known`.
fn series(
    config: &DataConfig,
    options: &FetchOptions,
    known: Option<Vec<Column>>,
    purpose: Purpose,
) -> Result<Splits, DataError> {
    let wanted = "a table or an archive of series";
    let own: SeriesFile = config.named(Series::NAME, wanted, "FILE.csv or FILE.npz")?;
    let path = options.locate(&own.file);
    let wrong = |reason: String| DataError::Format { path: path.clone(), reason };
    let bytes = read_named(&path)?;
    let Table { columns, series } = if is_csv(&path) {
        series_csv::parse(&bytes, own.id.as_deref())
    } else if let Some(id) = own.id.as_ref().filter(|_| matches!(purpose, Purpose::Fit)) {
        Err(format!(
            "data.series.id = \"{id}\" names a column of a CSV; in an archive each array is a series"
        ))
    } else {
        series_npz::parse(&bytes)
    }
    .map_err(wrong)?;
    let (width, count) = (columns.len(), series.len());
    let seed = config.split_seed.unwrap_or(1);
    purpose.check(count, FEWEST, ["series"; 2]).map_err(wrong)?;
    let parts = purpose.dealt(series, seed);
    let scales = match known {
        Some(known) => same_columns(&columns, known).map_err(wrong)?,
        None => scales(&columns, &parts.train).map_err(wrong)?,
    };
    for own in parts.all() {
        let outside = own
            .iter()
            .enumerate()
            .map(|(place, &x)| (x, &scales[place % width]))
            .find(|(x, column)| !column.standardised(*x).is_finite());
        if let Some((x, Column { name, mean, deviation })) = outside {
            return Err(wrong(format!(
                "column {name}: {x:e} cannot be standardised by the training steps' mean {mean:e} and standard \
                 deviation {deviation:e}: correct what is too large"
            )));
        }
    }
    let standardised = |(place, &x): (usize, &f64)| scales[place % width].standardised(x);
    let numbers = |series: &[Vec<f64>]| {
        let rows: Vec<Vec<f32>> =
            series.iter().map(|own| own.iter().enumerate().map(standardised).collect()).collect();
        Sequences::of_numbers(width, &rows)
    };
    let parts = parts.map(|series| cut(series, own.longest.saturating_mul(width)));
    progress::line(&format!(
        "{}: {count} series in {} sequences, columns {}",
        path.display(),
        parts.all().count(),
        one_line(&listed(&columns))
    ));
    let files = [name_and_sha256(&own.file, &bytes)].into();
    let splits = parts.splits(numbers, files, config)?;
    Ok(knowing(splits, Known { columns: Some(scales), ..Known::default() }))
}

/// The columns a model was fitted to, which must be those of this file.
fn same_columns(found: &[String], known: Vec<Column>) -> Result<Vec<Column>, String> {
    let names: Vec<&str> = known.iter().map(|column| &*column.name).collect();
    if names == found {
        return Ok(known);
    }
    let (names, found) = (names.join(", "), found.join(", "));
    Err(format!("its columns are {found}; the model was fitted to {names}"))
}

/// Mean and standard deviation of each column over all steps.
fn scales(columns: &[String], series: &[Named<Vec<f64>>]) -> Result<Vec<Column>, String> {
    let width = columns.len();
    let scale = |(place, name): (usize, &String)| {
        let values = || series.iter().flat_map(|(_, own)| own.iter().skip(place).step_by(width));
        let count = values().count().max(1) as f64;
        let mean = values().sum::<f64>() / count;
        let deviation = (values().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        if values().zip(values().skip(1)).all(|(one, next)| one == next) {
            return Err(format!(
                "column {name} does not vary over the training series: leave it out"
            ));
        }
        if !(deviation.is_normal() && mean.is_finite()) {
            return Err(format!(
                "column {name}: the squares of its numbers are beyond double precision: give it in \
                 another unit"
            ));
        }
        Ok(Column { name: name.clone(), mean, deviation })
    };
    columns.iter().enumerate().map(scale).collect()
}

#[cfg(test)]
mod tests {
    use shared::data::Binarise;

    use super::*;
    use crate::SequenceData;

    fn loaded(file: &Path, known: Option<&Preparation>) -> Result<Splits, String> {
        let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
        let own = SeriesFile { file: file.into(), id: None, longest: 5 };
        let config = DataConfig::new(Series::NAME, Binarise::None).with(Series::NAME, own);
        shared::kind::load(&SequenceData, &config, &options, known).map_err(|e| e.to_string())
    }

    fn written(rows: impl Iterator<Item = (usize, f64, f64)>) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("series.csv");
        let rows = rows.map(|(id, x, y)| format!("{id},{x},{y}\n")).collect::<String>();
        std::fs::write(&file, format!("series,x,y\n{rows}")).unwrap();
        (folder, file)
    }

    #[test]
    fn numbers_are_standardised_by_the_training_series_and_long_series_are_cut() {
        let value = |id: usize, step: usize| (id * 7 + step * 3) as f64 % 11.0;
        let rows = (0..20)
            .flat_map(|id| (0..8).map(move |step| (id, value(id, step), 40.0 - step as f64)));
        let (_folder, file) = written(rows);
        let splits = loaded(&file, None).unwrap();
        // Two series each are held out, and each has a part of five steps and one of three.
        let lengths = [&splits.train, &splits.valid, &splits.test].map(shared::data::Split::len);
        assert_eq!(lengths, [32, 4, 4]);
        assert_eq!((splits.train.steps(0), splits.train.steps(1)), (5, 3));
        let mut steps = Vec::new();
        for index in 0..splits.train.len() {
            let own = splits.train.grey(&[index]);
            steps.extend(own.iter().take(2 * splits.train.steps(index)).copied());
        }
        for column in 0..2 {
            let own: Vec<f64> =
                steps.iter().skip(column).step_by(2).map(|&x| f64::from(x)).collect();
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            let square = own.iter().map(|x| x * x).sum::<f64>() / own.len() as f64;
            assert!(mean.abs() < 1e-6 && (square - 1.0).abs() < 1e-5, "{mean} {square}");
        }
        // Other data are read in the same units.
        let preparation = Preparation::of(&splits);
        let (_other, doubled) = written((0..20).map(|id| (id, 2.0 * id as f64, 80.0 - id as f64)));
        let own: Vec<Column> = preparation.own(Known::COLUMNS).unwrap();
        let again = loaded(&doubled, Some(&preparation)).unwrap();
        assert_eq!(Preparation::of(&again).own::<Vec<Column>>(Known::COLUMNS).unwrap(), own);
    }

    #[test]
    fn a_column_that_is_called_by_a_number_needs_no_quotation_marks() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("series.csv");
        let rows: String = (0..6).map(|id| format!("{},{id}\n", id * id)).collect();
        std::fs::write(&file, format!("x,7\n{rows}")).unwrap();
        let read = |id: serde_json::Value| {
            let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
            let section = serde_json::json!({ "file": file.clone(), "id": id });
            let config = DataConfig::new(Series::NAME, Binarise::None).with(Series::NAME, section);
            shared::kind::load(&SequenceData, &config, &options, None).map_err(|e| e.to_string())
        };
        let splits = read(7.into()).unwrap();
        assert_eq!(splits.train.len() + splits.valid.len() + splits.test.len(), 6);
        assert!(read("7".into()).is_ok());
        let told = read((-7).into()).unwrap_err();
        assert!(told.contains("series.id = -7: the name of a column"), "{told}");
    }

    #[test]
    fn what_cannot_be_learned_is_named() {
        let (_folder, file) = written((0..2).map(|id| (id, id as f64, 1.0)));
        assert!(loaded(&file, None).unwrap_err().contains("2 series: at least 3"));
        let (_folder, file) = written((0..6).map(|id| (id, id as f64, 1.0)));
        assert!(loaded(&file, None).unwrap_err().contains("column y does not vary"));
        let (_folder, file) = written((0..6).map(|id| (id, id as f64, 1e-200 * id as f64)));
        assert!(loaded(&file, None).unwrap_err().contains("column y: the squares"));
        // Little, but more than rounding.
        let (_folder, file) = written((0..6).map(|id| (id, id as f64, 1e12 + id as f64)));
        assert!(loaded(&file, None).is_ok());
    }
}
