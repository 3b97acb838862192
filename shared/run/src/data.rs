use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use data::{DataConfig, FetchOptions, Identity, Preparation, SourceFile, Splits, used_folder};
use serde::{Deserialize, Serialize};
use toml::Value;

use super::RunFolder;

/// `data.json`: the identity of a run's data, and the preparation that allows using the run without them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunData {
    /// Version of this format.
    schema: u32,
    /// The data set.
    pub name: String,
    /// Identity of the data.
    pub identity: Identity,
    /// The user's folder that files were read from, absolute; `None` if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Where relative paths of the configuration start, absolute; `None` if it has no paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
    /// The preparation that a model needs.
    pub preparation: Preparation,
}

impl RunData {
    /// Name of the file in a run's folder.
    pub const FILE: &str = "data.json";
    const SCHEMA: u32 = 1;
    /// What to do if the file is damaged.
    pub const ADVICE: &str =
        "restore it, or delete it: then the run's data can only be checked by its record";

    /// The data of a configuration, loaded with these options; `files` are those they may be read from.
    pub fn new(
        config: &DataConfig,
        files: &[SourceFile],
        data: &Splits,
        options: &FetchOptions,
    ) -> Self {
        let preparation = Preparation::of(data);
        // A path that is not text cannot be kept; nothing but convenience is lost.
        let kept = |path: &Path| {
            std::path::absolute(path).ok().filter(|absolute| absolute.to_str().is_some())
        };
        let folder = used_folder(files, options);
        let has_paths = config.own.values().any(Value::is_table);
        let here = Path::new(".");
        let base = if options.base.as_os_str().is_empty() { here } else { &options.base };
        Self {
            schema: Self::SCHEMA,
            name: config.name.clone(),
            identity: Identity::of(data, &preparation),
            folder: folder.and_then(kept),
            base: has_paths.then_some(base).and_then(kept),
            preparation,
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, run: &RunFolder) -> Result<()> {
        run.write_json(Self::FILE, self)
    }

    /// The file of a run; `None` if it has none, as older versions wrote none.
    ///
    /// # Errors
    /// If it cannot be read, or was changed.
    pub fn read(run: &RunFolder) -> Result<Option<Self>> {
        let path = run.file(Self::FILE);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = run.read(Self::FILE).map_err(|damage| anyhow!("{damage}; {}", Self::ADVICE))?;
        let found: Self = serde_json::from_slice(&bytes)
            .with_context(|| format!("{}: damaged; {}", path.display(), Self::ADVICE))?;
        if found.schema != Self::SCHEMA {
            bail!(
                "{}: written by another version (schema {}, this one knows {})",
                path.display(),
                found.schema,
                Self::SCHEMA
            );
        }
        Ok(Some(found))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use data::{Binarise, IMAGE_SOURCES, load};

    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_changed_byte_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(folder.path().join("run"), "a = 1\n", false).unwrap();
        assert_eq!(RunData::read(&run).unwrap(), None);
        let config = DataConfig::new("segments", Binarise::None);
        let options = FetchOptions::from_env(None);
        let splits = load(IMAGE_SOURCES, &config, &options, None).unwrap();
        let data = RunData::new(&config, &[], &splits, &options);
        data.write(&run).unwrap();
        let read = RunData::read(&run).unwrap().unwrap();
        assert_eq!((&read.identity, &read.preparation), (&data.identity, &data.preparation));
        let path = run.file(RunData::FILE);
        let text = fs::read_to_string(&path).unwrap();
        for damaged in [
            text.replace("\"steps\": ", "\"steps\": 1"),
            text.replacen("\"width\": ", "\"width\": 1", 1),
            text[..text.len() / 2].to_owned(),
            text.replace("\"schema\": 1", "\"schema\": 1, \"more\": 2"),
        ] {
            assert_ne!(damaged, text);
            fs::write(&path, damaged).unwrap();
            let message = format!("{:#}", RunData::read(&run).unwrap_err());
            assert!(message.contains("data.json is not as it was written"), "{message}");
            assert!(message.contains("restore it, or delete it"), "{message}");
        }
    }
}
