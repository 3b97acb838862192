use std::collections::BTreeMap;

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use shared::reading::short;

use super::{Cell, Kind, Table, TableError};

/// Turns rows into numbers: a category into a feature for each of its values, 1 for the one it has;
/// a number into its distance from the training mean in training standard deviations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    columns: Vec<Encoding>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Encoding {
    Number {
        name: String,
        mean: f64,
        deviation: f64,
    },
    /// A number that is the same in every training row.
    Constant {
        name: String,
        value: f64,
    },
    Category {
        name: String,
        values: Vec<String>,
    },
}

/// Rows as numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// `[rows, features]`.
    pub features: Array2<f32>,
    /// Values of categories that the training split does not have, as `column=value`, with their rows; they are all
    /// zeros.
    pub unseen: BTreeMap<String, usize>,
    /// Columns whose number is the same in every training row, with it and with the rows that have
    /// another: it counts as the training rows' there too.
    pub constant: Vec<(String, f64, usize)>,
}

/// Features a table may have: each is a column of the network's first layer, and of a block of numbers that
/// has all rows. A column in which every row has its own word would make a gigabyte of a small file.
const MOST_FEATURES: usize = 10_000;

/// True if numbers around `mean` differ from it by no more than rounding does: each of `count`
/// additions may err by half a unit in the last place of the largest.
fn is_rounding(deviation: f64, largest: f64, count: usize) -> bool {
    !(deviation > count as f64 * f64::EPSILON * largest)
}

