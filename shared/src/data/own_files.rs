//! Which files a data set may be read from, and whether a folder holds one of them.

use std::path::Path;

use super::{DataConfig, DataName, FetchOptions, catalogue, larochelle::Variant, npz};

/// Names of the files a configured data set may be read from; none of a generated set.
fn names(config: &DataConfig) -> Vec<String> {
    let published = |set: &catalogue::DataSet| -> Vec<String> {
        set.files.iter().map(|file| file.name.to_owned()).collect()
    };
    let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    if let Some(variant) = config.name.variant() {
        let mut names: Vec<String> =
            Variant::original_files(variant).iter().map(|name| (*name).to_owned()).collect();
        if variant.needs_digits() {
            names.extend(published(&catalogue::MNIST));
        }
        return names;
    }
    match config.name {
        DataName::Mnist => published(&catalogue::MNIST),
        DataName::FashionMnist => published(&catalogue::FASHION_MNIST),
        DataName::Adult | DataName::AdultAge => published(&catalogue::ADULT),
        DataName::German => published(&catalogue::GERMAN),
        DataName::Jsb => published(&catalogue::JSB),
        DataName::Bach => published(&catalogue::BACH),
        DataName::Dsprites => vec![npz::FILE.to_owned()],
        DataName::Csv => {
            let csv = config.csv.iter();
            csv.flat_map(|csv| csv.files.iter().chain([&csv.schema]))
                .filter_map(|f| named(f))
                .collect()
        }
        DataName::Pen => config.pen.iter().filter_map(|pen| named(&pen.file)).collect(),
        DataName::Text => config.text.iter().filter_map(|text| named(&text.file)).collect(),
        _ => Vec::new(),
    }
}

/// True if `folder`, or the one of the set's name in it, holds a file the configured set may be read
/// from.
pub(crate) fn holds(config: &DataConfig, folder: &Path) -> bool {
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
    names(config).iter().any(|name| lies_in(folder, &set, name))
}

fn mnist_lies_in(folder: &Path) -> bool {
    catalogue::MNIST.files.iter().any(|file| lies_in(folder, catalogue::MNIST.name, file.name))
}

fn lies_in(folder: &Path, set: &str, name: &str) -> bool {
    [folder.to_path_buf(), folder.join(set)]
        .iter()
        .any(|folder| folder.join(name).is_file() || folder.join(format!("{name}.gz")).is_file())
}

/// What is to be said of a folder of the user's that a set is not read from, if it is not.
pub(super) fn unused_folder(config: &DataConfig, options: &FetchOptions) -> Option<String> {
    let folder = options.data_dir.as_ref().filter(|folder| !holds(config, folder))?;
    let (set, folder) = (config.name, folder.display());
    let names = names(config);
    Some(match names.as_slice() {
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
    use crate::data::{Binarise, TextFile, TextLevel};

    #[test]
    fn a_folder_without_a_matching_file_is_told_with_the_names() {
        let folder = tempfile::tempdir().unwrap();
        let options =
            FetchOptions { data_dir: Some(folder.path().into()), ..FetchOptions::from_env(None) };
        let told = |config: &DataConfig| unused_folder(config, &options);
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
        let text = TextFile {
            file: "elsewhere/poem.txt".into(),
            level: TextLevel::Characters,
            longest: 200,
        };
        let text = DataConfig { text: Some(text), ..set(DataName::Text) };
        assert!(told(&text).unwrap().contains("does not hold poem.txt"));
        std::fs::write(folder.path().join("poem.txt"), b"").unwrap();
        assert_eq!(told(&text), None);
    }
}
