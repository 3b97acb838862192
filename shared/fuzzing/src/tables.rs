//! Readers of tables: schema and rows.

use super::{Target, outcome};
use tables::{Encoder, Schema, read};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "schema",
        file: "people.toml",
        seeds: || vec![SCHEMA.into(), BLANKS.into()],
        words: &[
            "header = true",
            "separator = \";\"",
            "comment = \"#\"",
            "missing = { mark = \"\", drop_rows = false }",
            "kind = \"number\"",
            "kind = \"category\"",
            "kind = \"ignore\"",
            "above = nan",
            "[[columns]]",
            "values = []",
            "categories = []",
            "'''",
            "\"\"\"",
        ],
        read: |path| {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
            outcome(Schema::from_toml(&text).map(|schema| format!("{schema:?}")))
        },
        ..Target::TEXT
    },
    Target {
        name: "csv",
        file: "people.csv",
        seeds: || vec![rows(',').into_bytes(), rows(',').replace('\n', "\r\n").into_bytes()],
        words: CELLS,
        read: |path| encoded(SCHEMA, path),
        ..Target::TEXT
    },
    Target {
        name: "csv-blanks",
        file: "people.data",
        seeds: || vec![rows(' ').into_bytes()],
        words: CELLS,
        read: |path| encoded(BLANKS, path),
        ..Target::TEXT
    },
];

const CELLS: &[&str] = &[
    "cook", "smith", "yes", "no", "?", "\"", "\"\"", "30", "1e308", "-1e308", "1e-320", ",", ",,",
    "paid", "#",
];

const SCHEMA: &str = "\
header = true
missing = { mark = \"?\", drop_rows = true }
target = { column = \"paid\", positive = [\"yes\"], negative = [\"no\"] }
sensitive = { column = \"age\", above = 25 }
transfer = { column = \"note\", values = [\"a\"] }
columns = [
    { name = \"age\", kind = \"number\" },
    { name = \"job\", kind = \"category\" },
    { name = \"sum\", kind = \"number\" },
    { name = \"note\", kind = \"ignore\" },
    { name = \"paid\", kind = \"category\" },
]
";

const BLANKS: &str = "\
header = false
separator = \" \"
comment = \"#\"
[target]
column = \"paid\"
positive = [\"yes\"]
negative = [\"no\"]
[sensitive]
column = \"age\"
values = [\"20\"]
[[columns]]
name = \"age\"
kind = \"category\"
[[columns]]
name = \"job\"
kind = \"category\"
categories = [\"cook\", \"smith\"]
[[columns]]
name = \"sum\"
kind = \"number\"
[[columns]]
name = \"note\"
kind = \"ignore\"
[[columns]]
name = \"paid\"
kind = \"category\"
";

fn rows(separator: char) -> String {
    let header = if separator == ',' { "age,job,sum,note,paid\n" } else { "# people\n" };
    let row = |at: usize| {
        let cell = |values: &[&str]| values[at % values.len()].to_owned();
        let cells = [
            cell(&["20", "30", "30"]),
            cell(&["cook", "smith"]),
            format!("{}.5", at * at % 7),
            cell(&["a", "b", "a", "b", "b"]),
            cell(&["yes", "no", "no"]),
        ];
        cells.join(&separator.to_string()) + "\n"
    };
    header.to_owned() + &(0..12).map(row).collect::<String>()
}

/// The table as a model sees it, of which every number must be one.
fn encoded(schema: &str, path: &std::path::Path) -> Result<u64, String> {
    let table = Schema::from_toml(schema)
        .and_then(|schema| read(&schema, &[path]))
        .map_err(|error| error.to_string())?;
    let rows: Vec<usize> = (0..table.len()).collect();
    let encoder =
        Encoder::fit(&table, &rows[..rows.len().div_ceil(2)]).map_err(|error| error.to_string())?;
    let encoded = encoder.encode(&table, &rows).map_err(|error| error.to_string())?;
    assert_eq!(encoder.names().len(), encoded.features.ncols());
    assert!(encoded.features.iter().all(|value| value.is_finite()), "a feature is not finite");
    Ok(0)
}
