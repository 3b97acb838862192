//! An npz archive: the images `x`, and perhaps their classes `y` and the factors that made them.

use std::{
    fs,
    io::{Cursor, Read},
    path::Path,
};

use image::{GrayImage, RgbImage};
use zip::ZipArchive;

use super::{FactorTable, Found, LONGEST_SIDE, counted, numbered, picture::Picture};
use crate::{
    data::{name_and_sha256, npy::Header},
    progress,
};

/// Names the array of images may have, and that of classes.
const IMAGES: [&str; 4] = ["x", "images", "imgs", "arr_0"];
const CLASSES: [&str; 4] = ["y", "labels", "label", "arr_1"];
/// As dSprites calls it: `[n, factors]`, the values of the factors numbered from 0.
const FACTORS: [&str; 2] = ["latents_classes", "factors"];

/// Bytes an array may have.
const LARGEST: u64 = 1 << 33;

/// The images of an archive, `[n, h, w]` or `[n, h, w, c]`.
pub(super) fn read(path: &Path) -> Result<Found, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let file = name_and_sha256(path, &bytes);
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| format!("no whole npz archive ({error})"))?;
    let names: Vec<String> =
        archive.file_names().map(|name| name.trim_end_matches(".npy").to_owned()).collect();
    let found = |wanted: &[&'static str]| {
        wanted.iter().copied().find(|wanted| names.iter().any(|name| name == wanted))
    };
    let x = found(&IMAGES).ok_or_else(|| {
        format!(
            "no array x; it has {}: np.savez(\"images.npz\", x=images, y=classes)",
            names.join(", ")
        )
    })?;
    let Numbers { shape, values } = numbers(&mut archive, x)?;
    let (count, height, width, channels) = match *shape.as_slice() {
        [count, height, width] => (count, height, width, 1),
        [count, height, width, channels] => (count, height, width, channels),
        _ => {
            return Err(format!(
                "{x} has shape {shape:?}: images are [n, height, width] or [n, height, width, channels]"
            ));
        }
    };
    let longest = height.max(width);
    if count == 0 || height.min(width) == 0 || longest > LONGEST_SIDE as usize {
        return Err(format!("{x} has shape {shape:?}: sides of 1 to {LONGEST_SIDE} pixels"));
    }
    if !matches!(channels, 1 | 3) {
        return Err(format!("{x} has {channels} channels: 1 is grey, 3 are red, green and blue"));
    }
    let levels = levels(x, values)?;
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
            let Numbers { shape, values } = numbers(&mut archive, name)?;
            let [rows, width] = shape[..] else {
                return Err(format!("{name} has shape {shape:?}: it is [images, factors]"));
            };
            if rows != count {
                return Err(format!("{name} has shape {shape:?}, and there are {count} images"));
            }
            let table = FactorTable::new(count, width, &values.floats());
            table.map_err(|reason| progress::line(&format!("{name} {reason}: left out"))).ok()
        }
    };
    let names = match found(&CLASSES) {
        None => match &factors {
            Some(table) => table.classes(),
            None => vec!["all".to_owned(); count],
        },
        Some(y) => {
            let Numbers { shape, values } = numbers(&mut archive, y)?;
            let values = values.floats();
            if shape.iter().product::<usize>() != count || values.len() != count {
                return Err(format!("{y} has shape {shape:?}, and there are {count} images"));
            }
            if let Some(bad) =
                values.iter().find(|value| value.fract() != 0.0 || !value.is_finite())
            {
                return Err(format!("{y} has {bad}: classes are whole numbers"));
            }
            values.iter().map(|value| format!("{value:.0}")).collect()
        }
    };
    let (labels, classes) = numbered(&names)?;
    let names = counted(labels.len());
    Ok(Found { images, labels, classes, names, factors, files: [file].into() })
}

/// An array of numbers, row-major.
struct Numbers {
    shape: Vec<usize>,
    values: Values,
}

/// Its numbers; bytes stay bytes, since they may be billions.
enum Values {
    Bytes(Vec<u8>),
    Floats(Vec<f64>),
}

