//! The IDX format of MNIST: a big-endian header, then bytes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{DataError, PixelShape};

/// `(count, shape, pixels)` of an IDX file of images.
pub fn images(path: &Path) -> Result<(usize, PixelShape, Vec<u8>), DataError> {
    let (dims, pixels) = parse::<3>(path, read(path)?)?;
    let shape = PixelShape::grey(dims[1], dims[2]);
    if dims[0] == 0 || shape.pixels() == 0 {
        return Err(format(path, "holds no image".into()));
    }
    Ok((dims[0], shape, pixels))
}

/// The classes of an IDX file, which must be `count`, numbers of any kind of class.
pub(super) fn classes(path: &Path, count: usize) -> Result<Vec<u8>, DataError> {
    let ([found], labels) = parse::<1>(path, read(path)?)?;
    if found != count {
        return Err(format(path, format!("{found} labels for {count} images")));
    }
    Ok(labels)
}

/// The labels of an IDX file, which must be `count` digits.
pub fn labels(path: &Path, count: usize) -> Result<Vec<u8>, DataError> {
    let labels = classes(path, count)?;
    if let Some(position) = labels.iter().position(|&label| label > 9) {
        let label = labels[position];
        return Err(format(
            path,
            format!("label {label} at position {position}; labels are 0 to 9"),
        ));
    }
    Ok(labels)
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|source| DataError::unreadable(path, source))
}

fn format(path: &Path, reason: String) -> DataError {
    DataError::Format { path: PathBuf::from(path), reason }
}

/// Header sizes and payload of an IDX file with `D` dimensions of unsigned bytes.
fn parse<const D: usize>(
    path: &Path,
    mut bytes: Vec<u8>,
) -> Result<([usize; D], Vec<u8>), DataError> {
    let header = 4 + 4 * D;
    if bytes.len() < header {
        let reason = format!(
            "{} bytes are too few for an IDX header of {header}: cut off or damaged",
            bytes.len()
        );
        return Err(format(path, reason));
    }
    let word = |i: usize| {
        u32::from_be_bytes([bytes[4 * i], bytes[4 * i + 1], bytes[4 * i + 2], bytes[4 * i + 3]])
    };
    let magic = 0x0800 + D as u32;
    if word(0) != magic {
        let reason = format!(
            "not an IDX file of bytes in {D} dimensions: it starts with {:#010x}, expected {magic:#010x}",
            word(0)
        );
        return Err(format(path, reason));
    }
    let dims: [usize; D] = std::array::from_fn(|i| word(i + 1) as usize);
    let expected = dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
    let payload = bytes.len() - header;
    if expected != Some(payload) {
        let reason = format!(
            "its header promises {} bytes, and {payload} follow: cut off or damaged",
            dims.map(|dim| dim.to_string()).join(" x ")
        );
        return Err(format(path, reason));
    }
    // In place: a large set is in memory once.
    bytes.drain(..header);
    Ok((dims, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(dims: &[u32], payload: usize) -> Vec<u8> {
        let mut bytes = (0x0800 + dims.len() as u32).to_be_bytes().to_vec();
        for dim in dims {
            bytes.extend(dim.to_be_bytes());
        }
        bytes.extend(vec![3; payload]);
        bytes
    }

    fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some-idx");
        fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn a_whole_file_is_read() {
        let (_folder, path) = written(&file(&[2, 3, 4], 24));
        let (count, shape, pixels) = images(&path).unwrap();
        assert_eq!((count, shape.height, shape.width, pixels.len()), (2, 3, 4, 24));
        let (_folder, path) = written(&file(&[5], 5));
        assert_eq!(labels(&path, 5).unwrap(), vec![3; 5]);
    }

    #[test]
    fn damaged_files_are_named_with_what_is_wrong() {
        let cut = "its header promises 2 x 3 x 4 bytes, and 23 follow: cut off or damaged";
        let cases: [(&str, Vec<u8>, &str); 5] = [
            ("truncated header", file(&[2, 3, 4], 24)[..9].to_vec(), "too few"),
            ("truncated payload", file(&[2, 3, 4], 23), cut),
            ("too long", file(&[2, 3, 4], 25), "and 25 follow"),
            ("labels as images", file(&[24], 24), "not an IDX file of bytes in 3"),
            ("huge header", file(&[u32::MAX, u32::MAX, u32::MAX], 24), "promises"),
        ];
        for (case, bytes, expected) in cases {
            let (_folder, path) = written(&bytes);
            let message = images(&path).unwrap_err().to_string();
            assert!(
                message.contains(expected) && message.contains("some-idx"),
                "{case}: {message}"
            );
            // One of the user's was not fetched.
            assert!(!message.contains("fetch"), "{case}: {message}");
        }
    }

    #[test]
    fn labels_must_match_the_images() {
        let (_folder, path) = written(&file(&[5], 5));
        assert!(labels(&path, 6).unwrap_err().to_string().contains("5 labels for 6 images"));
        let mut bytes = file(&[5], 5);
        bytes[10] = 11;
        let (_folder, path) = written(&bytes);
        assert!(labels(&path, 5).unwrap_err().to_string().contains("label 11 at position 2"));
    }
}
