//! The published file of dSprites: a zip archive of numpy arrays.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use files::sha256;
use terminal::progress;
use zip::ZipArchive;

use super::super::{
    DataError, FetchOptions,
    npy::Header,
    sprites::{SIDE, Sprite, Sprites},
};

/// Name of the published file.
pub(super) const FILE: &str = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz";
/// The array of images in it, `[737280, 64, 64]` bytes 0 and 1.
const IMAGES: &str = "imgs.npy";

/// Images, and the name and sha256 of their file.
type Published = (Vec<Sprite>, (String, String));

/// The published images, and the name and sha256 of their file, if it lies in the user's folder, in a
/// folder `dsprites` there, or in the cache.
pub(super) fn published(options: &FetchOptions) -> Result<Option<Published>, DataError> {
    let folders = options
        .data_dir
        .iter()
        .flat_map(|dir| [dir.clone(), dir.join("dsprites")])
        .chain([options.cache_dir.join("dsprites")]);
    let Some(path) = folders.map(|folder| folder.join(FILE)).find(|path| path.is_file()) else {
        return Ok(None);
    };
    progress::line(&format!("dsprites: reading {}", path.display()));
    let images = read(&path, Sprites::PUBLISHED)?;
    let digest = File::open(&path)
        .and_then(sha256)
        .map_err(|source| DataError::unreadable(&path, source))?;
    Ok(Some((images, (FILE.to_owned(), digest))))
}

/// The images of a file that must have `count` of them, a bit a pixel; never unpacked as a whole, which
/// would take 3 GB.
pub fn read(path: &Path, count: usize) -> Result<Vec<Sprite>, DataError> {
    let wrong = |reason: String| DataError::Format {
        path: path.into(),
        reason: format!(
            "{reason}; delete it to have the images drawn, or get the published file again"
        ),
    };
    let file = File::open(path).map_err(|source| DataError::unreadable(path, source))?;
    let mut archive = ZipArchive::new(BufReader::new(file))
        .map_err(|e| wrong(format!("no whole npz archive ({e}): truncated or damaged")))?;
    let entry =
        archive.by_name(IMAGES).map_err(|e| wrong(format!("cannot find {IMAGES} in it ({e})")))?;
    let mut source = BufReader::with_capacity(1 << 20, entry);
    let header =
        Header::read(&mut source).map_err(|reason| wrong(format!("{IMAGES} is {reason}")))?;
    let is_bytes = matches!(header.descr.as_str(), "|u1" | "<u1" | "u1");
    let shape = [count as u64, SIDE as u64, SIDE as u64];
    if !is_bytes || header.shape != shape || header.by_columns {
        return Err(wrong(format!(
            "{IMAGES} has type {} and shape {:?}, expected bytes and {shape:?}",
            header.descr, header.shape
        )));
    }
    let mut images = Vec::with_capacity(count);
    let mut bytes = [0u8; SIDE * SIDE];
    for image in 0..count {
        source
            .read_exact(&mut bytes)
            .map_err(|e| wrong(format!("image {image} of {IMAGES} cannot be read ({e})")))?;
        if let Some(bad) = bytes.iter().find(|&&byte| byte > 1) {
            return Err(wrong(format!("image {image} has a pixel {bad}; pixels are 0 and 1")));
        }
        let mut sprite = [0; SIDE];
        for (bits, row) in sprite.iter_mut().zip(bytes.chunks(SIDE)) {
            *bits = row.iter().rev().fold(0, |bits, &byte| bits << 1 | u64::from(byte));
        }
        images.push(sprite);
    }
    // The archive's checksum of the array is compared once the end has been read.
    let more = source.read(&mut [0]).map_err(|e| wrong(format!("{IMAGES} is damaged ({e})")))?;
    if more > 0 {
        return Err(wrong(format!("{IMAGES} is longer than its header says")));
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, path::PathBuf};

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;
    use crate::FactorGrid;

    /// An archive of the first images of the grid, with pixels multiplied by `white`.
    fn archive(folder: &Path, shape: [u64; 3], images: usize, white: u8) -> PathBuf {
        let grid = Sprites::drawn(false);
        let mut bytes = Vec::new();
        for index in 0..images {
            let mut pixels = [0f32; SIDE * SIDE];
            grid.write_image(index, &mut pixels);
            bytes.extend(pixels.map(|pixel| pixel as u8 * white));
        }
        let shape = format!("({}, {}, {})", shape[0], shape[1], shape[2]);
        let array = crate::npy::array("|u1", &shape, &bytes);
        let path = folder.join(FILE);
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        zip.start_file(IMAGES, SimpleFileOptions::default()).unwrap();
        zip.write_all(&array).unwrap();
        zip.finish().unwrap();
        path
    }

    #[test]
    fn published_images_are_read_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = archive(folder.path(), [40, 64, 64], 40, 1);
        let grid = Sprites::drawn(false);
        let read = read(&path, 40).unwrap();
        assert!((0..40).all(|index| read[index] == grid.image(index)));
    }

    #[test]
    fn damaged_files_are_named_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let expect = |path: &Path, count: usize, part: &str| {
            let message = read(path, count).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains(FILE), "{part}: {message}");
        };
        let path = archive(folder.path(), [40, 64, 64], 40, 1);
        expect(&path, 41, "shape [40, 64, 64]");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        expect(&path, 40, "truncated");
        let mut flipped = whole;
        // In the middle of the compressed array.
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0xff;
        fs::write(&path, &flipped).unwrap();
        expect(&path, 40, "delete it");
        let path = archive(folder.path(), [40, 64, 64], 40, 7);
        expect(&path, 40, "pixel 7");
        fs::write(&path, "not a zip").unwrap();
        expect(&path, 40, "truncated or damaged");
    }
}
