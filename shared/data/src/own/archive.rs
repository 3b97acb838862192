//! An npz archive: the images `x`, and perhaps their classes `y` and the factors that made them.

use std::{
    fs::{self, File},
    io::{BufReader, Cursor, Read, Seek},
    path::Path,
};

use files::reading::{listed, one_line, short};
use image::{GrayImage, RgbImage};
use terminal::progress;
use zip::ZipArchive;

use super::{
    FactorTable, Found, LONGEST_SIDE, ONE_CLASS, counted, numbered, picture::Picture, scale_of,
};
use crate::{Numbers, name_and_sha256};

/// Names the array of images may have, and that of classes.
pub const IMAGE_ARRAYS: [&str; 4] = ["x", "images", "imgs", "arr_0"];
const CLASSES: [&str; 4] = ["y", "labels", "label", "arr_1"];
/// As dSprites calls it: `[n, factors]`, the values of the factors numbered from 0.
const FACTORS: [&str; 2] = ["latents_classes", "factors"];

/// Whole numbers from here on are not all told apart by floats.
const LARGEST_CLASS: f64 = 9e15;
/// Bytes an array may have.
const LARGEST: u64 = 1 << 33;

/// The images of an archive, `[n, h, w]` or `[n, h, w, c]`; says which arrays it passes over.
pub(super) fn read(path: &Path) -> Result<Found, String> {
    let (found, passed_over) = read_and_passed_over(path)?;
    if !passed_over.is_empty() {
        let said = format!(
            "{}: passed over {}; an array of classes is called {}",
            path.display(),
            listed(passed_over),
            listed(CLASSES)
        );
        progress::line(&one_line(&said));
    }
    Ok(found)
}

/// The same, and the names of the arrays that are passed over, as one is whose name is damaged.
pub(super) fn read_and_passed_over(path: &Path) -> Result<(Found, Vec<String>), String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let file = name_and_sha256(path, &bytes);
    let mut archive = ZipArchive::new(Cursor::new(&*bytes))
        .map_err(|error| format!("no whole npz archive ({error})"))?;
    refuse_lost(&bytes, &archive)?;
    let names = arrays(&archive);
    let passed_over = passed_over(&names);
    let found = |wanted: &[&'static str]| first_of(wanted, &names);
    let x = found(&IMAGE_ARRAYS).ok_or_else(|| {
        format!(
            "no array x; it has {}: np.savez(\"images.npz\", x=images, y=classes)",
            listed(&names)
        )
    })?;
    let pixels = numbers(&mut archive, x)?;
    let shape = pixels.shape.clone();
    let (count, height, width, channels) = match *shape.as_slice() {
        [count, height, width] => (count, height, width, 1),
        [count, height, width, channels] => (count, height, width, channels),
        _ => {
            return Err(format!(
                "{x} has shape {shape:?}: images are [n, height, width] or [n, height, width, channels]"
            ));
        }
    };
    if count == 0 {
        return Err(format!("{x} has shape {shape:?}: it holds no image"));
    }
    let longest = height.max(width);
    if height.min(width) == 0 || longest > LONGEST_SIDE as usize {
        return Err(format!("{x} has shape {shape:?}: sides of 1 to {LONGEST_SIDE} pixels"));
    }
    if !matches!(channels, 1 | 3) {
        return Err(format!("{x} has {channels} channels: 1 is grey, 3 are red, green and blue"));
    }
    let levels = levels(x, pixels)?;
    let size = height * width * channels;
    let (rows, columns) = (height as u32, width as u32);
    let image = |levels: &[u8]| match channels {
        1 => GrayImage::from_raw(columns, rows, levels.to_vec()).map(Picture::from),
        _ => RgbImage::from_raw(columns, rows, levels.to_vec()).map(Picture::from),
    };
    let images: Vec<Picture> = levels.chunks(size).filter_map(image).collect();
    let factors = match found(&FACTORS) {
        None => None,
        Some(name) => {
            let table = numbers(&mut archive, name)?;
            let shape = &table.shape;
            let [rows, width] = shape[..] else {
                return Err(format!("{name} has shape {shape:?}: it is [images, factors]"));
            };
            if rows != count {
                return Err(format!("{name} has shape {shape:?}, and there are {count} images"));
            }
            let table = FactorTable::new(count, width, &table.floats());
            table.map_err(|reason| progress::line(&format!("{name} {reason}: left out"))).ok()
        }
    };
    let names = match found(&CLASSES) {
        None => match &factors {
            Some(table) => table.classes(),
            None => vec![ONE_CLASS.to_owned(); count],
        },
        Some(y) => {
            let classes = numbers(&mut archive, y)?;
            let (shape, values) = (classes.shape.clone(), classes.floats());
            if !(shape == [count] || shape == [count, 1]) || values.len() != count {
                return Err(format!(
                    "{y} has shape {shape:?}, and there are {count} images: it is [images]"
                ));
            }
            let is_whole = |value: &f64| value.fract() == 0.0 && value.abs() < LARGEST_CLASS;
            if let Some(&bad) = values.iter().find(|value| !is_whole(value)) {
                return Err(format!("{y} has {}: classes are whole numbers", short(bad)));
            }
            values.iter().map(|value| format!("{value:.0}")).collect()
        }
    };
    let (labels, classes) = numbered(&names)?;
    let names = counted(labels.len());
    Ok((Found { images, labels, classes, names, factors, files: [file].into() }, passed_over))
}

