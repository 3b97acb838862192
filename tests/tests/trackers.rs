//! `train --log mlflow` beside a server of this test, and beside none.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;
#[path = "../../shared/run/tests/stub/mod.rs"]
mod stub;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use programs::program;
use serde_json::Value;
use stub::{Mode, Stub};

const TOKEN: &str = "a-token-of-mine";

/// A tiny training of the VAE, with a tracker at this address if there is one.
fn train(work: &Path, extra: &[&str], tracker: Option<&str>) -> Output {
    let log: &[&str] = if tracker.is_some() { &["--log", "tensorboard,mlflow"] } else { &[] };
    with_tracker(program("vae").to_train(work, &[extra, log].concat()), tracker).output().unwrap()
}

fn with_tracker(mut command: Command, address: Option<&str>) -> Command {
    let own = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("MLFLOW_"));
    for name in own {
        command.env_remove(name);
    }
    command.env("MLFLOW_TRACKING_TOKEN", TOKEN);
    command.envs(address.map(|address| ("MLFLOW_TRACKING_URI", address)));
    command
}

fn run(work: &Path) -> PathBuf {
    work.join("runs/vae/quick")
}

/// What must be equal between equal runs.
fn outcome(work: &Path) -> (Value, Vec<u8>) {
    let record = fs::read(run(work).join("record.json")).unwrap();
    let mut record: Value = serde_json::from_slice(&record).unwrap();
    record.as_object_mut().unwrap().remove("machine").unwrap();
    (record, fs::read(run(work).join("weights.safetensors")).unwrap())
}

/// The figures of every epoch as a server has them.
fn figures(work: &Path) -> Vec<String> {
    let lines = fs::read_to_string(run(work).join("metrics.jsonl")).unwrap();
    let mut all = Vec::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let (epoch, rate) = (&line["epoch"], line["rate"].as_f64().unwrap());
        all.push(format!("rate {epoch} {rate}"));
        for split in ["train", "valid"] {
            for (term, value) in line[split].as_object().unwrap() {
                all.push(format!("{term}/{split} {epoch} {}", value.as_f64().unwrap()));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn a_server_that_is_down_changes_no_bit_and_is_named_once() {
    let [without, beside] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    assert!(train(without.path(), &[], None).status.success());
    let server = Stub::start(Mode::IsDown);
    let output = train(beside.path(), &[], Some(&server.address));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("--log mlflow").count(), 1, "{said}");
    assert!(!said.contains(&server.address) && !said.contains(TOKEN), "{said}");
    assert!(outcome(without.path()) == outcome(beside.path()));
}

#[test]
fn an_interrupted_training_is_one_run_of_the_server_with_every_figure_once() {
    let (work, server) = (tempfile::tempdir().unwrap(), Stub::start(Mode::Serves));
    let rate = "train.schedule={kind=\"constant\",rate=0.001}";
    let options = ["--set", rate, "--epochs", "2", "--snapshot-epochs", "1"];
    assert!(train(work.path(), &options, Some(&server.address)).status.success());
    let options = ["--set", rate, "--epochs", "4", "--snapshot-epochs", "1", "--resume"];
    let output = train(work.path(), &options, Some(&server.address));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let seen = server.seen();
    assert_eq!(seen.runs.len(), 1);
    let remote = &seen.runs[0];
    let point = |(key, step, value): &(String, i64, f64)| format!("{key} {step} {value}");
    let mut found: Vec<String> = remote.metrics.iter().map(point).collect();
    found.sort();
    assert_eq!(found, figures(work.path()));
    assert_eq!(remote.status, "FINISHED");
    assert_eq!(
        remote.files["record.json"],
        fs::read(run(work.path()).join("record.json")).unwrap()
    );
    for picture in &program("vae").pictures {
        assert!(remote.files.contains_key(picture), "{picture}");
    }
    for path in files(work.path()) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(TOKEN) && !text.contains(&server.address), "{}", path.display());
    }
    assert!(run(work.path()).join("tensorboard").is_dir());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn without_an_address_nothing_is_begun() {
    let work = tempfile::tempdir().unwrap();
    let output = with_tracker(program("vae").to_train(work.path(), &["--log", "mlflow"]), None)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.lines().count() == 1 && said.contains("MLFLOW_TRACKING_URI"), "{said}");
    assert!(!work.path().join("runs").exists());
}
