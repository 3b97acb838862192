//! `audit`: fairness metrics of any predictions.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use ndarray::Array2;
use shared::{
    cli::refuse_zero,
    reading::{CsvRows, listed, one_line, short},
};
use tables::{Neighbours, OwnNeighbour, Predictions};

/// The farthest from its column's mean that a number may be: squares of hundreds of these add up to what single
/// precision holds.
const FARTHEST: f64 = 1e18;

/// The file has a header and one person per line.
#[derive(clap::Args)]
pub struct Args {
    /// The CSV file.
    file: PathBuf,
    /// Column with p(yes), or with 0 and 1.
    #[arg(long, default_value = "prediction", value_name = "COLUMN")]
    prediction: String,
    /// Column with the truth.
    #[arg(long, default_value = "target", value_name = "COLUMN")]
    target: String,
    /// Its value for yes.
    #[arg(long, default_value = "1", value_name = "VALUE")]
    positive: String,
    /// Its values for no (default: the only other value).
    #[arg(long, value_delimiter = ',', value_name = "VALUE,...")]
    negative: Vec<String>,
    /// Column with the sensitive attribute.
    #[arg(long, default_value = "sensitive", value_name = "COLUMN")]
    sensitive: String,
    /// Its value for the group s = 1.
    #[arg(long, default_value = "1", value_name = "VALUE")]
    member: String,
    /// Its values for the group s = 0 (default: the only other value).
    #[arg(long, value_delimiter = ',', value_name = "VALUE,...")]
    others: Vec<String>,
    /// Numeric columns that define the nearest neighbours of the consistency metric, by distances in the units of the
    /// file (those of evaluate are standardised).
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,...")]
    features: Vec<String>,
    /// Number of neighbours of the consistency metric.
    #[arg(long, default_value_t = 5, requires = "features")]
    neighbours: usize,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// The requested columns of a file.
struct File<'a> {
    args: &'a Args,
    header: csv::StringRecord,
    rows: Vec<(u64, csv::StringRecord)>,
}

impl<'a> File<'a> {
    fn read(args: &'a Args) -> Result<Self> {
        let place = args.file.display();
        let bytes = fs::read(&args.file).with_context(|| format!("cannot read {place}"))?;
        let mut format = csv::ReaderBuilder::new();
        let mut rows = CsvRows::new(&bytes, format.trim(csv::Trim::All), None);
        let unreadable = |reason: String| anyhow!("cannot read {place}: {reason}");
        let header = rows.header().map_err(unreadable)?;
        let rows = rows.collect::<Result<Vec<_>, String>>().map_err(unreadable)?;
        if rows.is_empty() {
            bail!("{place}: no row below the header");
        }
        Ok(Self { args, header, rows })
    }

    fn place(&self, column: &str) -> Result<usize> {
        if self.header.iter().filter(|name| *name == column).count() > 1 {
            bail!("{}: two columns are called '{column}'", self.args.file.display());
        }
        self.header.iter().position(|name| name == column).ok_or_else(|| {
            anyhow!(
                "{}: no column '{column}'; there are: {}",
                self.args.file.display(),
                one_line(&listed(self.header.iter()))
            )
        })
    }

    fn numbers(&self, column: &str) -> Result<Vec<f64>> {
        let place = self.place(column)?;
        self.rows
            .iter()
            .map(|(line, row)| {
                row[place].parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| {
                    anyhow!(
                        "{}, line {line}, column '{column}': '{}' is not a number",
                        self.args.file.display(),
                        one_line(&row[place])
                    )
                })
            })
            .collect()
    }

    /// A column as far as distances are concerned: its numbers less their mean, so that those of large ones, such as
    /// times, are not lost in single precision.
    fn centred(&self, column: &str) -> Result<Vec<f32>> {
        let numbers = self.numbers(column)?;
        let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
        if numbers.iter().all(|number| (number - mean).abs() <= FARTHEST) {
            return Ok(numbers.into_iter().map(|number| (number - mean) as f32).collect());
        }
        let largest = numbers.into_iter().max_by(|a, b| a.abs().total_cmp(&b.abs()));
        bail!(
            "{}, column '{column}': {} is too large for a distance between people: correct it, or write the column in \
             another unit",
            self.args.file.display(),
            short(largest.unwrap_or_default())
        )
    }

    /// 1 where the column has this value, 0 where it has one of `rest`, or the only other one if that is
    /// empty; anything else might be either.
    fn is(
        &self,
        column: &str,
        value: &str,
        rest: &[String],
        [option, rest_option]: [&str; 2],
    ) -> Result<Vec<u8>> {
        let place = self.place(column)?;
        let found: Vec<u8> =
            self.rows.iter().map(|(_, row)| u8::from(&row[place] == value)).collect();
        let mut values: Vec<&str> = self.rows.iter().map(|(_, row)| &row[place]).collect();
        values.sort_unstable();
        values.dedup();
        if !values.contains(&value) {
            values.truncate(8);
            bail!(
                "{}: nobody has '{value}' in column '{column}'; choose with {option} one of: {}",
                self.args.file.display(),
                one_line(&values.join(", "))
            );
        }
        if values.len() == 1 {
            bail!(
                "{}: everybody has '{value}' in column '{column}': there is nothing to compare",
                self.args.file.display()
            );
        }
        let mut known = rest.to_vec();
        for (line, row) in &self.rows {
            let field = &row[place];
            let place = || format!("{}, line {line}, column '{column}'", self.args.file.display());
            if field == value || known.iter().any(|known| known == field) {
                continue;
            }
            if field.is_empty() {
                bail!("{}: empty; leave the row out, or name '' with {rest_option}", place());
            }
            if let Some(other) = known.first() {
                let others = if rest.is_empty() { other.clone() } else { rest.join("', '") };
                bail!(
                    "{}: '{}' is neither '{value}' nor '{}'; name all others with {rest_option}",
                    place(),
                    one_line(field),
                    one_line(&others)
                );
            }
            known.push(field.to_owned());
        }
        Ok(found)
    }
}

