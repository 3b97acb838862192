//! What an npz archive at a path holds, by the names of its arrays.

use std::{fs::File, path::Path};

use shared::{
    data::{IMAGE_ARRAYS, has_ending, npy::Header},
    reading::listed,
};
use zip::ZipArchive;

use super::series_npz::number_of;

/// Members of an archive of drawings.
const SPLITS: [&str; 3] = ["train.npy", "valid.npy", "test.npy"];

/// True if the name is that of an npz archive.
pub(super) fn is_one(path: &Path) -> bool {
    has_ending(path, "npz")
}

/// An archive that can be opened, and the names of its members.
fn opened(path: &Path) -> Option<(ZipArchive<File>, Vec<String>)> {
    let archive = ZipArchive::new(File::open(path).ok().filter(|_| is_one(path))?).ok()?;
    let names = archive.file_names().map(str::to_owned).collect();
    Some((archive, names))
}

/// Whether it is one of drawings: none if no array is called as a split of theirs is, and a reason if such an array
/// has numbers in place of drawings.
pub(super) fn drawings(path: &Path) -> Option<Result<(), String>> {
    let (mut archive, names) = opened(path)?;
    let name = names.iter().find(|name| SPLITS.contains(&&***name))?;
    let member = archive.by_name(name).ok();
    // What is damaged is for the reader to refuse.
    let Some(Header { descr, shape, .. }) = member.and_then(|mut m| Header::read(&mut m).ok())
    else {
        return Some(Ok(()));
    };
    Some(if descr.contains("|O") {
        Ok(())
    } else {
        Err(format!(
            "{name} has the type {descr} and the shape {shape:?}: drawings are an array of objects, one array \
             [steps, 3] each; images are one array x, from which the splits are drawn"
        ))
    })
}

/// True if it has arrays without names and nothing else, the first a vector or a matrix: with more indices it is
/// one of images.
pub(super) fn has_series(path: &Path) -> bool {
    let Some((mut archive, names)) = opened(path) else { return false };
    if names.is_empty() || names.iter().any(|name| number_of(name).is_none()) {
        return false;
    }
    let first = archive.by_name("arr_0.npy").ok();
    let header = first.and_then(|mut member| Header::read(&mut member).ok());
    // What is damaged is for the reader to refuse.
    header.is_none_or(|header| header.shape.len() <= 2)
}

/// Why an archive is neither of drawings nor of series nor of images, if it is none of these.
pub(super) fn nothing_known(path: &Path) -> Option<String> {
    let (_, mut names) = opened(path)?;
    let is_known = |name: &String| {
        let plain = name.trim_end_matches(".npy");
        IMAGE_ARRAYS.contains(&plain) || SPLITS.contains(&&**name) || number_of(name).is_some()
    };
    if names.iter().any(is_known) {
        return None;
    }
    names.sort_unstable();
    Some(format!(
        "it has {}: drawings are called train, valid and test, series arr_0, arr_1 and so on \
         (np.savez(\"series.npz\", *series)), images x",
        listed(names.iter().map(|name| name.trim_end_matches(".npy")))
    ))
}

#[cfg(test)]
mod tests {
    use super::{super::archive::tests::zipped, *};
    use shared::data::npy::array;

    #[test]
    fn an_archive_is_told_by_its_arrays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let (row, images) = (array("|u1", "(2,)", &[1, 2]), array("|u1", "(1, 1, 2)", &[1, 2]));
        let told = |members: &[(&str, &[u8])]| {
            std::fs::write(&path, zipped(members)).unwrap();
            (
                drawings(&path).map(|told| told.is_ok()),
                has_series(&path),
                nothing_known(&path).is_some(),
            )
        };
        let objects = array("|O", "(1,)", b"");
        assert_eq!(told(&[("train.npy", &objects), ("a.npy", &row)]), (Some(true), false, false));
        assert_eq!(told(&[("train.npy", &images)]), (Some(false), false, false));
        assert_eq!(told(&[("arr_0.npy", &row), ("arr_1.npy", &row)]), (None, true, false));
        assert_eq!(told(&[("arr_0.npy", &images), ("arr_1.npy", &row)]), (None, false, false));
        assert_eq!(told(&[("x.npy", &images), ("y.npy", &row)]), (None, false, false));
        assert_eq!(told(&[("a.npy", &row)]), (None, false, true));
        std::fs::write(&path, "no").unwrap();
        assert_eq!((drawings(&path), has_series(&path), nothing_known(&path)), (None, false, None));
    }
}
