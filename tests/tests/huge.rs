//! Numbers out of all proportion, wherever one can be written: each is refused by name before anything is made
//! or left behind.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::fs;

use programs::{Program, program};

/// Refused with this key, with nothing left behind, and soon.
#[track_caller]
fn refused(program: &Program, options: &[&str], key: &str) {
    let work = tempfile::tempdir().unwrap();
    let called = program.train(work.path(), options).failure(1, key);
    let message = called.err();
    let says = [
        "needs ",
        "out of proportion",
        "at most",
        "no more",
        "of the image",
        "a whole number from",
    ];
    assert!(says.iter().any(|says| message.contains(says)), "{message}");
    assert!(!work.path().join("runs").exists(), "{options:?} left something behind");
}

#[test]
fn what_no_machine_can_hold_is_refused_by_name() {
    for (name, cases) in [
        (
            "vae",
            &[
                (&["--set", "model.hidden=[N]"][..], "hidden"),
                (&["--set", "model.hidden=[8,N]"], "hidden"),
                (&["--latent", "N"], "latent"),
                (&["--set", "objective.samples=N"], "objective.samples"),
            ][..],
        ),
        (
            "cvae",
            &[
                (&["--latent", "N"][..], "latent"),
                (&["--set", "model.hidden=[N]"], "hidden"),
                (&["--set", "conditioning.classes=N"], "classes"),
            ],
        ),
        (
            "denoising-ae",
            &[
                (&["--set", "model.hidden=[N]"][..], "hidden"),
                (&["--set", "model.classes=N"], "classes"),
                (&["--set", "pretraining={kind=\"pca\",components=N}"], "components"),
            ],
        ),
        (
            "beta-vae",
            &[
                (&["--latent", "N"][..], "latent"),
                (&["--set", "model.encoder=[N]"], "encoder"),
                (&["--set", "model.decoder=[N]"], "decoder"),
                (
                    &["--set", "model.network=convolutional", "--set", "model.channels=[N]"],
                    "channels",
                ),
                (
                    &["--set", "objective={kind=\"factor\",gamma=1.0,discriminator=[N]}"],
                    "discriminator",
                ),
                (&["--model", "pca", "--latent", "N"], "latent"),
                (
                    &[
                        "--set",
                        "evaluate.disentanglement.posterior_points=N",
                        "--data",
                        "dsprites",
                        "--set",
                        "data.train_examples=100",
                    ],
                    "posterior_points",
                ),
            ],
        ),
        (
            "fair-repr",
            &[
                (&["--model", "lfr", "--latent", "N"][..], "latent"),
                (&["--model", "vfae", "--latent", "N"], "latent"),
                (&["--model", "vae", "--latent", "N"], "latent"),
                (&["--model", "pca", "--latent", "N"], "latent"),
                (&["--model", "vfae", "--set", "vfae.hidden=[N]"], "hidden"),
                (&["--model", "vfae", "--set", "vfae.upper=N"], "upper"),
                (&["--model", "vfae", "--set", "vfae.features=N"], "features"),
            ],
        ),
        (
            "vae-rnn",
            &[
                (&["--latent", "N"][..], "latent"),
                (&["--set", "model.hidden=N"], "hidden"),
                (&["--set", "model.cell=lstm", "--set", "model.hidden=N"], "hidden"),
                (&["--set", "model.features=[N]"], "features"),
            ],
        ),
        ("pca", &[(&["--latent", "N"][..], "latent")]),
    ] {
        for (options, key) in cases {
            for number in ["1000000000", "9223372036854775807"] {
                let options: Vec<String> =
                    options.iter().map(|option| option.replace('N', number)).collect();
                let options: Vec<&str> = options.iter().map(String::as_str).collect();
                refused(program(name), &options, key);
            }
        }
    }
}

