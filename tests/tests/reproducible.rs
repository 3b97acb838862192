//! The same seed gives the same record, whatever the threads and however often interrupted.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    process::{Command, Stdio},
};

use programs::{await_that, program, send};

/// What must be equal between equal runs: the record without the machine, the figures of every
/// epoch and the weights, in both formats.
fn outcome(work: &Path, paper: &str) -> (serde_json::Value, String, u64) {
    let run = work.join("runs").join(paper).join("quick");
    let record = fs::read(run.join("record.json")).unwrap();
    let mut record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    record.as_object_mut().unwrap().remove("machine").unwrap();
    let epochs = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    for file in ["weights.safetensors", "model.mpk"] {
        fs::read(run.join(file)).unwrap().hash(&mut hasher);
    }
    (record, epochs, hasher.finish())
}

/// Widths at which products are shared among threads, and a batch that does not divide the split.
const WIDE: [&str; 6] =
    ["--set", "model.hidden=[256]", "--set", "train.batch_size=96", "--latent", "8"];

fn vae(work: &Path, extra: &[&str]) {
    let extra: Vec<&str> = WIDE.iter().chain(extra).copied().collect();
    program("vae").train(work, &extra).success();
}

fn same_at_one_and_two_threads(device: &str) {
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (work, threads) in [(&one, "1"), (&two, "2")] {
        let extra: Vec<&str> =
            WIDE.iter().copied().chain(["--device", device, "--threads", threads]).collect();
        // burn-ndarray's products have threads of their own.
        let mut command = program("vae").to_train(work.path(), &extra);
        let output = command.env("MATMUL_NUM_THREADS", threads).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(outcome(one.path(), "vae"), outcome(two.path(), "vae"));
}

#[test]
fn one_thread_and_two_give_the_same_bits_on_flex() {
    same_at_one_and_two_threads("flex");
}

#[test]
#[cfg(feature = "ndarray")]
fn one_thread_and_two_give_the_same_bits_on_ndarray() {
    same_at_one_and_two_threads("ndarray");
}

#[test]
fn pca_gives_the_same_bits_at_one_and_two_threads() {
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    program("pca").train(one.path(), &["--threads", "1"]).success();
    program("pca").train(two.path(), &["--threads", "2"]).success();
    assert_eq!(outcome(one.path(), "pca"), outcome(two.path(), "pca"));
}

#[test]
fn a_stack_above_pca_gives_the_same_bits_twice() {
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let pca = ["--set", "pretraining={kind=\"pca\",components=8}"];
    for work in [&one, &two] {
        program("denoising-ae").train(work.path(), &pca).success();
    }
    assert_eq!(outcome(one.path(), "denoising-ae"), outcome(two.path(), "denoising-ae"));
}

#[test]
fn tables_give_the_same_bits_at_one_and_two_threads() {
    for model in ["lfr", "vfae", "regularised"] {
        let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let wide = ["--model", model, "--set", "vfae.hidden=[100]", "--latent", "20"];
        for (work, threads) in [(&one, "1"), (&two, "2")] {
            let extra: Vec<&str> = wide.iter().copied().chain(["--threads", threads]).collect();
            program("fair-repr").train(work.path(), &extra).success();
        }
        assert_eq!(outcome(one.path(), "fair-repr"), outcome(two.path(), "fair-repr"), "{model}");
    }
}

#[test]
fn a_fit_of_several_phases_is_resumed_in_the_middle_of_one_at_another_number_of_threads() {
    let [straight, resumed] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let denoising = program("denoising-ae");
    let wide = ["--set", "model.hidden=[200,150]", "--epochs", "3", "--threads", "1"];
    denoising.train(straight.path(), &wide).success();
    denoising.train(resumed.path(), &wide).success();
    // As if it had been killed before the last epoch of its second layer.
    let run = resumed.path().join("runs/denoising-ae/quick");
    let layer = run.join("checkpoints/layer-2/checkpoints");
    let newest = fs::read_dir(&layer)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("000003"));
    newest.for_each(|path| fs::remove_dir_all(path).unwrap());
    fs::remove_dir_all(run.join("checkpoints/fine-tuning")).unwrap();
    fs::remove_file(run.join("weights.safetensors")).unwrap();
    denoising
        .train(
            resumed.path(),
            &["--resume", "--epochs", "3", "--threads", "2", "--set", "model.hidden=[200,150]"],
        )
        .success();
    assert_eq!(outcome(straight.path(), "denoising-ae"), outcome(resumed.path(), "denoising-ae"));
}

