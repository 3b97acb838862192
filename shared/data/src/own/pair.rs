//! IDX files as MNIST has them: images, and beside them their labels.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use image::GrayImage;

use super::{Found, LONGEST_SIDE, ONE_CLASS, counted, numbered, picture::Picture};
use crate::{DataError, idx, name_and_sha256};

/// True if the file begins as an IDX file of bytes in three dimensions does.
pub(super) fn is_images(path: &Path) -> bool {
    let mut start = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start == [0, 0, 8, 3]
}

/// The images of this file, with the classes of the one beside it whose name has `labels` for `images`
/// and `idx1` for `idx3`, if it is there.
pub(super) fn read(path: &Path) -> Result<Found, String> {
    // The message begins with the path already.
    let plain = |error: DataError| match error {
        DataError::Format { reason, .. } => reason,
        error => error.to_string(),
    };
    let (count, shape, pixels) = idx::images(path).map_err(plain)?;
    if shape.height.max(shape.width) > LONGEST_SIDE as usize {
        return Err(format!(
            "images of {} x {} pixels: a side has at most {LONGEST_SIDE}",
            shape.height, shape.width
        ));
    }
    let mut files = BTreeMap::from([checked(path)?]);
    let names = match labels_beside(path)? {
        None => vec![ONE_CLASS.to_owned(); count],
        Some(beside) => {
            files.extend([checked(&beside)?]);
            let labels = idx::classes(&beside, count)
                .map_err(|error| format!("{}: {}", beside.display(), plain(error)))?;
            labels.iter().map(u8::to_string).collect()
        }
    };
    let (labels, classes) = numbered(&names)?;
    let (height, width) = (shape.height as u32, shape.width as u32);
    let image =
        |pixels: &[u8]| GrayImage::from_raw(width, height, pixels.to_vec()).map(Picture::from);
    let images = pixels.chunks(shape.pixels()).filter_map(image).collect();
    let names = counted(labels.len());
    Ok(Found { images, labels, classes, names, factors: None, files })
}

fn labels_beside(path: &Path) -> Result<Option<PathBuf>, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = name.replace("images", "labels").replace("idx3", "idx1");
    if beside == name {
        return Ok(None);
    }
    let packed = path.with_file_name(format!("{beside}.gz"));
    let beside = path.with_file_name(beside);
    match beside.is_file() {
        true => Ok(Some(beside)),
        false if packed.is_file() => {
            Err(format!("its labels are packed: gunzip {}", packed.display()))
        }
        false => Ok(None),
    }
}

fn checked(path: &Path) -> Result<(String, String), String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    Ok(name_and_sha256(path, &bytes))
}
