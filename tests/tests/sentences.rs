//! The model with one code for a whole sequence: shared commands on text, chords, drawings and images.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{
    fs,
    path::{Path, PathBuf},
};

use programs::{Program, program};

const SENTENCE: [&str; 8] = [
    "--model",
    "sentence",
    "--set",
    "model.word_dropout=0.3",
    "--set",
    "objective.free_bits=0.2",
    "--set",
    "evaluate.nll_images=1000",
];

/// A tiny model of these data.
fn trained(program: &Program, work: &Path, name: &str, data: &[&str]) -> PathBuf {
    program.train(work, &[&SENTENCE[..], &["--name", name], data].concat()).success();
    work.join("runs/vae-rnn").join(name)
}

fn metric(run: &Path, name: &str) -> Option<f64> {
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("record.json")).unwrap()).unwrap();
    record["metrics"][name]["value"].as_f64()
}

/// The mean of a column of the scores: -log p(x).
fn mean_score(run: &Path) -> f64 {
    let text = fs::read_to_string(run.join("scores.csv")).unwrap();
    let place = text.lines().next().unwrap().split(',').position(|name| name == "nll").unwrap();
    let nll = |line: &str| line.split(',').nth(place).unwrap().parse().unwrap();
    let nll: Vec<f64> = text.lines().skip(1).map(nll).collect();
    assert!(nll.is_sorted());
    nll.iter().sum::<f64>() / nll.len() as f64
}

/// Calls every shared command about codes; what each draws ends so.
fn every_command(program: &Program, run: &Path, ending: &str) {
    let drawn = |name: &str| run.join(format!("{name}.{ending}"));
    for (command, options, name) in [
        ("reconstruct", &["--indices", "0,1", "--draws", "1"][..], "reconstructions"),
        ("sample", &["--count", "3"], "samples"),
        ("interpolate", &["--indices", "0,1", "--steps", "5"], "interpolation"),
        ("traverse", &["--steps", "3"], "traversal"),
        ("score", &["--split", "test", "--samples", "20"], "scores"),
    ] {
        let _ = fs::remove_file(drawn(name));
        program.on_run(command, run, options).success();
        assert!(drawn(name).metadata().unwrap().len() > 5, "{command}: {name}.{ending}");
    }
    let (score, nll) = (mean_score(run), metric(run, "nll").unwrap());
    assert!((score - nll).abs() < 1e-9 * nll.abs(), "{score} is scored, {nll} evaluated");
    program.on_run("latent-map", run, &["--points", "20"]).success();
    assert!(fs::read(run.join("latent-map.png")).unwrap().starts_with(b"\x89PNG"));
    program.on_run("encode", run, &["--split", "test"]).success();
    let codes = fs::read_to_string(run.join("codes.csv")).unwrap();
    // Tunes are of no file.
    let name = if ending == "txt" { "name," } else { "" };
    let header = format!("split,index,{name}class,z0,z1,log_var0,log_var1\n");
    assert!(codes.starts_with(&header), "{codes}");
    for own in ["generate", "complete", "surprise"] {
        program.on_run(own, run, &[]).success();
    }
}

#[test]
fn text_has_codes_that_every_command_shows_as_lists() {
    let work = tempfile::tempdir().unwrap();
    let program = program("vae-rnn");
    let poem = work.path().join("poem.txt");
    fs::write(&poem, "so much depends\nupon\na red wheel\nbarrow\n".repeat(20)).unwrap();
    let data = ["--data", poem.to_str().unwrap(), "--set", "model.output={kind=\"categorical\"}"];
    let data = [&data[..], &["--set", "data.train_examples=40"]].concat();
    let run = trained(program, work.path(), "poem", &data);
    for metric_name in ["perplexity", "kl", "nll_step", "active_units"] {
        assert!(metric(&run, metric_name).is_some(), "{metric_name}");
    }
    assert_eq!(metric(&run, "nll_filter"), None);
    every_command(program, &run, "txt");
    // Barely trained, it hardly ends: lines are cut at the longest, "so much depends", and not at the mean of nine.
    program.on_run("generate", &run, &["--count", "40"]).success();
    let drawn = fs::read_to_string(run.join("generated.txt")).unwrap();
    assert!(drawn.lines().any(|line| line.chars().count() > 13), "{drawn}");
    // Nor does a completion end where the truth does. What was given comes first, then the truth; names are of one width.
    let short = work.path().join("short.txt");
    fs::write(&short, "upon\n").unwrap();
    let options = ["--on", short.to_str().unwrap(), "--count", "20"];
    let completed = program.on_run("complete", &run, &options).success().out();
    let lengths: Vec<usize> = completed.lines().map(|line| line.chars().count()).collect();
    assert!(lengths.len() == 22 && lengths[2..].iter().any(|&own| own > lengths[1]), "{completed}");
    let list = fs::read_to_string(run.join("interpolation.txt")).unwrap();
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 5);
    assert!(lines[0].starts_with("0.00") && lines[4].starts_with("1.00"), "{list}");
    let codes = fs::read_to_string(run.join("codes.csv")).unwrap();
    assert!(codes.lines().nth(1).unwrap().starts_with("test,0,poem.txt:"), "{codes}");
    // A single line is enough for a question.
    let line = work.path().join("line.txt");
    fs::write(&line, "a red wheel\n").unwrap();
    let on = ["--on", line.to_str().unwrap()];
    for command in ["evaluate", "score", "encode", "reconstruct", "surprise", "complete"] {
        program.on_run(command, &run, &on).success();
    }
    let record = fs::read_to_string(run.join("record-other-data.json")).unwrap();
    assert!(!record.contains("standard_error"), "of one line: {record}");
    assert!(!record.contains("active_units"), "of one line: {record}");
    program.on_run("interpolate", &run, &on).failure(1, "line.txt has one example");
    let said = program.on_run("interpolate", &run, &["--indices", "0,2"]).success();
    assert_eq!(said.out(), fs::read_to_string(run.join("interpolation.txt")).unwrap());
    let table = fs::read_to_string(run.join("reconstructions.txt")).unwrap();
    assert_eq!(table.lines().count(), 3, "{table}");
    program.on_run("surprise", &run, &["--text", "a red barrow"]).success();
    let to = work.path().join("mine.png");
    let options = ["--to", to.to_str().unwrap()];
    program.on_run("sample", &run, &options).failure(1, "ends in .txt");
    // A picture is none of its lines, whatever its shape.
    image::GrayImage::new(4, 4).save(&to).unwrap();
    let on = ["--on", to.to_str().unwrap()];
    program.on_run("encode", &run, &on).failure(1, "these are images, and the run was fitted to");
    program.on_run("reconstruct", &run, &["--noise", "0.3"]).failure(1, "only for images");
    let snapshots = [&SENTENCE[..], &data, &["--snapshot-epochs", "1"]].concat();
    program.train(work.path(), &snapshots).failure(2, "--snapshot-epochs");

    // Interrupted after an epoch and resumed, it is the same model.
    let halves = work.path().join("halves");
    let one = [&SENTENCE[..], &["--name", "poem", "--epochs", "1"], &data].concat();
    program.train(&halves, &one).success();
    let two = [&SENTENCE[..], &["--name", "poem", "--epochs", "2", "--resume"], &data].concat();
    program.train(&halves, &two).success();
    let weights = |run: &Path| fs::read(run.join("weights.safetensors")).unwrap();
    assert!(weights(&run) == weights(&halves.join("runs/vae-rnn/poem")));
}