pub(super) fn run(args: &Args) -> Result<()> {
    refuse_zero("--neighbours", args.neighbours)?;
    let file = File::read(args)?;
    if !args.features.is_empty() && args.neighbours >= file.rows.len() {
        bail!(
            "--neighbours {}: {} has {} people, each with {} others",
            args.neighbours,
            args.file.display(),
            file.rows.len(),
            file.rows.len() - 1
        );
    }
    let probabilities = file.numbers(&args.prediction)?;
    if let Some(row) = probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
        bail!(
            "{}, line {}, column '{}': {} is not a probability",
            args.file.display(),
            file.rows[row].0,
            args.prediction,
            probabilities[row]
        );
    }
    let targets =
        file.is(&args.target, &args.positive, &args.negative, ["--positive", "--negative"])?;
    let groups = file.is(&args.sensitive, &args.member, &args.others, ["--member", "--others"])?;
    let fairness =
        Predictions { probabilities: &probabilities, targets: &targets, groups: &groups }
            .fairness()
            .with_context(|| args.file.display().to_string())?;
    let mut lines: Vec<(String, f64, String)> = fairness
        .metrics()
        .into_iter()
        .map(|(name, value, _, about)| (name.to_owned(), value, about.to_owned()))
        .collect();
    if !args.features.is_empty() {
        let columns = args
            .features
            .iter()
            .map(|column| file.centred(column))
            .collect::<Result<Vec<Vec<f32>>>>()?;
        let features =
            Array2::from_shape_fn((file.rows.len(), columns.len()), |(i, j)| columns[j][i]);
        let neighbours = Neighbours::of(features.view(), args.neighbours);
        for own in OwnNeighbour::BOTH {
            let (name, about) = own.metric();
            let value = neighbours.consistency(&probabilities, own);
            let about = format!(
                "1 - mean |p - its mean over the {} nearest|, {about}, in the units of the file",
                args.neighbours
            );
            lines.push((name.to_owned(), value, about));
        }
    }
    if args.json {
        let object: serde_json::Map<String, serde_json::Value> =
            lines.into_iter().map(|(name, value, _)| (name, value.into())).collect();
        shared::print_line!("{}", serde_json::to_string_pretty(&object)?);
        return Ok(());
    }
    shared::print_line!(
        "{}: {} people, s = 1 where {} = {}, yes where {} = {}",
        args.file.display(),
        file.rows.len(),
        args.sensitive,
        args.member,
        args.target,
        args.positive
    );
    let width = lines.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    for (name, value, about) in lines {
        shared::print_line!("  {name:<width$}  {value:.4}  {about}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use shared::laws;

    use super::*;

    /// A file with one column, 'seen', of these fields.
    fn file<'a>(args: &'a Args, fields: &[&str]) -> File<'a> {
        let row = |(field, line): (&&str, u64)| (line, csv::StringRecord::from(vec![*field]));
        let rows = fields.iter().zip(2..).map(row).collect();
        File { args, header: csv::StringRecord::from(vec!["seen"]), rows }
    }

    /// What a column of these fields is for distances.
    fn centred(fields: &[&str]) -> Result<Vec<f32>> {
        file(&laws::options(&["people.csv"])?, fields).centred("seen")
    }

    #[test]
    fn large_numbers_keep_what_people_differ_by() {
        let times = ["1700000000", "1700000001", "1700000003", "1700000008"];
        assert_eq!(centred(&times).unwrap(), [-3.0, -2.0, 0.0, 5.0]);
        assert_eq!(centred(&["1e300", "1e300"]).unwrap(), [0.0, 0.0]);
    }

    #[test]
    fn numbers_too_large_for_a_distance_are_refused_with_their_column() {
        for fields in [["0", "1e39"], ["-1e308", "1e308"], ["1e308", "1.1e308"], ["2", "-1e20"]] {
            let said = centred(&fields).unwrap_err().to_string();
            assert!(said.starts_with("people.csv, column 'seen': "), "{said}");
            assert!(said.contains(fields[1]) && !said.contains('\n'), "{said}");
        }
    }

    #[test]
    fn what_a_field_does_to_a_terminal_is_not_done_by_a_message() {
        let args: Args = laws::options(&["people.csv"]).unwrap();
        let red = "\u{1b}[31m";
        let said = |fields: &[&str], value: &str| {
            let options = ["--member", "--others"];
            file(&args, fields).is("seen", value, &[], options).unwrap_err().to_string()
        };
        for said in [
            centred(&["1", red]).unwrap_err().to_string(),
            said(&["f", red], "m"),
            said(&["f", "m", red], "f"),
            said(&["f", red, "m"], "f"),
        ] {
            assert!(said.contains("\\u{1b}[31m") && !said.contains('\u{1b}'), "{said}");
        }
    }
}
