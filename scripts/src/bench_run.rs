//! `bench-run`: what a user of `vae train` waits for and needs: the first picture, a whole run, and an epoch over more
//! and more images.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::{
    processes::last_words,
    run::{Record, RunFolder, write_atomic},
};

use crate::{
    build::program,
    peers::mnist,
    processor::{kind, machine, peak_megabytes},
    workspace,
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Numbers of images of the epochs.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    images: Vec<usize>,
}

/// Bytes of an IDX file of MNIST before its pixels, and of an image.
const HEADER: usize = 16;
const IMAGE: usize = 28 * 28;
/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn run(args: &Args) -> Result<()> {
    if args.images.iter().any(|&images| images < 1000) {
        bail!("--images: at least 1000, a tenth each of which are validation and test images");
    }
    let vae = program("vae", &[])?;
    let folder = tempfile::tempdir()?;
    let pixels = fs::read(mnist()?.join("train-images-idx3-ubyte"))?.split_off(HEADER);

    shared::print_line!("the first picture of a training");
    let first_picture_seconds = first_picture(&vae, folder.path())?;
    shared::print_line!("  {first_picture_seconds:.1} s");

    shared::print_line!("a whole run of quick");
    let (quick, _) = trained(&vae, folder.path(), "whole", &[])?;
    shared::print_line!(
        "  fitted in {:.1} s, evaluated in {:.1} s",
        quick.machine.fit_seconds,
        quick.machine.evaluate_seconds
    );

    let mut sizes = Vec::new();
    for &images in &args.images {
        shared::print_line!("an epoch over generated images, {images} in all");
        let file = folder.path().join("generated-images-idx3-ubyte");
        generate(&file, images, &pixels)?;
        let name = format!("images-{images}");
        let data = file.to_string_lossy();
        let options = ["--data", &data, "--set", "data.binarise=dynamic", "--epochs", "1"];
        let short = ["--set", "evaluate.nll_images=10", "--set", "evaluate.probe_all=false"];
        let (record, peak) =
            trained(&vae, folder.path(), &name, &[&options[..], &short[..]].concat())?;
        let rate = record.machine.examples_per_second.context("a fit without passes")?;
        shared::print_line!(
            "  {rate:.0} images a second, {:.0} MB at most",
            peak.unwrap_or(f64::NAN)
        );
        sizes.push(json!({
            "images": images,
            "data_megabytes": (images * IMAGE) as f64 / 1e6,
            "examples_per_second": rate,
            "peak_megabytes": peak.map(f64::round),
        }));
    }
    let result = json!({
        "machine": machine(),
        "first_picture_seconds": first_picture_seconds,
        "quick": {
            "fit_seconds": quick.machine.fit_seconds,
            "evaluate_seconds": quick.machine.evaluate_seconds,
        },
        "sizes": sizes,
    });
    let target = workspace().join(format!("results/bench-run-{}.json", kind().file));
    write_atomic(&target, format!("{result:#}\n").as_bytes())?;
    shared::print_line!("wrote {}; cargo xtask readme writes the table", target.display());
    Ok(())
}

/// Images of MNIST's shape: its own, again and again, each time begun a pixel later.
fn generate(file: &Path, images: usize, pixels: &[u8]) -> Result<()> {
    let mut to = BufWriter::new(File::create(file)?);
    for word in [2051, u32::try_from(images)?, 28, 28] {
        to.write_all(&word.to_be_bytes())?;
    }
    let (mut left, mut first) = (images * IMAGE, 0);
    while left > 0 {
        let part = &pixels[first % IMAGE..];
        let part = &part[..part.len().min(left)];
        to.write_all(part)?;
        left -= part.len();
        first += 1;
    }
    Ok(to.flush()?)
}

/// Seconds from the start of a training until its first picture is there.
fn first_picture(vae: &Path, folder: &Path) -> Result<f64> {
    let (mut child, run, started) =
        started(vae, folder, "first", &["--snapshot-epochs", "0.1,1,2,3"])?;
    let picture = run.join(RunFolder::STRIP);
    while !picture.is_file() {
        if let Some(status) = child.try_wait()? {
            let said = said(folder, "first");
            bail!("the training ended before its first picture: {status}: {said}");
        }
        std::thread::sleep(LOOK);
    }
    let seconds = started.elapsed().as_secs_f64();
    child.kill()?;
    child.wait()?;
    Ok(seconds)
}

/// The record of a training, and the most megabytes that it held, where the system tells.
fn trained(
    vae: &Path,
    folder: &Path,
    name: &str,
    options: &[&str],
) -> Result<(Record, Option<f64>)> {
    let (mut child, run, _) = started(vae, folder, name, options)?;
    let mut peak = None;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // Nothing is told of a process that is just ending.
        peak = peak_megabytes(child.id()).or(peak);
        std::thread::sleep(LOOK);
    };
    if !status.success() {
        bail!("the training ended with {status}: {}", said(folder, name));
    }
    let record = fs::read(run.join(RunFolder::RECORD))?;
    Ok((serde_json::from_slice(&record).context("no record")?, peak))
}

/// A training, its folder, and when it began.
fn started(
    vae: &Path,
    folder: &Path,
    name: &str,
    options: &[&str],
) -> Result<(Child, PathBuf, Instant)> {
    let log = log(folder, name);
    let log = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let started = Instant::now();
    let child = Command::new(vae)
        .args(["train", "--name", name, "--out"])
        .arg(folder)
        .args(options)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}", vae.display()))?;
    Ok((child, folder.join("vae").join(name), started))
}

/// The file of what a training of this name says.
fn log(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

/// The line in which it says why it failed.
fn said(folder: &Path, name: &str) -> String {
    let said = fs::read(log(folder, name)).unwrap_or_default();
    last_words(&String::from_utf8_lossy(&said), "vae")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_that_fails_says_why() {
        let folder = tempfile::tempdir().unwrap();
        // Of Cargo there is no such command.
        let cargo = Path::new(env!("CARGO"));
        for said in [
            trained(cargo, folder.path(), "whole", &[]).unwrap_err().to_string(),
            first_picture(cargo, folder.path()).unwrap_err().to_string(),
        ] {
            assert!(said.contains("no such command"), "{said}");
        }
    }
}
