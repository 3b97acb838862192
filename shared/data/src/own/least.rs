//! The memory that reading images takes at least, told by sizes and headers of their files.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use terminal::counted;

use super::{ImageFiles, archive, folder, pair};
use crate::{PixelShape, has_ending};

/// Once read, and once brought to one size; a file of bytes the same.
const COPIES: u64 = 2;
/// Bytes of a number of a table, once it is read.
const NUMBER: u64 = 8;

/// What is read at `path` for a message, and the bytes that this takes at least, if they can be told: in the shape of
/// a model that was fitted, if there is one.
pub(super) fn memory(
    files: &ImageFiles,
    path: &Path,
    fitted: Option<PixelShape>,
) -> Option<(String, u64)> {
    if path.is_dir() {
        return of_folder(files, path, fitted);
    }
    // A pipe, for instance, has no size.
    let size = path.metadata().ok().filter(|file| file.is_file())?.len();
    let bytes = if has_ending(path, "npz") {
        size.saturating_add(archive::unpacked(path)?.saturating_mul(COPIES))
    } else if has_ending(path, "csv") {
        size.saturating_add(commas(path).ok()?.saturating_mul(NUMBER))
    } else if pair::is_images(path) {
        size.saturating_mul(COPIES)
    } else {
        return None;
    };
    Some((format!("reading {}", path.display()), bytes))
}

/// Of pictures in a folder, as they are held: each is brought to a size that is known as it is read. Without one all
/// must have that of the first.
fn of_folder(files: &ImageFiles, path: &Path, fitted: Option<PixelShape>) -> Option<(String, u64)> {
    let pictures = folder::pictures(path)?;
    let size = fitted.map(|shape| [shape.height, shape.width]).or(files.size);
    let [height, width] = match size {
        Some(size) => size.map(|side| side as u64),
        None => folder::size(pictures.first()?)?,
    };
    let channels = fitted.map_or(1, |shape| shape.channels as u64);
    let numbers = [height, width, channels, COPIES];
    let count = pictures.len() as u64;
    let bytes = numbers.into_iter().fold(count, |product, factor| product.saturating_mul(factor));
    let images = counted(pictures.len(), "image");
    let smaller = if size.is_none() { " (--size makes them smaller)" } else { "" };
    let what =
        format!("reading {}: {images} of {height} x {width} pixels{smaller}", path.display());
    Some((what, bytes))
}

/// Commas of a file: a row of a table has as many as numbers, or one less without a class.
fn commas(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut bytes = vec![0; 1 << 20];
    let mut found = 0;
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(found),
            count => found += bytes[..count].iter().filter(|&&byte| byte == b',').count() as u64,
        }
    }
}
