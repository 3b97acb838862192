//! Which files a data set may be read from, and whether a folder holds one of them.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{FetchOptions, SourceFile};

/// Name of a file or folder without those it lies in; `..`, for instance, has none.
pub fn name_of(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

/// True if the name ends so after a dot, in capitals or not.
pub fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|own| own.eq_ignore_ascii_case(ending))
}

/// Name of a file and the sha256 of its content, as [`Splits::files`](super::Splits::files) has them.
pub fn name_and_sha256(path: &Path, bytes: &[u8]) -> (String, String) {
    (name_of(path).unwrap_or_default(), hex::encode(Sha256::digest(bytes)))
}

/// True if `folder`, or the one of the set's name in it, holds one of the `files`.
pub fn holds(files: &[SourceFile], folder: &Path) -> bool {
    let lies = |folder: &Path, name: &str| {
        folder.join(name).exists() || folder.join(format!("{name}.gz")).is_file()
    };
    files.iter().any(|file| lies(folder, &file.name) || lies(&folder.join(file.folder), &file.name))
}

/// What is to be said of a folder of the user's that the set `name` is not read from, if it is not.
pub(crate) fn unused_folder(
    name: &str,
    files: &[SourceFile],
    options: &FetchOptions,
) -> Option<String> {
    let folder = options.data_dir.as_ref().filter(|folder| !holds(files, folder))?.display();
    Some(match files {
        [] => format!("{name} is generated: nothing is read from the data folder {folder}"),
        [file] => format!(
            "the data folder {folder} does not hold {}: {name} is not read from it",
            file.name
        ),
        files => {
            let names: Vec<&str> = files.iter().map(|file| &*file.name).collect();
            format!(
                "the data folder {folder} holds none of {}: {name} is not read from it",
                names.join(", ")
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Binarise, DataConfig, IMAGE_SOURCES, configured};

    #[test]
    fn a_folder_without_a_matching_file_is_told_with_the_names() {
        let folder = tempfile::tempdir().unwrap();
        let options =
            FetchOptions { data_dir: Some(folder.path().into()), ..FetchOptions::from_env(None) };
        let told = |name: &str| {
            let config = DataConfig::new(name, Binarise::None);
            let files = configured(IMAGE_SOURCES, &config).unwrap().files(&config);
            unused_folder(name, &files, &options)
        };
        let message = told("mnist").unwrap();
        assert!(message.contains("holds none of train-images-idx3-ubyte, "), "{message}");
        assert!(told("segments").unwrap().contains("segments is generated"));
        std::fs::create_dir(folder.path().join("mnist")).unwrap();
        std::fs::write(folder.path().join("mnist/t10k-labels-idx1-ubyte.gz"), b"").unwrap();
        assert_eq!(told("mnist"), None);
        assert_eq!(told("mnist-rot"), None);
        assert!(told("rectangles").is_some());
        std::fs::write(folder.path().join("rectangles_test.amat"), b"").unwrap();
        assert_eq!(told("rectangles"), None);
    }
}