#[test]
fn chords_drawings_and_images_have_codes_too() {
    let work = tempfile::tempdir().unwrap();
    let program = program("vae-rnn");
    let few = ["--set", "data.train_examples=40"];
    let tunes = trained(program, work.path(), "tunes", &[&["--data", "tunes"][..], &few].concat());
    every_command(program, &tunes, "png");
    assert!(fs::read(tunes.join("interpolation-5.mid")).unwrap().starts_with(b"MThd"));
    assert!(metric(&tunes, "nll_independent").is_some());
    // No tune of the user's is written over.
    fs::write(work.path().join("mine-1.mid"), "mine").unwrap();
    let to = work.path().join("mine.png");
    let options = ["--count", "2", "--to", to.to_str().unwrap()];
    program.on_run("sample", &tunes, &options).failure(1, "mine-1.mid exists already");
    assert!(!to.exists());
    program.on_run("score", &tunes, &["--on", "music"]).failure(1, "these are data of yours");
    // Sequences of another kind, whatever their width.
    program
        .on_run("score", &tunes, &["--on", "names"])
        .failure(1, "sequences of symbols, and the run was fitted to sequences of chords");

    let drawings =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/sequences/src/fixtures/default.npz");
    let pen = ["--data", drawings, "--set", "model.output={kind=\"pen\",components=3}"];
    let run = trained(
        program,
        work.path(),
        "pen",
        &[&pen[..], &["--set", "data.train_examples=1"]].concat(),
    );
    program.on_run("sample", &run, &["--count", "3"]).success();
    let svg = fs::read_to_string(run.join("samples.svg")).unwrap();
    assert_eq!(svg.matches("<svg ").count(), 4, "{svg}");
    let options = ["--split", "train", "--indices", "0,0", "--steps", "5"];
    program.on_run("interpolate", &run, &options).success();
    let svg = fs::read_to_string(run.join("interpolation.svg")).unwrap();
    assert_eq!(svg.matches("<svg ").count(), 6, "{svg}");
    program.on_run("encode", &run, &[]).success();
    let codes = fs::read_to_string(run.join("codes.csv")).unwrap();
    assert!(codes.contains("\nvalidation,0,valid[0],"), "{codes}");

    let rows = trained(program, work.path(), "rows", &few);
    // Frequencies are of the run's own training images, whatever they are compared with, and classes are asked of none.
    let said = program.on_run("evaluate", &rows, &["--on", "rectangles"]).success().err();
    assert!(!said.contains("classes"), "{said}");
    let other = fs::read(rows.join("record-other-data.json")).unwrap();
    let other: serde_json::Value = serde_json::from_slice(&other).unwrap();
    let independent = &other["metrics"]["nll_independent"];
    assert!(independent["standard_error"].as_f64().unwrap() > 0.0, "{independent}");
    program.on_run("interpolate", &rows, &[]).success();
    assert!(fs::read(rows.join("interpolation.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn what_only_it_has_is_refused_elsewhere() {
    let work = tempfile::tempdir().unwrap();
    for (options, problem) in [
        (&["--set", "model.word_dropout=0.5"][..], "only for kind = \"sentence\""),
        (&["--set", "objective.free_bits=0.5"], "only for model.kind = \"sentence\""),
        (&["--model", "sentence", "--set", "model.word_dropout=1.5"], "a number from 0 to 1"),
        (&["--model", "sentence", "--set", "objective.free_bits=-1.0"], "0 or more"),
        (&["--model", "sentence", "--set", "objective.truncate=3"], "needs all steps"),
    ] {
        program("vae-rnn").train(work.path(), options).failure(1, problem);
    }
}
