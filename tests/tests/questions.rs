//! Questions to a trained model: the code of every example, and how likely each is.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{fs, path::Path};

use programs::{Program, program};

/// Rows of a CSV, its header first.
fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// The mean of a column.
fn mean(rows: &[Vec<String>], column: &str) -> f64 {
    let place = rows[0].iter().position(|name| name == column).unwrap();
    let values = rows[1..].iter().map(|row| row[place].parse::<f64>().unwrap());
    values.sum::<f64>() / (rows.len() - 1) as f64
}

fn trained(program: &Program, work: &Path) -> (std::path::PathBuf, serde_json::Value) {
    program.train(work, &[]).success();
    let run = work.join("runs").join(&program.name).join("quick");
    let record = serde_json::from_slice(&fs::read(run.join("record.json")).unwrap()).unwrap();
    (run, record)
}

#[test]
fn every_example_of_every_split_has_its_code_and_class() {
    let work = tempfile::tempdir().unwrap();
    let (run, record) = trained(program("vae"), work.path());
    let vae = program("vae");
    vae.on_run("encode", &run, &[]).success();
    let all = rows(&run.join("codes.csv"));
    assert_eq!(all[0], ["split", "index", "class", "z0", "z1", "log_var0", "log_var1"]);
    for (name, key) in [("training", "train"), ("validation", "valid"), ("test", "test")] {
        let of_split: Vec<_> = all.iter().filter(|row| row[0] == name).collect();
        assert_eq!(of_split.len() as u64, record["data"][key].as_u64().unwrap());
        assert!(of_split.iter().enumerate().all(|(index, row)| row[1] == index.to_string()));
        assert!(of_split.iter().all(|row| row[2].parse::<u8>().unwrap() < 10));
    }
    let archive = work.path().join("codes.npz");
    let to = ["--split", "test", "--to", archive.to_str().unwrap()];
    vae.on_run("encode", &run, &to).success();
    let mut found = zip::ZipArchive::new(fs::File::open(&archive).unwrap()).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut found.by_name("mean.npy").unwrap(), &mut bytes).unwrap();
    let test: Vec<_> = all.iter().filter(|row| row[0] == "test").collect();
    let floats: Vec<f32> = bytes[bytes.len() - 8 * test.len()..]
        .chunks(4)
        .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
        .collect();
    let expected = test.iter().flat_map(|row| row[3..5].iter().map(|z| z.parse().unwrap()));
    assert_eq!(floats, expected.collect::<Vec<f32>>());
    vae.on_run("encode", &run, &to).failure(1, "exists already");
    vae.on_run("encode", &run, &["--to", "codes.txt"]).failure(1, "ends in .csv or .npz");
}

#[test]
fn scores_are_ranked_and_their_mean_is_what_evaluate_found() {
    for name in ["vae", "cvae", "pca", "vae-rnn"] {
        let work = tempfile::tempdir().unwrap();
        let (run, record) = trained(program(name), work.path());
        let metric = |name: &str| record["metrics"][name]["value"].as_f64();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * b.abs(), "{name}: {a} and {b}");
        // As many images and samples as the tiny evaluation takes.
        let part = ["--split", "test", "--samples", "20", "--examples", "20"];
        let whole = ["--split", "test", "--samples", "1"];
        let options = if name == "pca" { &whole[..] } else { &part[..] };
        program(name).on_run("score", &run, options).success();
        let scores = rows(&run.join("scores.csv"));
        close(mean(&scores, "nll"), metric("nll").unwrap());
        let nll: Vec<f64> = scores[1..].iter().map(|row| row[3].parse().unwrap()).collect();
        assert!(nll.is_sorted());
        assert!(fs::read(run.join("scores.png")).unwrap().starts_with(b"\x89PNG"));
        if let Some(negative_elbo) = metric("negative_elbo") {
            program(name).on_run("score", &run, &whole).success();
            close(mean(&rows(&run.join("scores.csv")), "negative_elbo"), negative_elbo);
        }
    }
}