#[test]
fn another_seed_gives_another_record() {
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    vae(one.path(), &[]);
    vae(two.path(), &["--seed", "2"]);
    let value = |work: &Path| outcome(work, "vae").0["metrics"]["negative_elbo"]["value"].clone();
    assert_ne!(value(one.path()), value(two.path()));
}

fn three_and_three_epochs_are_six(device: &str) {
    let [straight, resumed] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    // A constant rate, since a cosine depends on the number of epochs.
    let rate = ["--set", "train.schedule={kind=\"constant\",rate=0.001}", "--device", device];
    let run = |work: &Path, epochs: &str, extra: &[&str]| {
        let extra: Vec<&str> =
            rate.iter().copied().chain(["--epochs", epochs]).chain(extra.iter().copied()).collect();
        vae(work, &extra);
    };
    run(straight.path(), "6", &[]);
    run(resumed.path(), "3", &[]);
    run(resumed.path(), "6", &["--resume"]);
    assert_eq!(outcome(straight.path(), "vae"), outcome(resumed.path(), "vae"));
}

#[test]
fn a_run_that_stopped_early_goes_on_with_more_patience() {
    let work = tempfile::tempdir().unwrap();
    // A rate so small that single precision sees no progress: no epoch is better than the first.
    let still = ["--set", "train.schedule={kind=\"constant\",rate=1e-30}", "--epochs", "5"];
    let epochs = || {
        fs::read_to_string(work.path().join("runs/vae/quick/metrics.jsonl"))
            .unwrap()
            .lines()
            .count()
    };
    vae(work.path(), &[&still[..], &["--set", "train.patience=1"]].concat());
    assert_eq!(epochs(), 2);
    vae(work.path(), &["--resume", "--epochs", "5", "--set", "train.patience=3"]);
    assert_eq!(epochs(), 4);
    let record = || outcome(work.path(), "vae").0["training"].clone();
    assert_eq!(record()["stopped_early"], true);
    assert_eq!(record()["had_other_settings"], serde_json::Value::Null);
    // With less it would have stopped before these epochs.
    for (patience, is_beyond) in [("1", true.into()), ("3", serde_json::Value::Null)] {
        let patience = format!("train.patience={patience}");
        vae(work.path(), &["--resume", "--epochs", "5", "--set", &patience]);
        assert_eq!((epochs(), record()["had_other_settings"].clone()), (4, is_beyond));
    }
    // Its last epoch would have stopped it too, and it has another rate than those before.
    let resume = |epochs: &str, patience: usize, rate: &str| {
        let schedule = format!("train.schedule={{kind=\"constant\",rate={rate}}}");
        let patience = format!("train.patience={patience}");
        let options = ["--resume", "--epochs", epochs, "--set", &patience, "--set", &schedule];
        let extra: Vec<&str> = WIDE.iter().chain(&options).copied().collect();
        program("vae").train(work.path(), &extra).success().err()
    };
    // What a command wrote of the model before is named, once it is another one.
    fs::write(work.path().join("runs/vae/quick/codes.csv"), "").unwrap();
    let said = resume("5", 4, "1e-29");
    assert!(said.contains("neither kept nor compared") && !said.contains("codes.csv"), "{said}");
    assert_eq!(epochs(), 5);
    assert_eq!(record()["stopped_early"], false);
    assert_eq!(record()["had_other_settings"], true);
    let said = resume("6", 9, "0.001");
    assert!(said.contains("run their commands again: codes.csv\n"), "{said}");
}

#[test]
fn a_fit_that_goes_on_with_another_bound_of_the_gradients_says_so() {
    let work = tempfile::tempdir().unwrap();
    let constant = ["--set", "train.schedule={kind=\"constant\",rate=0.001}"];
    let had_other_settings =
        || outcome(work.path(), "vae").0["training"]["had_other_settings"].clone();
    let resume = |epochs: &str, norm: &str| {
        let norm = format!("train.clip_norm={norm}");
        let options = ["--resume", "--epochs", epochs, "--set", &norm];
        vae(work.path(), &[&constant[..], &options].concat());
    };
    vae(work.path(), &[&constant[..], &["--epochs", "1", "--set", "train.clip_norm=5.0"]].concat());
    resume("2", "5.0");
    assert_eq!(had_other_settings(), serde_json::Value::Null);
    // Without a further step too: the configuration says the new one.
    resume("2", "4.0");
    assert_eq!(had_other_settings(), true);
    resume("3", "4.0");
    assert_eq!(had_other_settings(), true);
    resume("4", "4.0");
    assert_eq!(had_other_settings(), true);
}

