//! Every program and every shared command, end to end, on generated images.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::fs;

use programs::{Program, binaries, programs};

#[test]
fn a_crate_that_does_not_say_how_to_run_it_is_named_with_what_to_write() {
    let crates = tempfile::tempdir().unwrap();
    let folder = crates.path().join("new");
    let problem = || programs::described(crates.path()).err().unwrap_or_default();
    let write = |file: &str, text: &str| {
        let file = folder.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("Cargo.toml", "");
    assert!(problem().contains("new is a crate without a program"), "{}", problem());
    write("src/main.rs", "");
    assert!(problem().contains("new/tests/program.toml"), "{}", problem());
    assert!(problem().contains("tiny, other, cannot, metrics, pictures"), "{}", problem());
    let whole =
        "tiny = ['-']\nother = ['-']\ncannot = []\nmetrics = ['nll']\npictures = ['a.png']\n";
    for (text, message) in [
        (whole.replace("cannot = []\n", ""), "missing field `cannot`"),
        (whole.replace("['nll']", "[]"), "metrics is empty"),
        (format!("{whole}more = []\n"), "unknown field `more`"),
    ] {
        write("tests/program.toml", &text);
        assert!(problem().contains(message), "{}", problem());
    }
    write("tests/program.toml", whole);
    assert_eq!(problem(), "");
}

/// Trains, then runs every other shared command, and looks at what they leave behind.
fn every_command(program: &Program) {
    let work = tempfile::tempdir().unwrap();
    let snapshots = ["--snapshot-epochs", "0.5,1"];
    if program.pictures.iter().any(|name| name == "snapshots.png") {
        program.train(work.path(), &snapshots).success();
    } else {
        program.train(work.path(), &snapshots).failure(2, "--snapshot-epochs");
        program.train(work.path(), &[]).success();
    }
    let run = work.path().join("runs").join(&program.name).join("quick");
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("record.json")).unwrap()).unwrap();
    assert_eq!(record["paper"], program.name);
    for metric in &program.metrics {
        let value = record["metrics"][metric]["value"].as_f64();
        assert!(value.is_some_and(f64::is_finite), "{} has no {metric}", program.name);
    }
    let picture = |name: &str| {
        let bytes = fs::read(run.join(name)).unwrap_or_default();
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 1000, "{}: {name}", program.name);
    };
    for name in &program.pictures {
        picture(name);
    }
    for (command, extra, name) in [
        ("evaluate", &["--samples", "10", "--images", "5"][..], None),
        ("reconstruct", &["--indices", "0,3", "--split", "test"][..], Some("reconstructions.png")),
        ("sample", &["--count", "4", "--seed", "3"][..], Some("samples.png")),
        ("interpolate", &["--indices", "0,1", "--steps", "5"][..], Some("interpolation.png")),
        ("traverse", &["--index", "2", "--span", "2", "--steps", "5"][..], Some("traversal.png")),
        ("latent-map", &["--points", "50"][..], Some("latent-map.png")),
        ("explore", &[][..], None),
        ("encode", &["--split", "test"][..], None),
        ("score", &["--samples", "5", "--examples", "30"][..], None),
        ("bounds", &["--samples", "1,5", "--examples", "30"][..], None),
    ] {
        if program.cannot.iter().any(|name| name == command) {
            program.on_run(command, &run, extra).failure(2, &program.name);
            continue;
        }
        if let Some(name) = name {
            fs::remove_file(run.join(name)).unwrap();
        }
        program.on_run(command, &run, extra).success();
        if let Some(name) = name {
            picture(name);
        }
    }

    let exported = work.path().join("exported");
    program.on_run("export", &run, &["--to", exported.to_str().unwrap()]).success();
    let weights = exported.join("weights.safetensors");
    assert_eq!(fs::read(&weights).unwrap(), fs::read(run.join("weights.safetensors")).unwrap());
    program.import(work.path(), &weights, &[]).success();
    let imported = work.path().join("runs").join(&program.name).join("imported");
    let again: serde_json::Value =
        serde_json::from_slice(&fs::read(imported.join("record.json")).unwrap()).unwrap();
    let original: serde_json::Value = {
        program.on_run("evaluate", &run, &[]).success();
        serde_json::from_slice(&fs::read(run.join("record.json")).unwrap()).unwrap()
    };
    assert_eq!(again["metrics"], original["metrics"], "import changed the model");
    let other: Vec<&str> =
        program.other.iter().map(String::as_str).chain(["--name", "wrong"]).collect();
    let wrong = program.import(work.path(), &weights, &other);
    wrong.failure(1, "does not fit this architecture");
    assert!(!work.path().join("runs").join(&program.name).join("wrong").exists());
}

#[test]
fn every_command_of_every_program_works() {
    for program in programs() {
        every_command(program);
    }
}

#[test]
fn help_and_version_work_and_a_bare_call_helps() {
    for program in programs() {
        program.call(&["--help"]).success();
        program.call(&["train", "--help"]).success();
        program.call(&["--version"]).success();
        program.call(&[]).failure(2, "Usage");
    }
}

#[test]
fn every_binary_of_the_workspace_is_exercised() {
    for name in binaries() {
        match name.as_str() {
            // Each by a test of its own crate, without which `cargo test` does not even build it; the first
            // two also work in validate.rs.
            "xtask" | "super-intelligent" | "peers" => {}
            _ => assert!(
                programs().iter().any(|program| program.name == name),
                "no test runs {name}: let one do so and name it here, or move its crate to crates/"
            ),
        }
    }
}
