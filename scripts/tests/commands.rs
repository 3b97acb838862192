//! The chores as they are called, on the records that the project keeps.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap()
}

#[track_caller]
fn ends(output: &Output, code: i32, says: &str) {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(says), "no '{says}' in: {text}");
}

#[test]
fn the_pages_say_what_the_records_say() {
    ends(&xtask(&["readme", "--check"]), 0, "");
}

#[test]
fn a_worse_record_is_named_and_the_same_records_pass() {
    let work = tempfile::tempdir().unwrap();
    let (new, out) = (work.path().join("new"), work.path().join("out"));
    fs::create_dir(&new).unwrap();
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("results/vae");
    let copy = |factor: f64| {
        for seed in 1..=3 {
            let name = format!("quick-seed{seed}.json");
            let record = fs::read(results.join(&name)).unwrap();
            let mut record: serde_json::Value = serde_json::from_slice(&record).unwrap();
            let value = &mut record["metrics"]["nll"]["value"];
            *value = (value.as_f64().unwrap() * factor).into();
            fs::write(new.join(name), record.to_string()).unwrap();
        }
    };
    let (new, out) = (new.to_str().unwrap(), out.to_str().unwrap());
    let compare =
        || xtask(&["compare", "--base", "results", "--new", new, "--only", "vae", "--out", out]);
    copy(1.0);
    ends(&compare(), 0, "nll");
    copy(1.2);
    ends(&compare(), 1, "nll");
    for file in ["compare.md", "compare.html", "compare.json", "compare.prom"] {
        assert!(Path::new(out).join(file).metadata().unwrap().len() > 100, "{file}");
    }
    let said = fs::read_to_string(Path::new(out).join("compare.md")).unwrap();
    assert!(said.contains("| vae | quick | nll"), "{said}");
}

/// What `compare` ends with if the committed seeds of `vae quick` are changed: each seed by a function
/// that gives the text of its record, or none.
fn compared(change: impl Fn(u64, Value) -> Option<String>) -> Output {
    let work = tempfile::tempdir().unwrap();
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("results/vae");
    let new = work.path().join("new");
    fs::create_dir(&new).unwrap();
    for seed in 1..=3 {
        let name = format!("quick-seed{seed}.json");
        let record = serde_json::from_slice(&fs::read(results.join(&name)).unwrap()).unwrap();
        if let Some(text) = change(seed, record) {
            fs::write(new.join(name), text).unwrap();
        }
    }
    let (new, out) = (new.to_str().unwrap(), work.path().join("out"));
    let out = out.to_str().unwrap();
    xtask(&["compare", "--base", "results", "--new", new, "--only", "vae", "--out", out])
}

fn with_nll(mut record: Value, change: f64) -> Option<String> {
    let nll = &mut record["metrics"]["nll"]["value"];
    *nll = (nll.as_f64().unwrap() + change).into();
    Some(record.to_string())
}

#[test]
fn a_seed_that_breaks_is_named_though_the_others_are_well_or_break_too() {
    // Forty nats in two of three seeds; and ten standard deviations of the three records in one, two, three.
    let deviations = 10.0 * 0.2214;
    for (bad, worse) in [(2, 40.0), (1, deviations), (2, deviations), (3, deviations)] {
        let output =
            compared(|seed, record| with_nll(record, if seed <= bad { worse } else { 0.0 }));
        ends(&output, 1, "regression: vae quick, nll: ");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("regression (seed 1"), "{said}");
    }
}

#[test]
fn what_is_missing_in_new_fails() {
    let alone = compared(|seed, record| (seed == 1).then(|| with_nll(record, 40.0))?);
    ends(&alone, 1, "vae quick: new has 1 of 3 seeds, without 2, 3");
    ends(&alone, 1, "regression: vae quick, nll");
    let without = |keys: &'static [&'static str]| {
        compared(move |seed, mut record| {
            if seed == 2 {
                let (last, path) = keys.split_last().unwrap();
                let object = path.iter().fold(&mut record, |value, key| &mut value[*key]);
                object.as_object_mut().unwrap().remove(*last);
            }
            Some(record.to_string())
        })
    };
    ends(&without(&["schema"]), 1, "quick-seed2.json: a record without schema");
    ends(&without(&["metrics", "nll"]), 1, "vae quick: nll has vanished (seed 2)");
    ends(&without(&["metrics", "nll", "value"]), 1, "quick-seed2.json: damaged record");
}

#[test]
fn help_is_there_for_every_command() {
    let help = xtask(&["--help"]);
    ends(&help, 0, "Usage");
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.split_once("Commands:\n").unwrap().1.split("\n\n").next().unwrap();
    // Descriptions go on in lines that are set in further.
    let commands: Vec<&str> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !["", "help"].contains(name))
        .collect();
    assert!(commands.contains(&"validate-autoencoders"), "{commands:?}");
    for command in commands {
        ends(&xtask(&[command, "--help"]), 0, command);
    }
    ends(&xtask(&["compair"]), 2, "compair");
}

#[test]
fn options_without_effect_beside_others_are_refused() {
    for (arguments, said) in [
        (&["bundle", "--unpack", "a.tar.gz", "--to", "b"][..], "--unpack"),
        (&["compare", "--base", "results", "--confidence", "0.9"], "--new"),
        (&["sweep", "plan.toml", "--index", "0", "--on", "slurm"], "--index"),
        (&["validate-autoencoders", "--redraw", "--jobs", "2"], "--redraw"),
    ] {
        ends(&xtask(arguments), 2, said);
    }
}

#[test]
fn fuzzing_ends_with_a_table_and_repeats_one_input() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    let target = ["fuzz", "--target", "idx-labels", "--out", out.to_str().unwrap()];
    ends(&xtask(&[&target[..], &["--minutes", "0.02"]].concat()), 0, "idx-labels");
    ends(&xtask(&[&target[..], &["--minutes", "0"]].concat()), 1, "--minutes 0");
    let file = work.path().join("labels");
    fs::write(&file, "no labels").unwrap();
    ends(&xtask(&[&target[..], &["--input", file.to_str().unwrap()]].concat()), 0, "refused");
    ends(&xtask(&["fuzz", "--target", "cvs"]), 1, "csv");
}
