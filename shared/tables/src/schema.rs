use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};

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
    /// How they are written: in the file a text, or a list of them where there are several ways.
    #[serde(rename = "mark", deserialize_with = "one_or_more", serialize_with = "one_or_list")]
    pub marks: Vec<String>,
    /// Leave out rows that have one; otherwise a missing category is a category of its own, called as the first mark,
    /// and a missing number, target or group is an error. A blank that is none of the marks is an error too.
    pub drop_rows: bool,
}

impl Missing {
    /// True if this field stands for a value that is not known.
    pub(crate) fn is(&self, field: &str) -> bool {
        self.marks.iter().any(|mark| mark == field)
    }
}

fn one_or_more<'de, D: Deserializer<'de>>(of: D) -> Result<Vec<String>, D::Error> {
    of.deserialize_any(Texts)
}

fn one_or_list<S: Serializer>(texts: &[String], to: S) -> Result<S::Ok, S::Error> {
    match texts {
        [text] => to.serialize_str(text),
        several => to.collect_seq(several),
    }
}

/// A text, or a list of texts.
struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotation marks, or a list of them,")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
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

impl fmt::Display for Target {
    /// For people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [yes, no] = [&self.positive, &self.negative].map(|values| values.join(" or "));
        write!(f, "{} = {yes}, against {no}", self.column)
    }
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

impl fmt::Display for Group {
    /// For people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        if self.missing.as_ref().is_some_and(|missing| missing.marks.is_empty()) {
            return Some("missing.mark: name one text at least for what is not known".into());
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

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "header = true\nmissing = { mark = MARK, drop_rows = true }\n\
        target = { column = \"y\", positive = [\"1\", \"2\"], negative = [\"0\"] }\n\
        sensitive = { column = \"s\", values = [\"a\"] }\n\
        columns = [{ name = \"x\", kind = \"number\" }, { name = \"s\", kind = \"category\" }, \
        { name = \"y\", kind = \"category\" }]\n";

    fn with(mark: &str) -> Result<Schema, String> {
        Schema::from_toml(&SCHEMA.replace("MARK", mark)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_missing_is_written_in_one_way_or_in_several() {
        for (mark, marks) in
            [("\"?\"", vec!["?"]), ("[\"?\"]", vec!["?"]), ("[\"?\", \"\"]", vec!["?", ""])]
        {
            let schema = with(mark).unwrap();
            assert_eq!(schema.missing.as_ref().unwrap().marks, marks, "{mark}");
            let text = toml::to_string(&schema).unwrap();
            assert_eq!(Schema::from_toml(&text).unwrap(), schema, "{text}");
            // One is a text, as every version reads it.
            assert_eq!(text.contains("mark = \"?\""), marks.len() == 1, "{text}");
        }
        for (mark, said) in [
            ("3", "missing.mark = 3: a text in quotation marks, or a list of them, belongs here"),
            ("[3]", "a text in quotation marks belongs here"),
            ("[]", "missing.mark: name one text at least"),
        ] {
            let found = with(mark).unwrap_err();
            assert!(found.contains(said) && !found.contains('\n'), "{found}");
        }
    }

    #[test]
    fn a_target_is_described_by_its_values() {
        assert_eq!(with("\"?\"").unwrap().target.to_string(), "y = 1 or 2, against 0");
    }
}
