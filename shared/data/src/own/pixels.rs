//! A CSV of pixels: a row an image, pixel by pixel, and perhaps its class. Three numbers are red, green
//! and blue of a pixel.

use std::{fs, path::Path};

use files::reading::CsvRows;
use image::{GrayImage, RgbImage};
use terminal::progress;

use super::{
    Found, ImageFiles, LONGEST_SIDE, ONE_CLASS, counted, numbered, picture::Picture, scale_of,
};
use crate::{PixelShape, name_and_sha256};

/// What a column of classes is called in a header.
const CLASSES: [&str; 4] = ["label", "class", "y", "target"];

/// The images of a table: square ones, or of the configured size.
pub(super) fn read(path: &Path, files: &ImageFiles) -> Result<Found, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let file = name_and_sha256(path, &bytes);
    let mut format = csv::ReaderBuilder::new();
    let format = format.has_headers(false).flexible(true).trim(csv::Trim::All);
    let mut rows = CsvRows::new(&bytes, format, None).peekable();
    let header = match rows.peek() {
        Some(Ok((_, first))) => fields(first),
        Some(Err(reason)) => return Err(reason.clone()),
        None => return Err("no row".into()),
    };
    let is_numbered = numbers_columns(&header, files.label.as_deref());
    // A class may be a word in any row; names of columns are all words, or nearly.
    let words = header.iter().filter(|field| field.parse::<f64>().is_err()).count();
    let has_header = is_numbered || 2 * words > header.len();
    if has_header {
        rows.next();
    }
    if is_numbered {
        progress::line(&format!(
            "{}: the first row, {} to {}, is taken as the names of the columns",
            path.display(),
            header[0],
            header[header.len() - 1]
        ));
    }
    let class = class_column(&header, has_header, files.label.as_deref())?;
    let pixels = header.len() - usize::from(class.is_some());
    let PixelShape { height, width, channels } = sides(pixels, files.size, class.is_some())?;
    let (mut names, mut images) = (Vec::new(), Vec::new());
    for row in rows {
        let (line, row) = row?;
        let mut row = fields(&row);
        if row.len() != header.len() {
            return Err(format!(
                "line {line}: {} fields, the first has {}",
                row.len(),
                header.len()
            ));
        }
        names.push(match class {
            Some(column) => row.remove(column),
            None => ONE_CLASS.into(),
        });
        let level = |(column, field): (usize, &String)| match field.parse::<f64>() {
            Ok(value) if (0.0..=255.0).contains(&value) => Ok(value),
            _ => {
                Err(format!("line {line}, pixel {column}: '{field}' is no grey level of 0 to 255"))
            }
        };
        let levels = row.iter().enumerate().map(level).collect::<Result<Vec<f64>, String>>()?;
        images.push(levels);
    }
    let largest = images.iter().flatten().fold(0f64, |largest, &level| largest.max(level));
    let scale = scale_of(largest)?;
    let image = |levels: Vec<f64>| {
        let levels = levels.into_iter().map(|level| (level * scale).round() as u8).collect();
        let (width, height) = (width as u32, height as u32);
        match channels {
            1 => GrayImage::from_raw(width, height, levels).map(Picture::from),
            _ => RgbImage::from_raw(width, height, levels).map(Picture::from),
        }
    };
    let images = images.into_iter().filter_map(image).collect();
    let (labels, classes) = numbered(&names)?;
    let names = counted(labels.len());
    Ok(Found { images, labels, classes, names, factors: None, files: [file].into() })
}

fn fields(row: &csv::StringRecord) -> Vec<String> {
    row.iter().map(str::to_owned).collect()
}

/// True if the header numbers its columns from 0 or 1, as pandas and R write it, but for that of the class: grey levels
/// hardly ever rise like this.
fn numbers_columns(header: &[String], label: Option<&str>) -> bool {
    let is_class = |name: &String| is_class(name) || Some(&**name) == label;
    let numbers: Vec<&String> = header.iter().filter(|name| !is_class(name)).collect();
    let is_from = |first: usize| {
        numbers.iter().zip(first..).all(|(name, column)| **name == column.to_string())
    };
    numbers.len() >= 9 && header.len() - numbers.len() <= 1 && (is_from(0) || is_from(1))
}

/// True of a name that a column of classes often has.
fn is_class(name: &str) -> bool {
    CLASSES.contains(&&*name.to_lowercase())
}

/// Which column has the class, if one has.
fn class_column(
    header: &[String],
    has_header: bool,
    wanted: Option<&str>,
) -> Result<Option<usize>, String> {
    let Some(wanted) = wanted else {
        return Ok(header.iter().position(|name| is_class(name)).filter(|_| has_header));
    };
    let by_name = header.iter().position(|name| name == wanted).filter(|_| has_header);
    let by_number = || wanted.parse().ok().filter(|&number: &usize| number < header.len());
    match by_name.or_else(by_number) {
        Some(column) => Ok(Some(column)),
        None => Err(format!(
            "data.images.label = \"{wanted}\": no such column; give a name of the header, or a number \
             from 0 to {}",
            header.len() - 1
        )),
    }
}

/// The shape of images of so many numbers: three for each pixel if one would not fit.
fn sides(numbers: usize, size: Option<[usize; 2]>, has_class: bool) -> Result<PixelShape, String> {
    let square = |pixels: usize| {
        let side = pixels.isqrt();
        let fits = side > 0 && side * side == pixels && side <= LONGEST_SIDE as usize;
        fits.then(|| PixelShape::grey(side, side))
    };
    let coloured = |shape| PixelShape { channels: 3, ..shape };
    match size {
        Some([height, width]) => {
            let shape = PixelShape::grey(height, width);
            [shape, coloured(shape)].into_iter().find(|shape| shape.pixels() == numbers).ok_or_else(
                || {
                    format!(
                        "rows of {numbers} numbers, and --size {height}x{width} has {}, or {} in \
                         colour; a table is not scaled",
                        shape.pixels(),
                        coloured(shape).pixels()
                    )
                },
            )
        }
        None => {
            let colour =
                || Some(coloured(square(numbers.is_multiple_of(3).then_some(numbers / 3)?)?));
            square(numbers).or_else(colour).ok_or_else(|| {
                format!(
                    "rows of {numbers} numbers are no squares, nor coloured ones: in training give \
                     --size HEIGHTxWIDTH{}",
                    if has_class {
                        ""
                    } else {
                        ", or the column of the class with --set data.images.label=COLUMN"
                    }
                )
            })
        }
    }
}
