use serde::{Deserialize, Serialize};

use super::TableError;
use shared::reading::{Places, from_table, syntax};

/// What the columns of a CSV file are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Whether the first line names the columns; without one they come in the schema's order.
    pub header: bool,
    /// Between fields; any run of blanks if it is a blank.
    #[serde(default = "comma")]
    pub separator: char,
    /// Lines that begin with this are skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<char>,
    /// What stands for a value that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// What is predicted.
    pub target: Target,
    /// What a prediction must not depend on; no feature.
    pub sensitive: Group,
    /// A second target for the transfer of a representation; no feature either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Group>,
    /// The columns.
    pub columns: Vec<Column>,
}

fn comma() -> char {
    ','
}

/// How missing values are written and what is done about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// How they are written.
    pub mark: String,
    /// Leave out rows that have one; otherwise a missing category is a category of its own, and a
    /// missing number, target or group is an error. A blank that is not this mark is an error too.
    pub drop_rows: bool,
}

/// What is predicted: yes or no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The column.
    pub column: String,
    /// Its values that mean yes; all others must be in `negative`.
    pub positive: Vec<String>,
    /// Its values that mean no.
    pub negative: Vec<String>,
}

/// A group of people: those whose column has one of these values, or a number above a bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The column.
    pub column: String,
    /// Values that make a member. The others are the column's `categories`; without them there may
    /// be one other value, and a further one is an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// A number above this makes a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
}

impl std::fmt::Display for Group {
    /// For people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.above {
            Some(bound) => write!(f, "{} above {bound}", self.column),
            None => write!(f, "{} = {}", self.column, self.values.join(" or ")),
        }
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// All values a category may have; others are errors. Left out, they are those of the training
    /// split, and others count as none of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Numbers, standardised.
    Number,
    /// Words, a feature for each.
    Category,
    /// Not used.
    Ignore,
}

impl Schema {
    /// Reads a schema from TOML and checks it.
    ///
    /// # Errors
    /// Bad TOML, or a contradiction.
    pub fn from_toml(text: &str) -> Result<Self, TableError> {
        Self::named("built in", text)
    }

    /// The same, of a file of this name.
    ///
    /// # Errors
    /// As [`Self::from_toml`].
    pub fn named(name: &str, text: &str) -> Result<Self, TableError> {
        let table = toml::from_str(text).map_err(|e| TableError::Schema(syntax(name, text, &e)))?;
        let places = Places::new(name, text);
        let schema: Self =
            from_table(&table).map_err(|mistake| TableError::Schema(places.message(&mistake)))?;
        match schema.problem() {
            Some(problem) => Err(TableError::Schema(format!("{name}: {problem}"))),
            None => Ok(schema),
        }
    }

    fn problem(&self) -> Option<String> {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        if let Some(twice) = (1..names.len())
            .map(|i| names[i])
            .find(|n| names.iter().filter(|m| *m == n).count() > 1)
        {
            return Some(format!("two columns are called '{twice}'"));
        }
        let groups = [("sensitive", Some(&self.sensitive)), ("transfer", self.transfer.as_ref())];
        for (what, group) in groups.into_iter().filter_map(|(what, group)| Some((what, group?))) {
            if !names.contains(&group.column.as_str()) {
                return Some(format!("{what}.column = '{}' is not a column", group.column));
            }
            if group.column == self.target.column {
                return Some(format!("{what}.column = '{}' is the target's column", group.column));
            }
            if group.values.is_empty() == group.above.is_none() {
                return Some(format!("{what}: give either values or above"));
            }
            let column = self.columns.iter().find(|column| column.name == group.column);
            let categories = column.map_or(&[][..], |column| &column.categories);
            if let Some(value) = group
                .values
                .iter()
                .find(|value| !categories.is_empty() && !categories.contains(value))
            {
                return Some(format!(
                    "{what}.values: '{value}' is none of the categories of '{}'",
                    group.column
                ));
            }
        }
        for Column { name, kind, categories } in &self.columns {
            if *kind == Kind::Number && !categories.is_empty() {
                return Some(format!("column '{name}': a number has no categories"));
            }
            let twice =
                |(place, category): &(usize, &String)| categories[..*place].contains(category);
            if let Some((_, twice)) = categories.iter().enumerate().find(twice) {
                return Some(format!("column '{name}': the category '{twice}' stands twice"));
            }
        }
        if !names.contains(&self.target.column.as_str()) {
            return Some(format!("target.column = '{}' is not a column", self.target.column));
        }
        if self.target.positive.is_empty() || self.target.negative.is_empty() {
            return Some("target: positive and negative need one value each at least".into());
        }
        if let Some(both) = self.target.positive.iter().find(|v| self.target.negative.contains(v)) {
            return Some(format!("target: '{both}' is both positive and negative"));
        }
        if !self.columns.iter().any(|column| self.is_feature(column)) {
            return Some("no column is left for a feature".into());
        }
        let ascii = [Some(self.separator), self.comment];
        ascii
            .into_iter()
            .flatten()
            .find(|c| !c.is_ascii())
            .map(|c| format!("'{c}' cannot separate or begin a comment: use an ASCII character"))
    }

    /// True for a column of which an input is made: a feature, or the sensitive attribute.
    pub fn is_input(&self, column: &Column) -> bool {
        self.is_feature(column) || column.name == self.sensitive.column
    }

    /// True for a column that a model sees.
    pub fn is_feature(&self, column: &Column) -> bool {
        column.kind != Kind::Ignore
            && column.name != self.target.column
            && column.name != self.sensitive.column
            && self.transfer.as_ref().is_none_or(|transfer| transfer.column != column.name)
    }
}
