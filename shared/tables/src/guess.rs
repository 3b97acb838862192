//! A guess at the schema of a table, for its owner to read, correct and save.

use std::{cmp::Reverse, collections::BTreeMap, path::Path};

use toml::Value;

use super::{Column, Group, Kind, Missing, Schema, Target, read::with_single_blanks};
use shared::reading::{CsvRows, read_text};

/// Rows that are looked at.
const ROWS: usize = 20_000;
/// Ways to write that a value is missing.
const MISSING: [&str; 7] = ["?", "", "NA", "N/A", "nan", "NaN", "null"];
/// Columns that are often predicted, and often protected.
const TARGETS: [&str; 11] = [
    "target", "label", "class", "y", "outcome", "income", "credit", "default", "approved", "hired",
    "decision",
];
const SENSITIVE: [&str; 8] =
    ["sex", "gender", "race", "ethnicity", "religion", "nationality", "disability", "age"];
/// Values that often mean yes.
const POSITIVE: [&str; 9] = ["1", "yes", "true", "y", "t", "good", "approved", ">50K", "positive"];

/// A column as it was found.
struct Found {
    name: String,
    /// How often each value occurs.
    counts: BTreeMap<String, usize>,
    /// Rows that have a value.
    rows: usize,
    /// Rows that have none.
    missing: usize,
}

impl Found {
    /// True if most rows have no value: they would be left out for its sake.
    fn is_sparse(&self) -> bool {
        self.missing > self.rows
    }

    fn is_number(&self) -> bool {
        self.counts.len() > 2 && self.counts.keys().all(|value| value.parse::<f64>().is_ok())
    }

    /// True of names and numbers of people, as many values as rows, and of words, of which most are said once.
    fn is_label(&self) -> bool {
        let is_own = self.counts.len() == self.rows && !self.has_fractions();
        self.rows > 20 && (is_own || !self.is_number() && 2 * self.counts.len() > self.rows)
    }

    /// True of days and times, as 2024-03-01, 1.3.24 or 9:05; ranges of numbers are none.
    fn is_date(&self) -> bool {
        let is_mark = |c: char| "-/.:".contains(c);
        let is_date = |value: &String| {
            let marks = value.chars().filter(|&c| is_mark(c)).count();
            value.starts_with(|c: char| c.is_ascii_digit())
                && value.chars().all(|c| c.is_ascii_digit() || is_mark(c) || " TZ+".contains(c))
                && (marks >= 2 || value.contains(':'))
        };
        self.counts.len() > 2 && self.counts.keys().all(is_date)
    }

    fn has_fractions(&self) -> bool {
        self.counts.keys().any(|value| value.parse::<f64>().is_ok_and(|v| v.fract() != 0.0))
    }

    /// The place of its name among these, part of a longer name counts too.
    fn rank(&self, names: &[&str]) -> Option<usize> {
        let own = self.name.to_lowercase();
        names.iter().position(|name| own.split(['-', '_', ' ', '.']).any(|part| part == *name))
    }

    fn column(&self) -> Column {
        let is_ignored = self.is_sparse() || self.is_label() || self.is_date();
        let kind = match (is_ignored, self.is_number()) {
            (true, _) => Kind::Ignore,
            (false, true) => Kind::Number,
            (false, false) => Kind::Category,
        };
        Column { name: self.name.clone(), kind, categories: Vec::new() }
    }
}

/// A guess, and what is to be said of it.
pub(crate) struct Guess {
    schema: Schema,
    /// Columns that are ignored because most rows have no value in them.
    sparse: Vec<String>,
}

