//! No damage to a file of a run passes in silence, what is refused changes nothing, and one process
//! at a time writes into a run.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use programs::{Called, await_that, program};

/// A finished tiny run of the program to damage copies of.
struct Intact {
    paper: &'static str,
    work: tempfile::TempDir,
}

impl Intact {
    fn train(paper: &'static str, extra: &[&str]) -> Self {
        let work = tempfile::tempdir().unwrap();
        program(paper).train(work.path(), extra).success();
        Self { paper, work }
    }

    /// A copy of its own, and the run's folder in it.
    fn copy(&self) -> (tempfile::TempDir, PathBuf) {
        let work = tempfile::tempdir().unwrap();
        copy(self.work.path(), work.path());
        let run = work.path().join("runs").join(self.paper).join("quick");
        (work, run)
    }

    fn run(&self) -> PathBuf {
        self.work.path().join("runs").join(self.paper).join("quick")
    }

    /// `train --resume` with nothing else, or `command` on the run.
    fn call(&self, command: &str, work: &Path, run: &Path) -> Called {
        let out = work.join("runs");
        match command {
            "resume" => {
                program(self.paper).call(&["train", "--resume", "--out", out.to_str().unwrap()])
            }
            command => program(self.paper).on_run(command, run, &[]),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            fs::copy(entry, target).unwrap();
        }
    }
}

/// Every file and folder below `folder` with its content.
fn content(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(content(&path));
            found.insert(path, None);
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, Some(bytes));
        }
    }
    found
}

/// What a run came to: its record without the machine, and its weights.
fn outcome(run: &Path) -> (serde_json::Value, Vec<u8>) {
    let mut record: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("record.json")).unwrap()).unwrap();
    record.as_object_mut().unwrap().remove("machine").unwrap();
    (record, fs::read(run.join("weights.safetensors")).unwrap())
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    Bit,
    Half,
    Empty,
    Deleted,
    Folder,
}

impl Damage {
    fn inflict(self, file: &Path) {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        fs::remove_file(file).unwrap();
        match self {
            Self::Bit => {
                bytes[middle] ^= 4;
                fs::write(file, bytes).unwrap();
            }
            Self::Half => fs::write(file, &bytes[..middle]).unwrap(),
            Self::Empty => fs::write(file, b"").unwrap(),
            Self::Deleted => {}
            Self::Folder => fs::create_dir(file).unwrap(),
        }
    }
}

fn flip(file: &Path) {
    Damage::Bit.inflict(file);
}

const FILES: [&str; 9] = [
    "config.toml",
    "data.json",
    "record.json",
    "metrics.jsonl",
    "latents.csv",
    "weights.safetensors",
    "model.mpk",
    "model.json",
    "SHA256SUMS",
];

/// Damages each file of a run in turn: whatever `command` does then, it names the file and does not
/// panic; if it succeeds, what it leaves is what the whole run has.
fn every_damage_is_named(command: &str, damages: &[Damage]) {
    let intact = Intact::train("vae", &[]);
    let samples = fs::read(intact.run().join("samples.png")).unwrap();
    let whole = outcome(&intact.run());
    for file in FILES {
        for &damage in damages {
            let (work, run) = intact.copy();
            damage.inflict(&run.join(file));
            let called = intact.call(command, work.path(), &run);
            let case = format!("{command}, {damage:?} of {file}: {}{}", called.out(), called.err());
            assert!(!case.contains("panicked"), "{case}");
            let code = called.0.status.code();
            assert!(matches!(code, Some(0 | 1)), "{code:?} {case}");
            if file == "config.toml" && matches!(damage, Damage::Deleted | Damage::Folder) {
                assert!(case.contains("holds no run"), "{case}");
                continue;
            }
            assert!(called.err().contains(file), "{case}");
            if code != Some(0) {
                continue;
            }
            match command {
                "sample" => {
                    assert!(fs::read(run.join("samples.png")).unwrap() == samples, "{case}")
                }
                // Without its record, what is known of the training is lost, and that is said.
                "evaluate" => assert_eq!(outcome(&run).0["metrics"], whole.0["metrics"], "{case}"),
                _ => assert!(outcome(&run) == whole, "{case}"),
            }
        }
    }
}

