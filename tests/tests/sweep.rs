//! `cargo xtask sweep` and `train --seeds` on generated images: here, with stubs of Slurm, and for GitLab.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use programs::{Called, await_of, executable, program, send, workspace};

/// Options of a tiny training.
const TINY: [&str; 13] = [
    "--",
    "--data",
    "segments",
    "--set",
    "model.hidden=[16]",
    "--set",
    "evaluate.nll_samples=5",
    "--set",
    "evaluate.nll_images=5",
    "--set",
    "evaluate.probe_labels=[10]",
    "--set",
    "data.train_examples=400",
];

/// Two cells of two seeds.
const FOUR: [&str; 8] =
    ["--paper", "vae", "--seeds", "1,2", "--grid", "model.latent=2,3", "--name", "four"];

fn command(work: &Path, arguments: &[&str]) -> Command {
    started(&[&["--out", work.to_str().unwrap()], arguments].concat())
}

/// The same of a sweep that was started, which has its folder.
fn started(arguments: &[&str]) -> Command {
    let xtask = executable("xtask");
    executable("vae");
    let mut command = Command::new(&xtask);
    command
        .arg("sweep")
        .args([Path::new("--programs"), xtask.parent().unwrap()])
        .args(["--threads", "1"])
        .args(arguments)
        .env("AE_OFFLINE", "1")
        .env_remove("AE_DATA_DIR")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .current_dir(workspace());
    command
}

fn sweep(work: &Path, arguments: &[&str]) -> Called {
    called(&mut command(work, arguments))
}

fn called(command: &mut Command) -> Called {
    Called(command.output().unwrap(), format!("{command:?}"))
}

fn four<'a>(more: &[&'a str], epochs: &'a str) -> Vec<&'a str> {
    [&FOUR[..], more, &TINY, &["--epochs", epochs]].concat()
}

/// Folder of a run of `FOUR`.
fn run(work: &Path, seed: u64, latent: usize) -> PathBuf {
    work.join(format!("four/seed{seed}/vae/quick-latent-{latent}"))
}

/// What must be equal between equal runs.
fn outcome(run: &Path) -> (serde_json::Value, Vec<u8>) {
    let record = fs::read(run.join("record.json")).unwrap();
    let mut record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    record.as_object_mut().unwrap().remove("machine").unwrap();
    (record, fs::read(run.join("weights.safetensors")).unwrap())
}

fn same(one: &Path, two: &Path) {
    for seed in [1, 2] {
        for latent in [2, 3] {
            let [one, two] = [one, two].map(|work| outcome(&run(work, seed, latent)));
            assert!(one == two, "seed {seed}, latent {latent}");
        }
    }
}

fn written(run: &Path) -> SystemTime {
    fs::metadata(run.join("record.json")).unwrap().modified().unwrap()
}

fn await_checkpoint(run: &Path, child: &mut Child) {
    // Of an epoch: one of the best weights alone is nothing to go on from.
    let has = || {
        let found = fs::read_dir(run.join("checkpoints")).into_iter().flatten();
        found.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with('0'))
    };
    await_of(child, has);
}