#[test]
fn what_is_only_long_or_has_a_natural_bound_is_no_mistake() {
    let work = tempfile::tempdir().unwrap();
    let vast = ["train.patience", "train.keep_checkpoints", "train.batch_size"];
    let vast = vast.map(|key| format!("{key}=1000000000"));
    let options: Vec<&str> = vast.iter().flat_map(|option| ["--set", option]).collect();
    let probes = "evaluate.probe_labels=[1000000000]";
    let options = [&options[..], &["--set", probes]].concat();
    program("vae").train(work.path(), &options).success();
}

#[test]
fn the_limit_is_that_of_the_machine() {
    let work = tempfile::tempdir().unwrap();
    let program = program("vae");
    let train = |memory: &str| {
        let output = program
            .to_train(work.path(), &["--latent", "50"])
            .env("AE_MEMORY_GB", memory)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, message) = train("0.00001");
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("10.0 kB are available"), "{message}");
    assert!(!work.path().join("runs").exists());
    for wrong in ["abc", "0", "-1", "nan"] {
        let (code, message) = train(wrong);
        assert_eq!(code, Some(1), "{message}");
        assert!(message.contains(&format!("AE_MEMORY_GB={wrong}: set it to")), "{message}");
    }
    assert_eq!(train("8").0, Some(0));
    // A run made on a larger machine is refused on this one when it is opened.
    let run = work.path().join("runs/vae/quick");
    let weights = fs::read(run.join("weights.safetensors")).unwrap();
    let arguments = ["sample", "--run", run.to_str().unwrap()];
    let output = program.command(&arguments).env("AE_MEMORY_GB", "0.00001").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read(run.join("weights.safetensors")).unwrap(), weights);
}

#[test]
fn commands_of_several_fits_refuse_before_the_first() {
    for number in ["1000000000", "9223372036854775807"] {
        for (name, options, key) in [
            ("denoising-ae", ["search", "--depths", number], "--depths"),
            ("denoising-ae", ["search", "--widths", number], "hidden"),
            ("fair-repr", ["frontier", "--splits", number], "--splits"),
            ("fair-repr", ["frontier", "--latent", number], "latent"),
            ("beta-vae", ["sweep", "--latent", number], "latent"),
        ] {
            let work = tempfile::tempdir().unwrap();
            let out = work.path().join("runs");
            let data = if name == "fair-repr" { "people" } else { "segments" };
            let more = ["--out", out.to_str().unwrap(), "--data", data];
            program(name).call(&[&options[..], &more].concat()).failure(1, key);
            assert!(!out.exists(), "{options:?} left something behind");
        }
    }
}

#[test]
fn components_that_do_not_fit_into_memory_leave_the_run_as_it_was() {
    let work = tempfile::tempdir().unwrap();
    let pca = program("pca");
    pca.train(work.path(), &[]).success();
    let run = work.path().join("runs/pca/quick");
    let record = fs::read(run.join("record.json")).unwrap();
    // 784 x 784 numbers, four times, are 20 MB; the model is small.
    let output =
        pca.to_train(work.path(), &["--force"]).env("AE_MEMORY_GB", "0.015").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("pca: a model of 784 inputs needs 24.6 MB of memory"), "{text}");
    assert_eq!(fs::read(run.join("record.json")).unwrap(), record);
}

#[test]
fn counts_of_commands_have_limits() {
    let work = tempfile::tempdir().unwrap();
    program("vae").train(work.path(), &[]).success();
    let run = work.path().join("runs/vae/quick");
    for number in ["1000000000", "18446744073709551615"] {
        for (command, option) in [
            ("sample", "--count"),
            ("interpolate", "--steps"),
            ("reconstruct", "--indices"),
            ("traverse", "--steps"),
        ] {
            program("vae").on_run(command, &run, &[option, number]).failure(1, option);
        }
        if number.parse::<u64>().unwrap() > 1 << 31 {
            for command in ["score", "bounds", "evaluate"] {
                let options = ["--samples", number];
                program("vae").on_run(command, &run, &options).failure(1, "out of proportion");
            }
        }
        // As many as there are.
        program("vae").on_run("latent-map", &run, &["--points", number]).success();
        program("vae").on_run("traverse", &run, &["--latents", number]).success();
        program("vae").on_run("evaluate", &run, &["--images", number]).success();
    }
}
