use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};
use shared::run::{
    Bundle, CHECKSUMS, RunFolder,
    bundle::{ENDING, pack},
    write_atomic,
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Folders of finished runs, for instance runs/vae/quick.
    #[arg(value_name = "RUN", required_unless_present = "unpack")]
    runs: Vec<PathBuf>,
    /// Folder for the bundles and the list of their checksums.
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = "target/bundles",
        conflicts_with = "unpack"
    )]
    to: PathBuf,
    /// Make a run of a bundle instead: a file or an https address, as --run takes it.
    #[arg(long, value_name = "FILE|URL", conflicts_with = "runs")]
    unpack: Option<PathBuf>,
    /// Folder of all runs, for --unpack.
    #[arg(long, value_name = "FOLDER", default_value = "runs", conflicts_with = "runs")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    if let Some(bundle) = &args.unpack {
        let named = Bundle::named(bundle)?.ok_or_else(|| {
            anyhow!("--unpack {}: a file {ENDING}, or an https address", bundle.display())
        })?;
        shared::print_line!("{}", named.unpack_below(&args.out)?.display());
        return Ok(());
    }
    for file in packed(&args.runs, &args.to)? {
        shared::print_line!("{}", file.display());
    }
    Ok(())
}

/// Packs the runs into a folder, all or none that cannot be packed, and lists the checksums of every bundle there;
/// the files.
fn packed(runs: &[PathBuf], to: &Path) -> Result<Vec<PathBuf>> {
    let mut bundles = BTreeMap::new();
    for path in runs {
        let bundle = pack(&RunFolder::open(path.clone())?)?;
        let file = to.join(&bundle.file);
        if bundles.insert(file, bundle.bytes).is_some() {
            bail!("two of these runs would be {}: give each a --to of its own", bundle.file);
        }
    }
    for (file, bytes) in &bundles {
        write_atomic(file, bytes)?;
    }
    let list = to.join(CHECKSUMS);
    write_atomic(&list, checksums(to)?.as_bytes())?;
    Ok(bundles.into_keys().chain([list]).collect())
}

/// The checksum of every bundle in a folder, as `sha256sum --check` reads them.
fn checksums(folder: &Path) -> Result<String> {
    let mut lines = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(ENDING) {
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            lines.insert(name, hex::encode(Sha256::digest(bytes)));
        }
    }
    Ok(lines.into_iter().map(|(name, sha256)| format!("{sha256}  {name}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(path: &Path) -> PathBuf {
        let run = RunFolder::create(path.into(), "seed = 1\n", false).unwrap();
        run.write("model.json", br#"{"paper": "vae"}"#).unwrap();
        run.write("weights.safetensors", b"numbers").unwrap();
        path.into()
    }

    #[test]
    fn bundles_are_listed_and_come_back_as_runs_that_are_not_written_over() {
        let work = tempfile::tempdir().unwrap();
        let (to, out) = (work.path().join("bundles"), work.path().join("elsewhere"));
        let first = made(&work.path().join("runs/vae/quick"));
        let second = made(&work.path().join("runs/vae/long"));
        let files = packed(&[first.clone(), second], &to).unwrap();
        let names = ["vae-long.tar.gz", "vae-quick.tar.gz", CHECKSUMS].map(|name| to.join(name));
        assert_eq!(files, names);
        let list = fs::read_to_string(to.join(CHECKSUMS)).unwrap();
        assert_eq!(list.lines().count(), 2);
        let (sha256, _) = list.lines().nth(1).unwrap().split_once("  vae-quick").unwrap();

        let named = format!("{}#sha256={sha256}", files[1].display());
        let bundle = Bundle::named(Path::new(&named)).unwrap().unwrap();
        let run = bundle.unpack_below(&out).unwrap();
        assert_eq!(run, out.join("vae/quick"));
        assert_eq!(
            pack(&RunFolder::open(run).unwrap()).unwrap().bytes,
            fs::read(&files[1]).unwrap()
        );
        let message = bundle.unpack_below(&out).unwrap_err().to_string();
        assert!(message.contains("holds a run already"), "{message}");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1, "something was left behind");
        let taken = work.path().join("taken");
        fs::create_dir_all(taken.join("vae/quick")).unwrap();
        fs::write(taken.join("vae/quick/thesis.tex"), "years of work").unwrap();
        let message = bundle.unpack_below(&taken).unwrap_err().to_string();
        assert!(message.ends_with("name another folder with --out"), "{message}");

        let other = made(&work.path().join("runs/seed2/vae/quick"));
        let message = packed(&[first, other], &to).unwrap_err().to_string();
        assert!(message.contains("two of these runs would be vae-quick.tar.gz"), "{message}");
    }
}
