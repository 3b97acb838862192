use std::{path::Path, slice};

use super::{Column, Group, Kind, Schema, TableError};
use shared::{
    data::{DataError, name_of},
    reading::{CsvRows, ReadError, listed, read_text},
};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Of a column of numbers.
    Number(f64),
    /// Of a column of categories.
    Category(String),
}

/// Rows of a CSV file as its schema has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Columns that a model may see.
    pub features: Vec<Column>,
    /// Their values, row by row.
    pub rows: Vec<Vec<Cell>>,
    /// 1 where the target is positive; 0 where it is not known.
    pub targets: Vec<u8>,
    /// Rows whose target is not known.
    pub unknown: Vec<usize>,
    /// 1 for members of the sensitive group.
    pub groups: Vec<u8>,
    /// The value of those who are no members, where the schema does not list what the sensitive column may have.
    pub other: Option<String>,
    /// 1 for members of the second target, if there is one.
    pub transfer: Option<Vec<u8>>,
    /// Where each row stands: `people.csv:17`, the line of its file.
    pub places: Vec<String>,
    /// Rows that were left out because a value is missing.
    pub dropped: usize,
}

impl Table {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Which rows lack the target, if any do, for people.
    pub(crate) fn without_target(&self, column: &str) -> Option<String> {
        let &first = self.unknown.first()?;
        Some(match (self.unknown.len(), self.len()) {
            (unknown, all) if unknown < all => format!(
                "{unknown} of {all} rows have no value in column '{column}', the first in {}",
                self.places[first]
            ),
            _ => format!("these rows have no column '{column}', or no value in it"),
        })
    }
}

/// Reads the files of a table one after another.
///
/// # Errors
/// A file that cannot be read; a value that is not what the schema says, named with its line and
/// column; a target or a group that is the same for everybody.
pub fn read(schema: &Schema, paths: &[impl AsRef<Path>]) -> Result<Table, TableError> {
    read_like(schema, paths, None)
}

/// The same, with the value of those who are no members that a model was fitted to, if it is known: a further one is
/// neither.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_like(
    schema: &Schema,
    paths: &[impl AsRef<Path>],
    other: Option<&str>,
) -> Result<Table, TableError> {
    let table = table(schema, paths, true, other)?;
    let constant = |what: &str, values: &[u8]| {
        let members = values.iter().filter(|v| **v == 1).count();
        let everybody = match members {
            0 => "nobody",
            all if all == values.len() => "everybody",
            _ => return Ok(()),
        };
        Err(TableError::Degenerate(format!(
            "{}: {everybody} of {} rows is in {what}: there is nothing to compare",
            named(paths),
            values.len()
        )))
    };
    constant(&format!("the positive class of '{}'", schema.target.column), &table.targets)?;
    constant(&format!("the group '{}'", schema.sensitive.column), &table.groups)?;
    Ok(table)
}

/// The same of people for whom a model is asked: a target or a group may be the same for everybody, and what no model
/// reads may be missing: below a header the columns of the target, of the second one and those that are ignored, and
/// anywhere their values.
///
/// # Errors
/// As [`read_like`], but for those.
pub(crate) fn rows(
    schema: &Schema,
    paths: &[impl AsRef<Path>],
    other: Option<&str>,
) -> Result<Table, TableError> {
    table(schema, paths, false, other)
}

fn table(
    schema: &Schema,
    paths: &[impl AsRef<Path>],
    needs_target: bool,
    other: Option<&str>,
) -> Result<Table, TableError> {
    let of_sensitive = Known { other: other.map(str::to_owned), is_fitted: other.is_some() };
    let mut known = [of_sensitive, Known::default()];
    let features: Vec<Column> =
        schema.columns.iter().filter(|column| schema.is_feature(column)).cloned().collect();
    let mut table = Table {
        features,
        rows: Vec::new(),
        targets: Vec::new(),
        unknown: Vec::new(),
        groups: Vec::new(),
        other: None,
        transfer: schema.transfer.as_ref().filter(|_| needs_target).map(|_| Vec::new()),
        places: Vec::new(),
        dropped: 0,
    };
    for path in paths {
        read_file(schema, path.as_ref(), needs_target, &mut table, &mut known)?;
    }
    if table.is_empty() {
        let why = match table.dropped {
            0 => "the table has no row".into(),
            dropped => format!("a value is missing in each of its {dropped} rows"),
        };
        return Err(TableError::Degenerate(format!("{}: {why}", named(paths))));
    }
    let [of_sensitive, _] = known;
    table.other = of_sensitive.other;
    Ok(table)
}

fn named(paths: &[impl AsRef<Path>]) -> String {
    listed(paths.iter().map(|path| path.as_ref().display().to_string()))
}

