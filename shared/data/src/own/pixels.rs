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

/// The images of a table: of the shape that a model was `fitted` to, of the configured size, or square ones.
pub(super) fn read(
    path: &Path,
    files: &ImageFiles,
    fitted: Option<PixelShape>,
) -> Result<Found, String> {
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
    let class = class_column(&header, has_header, files.label.as_deref(), fitted)?;
    let pixels = header.len() - usize::from(class.is_some());
    let PixelShape { height, width, channels } =
        sides(pixels, files.size, fitted, class.is_some())?;
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

/// Which column has the class, if one has. Other data of a model that is `fitted` need not have the column of its own: then
/// they are read without classes, as those that are no table are.
fn class_column(
    header: &[String],
    has_header: bool,
    wanted: Option<&str>,
    fitted: Option<PixelShape>,
) -> Result<Option<usize>, String> {
    let usual = || header.iter().position(|name| is_class(name)).filter(|_| has_header);
    let Some(wanted) = wanted else { return Ok(usual()) };
    let by_name = header.iter().position(|name| name == wanted).filter(|_| has_header);
    let by_number = wanted.parse().ok().filter(|&number: &usize| number < header.len());
    // A number is that of some column in any table: of a pixel, where the row has no more than an image of the model.
    let is_image = fitted.is_some_and(|shape| of_size(shape, header.len()).is_some());
    let is_pixel = by_number.is_some() && is_image;
    match by_name.or(by_number).filter(|_| !is_pixel) {
        Some(column) => Ok(Some(column)),
        None if fitted.is_some() => Ok(usual()),
        None => Err(format!(
            "data.images.label = \"{wanted}\": no such column; give a name of the header, or a number \
             from 0 to {}",
            header.len() - 1
        )),
    }
}

/// The shape of images of so many numbers: that of a model if it fits, which no number of columns tells by itself.
fn sides(
    numbers: usize,
    size: Option<[usize; 2]>,
    fitted: Option<PixelShape>,
    has_class: bool,
) -> Result<PixelShape, String> {
    if let Some(shape) = fitted.and_then(|shape| of_size(shape, numbers)) {
        return Ok(shape);
    }
    if let Some([height, width]) = size {
        let shape = PixelShape::grey(height, width);
        return of_size(shape, numbers).ok_or_else(|| {
            format!(
                "rows of {numbers} numbers, and --size {height}x{width} has {}, or {} in colour; a \
                 table is not scaled",
                shape.pixels(),
                coloured(shape).pixels()
            )
        });
    }
    square(numbers).ok_or_else(|| match fitted {
        Some(fitted) => {
            let shape = PixelShape { channels: 1, ..fitted };
            format!(
                "rows of {numbers} numbers, and images of the model, {} x {} pixels, have {}, or {} in \
                 colour; nor are they squares{}",
                shape.height,
                shape.width,
                shape.pixels(),
                coloured(shape).pixels(),
                if has_class { "" } else { "; a column of classes is called label in a header" }
            )
        }
        None => format!(
            "rows of {numbers} numbers are no squares, nor coloured ones: in training give \
             --size HEIGHTxWIDTH{}",
            if has_class {
                ""
            } else {
                ", or the column of the class with --set data.images.label=COLUMN"
            }
        ),
    })
}

/// Images of the height and width of these, grey or in colour, if they have so many numbers.
fn of_size(shape: PixelShape, numbers: usize) -> Option<PixelShape> {
    let grey = PixelShape { channels: 1, ..shape };
    [grey, coloured(shape)].into_iter().find(|shape| shape.pixels() == numbers)
}

/// Squares of so many numbers: three for each pixel if one would not fit.
fn square(numbers: usize) -> Option<PixelShape> {
    let grey = |pixels: usize| {
        let side = pixels.isqrt();
        let fits = side > 0 && side * side == pixels && side <= LONGEST_SIDE as usize;
        fits.then(|| PixelShape::grey(side, side))
    };
    let third = || numbers.is_multiple_of(3).then_some(numbers / 3);
    grey(numbers).or_else(|| third().and_then(grey).map(coloured))
}

fn coloured(shape: PixelShape) -> PixelShape {
    PixelShape { channels: 3, ..shape }
}