/// The schema that a CSV seems to have.
///
/// # Errors
/// No table; nothing with two values to predict, or nobody to compare.
pub(crate) fn guess(path: &Path) -> Result<Guess, String> {
    let mut text = read_text(path).map_err(|error| error.to_string())?;
    let first = text.lines().find(|line| !line.trim().is_empty()).ok_or("no row")?;
    // Names and values have blanks too: these separate where nothing else does.
    let separator = [',', ';', '\t']
        .into_iter()
        .filter(|separator| first.contains(*separator))
        .max_by_key(|separator| first.matches(*separator).count())
        .unwrap_or(' ');
    // As the table itself will be read.
    if separator == ' ' {
        text = with_single_blanks(&text);
    }
    let mut format = csv::ReaderBuilder::new();
    let format =
        format.has_headers(false).delimiter(separator as u8).trim(csv::Trim::All).flexible(true);
    let rows: Vec<Vec<String>> = CsvRows::new(text.as_bytes(), format, None)
        .map(|row| Ok(row?.1.iter().map(str::to_owned).collect()))
        .filter(|row: &Result<Vec<String>, String>| !row.as_deref().is_ok_and(|row| row == [""]))
        .take(ROWS)
        .collect::<Result<_, _>>()?;
    let header = rows.first().ok_or("no row")?;
    if header.len() < 3 {
        return Err(format!(
            "{} columns: a target, a sensitive attribute and a feature at least",
            header.len()
        ));
    }
    let is_name = |field: &String| field.parse::<f64>().is_err();
    let last = header.len() - 1;
    // A separator at the end of each line makes a column without a name and without values.
    let ends_empty = rows.iter().all(|row| row.get(last).is_none_or(String::is_empty));
    // pandas leaves the name of its row numbers empty.
    let may_be_empty = |place: usize| place == 0 || place == last && ends_empty;
    let mut named = header.iter().enumerate();
    let has_header = header.iter().all(is_name)
        && named.all(|(place, name)| !name.is_empty() || may_be_empty(place));
    let names = match has_header {
        true => header.clone(),
        false => (1..=header.len()).map(|number| format!("column-{number}")).collect(),
    };
    let found = |name| Found { name, counts: BTreeMap::new(), rows: 0, missing: 0 };
    let mut columns: Vec<Found> = names.into_iter().map(found).collect();
    let mut marks: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows.into_iter().skip(usize::from(has_header)) {
        for (column, value) in columns.iter_mut().zip(row) {
            match MISSING.iter().find(|mark| **mark == value) {
                Some(mark) => {
                    *marks.entry(mark).or_default() += 1;
                    column.missing += 1;
                }
                None => {
                    *column.counts.entry(value).or_default() += 1;
                    column.rows += 1;
                }
            }
        }
    }
    columns.retain(|found| !found.name.is_empty());
    let binary = |found: &&Found| found.counts.len() == 2 && !found.is_sparse();
    let target = columns.iter().filter(binary).filter_map(|f| Some((f.rank(&TARGETS)?, f)));
    let target = target.min_by_key(|(rank, _)| *rank).map(|(_, found)| found);
    let target = target
        .or_else(|| columns.iter().rev().find(binary))
        .ok_or("no column has two values to predict: write a schema, see the page of fair-repr")?;
    let is_other =
        |found: &&Found| found.name != target.name && found.counts.len() > 1 && !found.is_sparse();
    let others = || columns.iter().filter(is_other);
    let sensitive = others().filter_map(|f| Some((f.rank(&SENSITIVE)?, f)));
    let sensitive = sensitive.min_by_key(|(rank, _)| *rank).map(|(_, found)| found);
    let sensitive = sensitive.or_else(|| others().find(binary)).ok_or(
        "no column divides the people in two groups: write a schema, see the page of fair-repr",
    )?;
    // pandas writes 1.0 for 1 where values are missing.
    let means_yes = |value: &String| {
        POSITIVE.iter().any(|yes| yes.eq_ignore_ascii_case(value))
            || value.parse::<f64>() == Ok(1.0)
    };
    let values: Vec<&String> = target.counts.keys().collect();
    let rarer = |value: &&&String| target.counts[**value];
    let positive = values.iter().find(|value| means_yes(value)).or(values.iter().min_by_key(rarer));
    let positive = positive.map(|value| (*value).clone()).unwrap_or_default();
    let negative = values.into_iter().filter(|value| **value != positive).cloned().collect();
    let mut described: Vec<Column> = columns.iter().map(Found::column).collect();
    let most_frequent = || sensitive.counts.iter().max_by_key(|(_, count)| **count);
    let group = if sensitive.is_number() {
        Group { column: sensitive.name.clone(), values: Vec::new(), above: Some(median(sensitive)) }
    } else {
        let values = most_frequent().map(|(value, _)| value.clone()).into_iter().collect();
        for column in described.iter_mut().filter(|column| column.name == sensitive.name) {
            column.kind = Kind::Category;
            column.categories = sensitive.counts.keys().cloned().collect();
        }
        Group { column: sensitive.name.clone(), values, above: None }
    };
    for column in described.iter_mut().filter(|column| column.name == target.name) {
        column.kind = Kind::Category;
    }
    let mut marks: Vec<(&str, usize)> = marks.into_iter().collect();
    marks.sort_by_key(|(_, count)| Reverse(*count));
    let marks: Vec<String> = marks.into_iter().map(|(mark, _)| mark.to_owned()).collect();
    let sparse = columns.iter().filter(|found| found.is_sparse()).map(|found| found.name.clone());
    let schema = Schema {
        header: has_header,
        separator,
        comment: None,
        missing: (!marks.is_empty()).then_some(Missing { marks, drop_rows: true }),
        target: Target { column: target.name.clone(), positive: vec![positive], negative },
        sensitive: group,
        transfer: None,
        columns: described,
    };
    Ok(Guess { schema, sparse: sparse.collect() })
}