#[test]
fn what_a_record_says_of_the_training_is_not_lost_by_evaluating_again() {
    let intact = Intact::train("vae", &[]);
    let (work, run) = intact.copy();
    for damage in [Damage::Deleted, Damage::Bit] {
        damage.inflict(&run.join("record.json"));
        intact.call("evaluate", work.path(), &run).failure(1, "vae train --resume --out ");
        intact.call("resume", work.path(), &run).success();
        assert!(outcome(&run) == outcome(&intact.run()), "{damage:?}");
    }
}

#[test]
fn a_closed_form_with_a_damaged_record_is_evaluated_again() {
    let intact = Intact::train("pca", &[]);
    let (work, run) = intact.copy();
    flip(&run.join("record.json"));
    let said = intact.call("resume", work.path(), &run).success().err();
    assert!(said.contains("was not evaluated"), "{said}");
    assert!(outcome(&run) == outcome(&intact.run()));
}

#[test]
fn every_damage_to_a_run_is_named_by_sample() {
    use Damage::{Bit, Deleted, Empty, Folder, Half};
    every_damage_is_named("sample", &[Bit, Half, Empty, Deleted, Folder]);
}

#[test]
fn every_damage_to_a_run_is_named_by_evaluate() {
    every_damage_is_named("evaluate", &[Damage::Bit, Damage::Deleted]);
}

#[test]
fn every_damage_to_a_run_is_named_by_resume() {
    every_damage_is_named("resume", &[Damage::Bit, Damage::Half]);
}

#[test]
fn an_edited_configuration_is_refused_with_what_to_do() {
    let intact = Intact::train("vae", &[]);
    let config = intact.run().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + "# a note\n").unwrap();
    for command in ["sample", "evaluate", "resume"] {
        let called = intact.call(command, intact.work.path(), &intact.run());
        let called = called.failure(1, "config.toml is not as it was written");
        assert!(called.err().contains("--config") && called.err().contains("--name"));
    }
}

/// Folders of the checkpoints of a run, or of a phase, oldest first.
fn checkpoints(run: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(run.join("checkpoints")).unwrap();
    let mut found: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("0000"));
    found.sort();
    found
}

#[test]
fn a_damaged_checkpoint_falls_back_to_the_one_before_and_ends_in_the_same_bits() {
    let intact = Intact::train("vae", &[]);
    let whole = outcome(&intact.run());
    for file in ["model.mpk", "optimiser.mpk", "progress.json", "SHA256SUMS"] {
        for damage in [Damage::Bit, Damage::Folder] {
            let (work, run) = intact.copy();
            let newest = checkpoints(&run).pop().unwrap();
            damage.inflict(&newest.join(file));
            let called = intact.call("resume", work.path(), &run).success();
            let said = called.err();
            assert!(said.contains("continuing from the checkpoint before"), "{damage:?}: {said}");
            assert!(said.contains(newest.to_str().unwrap()) && said.contains(file), "{said}");
            assert!(outcome(&run) == whole, "{damage:?} of {file}");
        }
    }
    // The damaged one is replaced by the next.
    let (work, run) = intact.copy();
    flip(&checkpoints(&run).pop().unwrap().join("model.mpk"));
    intact.call("resume", work.path(), &run).success();
    let again = intact.call("resume", work.path(), &run).success();
    assert!(!again.err().contains("checkpoint before"), "{}", again.err());
    // The weights of the best epoch are of the checkpoints that need them.
    let (work, run) = intact.copy();
    let best = fs::read(checkpoints(&run).pop().unwrap().join("progress.json")).unwrap();
    let best: serde_json::Value = serde_json::from_slice(&best).unwrap();
    assert_eq!(best["best"][0], 2, "the last epoch is the best, and needs no other's weights");
    flip(&run.join("checkpoints/best-000002/model.mpk"));
    intact.call("resume", work.path(), &run).success();
    assert!(outcome(&run) == whole);
}