/// What is known of the column of a group that is made by values.
#[derive(Default)]
struct Known {
    /// The value of those who are no members, once it is met.
    other: Option<String>,
    /// True if a model was fitted to it: then these rows may not have another.
    is_fitted: bool,
}

/// A text file that a configuration names.
pub(super) fn text_of(path: &Path) -> Result<String, TableError> {
    read_text(path).map_err(|error| match error {
        ReadError::Io { path, reason } => {
            TableError::Read { path, reason: format!("{reason}{}", DataError::ELSEWHERE) }
        }
        other => other.into(),
    })
}

/// Each run of blanks as one: any run separates where a blank does.
pub(super) fn with_single_blanks(text: &str) -> String {
    let single = |line: &str| line.split_ascii_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    text.lines().map(single).collect()
}

fn read_file(
    schema: &Schema,
    path: &Path,
    needs_target: bool,
    table: &mut Table,
    known: &mut [Known; 2],
) -> Result<(), TableError> {
    let unreadable = |reason: String| TableError::Read { path: path.into(), reason };
    let mut text = text_of(path)?;
    if schema.separator == ' ' {
        text = with_single_blanks(&text);
    }
    let mut format = csv::ReaderBuilder::new();
    let format = format
        .has_headers(schema.header)
        .delimiter(schema.separator as u8)
        .trim(csv::Trim::All)
        .flexible(true);
    let comment = schema.comment.map(|c| c as u8);
    let mut rows = CsvRows::new(text.as_bytes(), format, comment);
    let (places, width): (Vec<Option<usize>>, usize) = if schema.header {
        let header = rows.header().map_err(unreadable)?;
        if let Some(twice) = (1..header.len())
            .map(|place| &header[place])
            .find(|name| header.iter().filter(|other| other == name).count() > 1)
        {
            return Err(unreadable(format!("two columns are called '{twice}' in its header")));
        }
        let place = |column: &Column| {
            let found = header.iter().position(|name| name == column.name);
            if found.is_none() && (needs_target || schema.is_input(column)) {
                return Err(TableError::Missing {
                    path: path.into(),
                    column: column.name.clone(),
                    header: listed(header.iter()),
                });
            }
            Ok(found)
        };
        (schema.columns.iter().map(place).collect::<Result<_, _>>()?, header.len())
    } else {
        ((0..schema.columns.len()).map(Some).collect(), schema.columns.len())
    };
    for row in rows {
        let (line, record) = row.map_err(unreadable)?;
        if record.len() != width {
            let (path, found, expected) = (path.into(), record.len(), width);
            return Err(TableError::Width { path, line, found, expected });
        }
        let fields = places.iter().map(|&place| place.map(|place| &record[place])).collect();
        let row = Row { schema, path, line, needs_target, fields };
        row.add_to(table, known)?;
    }
    Ok(())
}

/// A line of a file, its fields in the order of the schema, `None` for a column that the file has not.
struct Row<'a> {
    schema: &'a Schema,
    path: &'a Path,
    line: u64,
    needs_target: bool,
    fields: Vec<Option<&'a str>>,
}