#[test]
fn a_sweep_is_the_product_in_table_and_picture_and_is_not_done_twice() {
    let scratch = tempfile::tempdir().unwrap();
    let work = scratch.path();
    let shown = sweep(work, &four(&["--dry-run"], "2")).success();
    assert!(shown.out().contains("2 configurations x 2 seeds = 4 runs"), "{}", shown.out());
    assert!(shown.out().contains("4 new"), "{}", shown.out());
    assert_eq!(fs::read_dir(work).unwrap().count(), 0, "a plan leaves nothing");

    let first = sweep(work, &four(&["--jobs", "2", "--metrics", "kl,nll:median"], "2")).success();
    let table = fs::read_to_string(work.join("four/table.md")).unwrap();
    assert!(first.out().contains(&table), "{}", first.out());
    assert!(table.starts_with("| run | latent | kl"), "{table}");
    assert!(table.contains("| quick-latent-2 | 2 |") && table.contains(" ± "), "{table}");
    assert_eq!(table.lines().count(), 4, "{table}");
    let csv = fs::read_to_string(work.join("four/table.csv")).unwrap();
    assert!(csv.starts_with("run,config,model.latent,seeds,"), "{csv}");
    assert!(csv.contains("\nquick-latent-3,quick,3,2,"), "{csv}");
    assert!(fs::read(work.join("four/picture.png")).unwrap().starts_with(b"\x89PNG"));
    // A run of the sweep is the run that train makes.
    let alone = ["--latent", "3", "--seed", "2", "--epochs", "2", "--name", "quick-latent-3"];
    let tail: Vec<&str> = TINY[3..].to_vec();
    program("vae").train(work, &[&alone[..], &tail].concat()).success();
    let ours = outcome(&run(work, 2, 3));
    assert!(ours == outcome(&work.join("runs/vae/quick-latent-3")));

    let before = written(&run(work, 1, 2));
    let again = sweep(work, &four(&[], "2")).success();
    assert!(again.out().contains("4 runs: 4 finished"), "{}", again.out());
    assert!(!again.err().contains("started"), "{}", again.err());
    // The folder says it all.
    let folder = work.join("four");
    let folder = folder.to_str().unwrap();
    let again = |more: &[&str]| called(&mut started(&[&[folder], more].concat()));
    again(&[]).success();
    fs::remove_file(work.join("four/table.csv")).unwrap();
    again(&["--report"]).success();
    assert_eq!(fs::read_to_string(work.join("four/table.csv")).unwrap(), csv);
    assert_eq!(written(&run(work, 1, 2)), before);
    again(&["--report", "--metrics", "nil"]).failure(1, "--metrics nil: the records");
    for option in ["--name", "--out"] {
        let said = format!("{option}: without effect, {folder} is a sweep that was started");
        again(&["--report", option, "other"]).failure(1, &said);
    }

    // Another plan, another configuration, a plan that was changed.
    sweep(work, &four(&[], "3")).failure(1, "holds another sweep, its options: ");
    let plan = work.join("four/plan.toml");
    let text = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, text.replace("[2, 3]", "[2, 4]")).unwrap();
    again(&[]).failure(1, "plan.toml is not as it was written");
    fs::write(&plan, &text[..text.len() / 2]).unwrap();
    sweep(work, &four(&[], "2")).failure(1, "plan.toml is not as it was written");
    fs::remove_file(&plan).unwrap();
    sweep(work, &four(&[], "3")).failure(1, "is of another configuration: train.epochs is 2");
}

#[test]
fn what_is_killed_or_stopped_goes_on_to_the_same_bits() {
    let [straight, killed] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (straight, killed) = (straight.path(), killed.path());
    sweep(straight, &four(&["--jobs", "2"], "40")).success();

    // The second run is killed, and the sweep with it.
    let quiet = |mut command: Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut all = quiet(command(killed, &four(&[], "40")));
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut all, 0);
    let mut child = all.spawn().unwrap();
    await_checkpoint(&run(killed, 1, 3), &mut child);
    let group = |signal: &str, child: &Child| {
        let group = format!("-{}", child.id());
        assert!(Command::new("kill").args([signal, "--", &group]).status().unwrap().success());
    };
    group("-KILL", &child);
    child.wait().unwrap();
    let (done, half) = (run(killed, 1, 2), run(killed, 1, 3));
    assert!(!half.join("record.json").exists());
    let before = written(&done);

    // Ctrl-C, in the same run.
    let mut child = all.spawn().unwrap();
    let log = killed.join("four/logs/seed1-quick-latent-3.log");
    await_of(&mut child, || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains("continuing a fit"))
    });
    group("-INT", &child);
    let status = child.wait().unwrap();
    // Or it was done a moment before.
    if !half.join("record.json").exists() {
        assert_eq!(status.code(), Some(130));
    }
    let last = sweep(killed, &four(&["--jobs", "2"], "40")).success();
    assert!(last.out().contains("1 finished") || last.out().contains("2 finished"));
    assert_eq!(written(&done), before);
    same(straight, killed);
}

#[test]
#[cfg(unix)]
fn a_request_to_end_that_the_sweep_alone_is_sent_ends_its_runs_with_a_checkpoint() {
    let scratch = tempfile::tempdir().unwrap();
    let work = scratch.path();
    // So many epochs that nothing else ends it.
    let mut all = command(work, &four(&[], "1000000"));
    all.stdout(Stdio::null()).stderr(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut all, 0);
    let mut child = all.spawn().unwrap();
    let run = run(work, 1, 2);
    await_checkpoint(&run, &mut child);
    send("-TERM", child.id());
    let sent = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if sent.elapsed() > Duration::from_secs(60) {
            let group = format!("-{}", child.id());
            Command::new("kill").args(["-KILL", "--", &group]).status().unwrap();
            panic!("the run goes on");
        }
        sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(130));
    let log = fs::read_to_string(work.join("four/logs/seed1-quick-latent-2.log")).unwrap();
    assert!(log.contains("stopped; continue with"), "{log}");
    assert!(!run.join("weights.safetensors").exists());
}