#[test]
fn a_lost_best_epoch_is_written_again_at_its_end() {
    // A rate at which the last epoch is not the best.
    let settings = [
        "train.schedule={kind=\"constant\",rate=0.2}",
        "data.train_examples=300",
        "model.hidden=[16]",
    ];
    let settings: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let intact =
        Intact::train("vae", &[&["--epochs", "2", "--latent", "20"], &settings[..]].concat());
    let whole = outcome(&intact.run());
    let best = |run: &Path| {
        let newest = fs::read(checkpoints(run).pop().unwrap().join("progress.json")).unwrap();
        let newest: serde_json::Value = serde_json::from_slice(&newest).unwrap();
        newest["best"][0].as_u64().unwrap()
    };
    let epoch = best(&intact.run());
    assert_eq!(epoch, 1, "the last epoch is the best");
    for damage in [Damage::Bit, Damage::Folder] {
        let (work, run) = intact.copy();
        damage.inflict(&run.join(format!("checkpoints/best-{epoch:06}/model.mpk")));
        let said = intact.call("resume", work.path(), &run).success().err();
        assert!(said.contains("the weights of the best epoch"), "{damage:?}: {said}");
        assert!(outcome(&run) == whole, "{damage:?}");
    }
}

#[test]
fn a_damaged_checkpoint_of_a_phase_falls_back_too() {
    let intact = Intact::train("denoising-ae", &["--epochs", "2"]);
    let whole = outcome(&intact.run());
    let (work, run) = intact.copy();
    let phase = run.join("checkpoints/layer-1");
    flip(&checkpoints(&phase).pop().unwrap().join("model.mpk"));
    let said = intact.call("resume", work.path(), &run).success().err();
    assert!(said.contains("continuing from the checkpoint before"), "{said}");
    assert!(outcome(&run) == whole);

    let (work, run) = intact.copy();
    let phase = run.join("checkpoints/layer-1");
    checkpoints(&phase).iter().for_each(|folder| flip(&folder.join("optimiser.mpk")));
    let before = content(work.path());
    intact.call("resume", work.path(), &run).failure(1, "no checkpoint in");
    assert!(content(work.path()) == before);
}

#[test]
fn a_refused_resume_changes_nothing() {
    let intact = Intact::train("vae", &[]);
    let other = Intact::train("vae", &["--latent", "3", "--set", "model.hidden=[8]"]);
    type Spoil<'a> = &'a dyn Fn(&Path);
    let nothing: Spoil<'_> = &|_| {};
    let empty: Spoil<'_> = &|run| {
        fs::remove_dir_all(run.join("checkpoints")).unwrap();
        fs::create_dir(run.join("checkpoints")).unwrap();
    };
    let damaged: Spoil<'_> =
        &|run| checkpoints(run).iter().for_each(|folder| flip(&folder.join("model.mpk")));
    let foreign: Spoil<'_> = &|run| {
        fs::remove_dir_all(run.join("checkpoints")).unwrap();
        copy(&other.run().join("checkpoints"), &run.join("checkpoints"));
    };
    let unlisted: Spoil<'_> = &|run| {
        foreign(run);
        for folder in fs::read_dir(run.join("checkpoints")).unwrap() {
            let folder = folder.unwrap().path();
            // As an earlier version wrote them: without checksums, and without saying whose they are.
            fs::remove_file(folder.join("SHA256SUMS")).unwrap();
            fs::remove_file(folder.join("run.json")).unwrap();
        }
    };
    let elsewhere: Spoil<'_> = &|run| {
        for folder in checkpoints(run) {
            let progress = fs::read_to_string(folder.join("progress.json")).unwrap();
            fs::write(folder.join("progress.json"), progress.replace("flex", "ndarray")).unwrap();
            fs::remove_file(folder.join("SHA256SUMS")).unwrap();
        }
    };
    let older: Spoil<'_> = &|run| {
        elsewhere(run);
        fs::remove_file(run.join(".lock")).unwrap();
        fs::remove_file(run.join("SHA256SUMS")).unwrap();
    };
    let cases: [(Spoil<'_>, &[&str], &str); 13] = [
        (nothing, &["--latent", "3"], "--resume cannot change model.latent"),
        (nothing, &["--epochs", "0"], "train.epochs = 0"),
        (nothing, &["--set", "train.bach_size=3"], "no such key; did you mean batch_size?"),
        (nothing, &["--snapshot-epochs", "0"], "--snapshot-epochs 0"),
        (elsewhere, &["--epochs", "3"], "was begun on ndarray"),
        (nothing, &["--device", "cuda"], "--device cuda"),
        (&|run| flip(&run.join("config.toml")), &[], "config.toml is not as it was written"),
        (&|run| flip(&run.join("SHA256SUMS")), &[], "SHA256SUMS is damaged"),
        (empty, &["--epochs", "3"], "is finished and has no checkpoint to continue from"),
        (damaged, &["--epochs", "3"], "put them back from a copy, or --force trains the run again"),
        (foreign, &["--epochs", "3"], "is a checkpoint of another run"),
        (unlisted, &["--epochs", "3"], "another architecture"),
        (older, &["--epochs", "3"], "was begun on ndarray"),
    ];
    for (spoil, options, message) in cases {
        let (work, run) = intact.copy();
        spoil(&run);
        let before = content(work.path());
        let out = work.path().join("runs");
        let resume = ["train", "--resume", "--out", out.to_str().unwrap()];
        program("vae").call(&[&resume, options].concat()).failure(1, message);
        assert!(content(work.path()) == before, "{message}: something was changed");
    }
    let (work, run) = intact.copy();
    let _writer = hold(&run);
    let before = content(work.path());
    intact.call("resume", work.path(), &run).failure(1, "is in use");
    assert!(content(work.path()) == before, "something was changed");
}