/// Refuses a directory of which an array would be lost: a number of them that is too small, or a
/// name twice.
fn refuse_lost(bytes: &[u8], archive: &ZipArchive<Cursor<&[u8]>>) -> Result<(), String> {
    const ENTRY: &[u8] = b"PK\x01\x02";
    let start = usize::try_from(archive.central_directory_start()).unwrap_or(usize::MAX);
    let directory = bytes.get(start..).unwrap_or_default();
    let entries = directory.windows(ENTRY.len()).filter(|bytes| *bytes == ENTRY).count();
    let found = archive.len();
    if entries == found {
        return Ok(());
    }
    Err(format!(
        "its directory lists {entries} arrays, and {found} can be read: one is listed twice, or it is damaged; write it again"
    ))
}

/// Bytes of the array of images when it is unpacked, as the archive lists it; nothing of one that is too large for
/// [`read`].
pub(super) fn unpacked(path: &Path) -> Option<u64> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(path).ok()?)).ok()?;
    let x = first_of(&IMAGE_ARRAYS, &arrays(&archive))?;
    let bytes = archive.by_name(&format!("{x}.npy")).ok()?.size();
    (bytes <= LARGEST).then_some(bytes)
}

/// The names of all arrays.
fn arrays<R: Read + Seek>(archive: &ZipArchive<R>) -> Vec<String> {
    archive.file_names().map(|name| name.trim_end_matches(".npy").to_owned()).collect()
}

/// The first of the wanted arrays that there is.
fn first_of(wanted: &[&'static str], names: &[String]) -> Option<&'static str> {
    wanted.iter().copied().find(|wanted| names.iter().any(|name| name == wanted))
}

/// The names of arrays that are not read.
fn passed_over(names: &[String]) -> Vec<String> {
    let read = [&IMAGE_ARRAYS[..], &CLASSES, &FACTORS].map(|wanted| first_of(wanted, names));
    names.iter().filter(|name| !read.contains(&Some(name.as_str()))).cloned().collect()
}

/// One array of the archive.
fn numbers(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Numbers, String> {
    let member = archive.by_name(&format!("{name}.npy"));
    let mut member = member.map_err(|error| format!("{name} cannot be read ({error})"))?;
    Numbers::read(&mut member, LARGEST).map_err(|reason| format!("{name} {reason}"))
}

/// 256 levels of numbers that are 0 to 255, or of fractions 0 to 1.
fn levels(name: &str, values: Numbers) -> Result<Vec<u8>, String> {
    let values = match values.bytes() {
        // Black and white may be 0 and 1.
        Ok(bytes) if bytes.iter().all(|&level| level <= 1) => {
            return Ok(bytes.into_iter().map(|level| 255 * level).collect());
        }
        Ok(bytes) => return Ok(bytes),
        Err(values) => values,
    };
    let mut largest = 0f64;
    for (place, &value) in values.iter().enumerate() {
        if !(0.0..=255.0).contains(&value) {
            return Err(format!(
                "{name} has {} at place {place}: pixels are 0 to 1, or 0 to 255",
                short(value)
            ));
        }
        largest = largest.max(value);
    }
    let scale = scale_of(largest).map_err(|reason| format!("{name} {reason}"))?;
    Ok(values.iter().map(|value| (value * scale).round() as u8).collect())
}