/// Stubs of sbatch, squeue and srun in a folder: what is submitted is only noted.
fn slurm(folder: &Path) -> String {
    #[cfg(unix)]
    for (name, text) in [
        ("sbatch", "echo \"$@\" >> \"$STUB/sbatch.said\"\necho \"77;loopback\"\n"),
        ("squeue", "cat \"$STUB/queue\"\n"),
        ("srun", "while [ \"${1#--}\" != \"$1\" ]; do shift; done\nexec \"$@\"\n"),
    ] {
        use std::os::unix::fs::PermissionsExt;
        let file = folder.join(name);
        fs::write(&file, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(folder.join("queue"), "").unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

#[test]
#[cfg(unix)]
fn slurm_gets_what_is_neither_finished_nor_queued() {
    let [here, there] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let stub = tempfile::tempdir().unwrap();
    let path = slurm(stub.path());
    sweep(here.path(), &four(&["--jobs", "2"], "2")).success();
    let with = |mut command: Command| {
        command.env("PATH", &path).env("STUB", stub.path());
        command
    };
    let submit = |more: &[&str]| {
        let arguments = four(&[&["--on", "slurm"], more].concat(), "2");
        let output = with(command(there.path(), &arguments)).output().unwrap();
        Called(output, "sweep --on slurm".into())
    };
    let said = || fs::read_to_string(stub.path().join("sbatch.said")).unwrap();
    let folder = there.path().join("four");
    let options = ["--partition", "day", "--time", "30", "--sbatch=--gres=gpu:1", "--jobs", "3"];
    submit(&options).success();
    let script = folder.join("slurm/job.sh");
    assert_eq!(said(), format!("--parsable --array=0-3%3 {}\n", script.display()));
    let text = fs::read_to_string(&script).unwrap();
    for line in ["partition=day", "time=30", "gres=gpu:1", "cpus-per-task=1", "job-name=sweep-four"]
    {
        assert!(text.contains(&format!("#SBATCH --{line}\n")), "{line}: {text}");
    }
    let task = |index: usize| {
        let mut script = with(Command::new("bash"));
        script.arg(folder.join("slurm/job.sh")).env("SLURM_ARRAY_TASK_ID", index.to_string());
        Called(script.output().unwrap(), format!("task {index}"))
    };
    task(0).success();
    task(3).success();
    assert!(task(3).success().err().contains("finished before"));
    task(4).failure(1, "--index 4: the sweep has runs 0 to 3");
    // One still waits, one was lost.
    fs::write(stub.path().join("queue"), "77 2\n78 1\n").unwrap();
    let second = submit(&[]).success();
    assert!(second.err().contains("1 run queued or running"), "{}", second.err());
    assert!(said().ends_with(&format!("--array=1 {}\n", script.display())), "{}", said());
    fs::write(stub.path().join("queue"), "77 2\n77 1\n").unwrap();
    let third = submit(&[]).success();
    assert!(third.err().contains("nothing to submit"), "{}", third.err());
    task(1).success();
    task(2).success();
    submit(&[]).success();
    assert_eq!(said().lines().count(), 2);
    assert!(folder.join("table.md").is_file());
    same(here.path(), there.path());

    // A template of the user's, and one that cannot be meant.
    let mine = stub.path().join("mine.sh");
    fs::write(&mine, "#!/bin/sh\n#SBATCH --job-name=@NAME@\n@TASK@\n").unwrap();
    let own = ["--template", mine.to_str().unwrap()];
    fs::remove_dir_all(&folder).unwrap();
    submit(&own).success();
    assert!(
        fs::read_to_string(&script)
            .unwrap()
            .starts_with("#!/bin/sh\n#SBATCH --job-name=sweep-four\n")
    );
    fs::write(&mine, "@NAME@ @TASK@ @NODE@\n").unwrap();
    submit(&own).failure(1, "mine.sh, line 1: @NODE@ is none of");
}

#[test]
fn gitlab_gets_indices_and_a_job_needs_the_file_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("small.toml");
    fs::write(
        &file,
        format!(
            "paper = \"vae\"\nseeds = [1, 2]\noptions = {:?}\n[grid]\nmodel.latent = [2, 3]\n",
            [&TINY[1..], &["--epochs", "1"]].concat()
        ),
    )
    .unwrap();
    let small = |arguments: &[&str]| {
        called(command(Path::new("sweeps"), arguments).current_dir(scratch.path()))
    };
    let written = small(&["small.toml", "--on", "gitlab"]).success();
    assert!(written.err().contains("--programs: for the checks here alone"), "{}", written.err());
    let pipeline = fs::read_to_string(scratch.path().join("sweeps/small/pipeline.yml")).unwrap();
    for line in [
        "      - INDEX: [\"0\", \"1\", \"2\", \"3\"]",
        "    - cargo xtask sweep small.toml --out sweeps --threads 1 --index \"$INDEX\"",
        "      paths: [\"sweeps/small/\"]",
    ] {
        assert!(pipeline.lines().any(|found| found == line), "{line}: {pipeline}");
    }
    small(&["small.toml", "--index", "2"]).success();
    small(&["small.toml", "--report"]).success();
    let record = scratch.path().join("sweeps/small/seed2/vae/quick-latent-2/record.json");
    assert!(record.is_file());
    called(started(&["sweeps/small", "--on", "gitlab"]).current_dir(scratch.path()))
        .failure(1, "from a file of the repository");
    small(&["small.toml", "--report", "--keep"]).failure(1, "--keep: only once all");
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_written() {
    let scratch = tempfile::tempdir().unwrap();
    let work = scratch.path();
    let file = work.join("wrong.toml");
    let file_name = file.to_str().unwrap();
    let vae = |more: &[&'static str]| {
        let own = ["--paper", "vae", "--seeds", "1,2"];
        sweep(work, &[&own[..], more].concat())
    };
    sweep(work, &["--paper", "vea", "--seeds", "1"]).failure(1, "no paper vea; did you mean vae?");
    sweep(work, &["--paper", "vae"]).failure(2, "--seeds");
    sweep(work, &[]).failure(2, "<FILE>");
    vae(&["--seeds", "1"]).failure(1, "seeds: 1 is given twice");
    vae(&["--grid", "model.latent="]).failure(1, "model.latent: at least one value");
    vae(&["--grid", "model.latent"]).failure(1, "write KEY=VALUE,VALUE");
    vae(&["--jobs", "0"]).failure(1, "--jobs 0");
    vae(&["--name", "../x"]).failure(1, "--name \"../x\"");
    vae(&["--config", "quikc"]).failure(1, "did you mean quick?");
    vae(&["--grid", "model.latnet=2,3", "--", "--data", "segments"])
        .failure(1, "quick-latnet-2: --set model.latnet=2: model.latnet: no such key");
    vae(&["--grid", "model.latent=2,-3", "--", "--data", "segments"])
        .failure(1, "quick-latent--3: --set model.latent=-3");
    vae(&["--grid", "train.epochs=1,2", "--", "--data", "segments", "--tiny"])
        .failure(1, "unexpected argument '--tiny'");
    vae(&["--grid", "data.name=segments,\"segments\""]).failure(1, "is given twice");
    vae(&["--", "--resume"]).failure(1, "--resume is the sweep's own");
    fs::write(&file, "paper = \"vae\"\nseeds = [1]\n[gird]\n").unwrap();
    sweep(work, &[file_name]).failure(1, "wrong.toml, line 3: gird: no such key");
    fs::write(&file, "paper = \"vae\"\nseeds = [1\n").unwrap();
    sweep(work, &[file_name]).failure(1, "wrong.toml, line ");
    sweep(work, &[file_name, "--paper", "vae"]).failure(2, "cannot be used with");
    sweep(work, &["no-such.toml"]).failure(1, "no-such.toml");
    vae(&["--features", "cuda"])
        .failure(1, "--features: without effect, the program of --programs");
    fs::remove_file(&file).unwrap();
    // The plan of a sweep that was started has this name.
    let own = work.join("plan.toml");
    fs::write(&own, "paper = \"vae\"\nseeds = [1]\n").unwrap();
    sweep(work, &[own.to_str().unwrap()]).failure(1, "give a sweep of your own another");
    fs::remove_file(&own).unwrap();
    assert_eq!(fs::read_dir(work).unwrap().count(), 0, "something was written");
}

#[test]
fn a_run_that_fails_is_named_and_tried_again() {
    let scratch = tempfile::tempdir().unwrap();
    let work = scratch.path();
    // Where a run should be there is something else.
    let place = run(work, 2, 2);
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("thesis.tex"), "years of work").unwrap();
    let all = four(&[], "1");
    let called = sweep(work, &all);
    let called = called.failure(
        1,
        "1 of 4 runs failed; the same command tries again: vae quick-latent-2, seed 2: ",
    );
    assert!(called.err().contains("holds no run: it is left alone"), "{}", called.err());
    assert!(place.join("thesis.tex").is_file());
    let again = sweep(work, &four(&["--dry-run"], "1")).success();
    let said = again.out();
    assert!(said.contains("failed before: vae quick-latent-2, seed 2: "), "{said}");
    assert!(said.contains("4 runs: 3 finished, 1 failed"), "{said}");
    fs::remove_file(place.join("thesis.tex")).unwrap();
    sweep(work, &all).success();
}

#[test]
fn train_with_seeds_makes_the_runs_of_each_seed() {
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let vae = program("vae");
    let seeds = |more: &[&str]| vae.train(one.path(), &[&["--seeds", "1,2"], more].concat());
    let said = seeds(&[]).success().out();
    assert!(said.contains("vae quick, seeds 1, 2: mean and standard deviation"), "{said}");
    assert!(said.rsplit_once("deviation\n").unwrap().1.contains(" ± "), "{said}");
    let run = |seed: u64| one.path().join(format!("runs/seed{seed}/vae/quick"));
    vae.train(two.path(), &["--seed", "2"]).success();
    assert!(outcome(&run(2)) == outcome(&two.path().join("runs/vae/quick")));

    seeds(&[]).failure(1, "holds a run already");
    let before = written(&run(1));
    fs::remove_file(run(2).join("record.json")).unwrap();
    fs::remove_file(run(2).join("weights.safetensors")).unwrap();
    let again = seeds(&["--resume"]).success();
    assert!(again.err().contains("seed1/vae/quick is finished"), "{}", again.err());
    assert_eq!(written(&run(1)), before);
    assert!(outcome(&run(2)) == outcome(&two.path().join("runs/vae/quick")));
    assert!(said.ends_with(again.out().rsplit_once("\nvae quick, seeds").unwrap().1));
    // Nor is a mean one of bounds with different numbers of samples.
    vae.on_run("evaluate", &run(1), &["--samples", "3"]).success();
    seeds(&["--resume"]).failure(1, "was evaluated otherwise than configured");
    vae.on_run("evaluate", &run(1), &[]).success();
    seeds(&["--resume"]).success();
    seeds(&["--resume", "--seeds", "1"]).failure(1, "--seeds: 1 is given twice");
    seeds(&["--seed", "3"]).failure(2, "--seed");

    // A mean is of runs that differ in their seed alone: not of a file before and after a change.
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("mine.toml");
    let write = |rate: &str| {
        let quick = vae.train(work.path(), &["--check"]).success().out();
        fs::write(&file, quick.replace("rate = 0.001\n", &format!("rate = {rate}\n"))).unwrap();
    };
    let mine = ["--config", file.to_str().unwrap()];
    let train = |more: &[&str]| vae.train(work.path(), &[&mine[..], more].concat());
    write("0.001");
    train(&["--seeds", "1"]).success();
    write("0.002");
    train(&["--seeds", "1,2", "--resume"]).failure(1, "train.schedule.rate is 0.001 for");
    assert!(!work.path().join("runs/seed2").exists(), "what was refused was begun");
    let one = work.path().join("runs/seed1");
    let out = ["--out", one.to_str().unwrap(), "--resume"];
    let said = train(&out).success().err();
    assert!(said.contains("--config: train.schedule.rate is 0.002 there; the run keeps"), "{said}");
    write("0.001");
    train(&["--seeds", "1,2", "--resume"]).success();
    let said = train(&out).success().err();
    assert!(!said.contains("--config"), "{said}");

    // Only checked: the configuration is printed in full, and nothing is made.
    let work = tempfile::tempdir().unwrap();
    let config = vae.train(work.path(), &["--check"]).success().out();
    assert!(config.contains("latent = 2\n") && config.contains("[evaluate]"), "{config}");
    vae.train(work.path(), &["--check", "--set", "model.latnet=1"]).failure(1, "latnet");
    assert_eq!(fs::read_dir(work.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_a_later_seed_cannot_have_is_refused_before_the_first_is_trained() {
    let scratch = tempfile::tempdir().unwrap();
    let (work, vae) = (scratch.path(), program("vae"));
    let run = |seed: u64| work.join(format!("runs/seed{seed}/vae/quick"));
    let seeds = |more: &[&str]| vae.train(work, &[&["--seeds", "1,2"], more].concat());
    fs::create_dir_all(run(2)).unwrap();
    let thesis = run(2).join("thesis.tex");
    fs::write(&thesis, "years of work").unwrap();
    let none: &[&str] = &[];
    for more in [none, &["--force"], &["--resume"]] {
        seeds(more).failure(1, "name another folder with --name or --out");
        assert!(!run(1).exists(), "{more:?}: the first was begun");
    }
    fs::remove_file(&thesis).unwrap();
    // As a process has it that writes there.
    let locked = || {
        let lock = fs::File::create(run(2).join(".lock")).unwrap();
        lock.try_lock().unwrap();
        lock
    };
    let lock = locked();
    seeds(&[]).failure(1, "is in use");
    assert!(!run(1).exists(), "the first was begun");
    drop(lock);
    seeds(&[]).success();
    let before = written(&run(1));
    let _lock = locked();
    for more in [&["--force"][..], &["--resume", "--epochs", "3"]] {
        seeds(more).failure(1, "is in use");
        assert_eq!(written(&run(1)), before, "{more:?}: the first was trained");
    }
}

#[test]
fn seeds_that_are_trained_again_with_force_are_all_new_or_all_old() {
    let scratch = tempfile::tempdir().unwrap();
    let (work, vae) = (scratch.path(), program("vae"));
    let all = ["--seeds", "1,2", "--set", "model.hidden=[256]", "--epochs", "12"];
    let seeds = |more: &[&str]| vae.train(work, &[&all[..], more].concat());
    let run = |seed: u64| work.join(format!("runs/seed{seed}/vae/quick"));
    // With --force, as far as that the old run of this seed is aside.
    let again = |seed: u64| {
        let mut command = vae.to_train(work, &[&all[..], &["--force"]].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        await_of(&mut child, || run(seed).join(".replaced").is_dir());
        child
    };
    seeds(&[]).success();
    let (old, begun) = (outcome(&run(2)), written(&run(2)));

    // What comes to nothing leaves all as it was.
    for (options, message) in [
        (["--set", "train.schedule.rate=1e30"], "is not finite"),
        (["--snapshot-epochs", "13"], "--snapshot-epochs 13"),
    ] {
        let called = seeds(&[&options[..], &["--force"]].concat()).failure(1, message);
        for seed in [1, 2] {
            assert!(run(seed).join("record.json").is_file(), "{}", called.err());
            assert!(!run(seed).join(".replaced").exists(), "{}", called.err());
        }
    }
    assert_eq!(written(&run(2)), begun);

    // Where the second fails, its old run is none that this command has finished either.
    let mut child = again(2);
    fs::write(run(2).join("checkpoints"), "no folder").unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(run(1).join("record.json").is_file() && !run(2).join("record.json").exists());
    let said = seeds(&["--resume"]).success().err();
    assert!(said.contains("seed1/vae/quick is finished"), "{said}");
    assert!(written(&run(2)) > begun && outcome(&run(2)) == old);

    // Where the first is trained and only not evaluated, the old run of the second does not come back.
    let mut child = again(1);
    await_checkpoint(&run(1), &mut child);
    fs::create_dir(run(1).join("record.json")).unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(run(1).join("weights.safetensors").is_file() && run(2).join(".replaced").is_dir());
    fs::remove_dir(run(1).join("record.json")).unwrap();
    let said = seeds(&["--resume"]).success().err();
    assert!(!said.contains("is finished"), "{said}");

    let begun = written(&run(2));
    // Killed with the first, the old run of the second is none that this command has finished.
    let mut child = again(1);
    await_checkpoint(&run(1), &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!run(2).join("record.json").exists(), "the old run of seed 2 is still there");
    let said = seeds(&["--resume"]).success().err();
    assert!(!said.contains("seed2/vae/quick is finished"), "{said}");
    assert!(written(&run(2)) > begun && outcome(&run(2)) == old);
    assert!(![1, 2].iter().any(|&seed| run(seed).join(".replaced").exists()));
}