/// Holds a run's lock, as a process that writes there does.
fn hold(run: &Path) -> fs::File {
    let lock = fs::OpenOptions::new().write(true).open(run.join(".lock")).unwrap();
    lock.try_lock().unwrap();
    lock
}

#[test]
fn a_run_without_a_checkpoint_begins_from_the_start_and_says_so() {
    let intact = Intact::train("vae", &[]);
    let whole = outcome(&intact.run());
    // Killed before its first checkpoint, after a snapshot.
    let (work, run) = intact.copy();
    fs::write(run.join("snapshots.png"), "of the first attempt").unwrap();
    for entry in fs::read_dir(&run).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().unwrap().to_str().unwrap() {
            "config.toml" | "snapshots.png" => {}
            _ if path.is_dir() => fs::remove_dir_all(path).unwrap(),
            _ => fs::remove_file(path).unwrap(),
        }
    }
    let evaluated = intact.call("evaluate", work.path(), &run).failure(1, "no weights yet");
    let hint = evaluated.err();
    let hint = hint.split("continue it with vae ").nth(1).unwrap().trim().replace('\'', "");
    program("vae").train(work.path(), &[]).failure(1, "--resume continues it");
    let called = program("vae").call(&hint.split(' ').collect::<Vec<_>>()).success();
    assert!(called.err().contains("no checkpoint yet, so from the start"), "{}", called.err());
    assert!(outcome(&run) == whole);
    assert!(!run.join("snapshots.png").exists());

    // Its checkpoints deleted before it was finished: its list has no weights.
    let (work, run) = intact.copy();
    fs::remove_dir_all(run.join("checkpoints")).unwrap();
    fs::create_dir(run.join("checkpoints")).unwrap();
    fs::remove_file(run.join("weights.safetensors")).unwrap();
    fs::remove_file(run.join("SHA256SUMS")).unwrap();
    let called = intact.call("resume", work.path(), &run).success();
    assert!(called.err().contains("no checkpoint left: this fit begins from the start"));
    assert!(outcome(&run) == whole);
}

#[test]
fn a_run_that_diverges_in_its_first_epoch_has_a_way_out() {
    let work = tempfile::tempdir().unwrap();
    let diverges = ["--set", "train.schedule={kind=\"constant\",rate=1e30}"];
    let said = program("vae").train(work.path(), &diverges).failure(1, "is not finite").err();
    assert!(said.contains("--resume begins from the start"), "{said}");
    let out = work.path().join("runs");
    let out = out.to_str().unwrap();
    let smaller = ["train", "--resume", "--out", out, "--set", "train.schedule.rate=0.001"];
    program("vae").call(&smaller).success();
}