#[test]
fn three_and_three_epochs_are_six_on_flex() {
    three_and_three_epochs_are_six("flex");
}

#[test]
#[cfg(feature = "ndarray")]
fn three_and_three_epochs_are_six_on_ndarray() {
    three_and_three_epochs_are_six("ndarray");
}

/// Starts a training of some seconds, waits for its first checkpoint, sends `signal`, and resumes
/// until it is done; the outcome must be that of an undisturbed run.
fn interrupted(signal: &str, code: Option<i32>) {
    let [straight, stopped] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let epochs = ["--epochs", "12"];
    vae(straight.path(), &epochs);
    let extra: Vec<&str> = WIDE.iter().chain(&epochs).copied().collect();
    let mut child = program("vae")
        .to_train(stopped.path(), &extra)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let checkpoints = stopped.path().join("runs/vae/quick/checkpoints");
    let has_one = || {
        fs::read_dir(&checkpoints).is_ok_and(|mut found| {
            found.any(|f| f.unwrap().file_name().to_string_lossy().starts_with("00000"))
        })
    };
    await_that(has_one, "no checkpoint");
    send(signal, child.id());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), code, "{status}");
    assert!(!stopped.path().join("runs/vae/quick/record.json").exists(), "it was done too soon");
    program("vae")
        .on_run("sample", &stopped.path().join("runs/vae/quick"), &[])
        .failure(1, "--resume");
    let extra: Vec<&str> = extra.iter().copied().chain(["--resume"]).collect();
    program("vae").train(stopped.path(), &extra).success();
    assert_eq!(outcome(straight.path(), "vae"), outcome(stopped.path(), "vae"));
}

#[test]
#[cfg(unix)]
fn a_killed_run_resumes_to_the_same_bits() {
    interrupted("-KILL", None);
}

#[test]
#[cfg(unix)]
fn ctrl_c_leaves_a_run_that_resumes_to_the_same_bits() {
    interrupted("-INT", Some(130));
}

#[test]
#[cfg(unix)]
fn nohup_keeps_a_fit_going_when_its_terminal_is_closed() {
    let work = tempfile::tempdir().unwrap();
    let command = program("vae").to_train(work.path(), &["--epochs", "12"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(command.get_program());
    shell.args(command.get_args()).current_dir(command.get_current_dir().unwrap_or(work.path()));
    for (name, value) in command.get_envs() {
        value.map(|value| shell.env(name, value));
    }
    let mut child = shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let run = work.path().join("runs/vae/quick");
    await_that(|| run.join("metrics.jsonl").exists(), "no epoch");
    send("-HUP", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(run.join("record.json").exists());
}

#[test]
#[cfg(unix)]
fn ctrl_c_after_the_fit_says_how_to_go_on() {
    let work = tempfile::tempdir().unwrap();
    let slow = ["--set", "evaluate.nll_samples=1000000"];
    let child = program("vae")
        .to_train(work.path(), &slow)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let run = work.path().join("runs/vae/quick");
    await_that(|| run.join("weights.safetensors").exists(), "no weights");
    send("-INT", child.id());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.contains("stopped; continue with: vae train --resume"), "{text}");
    let again = ["--resume", "--set", "evaluate.nll_samples=2"];
    program("vae").train(work.path(), &again).success();
    assert!(run.join("record.json").exists());
    // A fit in closed form has no checkpoint to go on from, and needs none.
    program("pca").train(work.path(), &[]).success();
    let run = work.path().join("runs/pca/quick");
    let before = outcome(work.path(), "pca").0["metrics"].clone();
    fs::remove_file(run.join("record.json")).unwrap();
    let called = program("pca").train(work.path(), &["--resume"]).success();
    assert!(called.err().contains("was not evaluated"), "{}", called.err());
    assert_eq!(outcome(work.path(), "pca").0["metrics"], before);
    program("pca")
        .train(work.path(), &["--resume"])
        .failure(1, "has no checkpoint to continue from");
}
