//! Series in a CSV: a header, a row for each step, a column that names the series.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use super::{series::Table, split::Named};
use shared::reading::{CsvRows, listed};

/// Names of the column that names the series.
const IDS: [&str; 4] = ["series", "series_id", "sequence", "id"];
/// Bytes of a header that is looked into.
const LONGEST_HEADER: u64 = 1 << 16;

/// Whether a column of the CSV names series; nothing is known of what cannot be read.
pub(super) fn has_series(path: &Path) -> Option<bool> {
    let mut header = Vec::new();
    let file = File::open(path).ok()?;
    BufReader::new(file.take(LONGEST_HEADER)).read_until(b'\n', &mut header).ok()?;
    let header = String::from_utf8_lossy(&header);
    Some(header.split(',').any(is_id))
}

fn is_id(name: &str) -> bool {
    IDS.contains(&&*plain(name))
}

fn plain(name: &str) -> String {
    name.trim_start_matches('\u{feff}').trim().trim_matches('"').to_lowercase()
}

/// The series of a CSV in the order in which they first occur, each with its rows in the order of the file.
///
/// # Errors
/// What is wrong, with its line and column: no header, a column without a name or two of one name, no column that
/// names the series or several, no numeric column, rows of unequal length, and what is no finite number.
pub fn parse(bytes: &[u8], id: Option<&str>) -> Result<Table, String> {
    let mut format = csv::ReaderBuilder::new();
    let mut rows = CsvRows::new(bytes, format.flexible(true).trim(csv::Trim::All), None);
    let header: Vec<String> = rows.header()?.iter().map(str::to_owned).collect();
    if let Some(place) = header.iter().position(String::is_empty) {
        return Err(format!("column {} of its header has no name", place + 1));
    }
    if let Some(twice) = (1..header.len()).find(|&place| header[..place].contains(&header[place])) {
        return Err(format!("two columns of its header are called {}", header[twice]));
    }
    let ids: Vec<&str> = header.iter().map(String::as_str).filter(|name| is_id(name)).collect();
    if id.is_none() && ids.len() > 1 {
        return Err(format!(
            "its columns {} may each name the series: rename one, or name it in training with --set \
             data.series.id=COLUMN",
            ids.join(" and ")
        ));
    }
    let place = match id {
        Some(id) => header.iter().position(|name| name == id),
        None => header.iter().position(|name| is_id(name)),
    };
    let Some(place) = place else {
        let wanted = id.map_or_else(|| IDS.join(", "), str::to_owned);
        return Err(format!(
            "no column names the series ({wanted}); it has {}: call one so, or name it in training with \
             --set data.series.id=COLUMN",
            listed(&header)
        ));
    };
    let others = |row: &[String]| -> Vec<String> {
        row.iter()
            .enumerate()
            .filter(|(at, _)| *at != place)
            .map(|(_, cell)| cell.clone())
            .collect()
    };
    let columns = others(&header);
    if columns.is_empty() {
        return Err(format!("no numeric column beside {}", header[place]));
    }
    let mut series: Vec<Named<Vec<f64>>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for row in rows {
        let (line, row) = row?;
        let row: Vec<String> = row.iter().map(str::to_owned).collect();
        if row.len() != header.len() {
            return Err(format!(
                "line {line}: {} fields, and the header has {}",
                row.len(),
                header.len()
            ));
        }
        if row[place].is_empty() {
            return Err(format!("line {line}: no {}", header[place]));
        }
        let own = *places.entry(row[place].clone()).or_insert_with(|| {
            series.push((row[place].clone(), Vec::new()));
            series.len() - 1
        });
        for (column, cell) in columns.iter().zip(others(&row)) {
            match cell.parse::<f64>() {
                Ok(number) if (number as f32).is_finite() => series[own].1.push(number),
                _ if cell.is_empty() => {
                    return Err(format!("line {line}, column {column}: no number"));
                }
                _ => {
                    return Err(format!(
                        "line {line}, column {column}: '{cell}' is no finite number"
                    ));
                }
            }
        }
    }
    Ok(Table { columns, series })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_by_series_in_their_order() {
        let text = b"\xef\xbb\xbftime,id,value\n0, b,1.5\n1,a,2\n2,b,-3e0\n";
        let Table { columns, series } = parse(text, None).unwrap();
        assert_eq!(columns, ["time", "value"]);
        assert_eq!(series, [("b".into(), vec![0.0, 1.5, 2.0, -3.0]), ("a".into(), vec![1.0, 2.0])]);
        assert_eq!(parse(b"id,key\n1,x\n", Some("key")).unwrap().columns, ["id"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let told = |text: &str| parse(text.as_bytes(), None).unwrap_err();
        for (text, part) in [
            ("", "no column names the series"),
            (
                "time,value\n1,2\n",
                "it has time, value: call one so, or name it in training with --set data.series.id=COLUMN",
            ),
            ("id,x,x\n1,2,3\n", "two columns of its header are called x"),
            ("id,x,\n1,2,3\n", "column 3 of its header has no name"),
            ("id,x,series\n1,2,3\n", "its columns id and series may each name the series"),
            ("id\n1\n", "no numeric column beside id"),
            ("id,x\n1,2\n1\n", "line 3: 1 fields, and the header has 2"),
            ("id,x\n1,2,3\n", "line 2: 3 fields"),
            ("id,x\n1,two\n", "line 2, column x: 'two' is no finite number"),
            ("id,x\n1,NaN\n", "line 2, column x: 'NaN' is no finite number"),
            ("id,x\n1,1e99\n", "'1e99' is no finite number"),
            ("id,x\n1,\n", "line 2, column x: no number"),
            ("id,x\n,1\n", "line 2: no id"),
        ] {
            assert!(told(text).contains(part) && !told(text).contains('\n'), "{}", told(text));
        }
        assert!(parse(b"id,x\n1,\xff\n", None).unwrap_err().contains("no UTF-8"));
    }
}