#[test]
fn a_run_of_an_earlier_version_without_checksums_is_used_and_that_is_said() {
    let intact = Intact::train("vae", &[]);
    fs::remove_file(intact.run().join("SHA256SUMS")).unwrap();
    for command in ["sample", "evaluate"] {
        let called = intact.call(command, intact.work.path(), &intact.run()).success();
        assert!(called.err().contains("has no SHA256SUMS"), "{}", called.err());
    }
    // What writes into the run lists its files.
    let called = intact.call("sample", intact.work.path(), &intact.run()).success();
    assert!(!called.err().contains("SHA256SUMS"), "{}", called.err());
    flip(&intact.run().join("weights.safetensors"));
    intact.call("sample", intact.work.path(), &intact.run()).failure(1, "weights.safetensors");
}

#[test]
fn a_table_that_a_command_writes_into_a_run_of_an_earlier_version_is_no_part_of_it() {
    let intact = Intact::train("vae", &[]);
    let (work, run) = (intact.work.path(), intact.run());
    fs::remove_file(run.join("SHA256SUMS")).unwrap();
    program("vae").on_run("encode", &run, &[]).success();
    // Lists the files.
    intact.call("evaluate", work, &run).success();
    program("vae").on_run("encode", &run, &["--split", "test"]).success();
    let said = intact.call("evaluate", work, &run).success().err();
    assert!(!said.contains("codes.csv"), "{said}");
}

#[test]
fn without_a_checkpoint_no_damage_is_to_be_mended_by_resume_and_the_model_is_kept() {
    let work = tempfile::tempdir().unwrap();
    let (work, pca, vae) = (work.path(), program("pca"), program("vae"));
    pca.train(work, &[]).success();
    vae.train(work, &[]).success();
    let weights = work.join("runs/vae/quick/weights.safetensors");
    vae.import(work, &weights, &[]).success();
    let out = work.join("runs");
    for (program, name) in [(pca, "quick"), (vae, "imported")] {
        let run = out.join(&program.name).join(name);
        let advice = "unpack or import the run again, or train it again with --force";
        flip(&run.join("model.json"));
        let said = program.on_run("sample", &run, &[]).success().err();
        assert!(said.contains(advice) && !said.contains("--resume"), "{said}");
        for damage in [Damage::Bit, Damage::Deleted] {
            damage.inflict(&run.join("weights.safetensors"));
            let refused = program.on_run("sample", &run, &[]).failure(1, advice);
            assert!(!refused.err().contains("--resume"), "{}", refused.err());
            let before = content(&run);
            let resume = ["train", "--resume", "--name", name, "--out", out.to_str().unwrap()];
            program.call(&resume).failure(1, advice);
            assert!(content(&run) == before, "{}: something was changed", program.name);
        }
    }
}

#[test]
fn a_run_that_a_killed_process_left_in_two_parts_is_whole_again() {
    let intact = Intact::train("vae", &[]);
    let whole = outcome(&intact.run());
    for (aside, files) in [
        // On its way aside, and on its way back.
        (".replacing", ["SHA256SUMS", "checkpoints", "weights.safetensors"]),
        (".replaced", ["checkpoints", "config.toml", "weights.safetensors"]),
    ] {
        let torn = || {
            let (work, run) = intact.copy();
            fs::create_dir(run.join(aside)).unwrap();
            for file in files {
                fs::rename(run.join(file), run.join(aside).join(file)).unwrap();
            }
            (work, run)
        };
        let (work, run) = torn();
        let said = intact.call("resume", work.path(), &run).success().err();
        assert!(!said.contains("from the start"), "{aside}: {said}");
        assert!(outcome(&run) == whole && !run.join(aside).exists(), "{aside}");
        let (work, run) = torn();
        program("vae").train(work.path(), &["--force"]).success();
        assert!(outcome(&run) == whole && !run.join(aside).exists(), "{aside}");
    }
}

#[test]
fn a_fit_that_fails_leaves_the_run_it_was_to_replace_and_fewer_epochs_change_nothing() {
    let intact = Intact::train("vae", &["--epochs", "2"]);
    let (work, run) = (intact.work.path(), intact.run());
    let before = content(&run);
    let broken = ["--force", "--set", "train.schedule.rate=1e30"];
    program("vae").train(work, &broken).failure(1, "is not finite");
    assert_eq!(content(&run), before);
    let out = work.join("runs");
    let fewer = ["train", "--resume", "--out", out.to_str().unwrap(), "--epochs", "1"];
    program("vae").call(&fewer).failure(1, "2 epochs are fitted already");
    assert_eq!(content(&run), before);
    program("vae").train(work, &["--force", "--seed", "2"]).success();
    assert_ne!(content(&run), before);
    assert!(!run.join(".replaced").exists());
}

