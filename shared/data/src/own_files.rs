//! Which files a data set may be read from, and whether a folder holds one of them.

use std::path::{Path, PathBuf};

use toml::Value;

use super::{DataConfig, FetchOptions, names::name_of};

/// Keys whose values are paths, or lists of them, in the section of a data set.
pub const PATHS: [&str; 4] = ["path", "file", "files", "schema"];

/// A file a data set may be read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Folder it may lie in within a folder of the user's.
    pub folder: &'static str,
    /// Its name, without `.gz`.
    pub name: String,
    /// Where a configuration says that it lies, if one names it: then in a folder of the user's only a file of just this
    /// name is it.
    pub path: Option<PathBuf>,
}

impl SourceFile {
    /// Files that these sections of `[data]` name, under the keys that are paths.
    pub fn in_sections(folder: &'static str, sections: &[&str], config: &DataConfig) -> Vec<Self> {
        let sections = sections.iter().filter_map(|key| config.own.get(*key)?.as_table());
        let paths = sections.flat_map(|section| PATHS.iter().filter_map(|key| section.get(*key)));
        let paths = paths.flat_map(|path| match path {
            Value::Array(several) => several.as_slice(),
            one => std::slice::from_ref(one),
        });
        let file = |path: &Value| {
            let path = PathBuf::from(path.as_str()?);
            Some(Self { folder, name: name_of(&path)?, path: Some(path) })
        };
        paths.filter_map(file).collect()
    }

    /// Files of a published set, by their names.
    pub fn named(
        folder: &'static str,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Vec<Self> {
        names.into_iter().map(|name| Self { folder, name: name.into(), path: None }).collect()
    }
}

/// True if `folder` holds one of the `files`: one that a configuration names under its name, one of a published set there
/// or in the folder of the set, gzipped or not.
pub fn holds(files: &[SourceFile], folder: &Path) -> bool {
    files.iter().any(|file| lies(file, folder))
}

fn lies(file: &SourceFile, folder: &Path) -> bool {
    let name = &file.name;
    let published =
        |folder: &Path| folder.join(name).exists() || folder.join(format!("{name}.gz")).is_file();
    match file.path {
        Some(_) => folder.join(name).exists(),
        None => published(folder) || published(&folder.join(file.folder)),
    }
}

/// The folder of the user's, if one of the `files` is read from it.
pub fn used_folder<'a>(files: &[SourceFile], options: &'a FetchOptions) -> Option<&'a Path> {
    let folder = options.data_dir.as_deref()?;
    let is_read = |file: &SourceFile| match &file.path {
        Some(path) => options.moved(path).is_some(),
        None => lies(file, folder),
    };
    files.iter().any(is_read).then_some(folder)
}

/// What is to be said of a folder of the user's that the set `name` is not read from, if it is not.
pub(crate) fn unused_folder(
    name: &str,
    files: &[SourceFile],
    options: &FetchOptions,
) -> Option<String> {
    let unused = options.data_dir.as_deref().filter(|_| used_folder(files, options).is_none())?;
    let folder = unused.display();
    if let Some(file) = files.iter().find(|file| lies(file, unused)) {
        return Some(format!(
            "{} is read from its path, not from the data folder {folder} of AE_DATA_DIR, which has one too; --data-dir \
             takes that",
            file.name
        ));
    }
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
    use crate::{Binarise, IMAGE_SOURCES, ImageFiles, configured};

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

    #[test]
    fn a_folder_holds_a_file_of_the_users_where_it_is_read_from_it() {
        let (here, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = here.path().join("mine.csv");
        let own = ImageFiles { path: path.clone(), size: None, grey: false, label: None };
        let config = DataConfig::new("images", Binarise::None).with("images", own);
        let files = SourceFile::in_sections("images", &["images"], &config);
        let named = FetchOptions::from_env(Some(folder.path().into()));
        let by_variable = FetchOptions { is_default: true, ..named.clone() };
        // Of a published set both would be found.
        std::fs::create_dir(folder.path().join("images")).unwrap();
        for name in ["mine.csv.gz", "images/mine.csv"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        assert!(!holds(&files, folder.path()));
        assert_eq!(named.locate(&path), path);
        let told = unused_folder("images", &files, &named).unwrap();
        assert!(told.contains("does not hold mine.csv"), "{told}");
        std::fs::write(folder.path().join("mine.csv"), b"").unwrap();
        assert!(holds(&files, folder.path()));
        for options in [&named, &by_variable] {
            assert_eq!(used_folder(&files, options), Some(folder.path()));
            assert_eq!(unused_folder("images", &files, options), None);
        }
        std::fs::write(&path, b"").unwrap();
        assert_eq!(used_folder(&files, &named), Some(folder.path()));
        assert_eq!(used_folder(&files, &by_variable), None);
        let told = unused_folder("images", &files, &by_variable).unwrap();
        assert!(
            told.starts_with("mine.csv is read from its path") && !told.contains('\n'),
            "{told}"
        );
    }
}
