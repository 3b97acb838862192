//! Which files a data set may be read from, and whether a folder holds one of them.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{DataConfig, DataName, FetchOptions, catalogue, larochelle::Variant, npz};

/// Name of a file or folder without those it lies in; `..`, for instance, has none.
pub fn name_of(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

/// Name of a file and the sha256 of its content, as [`Splits::files`](super::Splits::files) has them.
pub fn name_and_sha256(path: &Path, bytes: &[u8]) -> (String, String) {
    (name_of(path).unwrap_or_default(), hex::encode(Sha256::digest(bytes)))
}

/// Names of the files a set of images may be read from; none of a generated set.
pub(crate) fn image_files(config: &DataConfig) -> Vec<String> {
    let name = config.name;
    if let Some(variant) = name.variant() {
        let mut names: Vec<String> =
            Variant::original_files(variant).iter().map(|name| (*name).to_owned()).collect();
        if variant.needs_digits() {
            names.extend(catalogue::MNIST.names());
        }
        return names;
    }
    match name {
        DataName::Mnist => catalogue::MNIST.names(),
        DataName::FashionMnist => catalogue::FASHION_MNIST.names(),
        DataName::Dsprites => vec![npz::FILE.to_owned()],
        DataName::Images => config.images.iter().filter_map(|files| name_of(&files.path)).collect(),
        _ => Vec::new(),
    }
}

/// True if `folder`, or the one of the set's name in it, holds one of the `files` the configured set may
/// be read from.
pub(crate) fn holds(config: &DataConfig, files: &[String], folder: &Path) -> bool {
    // The two tables of Adult are one set of files.
    let set = match config.name {
        DataName::AdultAge => DataName::Adult.to_string(),
        _ if config.name.variant().is_some_and(Variant::needs_digits) => {
            if mnist_lies_in(folder) {
                return true;
            }
            config.name.to_string()
        }
        name => name.to_string(),
    };
    files.iter().any(|name| lies_in(folder, &set, name))
}

fn mnist_lies_in(folder: &Path) -> bool {
    catalogue::MNIST.files.iter().any(|file| lies_in(folder, catalogue::MNIST.name, file.name))
}

fn lies_in(folder: &Path, set: &str, name: &str) -> bool {
    [folder.to_path_buf(), folder.join(set)]
        .iter()
        .any(|folder| folder.join(name).exists() || folder.join(format!("{name}.gz")).is_file())
}

/// What is to be said of a folder of the user's that a set is not read from, if it is not.
pub(crate) fn unused_folder(
    config: &DataConfig,
    files: &[String],
    options: &FetchOptions,
) -> Option<String> {
    let folder = options.data_dir.as_ref().filter(|folder| !holds(config, files, folder))?;
    let (set, folder) = (config.name, folder.display());
    Some(match files {
        [] => format!("{set} is generated: nothing is read from the data folder {folder}"),
        [name] => {
            format!("the data folder {folder} does not hold {name}: {set} is not read from it")
        }
        names => format!(
            "the data folder {folder} holds none of {}: {set} is not read from it",
            names.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Binarise;

    #[test]
    fn a_folder_without_a_matching_file_is_told_with_the_names() {
        let folder = tempfile::tempdir().unwrap();
        let options =
            FetchOptions { data_dir: Some(folder.path().into()), ..FetchOptions::from_env(None) };
        let told = |config: &DataConfig| unused_folder(config, &image_files(config), &options);
        let set = |name| DataConfig::new(name, Binarise::None);
        let message = told(&set(DataName::Mnist)).unwrap();
        assert!(message.contains("holds none of train-images-idx3-ubyte, "), "{message}");
        assert!(told(&set(DataName::Segments)).unwrap().contains("segments is generated"));
        std::fs::create_dir(folder.path().join("mnist")).unwrap();
        std::fs::write(folder.path().join("mnist/t10k-labels-idx1-ubyte.gz"), b"").unwrap();
        assert_eq!(told(&set(DataName::Mnist)), None);
        assert_eq!(told(&set(DataName::MnistRot)), None);
        assert!(told(&set(DataName::Rectangles)).is_some());
        std::fs::write(folder.path().join("rectangles_test.amat"), b"").unwrap();
        assert_eq!(told(&set(DataName::Rectangles)), None);
    }
}
