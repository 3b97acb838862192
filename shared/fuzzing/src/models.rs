//! Readers that put weights into models.

use std::{fs, path::Path, sync::LazyLock};

use super::{Target, bytes, hashed, outcome};
use shared::train::readers::{self, FILES, NEWEST};

/// Bytes of memory per byte of a file whose reader computes gradients: Burn's graph has a table of all tensors ever
/// tracked, which doubles now and then.
const GRAPH: usize = 1 << 18;

/// One file of a checkpoint beside which an older one lies: whatever is done to it, training goes on with it as
/// it was written, or with the older one.
const OF_CHECKPOINT: Target = Target { has_checksum: true, memory: GRAPH, ..Target::BYTES };

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "burn-record",
        file: "model.mpk",
        seeds: || readers::records().map(|[model, _]| vec![model]).unwrap_or_default(),
        words: RECORD,
        read: |path| outcome(readers::model(bytes(path)?).map(|()| 0)),
        ..Target::BYTES
    },
    Target {
        name: "burn-optimiser",
        file: "optimiser.mpk",
        seeds: || readers::records().map(|[_, optimiser]| vec![optimiser]).unwrap_or_default(),
        words: RECORD,
        read: |path| outcome(readers::optimiser(bytes(path)?).map(|()| 0)),
        memory: GRAPH,
        ..Target::BYTES
    },
    Target {
        name: "checkpoint-model",
        seeds: || newest(FILES[0]),
        words: RECORD,
        read: |path| checkpoint(path, FILES[0]),
        ..OF_CHECKPOINT
    },
    Target {
        name: "checkpoint-rule",
        seeds: || newest(FILES[1]),
        words: RECORD,
        read: |path| checkpoint(path, FILES[1]),
        ..OF_CHECKPOINT
    },
    Target {
        name: "checkpoint-state",
        seeds: || newest(FILES[2]),
        words: &["\"epoch\"", "\"backend\"", "\"flex\"", "null", "18446744073709551615"],
        is_text: true,
        read: |path| checkpoint(path, FILES[2]),
        ..OF_CHECKPOINT
    },
    Target {
        name: "checkpoint-sums",
        seeds: || newest(FILES[3]),
        words: &["  ", "model.mpk", "../model.mpk", "# "],
        is_text: true,
        read: |path| checkpoint(path, FILES[3]),
        ..OF_CHECKPOINT
    },
];

/// Parts of a record in MessagePack: lengths of arrays, texts and bytes, and names of fields.
const RECORD: &[&str] = &[
    "\u{7f}",
    "item",
    "param",
    "id",
    "bytes",
    "shape",
    "dtype",
    "F32",
    "I64",
    "Bool",
    "QFloat",
    "weight",
    "bias",
    "metadata",
    "float",
    "NamedMpkFileRecorder",
];

/// The files of a run with two checkpoints, by their path in it.
static RUN: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let written = || -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let folder = tempfile::tempdir()?;
        let run = folder.path().join("run");
        readers::write(&run)?;
        let mut files = Vec::new();
        collect(&run, "", &mut files)?;
        Ok(files)
    };
    written().unwrap_or_default()
});

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, fs::read(entry.path())?));
        }
    }
    Ok(())
}

/// A file of the newest checkpoint, whole.
fn newest(file: &str) -> Vec<Vec<u8>> {
    let wanted = format!("{NEWEST}/{file}");
    RUN.iter().filter(|(name, _)| *name == wanted).map(|(_, bytes)| bytes.clone()).collect()
}

/// Continues a run whose newest checkpoint has this content in place of `file`. Content that is not as it was
/// written must leave the older checkpoint in use.
fn checkpoint(path: &Path, file: &str) -> Result<u64, String> {
    let content = bytes(path)?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let changed = format!("{NEWEST}/{file}");
    for (name, whole) in RUN.iter() {
        let target = folder.path().join(name);
        let content = if *name == changed { &content } else { whole };
        let parent = target.parent().unwrap_or(folder.path());
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&target, content));
        written.map_err(|error| error.to_string())?;
    }
    let (name, state) = readers::newest(folder.path()).map_err(|error| format!("{error:#}"))?;
    if NEWEST.ends_with(&name) { Ok(hashed(&state)) } else { Err(format!("{name} is used")) }
}