impl Row<'_> {
    fn wrong(&self, column: &str, reason: String) -> TableError {
        let (path, column) = (self.path.into(), column.into());
        TableError::Value { path, line: self.line, column, reason }
    }

    fn field(&self, name: &str) -> &str {
        self.found(name).unwrap_or_default()
    }

    /// The field of a column that the file may lack.
    fn found(&self, name: &str) -> Option<&str> {
        let place = self.schema.columns.iter().position(|column| column.name == name);
        place.and_then(|place| self.fields[place])
    }

    fn is_missing(&self, field: &str) -> bool {
        self.schema.missing.as_ref().is_some_and(|missing| missing.is(field))
    }

    fn number(&self, column: &str, field: &str) -> Result<f64, TableError> {
        match field.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ if field.is_empty() => Err(self.wrong(column, "empty, expected a number".into())),
            _ => Err(self.wrong(column, format!("'{field}' is not a number"))),
        }
    }

    /// A field of a category that may be one.
    fn category<'b>(&'b self, column: &Column) -> Result<&'b str, TableError> {
        let field = self.field(&column.name);
        if column.categories.iter().any(|category| category == field) {
            return Ok(field);
        }
        if !column.categories.is_empty() {
            let known = column.categories.join("', '");
            return Err(self.wrong(&column.name, format!("'{field}' is none of '{known}'")));
        }
        // A category of its own, as the schema says, however it is written.
        let missing = self.schema.missing.as_ref().filter(|missing| missing.is(field));
        if let Some(mark) = missing.and_then(|missing| missing.marks.first())
            && self.schema.is_feature(column)
        {
            return Ok(mark.as_str());
        }
        if field.is_empty() && !self.is_missing(field) {
            let reason = "empty, expected a value; if that means it is not known, say so in the \
                          schema: missing = { mark = \"\", drop_rows = true }";
            return Err(self.wrong(&column.name, reason.into()));
        }
        if self.is_missing(field) {
            let reason = "not known: set missing.drop_rows = true, or leave this row out";
            return Err(self.wrong(&column.name, reason.into()));
        }
        Ok(field)
    }

    /// 1 for a member. Without a list of categories two values can be told apart; who has a third
    /// might be anything.
    fn member(&self, group: &Group, known: &mut Known) -> Result<u8, TableError> {
        if let Some(bound) = group.above {
            let value = self.number(&group.column, self.field(&group.column))?;
            return Ok(u8::from(value > bound));
        }
        let column = self.schema.columns.iter().find(|column| column.name == group.column);
        let field = match column {
            Some(column) => self.category(column)?,
            None => "",
        };
        let is_listed = column.is_some_and(|column| !column.categories.is_empty());
        if !is_listed && !group.values.iter().any(|v| v == field) {
            // Values of members are known from the schema, however many.
            let other: &String = known.other.get_or_insert_with(|| field.to_owned());
            if other != field {
                let values = [&group.values[..], slice::from_ref(other)].concat().join("', '");
                let reason = if known.is_fitted {
                    format!(
                        "'{field}' is none of '{values}', to which the model was fitted: write it \
                         as one of these"
                    )
                } else {
                    format!(
                        "'{field}' is a third value beside '{values}': list all that may occur as \
                         categories of the column"
                    )
                };
                return Err(self.wrong(&group.column, reason));
            }
        }
        Ok(u8::from(group.values.iter().any(|value| value == field)))
    }

    /// 1 for a value of the target that means yes, 0 for one that means no; none where it is not known and need not be.
    fn label(&self) -> Result<Option<u8>, TableError> {
        let target = &self.schema.target;
        let Some(field) = self.found(&target.column) else { return Ok(None) };
        let is = |values: &[String]| values.iter().any(|value| value == field);
        match (is(&target.positive), is(&target.negative)) {
            (true, _) => Ok(Some(1)),
            (_, true) => Ok(Some(0)),
            _ if !self.needs_target && (field.is_empty() || self.is_missing(field)) => Ok(None),
            _ => {
                let known = [target.positive.as_slice(), &target.negative].concat().join("', '");
                Err(self.wrong(&target.column, format!("'{field}' is none of '{known}'")))
            }
        }
    }

    /// True for a column without whose value the row is of no use.
    fn is_used(&self, column: &Column) -> bool {
        let Schema { target, transfer, .. } = self.schema;
        let is_target = column.name == target.column
            || transfer.as_ref().is_some_and(|transfer| transfer.column == column.name);
        self.schema.is_input(column) || self.needs_target && is_target
    }

    /// True if a value is missing without which the row is of no use, and such rows are left out.
    fn is_left_out(&self) -> bool {
        let Schema { columns, missing, .. } = self.schema;
        missing.as_ref().is_some_and(|missing| missing.drop_rows)
            && columns.iter().zip(&self.fields).any(|(column, field)| {
                self.is_used(column) && field.is_some_and(|field| self.is_missing(field))
            })
    }

    fn add_to(&self, table: &mut Table, known: &mut [Known; 2]) -> Result<(), TableError> {
        let Schema { sensitive, transfer, .. } = self.schema;
        if self.is_left_out() {
            table.dropped += 1;
            return Ok(());
        }
        let label = self.label()?;
        let row = table
            .features
            .iter()
            .map(|column| {
                if column.kind == Kind::Number {
                    let field = self.field(&column.name);
                    return self.number(&column.name, field).map(Cell::Number);
                }
                self.category(column).map(|field| Cell::Category(field.to_owned()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let [of_sensitive, of_transfer] = known;
        let group = self.member(sensitive, of_sensitive)?;
        let second = transfer.as_ref().filter(|_| table.transfer.is_some());
        let second = second.map(|group| self.member(group, of_transfer)).transpose()?;
        let file = name_of(self.path).unwrap_or_default();
        table.places.push(format!("{file}:{}", self.line));
        table.unknown.extend(label.is_none().then_some(table.rows.len()));
        table.rows.push(row);
        table.targets.push(label.unwrap_or_default());
        table.groups.push(group);
        if let (Some(all), Some(second)) = (&mut table.transfer, second) {
            all.push(second);
        }
        Ok(())
    }
}
