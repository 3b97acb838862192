use std::io::{self, Write};

use anyhow::{Context, Result, anyhow, bail};
use files::{CHECKSUMS, Checksums, Damage};
use flate2::{Compression, GzBuilder};
use serde::Deserialize;
use weights::DESCRIPTION;

use super::{ENDING, FILES, NEEDED};
use crate::{RunFolder, name::is_name};

/// A packed run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Name of its file.
    pub file: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// What `model.json` tells of the paper.
#[derive(Deserialize)]
struct Described {
    paper: String,
}

/// Packs a finished run.
///
/// # Errors
/// If a file that a bundle needs is missing or damaged, or the run's name cannot be a folder's on any system.
pub fn pack(run: &RunFolder) -> Result<Packed> {
    let place = || run.path().display();
    let mut files = Vec::new();
    for name in FILES {
        match run.has(name)?.then(|| run.read(name)) {
            Some(Ok(bytes)) => files.push((name, bytes)),
            Some(Err(damage)) => bail!("{damage}: {} is not packed", place()),
            None if NEEDED.contains(&name) => {
                let path = run.file(name);
                bail!("{}: a bundle needs a finished run", Damage::Missing { path })
            }
            None => {}
        }
    }
    let described = files.iter().find(|(name, _)| *name == DESCRIPTION);
    let described = described.and_then(|(_, bytes)| serde_json::from_slice(bytes).ok());
    let Some(Described { paper }) = described else {
        bail!("{} does not tell the paper: train the run again", run.file(DESCRIPTION).display())
    };
    let own = run.path().canonicalize().with_context(|| place().to_string())?;
    let name = own.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(bad) = [&paper, &name].into_iter().find(|name| !is_name(name)) {
        bail!(
            "{}: {bad:?} cannot be in a bundle: letters from a to z, digits, '-', '_', '.'",
            place()
        )
    }
    let mut checksums = Checksums::default();
    files.iter().for_each(|(name, bytes)| checksums.add(name, bytes));
    files.push((CHECKSUMS, checksums.text().into_bytes()));
    let bytes = archive(&format!("{paper}/{name}"), &files)
        .map_err(|error| anyhow!("{} cannot be packed: {error}", place()))?;
    Ok(Packed { file: format!("{paper}-{name}{ENDING}"), bytes })
}

/// Without times, owners and names of systems, which would differ from call to call.
fn archive(folder: &str, files: &[(&str, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_path(format!("{folder}/{name}"))?;
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        tar.append(&header, bytes.as_slice())?;
    }
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(&tar.into_inner()?)?;
    gzip.finish()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::bundle::tests::{run, run_of};

    #[test]
    fn a_run_packed_twice_has_the_same_bytes_and_pictures_and_checkpoints_stay_out() {
        let work = tempfile::tempdir().unwrap();
        let own = run(work.path());
        let first = pack(&own).unwrap();
        assert_eq!(first.file, "vae-quick.tar.gz");
        for more in ["samples.png", "model.mpk", "metrics.jsonl"] {
            fs::write(own.file(more), "more").unwrap();
        }
        own.write("model.mpk", b"twice the weights").unwrap();
        own.phase("layer-1").write("metrics.jsonl", b"{}").unwrap();
        assert_eq!(pack(&own).unwrap(), first);
    }

    #[test]
    fn what_is_not_a_whole_run_is_not_packed() {
        let work = tempfile::tempdir().unwrap();
        let own = run(work.path());
        fs::write(own.file("weights.safetensors"), "others").unwrap();
        let message = pack(&own).unwrap_err().to_string();
        assert!(message.contains("weights.safetensors is not as it was written"), "{message}");
        // What the run has lost is missed, whether a bundle could do without or not.
        for name in ["weights.safetensors", "record.json"] {
            let own = run(&work.path().join(name));
            own.write(name, b"{}").unwrap();
            fs::remove_file(own.file(name)).unwrap();
            let message = pack(&own).unwrap_err().to_string();
            assert!(message.contains(&format!("{name} is missing")), "{message}");
        }
        let begun = RunFolder::create(work.path().join("runs/vae/begun"), "", false).unwrap();
        let message = pack(&begun).unwrap_err().to_string();
        assert!(message.contains("a bundle needs a finished run"), "{message}");
        let strange = run_of(&work.path().join("runs/vae/with a blank"));
        let message = pack(&strange).unwrap_err().to_string();
        assert!(message.contains("\"with a blank\" cannot be in a bundle"), "{message}");
    }
}