#[test]
fn bounds_tighten_to_what_evaluate_found() {
    let work = tempfile::tempdir().unwrap();
    let cvae = program("cvae");
    cvae.train(work.path(), &["--set", "evaluate.prior_samples=20"]).success();
    let run = work.path().join("runs/cvae/quick");
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("record.json")).unwrap()).unwrap();
    // As many images and samples as the tiny evaluation takes, the last.
    let part = ["--split", "test", "--examples", "20", "--samples", "1,5,20"];
    cvae.on_run("bounds", &run, &part).success();
    let found = rows(&run.join("bounds.csv"));
    assert_eq!(found[0], ["proposal", "samples", "nats", "standard_error"]);
    for (proposal, metric) in [("posterior", "nll"), ("prior", "nll_prior")] {
        let of_it = found.iter().filter(|row| row[0] == proposal);
        let nats: Vec<f64> = of_it.map(|row| row[2].parse().unwrap()).collect();
        let expected = record["metrics"][metric]["value"].as_f64().unwrap();
        assert_eq!(nats.len(), 3);
        assert!((nats[2] - expected).abs() < 1e-9 * expected, "{metric}: {nats:?}, {expected}");
        assert!(nats[0] > nats[2], "{metric}: {nats:?}");
    }
    assert!(fs::read(run.join("bounds.png")).unwrap().starts_with(b"\x89PNG"));
    for wrong in ["0,1", "5,5", "10,1"] {
        let said = format!("--samples {wrong}: whole numbers from 1 on, each larger");
        cvae.on_run("bounds", &run, &["--samples", wrong]).failure(1, &said);
    }
    cvae.on_run("bounds", &run, &["--examples", "0"]).failure(1, "at least 1");
}

#[test]
fn what_cannot_be_scored_or_encoded_says_why() {
    let work = tempfile::tempdir().unwrap();
    let (run, _) = trained(program("denoising-ae"), work.path());
    program("denoising-ae").on_run("score", &run, &[]).failure(2, "no likelihood");
    program("denoising-ae").on_run("encode", &run, &["--split", "test"]).success();
    let (run, _) = trained(program("vae-rnn"), work.path());
    program("vae-rnn").on_run("encode", &run, &[]).failure(2, "a code at each step");
    program("vae-rnn").on_run("score", &run, &["--samples", "0"]).failure(1, "at least 1");
    let (run, _) = trained(program("pca"), work.path());
    let without_effect = |options: &[&str]| {
        let said = program("pca").on_run("score", &run, options).success().err();
        said.contains("--samples 7: without effect")
    };
    assert!(without_effect(&["--samples", "7"]) && !without_effect(&[]));
}

#[test]
fn reconstructions_may_be_drawn_and_their_images_noisy_and_nothing_is_overwritten() {
    let work = tempfile::tempdir().unwrap();
    let (run, _) = trained(program("vae"), work.path());
    let vae = program("vae");
    let rows_of = |options: &[&str], name: &str| {
        let to = work.path().join(name);
        let options = [options, &["--indices", "1,2,3", "--to", to.to_str().unwrap()]].concat();
        vae.on_run("reconstruct", &run, &options).success();
        vae.on_run("reconstruct", &run, &options).failure(1, "exists already");
        image::open(&to).unwrap().into_rgb8()
    };
    let plain = rows_of(&[], "plain.png");
    let drawn = rows_of(&["--draws", "2"], "drawn.png");
    let one = drawn.height() - plain.height();
    assert!(one > 0 && one.is_multiple_of(2), "{one}");
    let row = |picture: &image::RgbImage, number: u32| {
        let height = one / 2;
        let top = picture.height() - number * height - 20;
        image::imageops::crop_imm(picture, 0, top, picture.width(), height).to_image()
    };
    // The last rows: two draws, which differ, and above them the decoded mean, as without draws.
    assert_ne!(row(&drawn, 1), row(&drawn, 2));
    assert_eq!(row(&drawn, 3), row(&plain, 1));
    for kind in ["gaussian", "masking", "salt-and-pepper"] {
        let noisy = rows_of(&["--noise", "0.5", "--noise-kind", kind], &format!("{kind}.png"));
        assert_eq!(noisy.height(), plain.height() + one / 2, "{kind}");
        assert_ne!(row(&noisy, 1), row(&plain, 1), "{kind}");
    }
    vae.on_run("reconstruct", &run, &["--noise", "1.5", "--noise-kind", "masking"])
        .failure(1, "at most 1 for --noise-kind masking");
    vae.on_run("sample", &run, &["--class", "7"]).failure(2, "not conditional on classes");
    let pca = program("pca");
    let (run, _) = trained(pca, work.path());
    pca.on_run("reconstruct", &run, &["--draws", "1"]).failure(2, "nothing to draw");
}

#[test]
fn one_class_is_sampled_by_its_name() {
    let work = tempfile::tempdir().unwrap();
    let cvae = program("cvae");
    let (run, _) = trained(cvae, work.path());
    let sampled = |class: &str| {
        let to = work.path().join(format!("{class}.png"));
        let options = ["--class", class, "--count", "10", "--to", to.to_str().unwrap()];
        cvae.on_run("sample", &run, &options).success();
        image::open(&to).unwrap().into_rgb8()
    };
    let (three, eight) = (sampled("3"), sampled("8"));
    assert_eq!(three.dimensions(), eight.dimensions());
    assert_ne!(three, eight);
    cvae.on_run("sample", &run, &["--class", "12"]).failure(1, "the model knows 0, 1, 2");
}
