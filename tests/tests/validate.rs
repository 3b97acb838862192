//! `cargo xtask validate-autoencoders`, and the code that copies pixels, on generated images.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod programs;

use std::{fs, path::Path, process::Command};

use programs::{Called, executable, workspace};

/// Options of a tiny run of the validation, besides its own.
const TINY: &str = "--data segments --set data.train_examples=2000 --set evaluate.nll_samples=5 \
                    --set evaluate.nll_images=20 --set evaluate.probe_labels=[10,100,1000] \
                    --set evaluate.samples={count=300}";

/// With runs, what was found and pictures below `work`.
fn call(work: &Path, arguments: &[&str]) -> Called {
    let out = work.join("runs/validate");
    let output = Command::new(executable("xtask"))
        .arg("validate-autoencoders")
        .args(arguments)
        .args([Path::new("--out"), &out, Path::new("--to"), work])
        .env("AE_OFFLINE", "1")
        .env("RUST_BACKTRACE", "0")
        .current_dir(workspace())
        .output()
        .unwrap();
    Called(output, format!("validate-autoencoders {}", arguments.join(" ")))
}

/// Of one seed and with these options, by the programs that are built.
fn validate(work: &Path, arguments: &[&str], options: &str) -> Called {
    let program = executable("xtask");
    let folder = program.parent().unwrap().to_str().unwrap();
    let options = format!("--options={options}");
    let own = ["--seeds", "1", "--programs", folder, &options];
    call(work, &[&own[..], arguments].concat())
}

fn results(work: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(work.join("validate-autoencoders.json")).unwrap()).unwrap()
}

fn run<'a>(results: &'a serde_json::Value, label: &str) -> &'a serde_json::Value {
    let runs = results["runs"].as_array().unwrap();
    runs.iter().find(|run| run["label"] == label).unwrap_or_else(|| panic!("no {label}"))
}

fn metric(results: &serde_json::Value, label: &str, name: &str) -> f64 {
    run(results, label)["metrics"][name].as_f64().unwrap_or_else(|| panic!("{label}: no {name}"))
}

#[test]
fn variants_and_copies_are_validated_and_the_copies_caught() {
    // Programs are built for the others too.
    for program in ["vae", "denoising-ae", "pca", "super-intelligent"] {
        executable(program);
    }
    let work = tempfile::tempdir().unwrap();
    let options = format!("{TINY} --epochs 3");
    let variants = ["--only", "table", "--codes", "4", "--variants", "vae,denoising-ae"];
    validate(work.path(), &variants, &options).success();
    validate(work.path(), &["--only", "copier"], TINY).success();
    let found = results(work.path());
    for label in ["vae", "packed", "copied"] {
        for name in ["frechet_distance", "precision", "recall", "two_sample_accuracy"] {
            assert!(metric(&found, label, name).is_finite(), "{label} {name}");
        }
    }
    // Without a prior there are no samples, but there is something between two codes.
    assert!(run(&found, "denoising-ae")["metrics"].get("precision").is_none());
    assert!(metric(&found, "denoising-ae", "interpolation_frechet") > 0.0);
    // Who reconstructs best has learned nothing, and its samples say so.
    assert_eq!(metric(&found, "copied", "reconstruction_mse"), 0.0);
    assert!(
        metric(&found, "packed", "reconstruction_mse")
            < metric(&found, "vae", "reconstruction_mse")
    );
    assert!(
        metric(&found, "packed", "frechet_distance") > metric(&found, "vae", "frechet_distance")
    );
    assert!(work.path().join("super-intelligent-packed-samples.png").is_file());
    assert!(found["left_out"]["fair-repr"].as_str().unwrap().contains("tables"));

    // Pictures are drawn again from what was found, without a run.
    let samples = work.path().join("super-intelligent-packed-samples.png");
    fs::remove_file(&samples).unwrap();
    call(work.path(), &["--redraw"]).success();
    assert!(samples.is_file());
    call(&work.path().join("nothing"), &["--redraw"]).failure(1, "nothing");

    // What is finished is not done again, and not taken for something else.
    let record = work.path().join("runs/validate/seed-1/vae/code-4/record.json");
    let before = fs::metadata(&record).unwrap().modified().unwrap();
    validate(work.path(), &variants, &options).success();
    assert_eq!(fs::metadata(&record).unwrap().modified().unwrap(), before);
    let other = validate(work.path(), &variants, &format!("{TINY} --epochs 2"));
    other.failure(1, "was run with other options");
    // Nor for a run of the configuration that its options give today: that of this one was another.
    let run = record.parent().unwrap();
    fs::remove_file(run.join("SHA256SUMS")).unwrap();
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    let changed = config.replacen("batch_size = ", "batch_size = 1", 1);
    assert_ne!(changed, config);
    fs::write(run.join("config.toml"), changed).unwrap();
    let called = validate(work.path(), &variants, &options);
    called.failure(1, "is of another configuration: train.batch_size is 1");
    fs::write(run.join("config.toml"), config).unwrap();
    // Nor on the data of today: those of this one were others.
    let kept = fs::read_to_string(run.join("data.json")).unwrap();
    let mut kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    kept["identity"]["train"]["sha256"] = "0f".repeat(32).into();
    fs::write(run.join("data.json"), kept.to_string()).unwrap();
    let called = validate(work.path(), &variants, &options);
    called.failure(1, "was fitted to other data: the training split has 2000 examples");
    validate(work.path(), &["--variants", "vea"], TINY).failure(1, "--variants vea");
    validate(work.path(), &["--codes", "0"], TINY).failure(1, "--codes");
    // Nor does an option go without effect.
    for option in [["--codes", "4"], ["--variants", "vae"]] {
        let called = validate(work.path(), &[&["--only", "copier"][..], &option].concat(), TINY);
        called.failure(1, &format!("{}: without effect", option[0]));
    }
    call(work.path(), &["--redraw", "--seeds", "1"]).failure(2, "--redraw");
}
