//! Every program on a GPU beside the processor: scripts/ci/gpu.sh builds them with this backend.
#![cfg(any(feature = "cuda", feature = "wgpu"))]

mod programs;

use std::{collections::BTreeMap, fs, path::Path};

use programs::{Program, program, programs};
use serde_json::Value;

const DEVICE: &str = if cfg!(feature = "cuda") { "cuda" } else { "wgpu" };

/// Losses of training and validation in the order of `metrics.jsonl`, and metrics of the test split, by name.
fn found(program: &Program, device: &str, extra: &[&str]) -> BTreeMap<String, f64> {
    let work = tempfile::tempdir().unwrap();
    let options = [&["--device", device], extra].concat();
    program.train(work.path(), &options).success();
    let run = fs::read_dir(work.path().join("runs").join(&program.name)).unwrap();
    let run = run.map(|entry| entry.unwrap().path()).next().unwrap();
    let mut found = BTreeMap::new();
    let mut phases = vec![run.clone()];
    phases.extend(fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().path()));
    for file in phases.iter().map(|folder| folder.join("metrics.jsonl")) {
        for (line, epoch) in fs::read_to_string(&file).unwrap_or_default().lines().enumerate() {
            let epoch: Value = serde_json::from_str(epoch).unwrap();
            for part in ["train", "valid"] {
                if let Some(loss) = epoch[part]["loss"].as_f64() {
                    let phase = file.strip_prefix(&run).unwrap_or(Path::new("")).display();
                    found.insert(format!("{phase} {line} {part}"), loss);
                }
            }
        }
    }
    let record: Value =
        serde_json::from_slice(&fs::read(run.join("record.json")).unwrap()).unwrap();
    for name in ["negative_elbo", "nll", "reconstruction_mse", "accuracy"] {
        if let Some(value) = record["metrics"][name]["value"].as_f64() {
            found.insert(name.into(), value);
        }
    }
    found
}

#[track_caller]
fn agrees(program: &Program, extra: &[&str]) {
    let [flex, other] = ["flex", DEVICE].map(|device| found(program, device, extra));
    assert!(!flex.is_empty(), "{}: nothing to compare", program.name);
    assert_eq!(flex.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, one) in &flex {
        let apart = (one - other[name]).abs() / one.abs().max(1e-3);
        assert!(apart < 1e-4, "{} {extra:?}, {name}: {one} and {}", program.name, other[name]);
    }
}

/// Twenty steps, so that rounding does not grow.
#[test]
fn every_program_has_the_losses_of_the_processor() {
    let chosen = std::env::var("PAPERS").unwrap_or_default();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.split(' ').any(|paper| paper == name);
    for program in programs().iter().filter(|program| is_chosen(&program.name)) {
        let few = ["--set", "data.train_examples=400", "--epochs", "1"];
        // A closed form makes no passes.
        let has_epochs = program.tiny.iter().any(|option| option == "--epochs");
        agrees(program, if has_epochs { &few } else { &few[..2] });
    }
}

/// Shapes that Burn's kernels for GPUs have had wrong: a network that ends in one number (Burn's issue 5122), and
/// products of one row (CubeCL's issue 1611).
#[test]
fn a_head_of_one_and_a_batch_of_one_agree() {
    let few = ["--set", "data.train_examples=40", "--epochs", "1"];
    let head = ["--set", "objective={kind=\"factor\",gamma=6.0,discriminator=[20,20]}"];
    agrees(program("beta-vae"), &[&few[..], &head].concat());
    agrees(program("vae"), &[&few[..], &["--batch-size", "1"]].concat());
}

/// Its noise is a matrix without columns, which CUDA cannot copy.
#[test]
fn a_model_without_latents_agrees() {
    let few = ["--set", "data.train_examples=40", "--epochs", "1"];
    agrees(program("vae-rnn"), &[&few[..], &["--set", "model.kind=rnn"]].concat());
}

#[test]
fn two_runs_have_the_same_losses() {
    let extra = ["--set", "data.train_examples=400", "--epochs", "1"];
    let [one, two] = [(), ()].map(|()| found(program("vae"), DEVICE, &extra));
    assert_eq!(one, two);
}