impl Values {
    fn floats(self) -> Vec<f64> {
        match self {
            Self::Bytes(values) => values.into_iter().map(f64::from).collect(),
            Self::Floats(values) => values,
        }
    }
}

/// One array of the archive.
fn numbers(archive: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> Result<Numbers, String> {
    let cannot = |error: &dyn std::fmt::Display| format!("{name}: cannot be read ({error})");
    let mut member = archive.by_name(&format!("{name}.npy")).map_err(|error| cannot(&error))?;
    let header = Header::read(&mut member).map_err(|reason| format!("{name} is {reason}"))?;
    if header.by_columns {
        return Err(format!("{name} is stored by columns: save np.ascontiguousarray({name})"));
    }
    let (kind, width) = match header.descr.trim_start_matches(['<', '|', '=']) {
        kind @ ("u1" | "b1" | "i1") => (kind.to_owned(), 1),
        kind @ ("u2" | "i2" | "f2") => (kind.to_owned(), 2),
        kind @ ("u4" | "i4" | "f4") => (kind.to_owned(), 4),
        kind @ ("u8" | "i8" | "f8") => (kind.to_owned(), 8),
        "O" => return Err(format!("{name} is an array of objects, perhaps of unequal sizes")),
        other if other.starts_with(['U', 'S']) => {
            return Err(format!("{name} is an array of texts: number the classes from 0"));
        }
        other => {
            return Err(format!("{name} has the type {other}: bytes, whole numbers or floats"));
        }
    };
    if kind == "f2" {
        return Err(format!("{name} has half precision: save {name}.astype(np.float32)"));
    }
    let shape: Option<Vec<usize>> =
        header.shape.iter().map(|&side| usize::try_from(side).ok()).collect();
    let count = shape.as_ref().and_then(|shape| {
        shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side))
    });
    let (Some(shape), Some(count)) = (shape, count) else {
        return Err(format!("{name} has the shape {:?}: too large", header.shape));
    };
    // A header may promise more than follows: what is there is read, and then counted.
    let wanted = (count as u64).saturating_mul(width as u64);
    if wanted > LARGEST {
        return Err(format!("{name} has the shape {shape:?}: at most {LARGEST} bytes"));
    }
    let mut bytes = Vec::new();
    member.take(wanted + 1).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    if bytes.len() as u64 != wanted {
        return Err(format!("{name} has not the {wanted} bytes its shape {shape:?} asks for"));
    }
    if kind == "u1" || kind == "b1" {
        return Ok(Numbers { shape, values: Values::Bytes(bytes) });
    }
    let value = |bytes: &[u8]| -> f64 {
        let mut word = [0u8; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        let (unsigned, shift) = (u64::from_le_bytes(word), 64 - 8 * bytes.len() as u32);
        match kind.as_bytes()[0] {
            b'f' if bytes.len() == 4 => f64::from(f32::from_bits(unsigned as u32)),
            b'f' => f64::from_bits(unsigned),
            // The sign is the highest bit of the narrow number.
            b'i' => ((unsigned << shift) as i64 >> shift) as f64,
            _ => unsigned as f64,
        }
    };
    Ok(Numbers { shape, values: Values::Floats(bytes.chunks(width).map(value).collect()) })
}

/// 256 levels of numbers that are 0 to 255, or of fractions 0 to 1.
fn levels(name: &str, values: Values) -> Result<Vec<u8>, String> {
    let values = match values {
        // Black and white may be 0 and 1.
        Values::Bytes(bytes) if bytes.iter().all(|&level| level <= 1) => {
            return Ok(bytes.into_iter().map(|level| 255 * level).collect());
        }
        Values::Bytes(bytes) => return Ok(bytes),
        Values::Floats(values) => values,
    };
    let mut largest = 0f64;
    for (place, &value) in values.iter().enumerate() {
        if !(0.0..=255.0).contains(&value) {
            return Err(format!(
                "{name} has {value} at place {place}: pixels are 0 to 1, or 0 to 255"
            ));
        }
        largest = largest.max(value);
    }
    let scale = if largest <= 1.0 { 255.0 } else { 1.0 };
    Ok(values.iter().map(|value| (value * scale).round() as u8).collect())
}