/// The median of a column of numbers.
fn median(found: &Found) -> f64 {
    let mut values: Vec<(f64, usize)> = found
        .counts
        .iter()
        .filter_map(|(value, count)| Some((value.parse().ok()?, *count)))
        .collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut seen = 0;
    let middle = values.iter().find(|(_, count)| {
        seen += count;
        2 * seen >= found.rows
    });
    middle.map_or(0.0, |(value, _)| *value)
}

/// A guess as its owner would write it.
pub(crate) fn written(Guess { schema, sparse }: &Guess) -> String {
    let quoted = |text: &str| Value::String(text.to_owned()).to_string();
    let list = |values: &[String]| {
        format!("[{}]", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
    };
    let mut lines = vec![format!("header = {}", schema.header)];
    if schema.separator != ',' {
        lines.push(format!("separator = {}", quoted(&schema.separator.to_string())));
    }
    if let Some(missing) = &schema.missing {
        let mark = match missing.marks.as_slice() {
            [mark] => quoted(mark),
            marks => list(marks),
        };
        lines.push(format!("missing = {{ mark = {mark}, drop_rows = true }}"));
    }
    let Target { column, positive, negative } = &schema.target;
    lines.push(format!(
        "target = {{ column = {}, positive = {}, negative = {} }}",
        quoted(column),
        list(positive),
        list(negative)
    ));
    let members = match schema.sensitive.above {
        Some(above) => format!("above = {above:?}"),
        None => format!("values = {}", list(&schema.sensitive.values)),
    };
    lines.push(format!(
        "sensitive = {{ column = {}, {members} }}",
        quoted(&schema.sensitive.column)
    ));
    lines.push("columns = [".into());
    for column in &schema.columns {
        let kind = match column.kind {
            Kind::Number => "number",
            Kind::Category => "category",
            Kind::Ignore => "ignore",
        };
        let categories = match column.categories.as_slice() {
            [] => String::new(),
            categories => format!(", categories = {}", list(categories)),
        };
        let why = match sparse.contains(&column.name) {
            true => " # most rows have no value in it, and would be left out",
            false => "",
        };
        lines.push(format!(
            "    {{ name = {}, kind = \"{kind}\"{categories} }},{why}",
            quoted(&column.name)
        ));
    }
    lines.push("]".into());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess_of(text: &str) -> Result<Guess, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.csv");
        std::fs::write(&path, text).unwrap();
        guess(&path)
    }

    fn guessed(text: &str) -> Result<Schema, String> {
        Ok(guess_of(text)?.schema)
    }

    /// The rows of a table by its guess, as it was printed and saved.
    fn read(text: &str) -> crate::Table {
        let guess = guess_of(text).unwrap();
        let schema = Schema::from_toml(&written(&guess)).unwrap();
        assert_eq!(schema, guess.schema);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.csv");
        std::fs::write(&path, text).unwrap();
        crate::read(&schema, &[path]).unwrap()
    }

    fn people() -> String {
        let row = |i: usize| {
            let (sex, pay) =
                (["female", "male"][i % 2], ["<=50K", ">50K"][usize::from(i.is_multiple_of(3))]);
            let job = if i == 5 { "?" } else { ["clerk", "smith", "nurse"][i % 3] };
            format!("p{i};{};{sex};{job};{pay}\n", 20 + i % 40)
        };
        "name;age;sex;job;pay\n".to_owned() + &(0..60).map(row).collect::<String>()
    }

    #[test]
    fn what_is_guessed_can_be_saved_and_reads_the_table() {
        let schema = guessed(&people()).unwrap();
        assert_eq!((&*schema.target.column, &*schema.target.positive[0]), ("pay", ">50K"));
        assert_eq!(schema.sensitive.column, "sex");
        let kinds: Vec<Kind> = schema.columns.iter().map(|column| column.kind).collect();
        use Kind::{Category, Ignore, Number};
        assert_eq!(kinds, [Ignore, Number, Category, Category, Category]);
        let table = read(&people());
        assert_eq!((table.len(), table.dropped), (59, 1));
    }

    #[test]
    fn yes_is_found_where_pandas_wrote_it_as_a_fraction() {
        // Yes is the more frequent, so that its name alone tells.
        let row = |i: usize| format!("{}.5,{},{}\n", i, i % 2, ["1.0", "1.0", "0.0", ""][i % 4]);
        let text = "age,sex,pay\n".to_owned() + &(0..60).map(row).collect::<String>();
        let target = guessed(&text).unwrap().target;
        assert_eq!((&*target.positive[0], &*target.negative[0]), ("1.0", "0.0"));
        let table = read(&text);
        assert_eq!((table.len(), table.dropped), (45, 15));
        assert_eq!(table.targets.iter().filter(|target| **target == 1).count(), 30);
    }

    #[test]
    fn columns_without_most_of_their_values_are_ignored_and_cost_no_row() {
        let rows = people().lines().skip(1).map(str::to_owned).collect::<Vec<String>>();
        // One without any value, one with two of them now and then, and one that most have.
        let row = |(i, row): (usize, &String)| {
            let rare = ["yes", "no", "", "", ""][i % 5];
            let bonus = if i.is_multiple_of(4) { String::new() } else { format!("{}.5", i % 7) };
            format!("{row};;{rare};{bonus}\n")
        };
        let rows: String = rows.iter().enumerate().map(row).collect();
        let text = format!("name;age;sex;job;pay;left;default;bonus\n{rows}");
        let guess = guess_of(&text).unwrap();
        assert_eq!(guess.sparse, ["left", "default"]);
        assert_eq!(guess.schema.target.column, "pay");
        let printed = written(&guess);
        let why = "kind = \"ignore\" }, # most rows have no value in it, and would be left out";
        for name in ["left", "default"] {
            let line = format!("    {{ name = \"{name}\", {why}");
            assert!(printed.lines().any(|found| found == line), "{printed}");
        }
        assert_eq!(printed.matches('#').count(), 2, "{printed}");
        // Who lacks a bonus, or a job, is still left out.
        let table = read(&text);
        assert_eq!((table.len(), table.dropped), (44, 16));
    }

    #[test]
    fn a_separator_at_the_end_of_each_line_makes_no_column() {
        let text: String = people().lines().map(|line| format!("{line};\n")).collect();
        assert_eq!(
            guessed(&text).unwrap(),
            Schema {
                missing: Some(Missing { marks: vec!["".into(), "?".into()], drop_rows: true }),
                ..guessed(&people()).unwrap()
            }
        );
        assert_eq!(read(&text).len(), 59);
        // With a value in it the first line is a row: one whose last value is missing.
        let text = text.replacen("<=50K;\n", "<=50K;x\n", 1);
        assert!(guessed(&text).unwrap_err().contains("to predict"));
    }

    #[test]
    fn blanks_separate_where_nothing_else_does() {
        let expected = Schema { separator: ' ', ..guessed(&people()).unwrap() };
        for separator in [" ", "   "] {
            let text = people().replace(';', separator);
            assert_eq!(guessed(&text).unwrap(), expected, "'{separator}'");
            assert_eq!(read(&text).len(), 59, "'{separator}'");
        }
        let named = people().replace("name;age", "name of a person;age in whole years");
        assert_eq!(guessed(&named).unwrap().separator, ';');
    }

    #[test]
    fn every_way_to_write_that_a_value_is_missing_is_found() {
        let text = people().replace("p7;27;male;smith", "p7;27;male;NA");
        let text = text.replace("p8;28;female;nurse", "p8;28;female;NA");
        let text = text.replace("p9;29;male", "p9;;male");
        let schema = guessed(&text).unwrap();
        // The most frequent first.
        assert_eq!(schema.missing.as_ref().unwrap().marks, ["NA", "", "?"]);
        let table = read(&text);
        assert_eq!((table.len(), table.dropped), (56, 4));
        let said = format!("{:?}", table.rows);
        assert!(!said.contains("NA") && !said.contains('?'), "{said}");
    }

    #[test]
    fn dates_and_words_are_no_categories() {
        let row = |i: usize| {
            let (day, remark) =
                (i % 28 + 1, if i.is_multiple_of(4) { "none".into() } else { format!("word {i}") });
            let age = ["20-29", "30-39", "40-49"][i % 3];
            format!(
                "2024-03-{day:02},{day}.3.24 9:{:02},{remark},{age},{},{}\n",
                i % 60,
                i % 2,
                i % 3 / 2
            )
        };
        let text =
            "day,seen,remark,decade,sex,pay\n".to_owned() + &(0..60).map(row).collect::<String>();
        let kinds: Vec<Kind> =
            guessed(&text).unwrap().columns.iter().map(|column| column.kind).collect();
        use Kind::{Category, Ignore};
        assert_eq!(kinds, [Ignore, Ignore, Ignore, Category, Category, Category]);
    }

    #[test]
    fn row_numbers_of_pandas_are_no_column() {
        let rows: String = (people().lines().skip(1).enumerate())
            .map(|(number, row)| format!("{number};{row}\n"))
            .collect();
        let text = format!(";name;age;sex;job;pay\n{rows}");
        assert_eq!(guessed(&text).unwrap(), guessed(&people()).unwrap());
        assert_eq!(read(&text).len(), 59);
    }

    #[test]
    fn numbers_without_a_header_are_guessed_too_and_what_cannot_be_is_said() {
        let rows: String = (0..40).map(|i| format!("{}.5,{},{}\n", i, i % 2, i % 3 / 2)).collect();
        let schema = guessed(&rows).unwrap();
        assert_eq!((schema.header, &*schema.target.column), (false, "column-3"));
        assert_eq!(schema.sensitive.column, "column-2");
        let quoted: String =
            (0..40).map(|i| format!("\"{i}, or so\",{},{}\n", i % 2, i % 3 / 2)).collect();
        assert_eq!(guessed(&quoted).unwrap().columns.len(), 3);
        assert!(guessed("a,b\n1,2\n").unwrap_err().contains("2 columns"));
        assert!(guessed("a,b,c\n1,2,3\n4,5,6\n7,8,9\n").unwrap_err().contains("to predict"));
        assert!(guessed("").unwrap_err().contains("no row"));
    }
}
