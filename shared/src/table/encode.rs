use ndarray::Array2;

use super::{Cell, Kind, Table, TableError};

/// Turns rows into numbers: a category into a feature for each of its values, 1 for the one it has;
/// a number into its distance from the training mean in training standard deviations.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoder {
    columns: Vec<Encoding>,
}

#[derive(Clone, Debug, PartialEq)]
enum Encoding {
    Number { name: String, mean: f64, deviation: f64 },
    Category { name: String, values: Vec<String> },
}

/// Rows as numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// `[rows, features]`.
    pub features: Array2<f32>,
    /// Values of categories that the training split does not have; they are all zeros.
    pub unseen: usize,
}

impl Encoder {
    /// An encoder by the statistics of these rows of the table: the training split.
    ///
    /// # Errors
    /// If there is no row.
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
                // A constant column carries nothing, whatever it is divided by.
                let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
                Encoding::Number { name, mean, deviation }
            })
            .collect();
        Ok(Self { columns })
    }

    /// Names of the features: a column, or `column=value`.
    pub fn names(&self) -> Vec<String> {
        self.columns
            .iter()
            .flat_map(|column| match column {
                Encoding::Number { name, .. } => vec![name.clone()],
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
                Encoding::Number { .. } => vec![false],
                Encoding::Category { values, .. } => vec![true; values.len()],
            })
            .collect()
    }

    /// The chosen rows of a table with the same columns.
    pub fn encode(&self, table: &Table, rows: &[usize]) -> Encoded {
        let width = self.names().len();
        let mut features = Array2::zeros((rows.len(), width));
        let mut unseen = 0;
        for (mut target, &row) in features.rows_mut().into_iter().zip(rows) {
            let mut start = 0;
            for (column, cell) in self.columns.iter().zip(&table.rows[row]) {
                match (column, cell) {
                    (Encoding::Number { mean, deviation, .. }, Cell::Number(value)) => {
                        target[start] = ((value - mean) / deviation) as f32;
                    }
                    (Encoding::Category { values, .. }, Cell::Category(value)) => {
                        match values.iter().position(|known| known == value) {
                            Some(place) => target[start + place] = 1.0,
                            None => unseen += 1,
                        }
                    }
                    _ => {}
                }
                start += match column {
                    Encoding::Number { .. } => 1,
                    Encoding::Category { values, .. } => values.len(),
                };
            }
        }
        Encoded { features, unseen }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::table::{Schema, read};

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
    const ROWS: &str = "paid,age,job,sum,note\nyes, 30,cook,1,?\nno,20,smith,3,a\nyes,40,?,3,a\n\
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
        let encoder = Encoder::fit(&table, &[0, 1]).unwrap();
        assert_eq!(encoder.names(), ["job=cook", "job=smith", "sum"]);
        let encoded = encoder.encode(&table, &[0, 1, 2, 3]);
        // Mean 2 and deviation 1 over the training rows 1 and 3; the baker is not among them.
        let expected = ndarray::arr2(&[[1., 0., -1.], [0., 1., 1.], [1., 0., 0.], [0., 0., 5.]]);
        assert_eq!((encoded.features, encoded.unseen), (expected, 1));
        assert!(Encoder::fit(&table, &[]).is_err());
    }

    #[test]
    fn mistakes_name_their_line_and_column() {
        let bad = |schema: &str, rows: &str| table(schema, rows).unwrap_err().to_string();
        let strict = SCHEMA.replace(
            "{ name = \"job\", kind = \"category\" }",
            "{ name = \"job\", kind = \"category\", categories = [\"cook\", \"smith\"] }",
        );
        for (schema, from, to, message) in [
            (SCHEMA, "20,smith,3", "20,smith,three", "line 3, column 'sum': 'three' is no number"),
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
            ("column = \"age\"", "column = \"sex\"", "sensitive.column = 'sex' is no column"),
            (", above = 25", "", "either values or above"),
            ("negative = [\"no\"]", "negative = [\"yes\"]", "both positive and negative"),
            ("name = \"note\"", "name = \"sum\"", "two columns are called 'sum'"),
            ("header = true", "header = true\ncolour = 1", "unknown field `colour`"),
        ] {
            let found = bad(&SCHEMA.replace(from, to), ROWS);
            assert!(found.contains(message), "{found}");
        }
    }
}