impl Encoder {
    /// An encoder by the statistics of these rows of the table: the training split.
    ///
    /// # Errors
    /// If there is no row, or too many features.
    pub fn fit(table: &Table, training: &[usize]) -> Result<Self, TableError> {
        if training.is_empty() {
            return Err(TableError::Degenerate("the training split has no row".into()));
        }
        let columns = table
            .features
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let name = column.name.clone();
                let cells = training.iter().map(|&row| &table.rows[row][place]);
                if column.kind == Kind::Category {
                    let mut values = column.categories.clone();
                    if values.is_empty() {
                        values = cells
                            .filter_map(|cell| match cell {
                                Cell::Category(value) => Some(value.clone()),
                                Cell::Number(_) => None,
                            })
                            .collect();
                        values.sort();
                        values.dedup();
                    }
                    return Encoding::Category { name, values };
                }
                let numbers: Vec<f64> = cells
                    .filter_map(|cell| match cell {
                        Cell::Number(value) => Some(*value),
                        Cell::Category(_) => None,
                    })
                    .collect();
                let count = numbers.len().max(1) as f64;
                let mean = numbers.iter().sum::<f64>() / count;
                let variance = numbers.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
                let largest = numbers.iter().fold(0f64, |largest, v| largest.max(v.abs()));
                let deviation = variance.sqrt();
                // The mean of equal numbers is off by rounding, and so would their deviation be.
                if is_rounding(deviation, largest, numbers.len()) {
                    return Encoding::Constant { name, value: numbers[0] };
                }
                Encoding::Number { name, mean, deviation }
            })
            .collect();
        let encoder = Self { columns };
        match encoder.names().len() {
            0..=MOST_FEATURES => Ok(encoder),
            count => Err(encoder.too_many(count)),
        }
    }

    fn too_many(&self, count: usize) -> TableError {
        let size = |column: &Encoding| match column {
            Encoding::Category { name, values } => (values.len(), name.clone()),
            Encoding::Number { .. } | Encoding::Constant { .. } => (1, String::new()),
        };
        let (most, name) = self.columns.iter().map(size).max().unwrap_or_default();
        TableError::Degenerate(format!(
            "{count} features, {most} of them the values of column '{name}'; at most {MOST_FEATURES}: \
             declare a column whose values are unique per row as number or ignore"
        ))
    }

    /// That a table has the columns the encoder was made for.
    ///
    /// # Errors
    /// If it has others, named.
    pub fn check(&self, table: &Table) -> Result<(), TableError> {
        let describe = |name: &str, is_number: bool| {
            format!("{name} ({})", if is_number { "numbers" } else { "categories" })
        };
        let own: Vec<String> = self
            .columns
            .iter()
            .map(|column| match column {
                Encoding::Number { name, .. } | Encoding::Constant { name, .. } => {
                    describe(name, true)
                }
                Encoding::Category { name, .. } => describe(name, false),
            })
            .collect();
        let features = table.features.iter();
        let found: Vec<String> =
            features.map(|column| describe(&column.name, column.kind == Kind::Number)).collect();
        if own == found {
            return Ok(());
        }
        Err(TableError::Degenerate(format!(
            "the features are {}, and the model was fitted to {}",
            found.join(", "),
            own.join(", ")
        )))
    }

    /// Names of the features: a column, or `column=value`.
    pub fn names(&self) -> Vec<String> {
        self.columns
            .iter()
            .flat_map(|column| match column {
                Encoding::Number { name, .. } | Encoding::Constant { name, .. } => {
                    vec![name.clone()]
                }
                Encoding::Category { name, values } => {
                    values.iter().map(|value| format!("{name}={value}")).collect()
                }
            })
            .collect()
    }

    /// True for features that are 0 or 1.
    pub fn binary(&self) -> Vec<bool> {
        self.columns
            .iter()
            .flat_map(|column| match column {
                Encoding::Number { .. } | Encoding::Constant { .. } => vec![false],
                Encoding::Category { values, .. } => vec![true; values.len()],
            })
            .collect()
    }

    /// The chosen rows of a table with the same columns.
    ///
    /// # Errors
    /// A number so far from the training mean that its distance is none.
    pub fn encode(&self, table: &Table, rows: &[usize]) -> Result<Encoded, TableError> {
        let width = self.names().len();
        let mut features = Array2::zeros((rows.len(), width));
        let mut unseen = BTreeMap::new();
        let mut constant: Vec<(String, f64, usize)> = self
            .columns
            .iter()
            .filter_map(|column| match column {
                Encoding::Constant { name, value } => Some((name.clone(), *value, 0)),
                _ => None,
            })
            .collect();
        for (mut target, &row) in features.rows_mut().into_iter().zip(rows) {
            let (mut start, mut constants) = (0, constant.iter_mut());
            for (at, (column, cell)) in self.columns.iter().zip(&table.rows[row]).enumerate() {
                match (column, cell) {
                    (Encoding::Number { name, mean, deviation }, Cell::Number(value)) => {
                        let standardised = ((value - mean) / deviation) as f32;
                        if !(standardised.is_finite() && deviation.is_finite()) {
                            // Where the deviation itself is too large, a training row has the culprit.
                            let largest = table.rows.iter().filter_map(|row| match row[at] {
                                Cell::Number(other) if !deviation.is_finite() => Some(other),
                                _ => None,
                            });
                            let wrong = largest.fold(*value, |most, other| {
                                if other.abs() > most.abs() { other } else { most }
                            });
                            return Err(TableError::Degenerate(format!(
                                "column '{name}': {} cannot be standardised by the training rows' mean {} and \
                                 standard deviation {}: correct what is too large",
                                short(wrong),
                                short(*mean),
                                short(*deviation)
                            )));
                        }
                        target[start] = standardised;
                    }
                    // It stays 0: how far another value lies from it, no training row tells.
                    (Encoding::Constant { value, .. }, Cell::Number(found)) => {
                        if let Some((_, _, differing)) = constants.next() {
                            *differing += usize::from(found != value);
                        }
                    }
                    (Encoding::Category { name, values }, Cell::Category(value)) => {
                        match values.iter().position(|known| known == value) {
                            Some(place) => target[start + place] = 1.0,
                            None => *unseen.entry(format!("{name}={value}")).or_default() += 1,
                        }
                    }
                    _ => {}
                }
                start += match column {
                    Encoding::Number { .. } | Encoding::Constant { .. } => 1,
                    Encoding::Category { values, .. } => values.len(),
                };
            }
        }
        Ok(Encoded { features, unseen, constant })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::{Schema, read};

    const SCHEMA: &str = r#"
        header = true
        missing = { mark = "?", drop_rows = true }
        target = { column = "paid", positive = ["yes"], negative = ["no"] }
        sensitive = { column = "age", above = 25 }
        transfer = { column = "note", values = ["a"] }
        columns = [
            { name = "age", kind = "number" },
            { name = "job", kind = "category" },
            { name = "sum", kind = "number" },
            { name = "note", kind = "ignore" },
            { name = "paid", kind = "category" },
        ]
    "#;
    const ROWS: &str = "paid,age,job,sum,note\nyes, 30,cook,1,b\nno,20,smith,3,a\nyes,40,?,3,a\n\
                        no,26,cook,2,b\nyes,19,baker,7,b\n";

    fn table(schema: &str, rows: &str) -> Result<Table, TableError> {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("people.csv");
        fs::write(&path, rows).unwrap();
        read(&Schema::from_toml(schema)?, &[path])
    }

    #[test]
    fn rows_are_read_by_name_and_encoded_by_training_statistics_alone() {
        let table = table(SCHEMA, ROWS).unwrap();
        assert_eq!((table.len(), table.dropped), (4, 1));
        assert_eq!(
            (table.targets.as_slice(), table.groups.as_slice()),
            (&[1, 0, 0, 1][..], &[1, 0, 1, 0][..])
        );
        assert_eq!(table.transfer.as_deref(), Some(&[0, 1, 0, 0][..]));
        // Who has no second target is left out as well.
        let unknown = super::tests::table(SCHEMA, &ROWS.replace("cook,1,b", "cook,1,?")).unwrap();
        assert_eq!((unknown.len(), unknown.dropped), (3, 2));
        let encoder = Encoder::fit(&table, &[0, 1]).unwrap();
        assert_eq!(encoder.names(), ["job=cook", "job=smith", "sum"]);
        assert_eq!(encoder.binary(), [true, true, false]);
        let encoded = encoder.encode(&table, &[0, 1, 2, 3]).unwrap();
        // Mean 2 and deviation 1 over the training rows 1 and 3; the baker is not among them.
        let expected = ndarray::arr2(&[[1., 0., -1.], [0., 1., 1.], [1., 0., 0.], [0., 0., 5.]]);
        let unseen = [("job=baker".to_owned(), 1)].into();
        assert_eq!((encoded.features, encoded.unseen), (expected, unseen));
        assert!(Encoder::fit(&table, &[]).is_err());
    }

    #[test]
    fn a_blank_category_is_allowed_where_the_schema_says_how_it_is_written() {
        let blank =
            SCHEMA.replace("mark = \"?\", drop_rows = true", "mark = \"\", drop_rows = false");
        let rows = ROWS.replace("40,?", "40,cook").replace("20,smith,3", "20,,3");
        let table = table(&blank, &rows).unwrap();
        let names = Encoder::fit(&table, &[0, 1, 2]).unwrap().names();
        assert_eq!(names, ["job=", "job=cook", "sum"]);
        // Whose group or target is not known belongs to neither.
        let bad = |from: &str, to: &str| {
            super::tests::table(&blank, &rows.replace(from, to)).unwrap_err().to_string()
        };
        for (from, to, message) in [
            ("7,b", "7,", "column 'note': not known"),
            ("19,baker", ",baker", "column 'age': empty"),
            ("no,26", ",26", "column 'paid': '' is none of"),
        ] {
            let found = bad(from, to);
            assert!(found.contains(message), "{found}");
        }
    }

    #[test]
    fn what_is_missing_is_one_category_however_it_is_written() {
        let several = SCHEMA
            .replace("mark = \"?\", drop_rows = true", "mark = [\"?\", \"NA\"], drop_rows = false");
        let table = table(&several, &ROWS.replace("20,smith", "20,NA")).unwrap();
        let names = Encoder::fit(&table, &[0, 1, 2]).unwrap().names();
        assert_eq!(names, ["job=?", "job=cook", "sum"]);
        let dropped = several.replace("drop_rows = false", "drop_rows = true");
        let table = super::tests::table(&dropped, &ROWS.replace("20,smith", "20,NA")).unwrap();
        assert_eq!((table.len(), table.dropped), (3, 2));
    }

    #[test]
    fn a_constant_number_is_zero_whatever_rounding_makes_of_its_mean() {
        let line = |i: usize| {
            let (paid, note) = (["yes", "no"][i % 2], ["a", "b"][i / 2 % 2]);
            let sum = if i == 599 { "1e9" } else { "14.62" };
            format!("{paid},{},cook,{sum},{note}\n", 20 + i % 10)
        };
        let rows = "paid,age,job,sum,note\n".to_owned() + &(0..600).map(line).collect::<String>();
        let table = table(SCHEMA, &rows).unwrap();
        let training: Vec<usize> = (0..599).collect();
        let encoder = Encoder::fit(&table, &training).unwrap();
        assert_eq!(encoder.binary(), [true, false]);
        let encoded = encoder.encode(&table, &(0..600).collect::<Vec<_>>()).unwrap();
        assert!(encoded.features.column(1).iter().all(|&value| value == 0.0));
        assert_eq!(encoded.constant, [("sum".to_owned(), 14.62, 1)]);
        // A tiny deviation that is more than rounding is kept.
        let near = rows.replacen("14.62", "14.6200000001", 300);
        let table = super::tests::table(SCHEMA, &near).unwrap();
        let encoder = Encoder::fit(&table, &training).unwrap();
        let encoded = encoder.encode(&table, &training).unwrap();
        assert!(encoded.constant.is_empty());
        assert!(encoded.features.column(1).iter().all(|&value| (value.abs() - 1.0).abs() < 0.01));
    }

    /// Found by fuzzing: 1e308 among the rows made features that are not numbers.
    #[test]
    fn numbers_too_large_to_be_standardised_are_refused() {
        for (training, outlier) in [("1e308", "-1e308"), ("1e200", "3"), ("2.0000001", "1e39")] {
            let rows = ROWS.replace("smith,3", &format!("smith,{training}"));
            let rows = rows.replace("baker,7", &format!("baker,{outlier}"));
            let table = table(SCHEMA, &rows.replace("cook,1", "cook,2")).unwrap();
            let found = Encoder::fit(&table, &[0, 1]).unwrap().encode(&table, &[0, 1, 2, 3]);
            let message = found.unwrap_err().to_string();
            assert!(message.contains("column 'sum'") && message.contains("too large"), "{message}");
        }
    }

    #[test]
    fn a_column_of_names_makes_no_features() {
        let line = |i: usize| {
            format!("{},{},name{i},1,{}\n", ["yes", "no"][i % 2], 20 + i % 10, ["a", "b"][i % 2])
        };
        let rows = (0..10_500).map(line).collect::<String>();
        let table = table(SCHEMA, &format!("paid,age,job,sum,note\n{rows}")).unwrap();
        let training: Vec<usize> = (0..table.len()).collect();
        let message = Encoder::fit(&table, &training).unwrap_err().to_string();
        assert!(message.contains("10500 of them the values of column 'job'"), "{message}");
        assert!(Encoder::fit(&table, &training[..5000]).is_ok());
    }

    #[test]
    fn mistakes_name_their_line_and_column() {
        let bad = |schema: &str, rows: &str| table(schema, rows).unwrap_err().to_string();
        let strict = SCHEMA.replace(
            "{ name = \"job\", kind = \"category\" }",
            "{ name = \"job\", kind = \"category\", categories = [\"cook\", \"smith\"] }",
        );
        let listed = SCHEMA.replace(
            "{ name = \"note\", kind = \"ignore\" }",
            "{ name = \"note\", kind = \"ignore\", categories = [\"a\", \"b\"] }",
        );
        for (schema, from, to, message) in [
            (
                SCHEMA,
                "20,smith,3",
                "20,smith,three",
                "line 3, column 'sum': 'three' is not a number",
            ),
            (SCHEMA, "20,smith,3", "20,smith,", "line 3, column 'sum': empty"),
            (
                SCHEMA,
                "no,20",
                "perhaps,20",
                "line 3, column 'paid': 'perhaps' is none of 'yes', 'no'",
            ),
            (SCHEMA, "no,20,smith,3,a", "no,20,smith,3", "line 3: 4 fields"),
            (SCHEMA, "paid,age,job", "paid,age,work", "no column 'job' in the header"),
            (&strict, "7,b", "7,b", "line 6, column 'job': 'baker' is none of 'cook', 'smith'"),
            (SCHEMA, "20,smith,3", "20,,3", "line 3, column 'job': empty"),
            (SCHEMA, "20,smith", ",smith", "line 3, column 'age': empty"),
            (SCHEMA, "3,a\nyes", "3,\nyes", "line 3, column 'note': empty"),
            (SCHEMA, "7,b", "7,c", "line 6, column 'note': 'c' is a third value beside 'a', 'b'"),
            (&listed, "7,b", "7,c", "line 6, column 'note': 'c' is none of 'a', 'b'"),
            (SCHEMA, "sum,note", "sum,sum", "two columns are called 'sum'"),
        ] {
            let found = bad(schema, &ROWS.replace(from, to));
            assert!(found.contains(message), "{found}");
        }
        let young = ROWS.replace("30", "3").replace("26", "6");
        assert!(bad(SCHEMA, &young).contains("nobody of 4 rows is in the group 'age'"));
        let all_paid = ROWS.replace("no,", "yes,");
        assert!(bad(SCHEMA, &all_paid).contains("everybody of 4 rows"));
        assert!(bad(SCHEMA, "paid,age,job,sum,note\n").contains("no row"));
        for (from, to, message) in [
            ("column = \"age\"", "column = \"sex\"", "sensitive.column = 'sex' is not a column"),
            (", above = 25", "", "either values or above"),
            ("negative = [\"no\"]", "negative = [\"yes\"]", "both positive and negative"),
            ("name = \"note\"", "name = \"sum\"", "two columns are called 'sum'"),
            ("header = true", "header = true\ncolour = 1", "colour: no such key"),
        ] {
            let found = bad(&SCHEMA.replace(from, to), ROWS);
            assert!(found.contains(message), "{found}");
        }
    }
}