#[test]
fn a_second_process_is_refused_until_the_first_is_gone() {
    let intact = Intact::train("vae", &[]);
    let (work, run) = (intact.work.path(), intact.run());
    let out = work.join("runs");
    let long = ["train", "--resume", "--out", out.to_str().unwrap(), "--epochs", "100000"];
    let mut child =
        program("vae").command(&long).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    await_that(|| !run.join("weights.safetensors").exists(), "no step");
    intact.call("resume", work, &run).failure(1, "in use");
    let said = intact.call("evaluate", work, &run).failure(1, "in use").err();
    assert!(said.trim_end().ends_with("wait for it to end"), "{said}");
    program("vae")
        .train(work, &["--force"])
        .failure(1, "wait for it to end, or name another folder with --name or --out");
    intact.call("sample", work, &run).failure(1, "no weights yet");
    assert!(child.try_wait().unwrap().is_none(), "it was disturbed");
    child.kill().unwrap();
    child.wait().unwrap();
    program("vae").train(work, &["--force"]).success();

    // What only reads goes on while another process writes.
    let _writer = hold(&run);
    intact.call("sample", work, &run).success();
    intact.call("evaluate", work, &run).failure(1, "in use");
}

#[test]
fn a_checkpoint_of_another_run_of_the_same_architecture_is_not_continued() {
    let (own, other) = (Intact::train("vae", &[]), Intact::train("vae", &["--seed", "7"]));
    let checkpoints = |run: &Path| {
        let mut found: Vec<PathBuf> = fs::read_dir(run.join("checkpoints"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        found.sort();
        found
    };
    let (work, run) = own.copy();
    let regular = |path: &PathBuf| !path.to_string_lossy().contains("best");
    let newest = checkpoints(&run).into_iter().rfind(regular).unwrap();
    let foreign = other.run().join("checkpoints").join(newest.file_name().unwrap());
    fs::remove_dir_all(&newest).unwrap();
    copy(&foreign, &newest);
    let said = own.call("resume", work.path(), &run).success().err();
    assert!(said.contains("is a checkpoint of another run"), "{said}");
    assert!(said.contains("continuing from the checkpoint before"), "{said}");
    assert_eq!(outcome(&run), outcome(&own.run()));

    // Without any of its own the run stays as it was.
    fs::remove_dir_all(run.join("checkpoints")).unwrap();
    copy(&other.run().join("checkpoints"), &run.join("checkpoints"));
    let before = content(&run);
    let refused = own.call("resume", work.path(), &run);
    refused.failure(1, "no checkpoint in").failure(1, "is a checkpoint of another run");
    assert_eq!(content(&run), before);

    // What may be changed does not make another run of it.
    let (work, run) = own.copy();
    let out = work.path().join("runs");
    let changes = [
        "train.epochs=3",
        "train.patience=5",
        "train.clip_norm=9.0",
        "train.keep_checkpoints=3",
        "train.schedule.rate=0.002",
        "evaluate.nll_samples=7",
    ];
    let resume = ["train", "--resume", "--out", out.to_str().unwrap()];
    let options = changes.iter().flat_map(|change| ["--set", *change]);
    let options: Vec<&str> = resume.into_iter().chain(options).collect();
    let said = program("vae").call(&options).success().err();
    assert!(!said.contains("another run"), "{said}");
    // And goes on from there.
    own.call("resume", work.path(), &run).success();

    // Earlier versions did not say whose a checkpoint is.
    let (work, run) = own.copy();
    for folder in checkpoints(&run) {
        fs::remove_file(folder.join("run.json")).unwrap();
        fs::remove_file(folder.join("SHA256SUMS")).unwrap();
    }
    own.call("resume", work.path(), &run).success();
    assert_eq!(outcome(&run), outcome(&own.run()));
}
