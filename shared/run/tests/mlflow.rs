//! A training beside a server of MLflow: one that serves, one that is down, slow or out of its mind.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod stub;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use run::{EpochLine, FitBegin, Mlflow, MlflowSettings, RunFolder, Tracker, TrainingEnd};
use stub::{Mode, Stub};

const TOKEN: &str = "a-token-of-mine";

fn line(epoch: usize) -> EpochLine {
    let terms = |loss: f64| BTreeMap::from([("kl".to_owned(), 0.1), ("loss".to_owned(), loss)]);
    let (train, valid) = (terms(1.0 / epoch as f64), terms(2.0 / epoch as f64));
    EpochLine { epoch, rate: 0.001, train, valid }
}

fn lines(epochs: std::ops::RangeInclusive<usize>) -> Vec<EpochLine> {
    epochs.map(line).collect()
}

fn folder(root: &Path, config: &str) -> RunFolder {
    let run = RunFolder::create(root.join("mine"), config, true).unwrap();
    run.write(RunFolder::RECORD, b"{}").unwrap();
    fs::write(run.file("samples.png"), b"a picture").unwrap();
    run
}

/// A tracker that waits little.
fn tracker(stub: &Stub) -> Mlflow {
    let address = stub.address.clone();
    let get = move |name: &str| match name {
        "MLFLOW_TRACKING_URI" => Some(address.clone()),
        "MLFLOW_TRACKING_TOKEN" => Some(TOKEN.to_owned()),
        _ => None,
    };
    let settings = MlflowSettings::read(get, "vae").unwrap();
    let times = [300, 1500, 20].map(Duration::from_millis);
    Mlflow::new(settings.within(times[0], times[1], times[2]))
}

/// A session: what an earlier one did, the epochs of this one, and its end.
fn session(stub: &Stub, run: &RunFolder, old: &[EpochLine], new: &[EpochLine], end: TrainingEnd) {
    let mut tracker = tracker(stub);
    tracker.begin(&FitBegin { folder: run, lines: old, is_over: false });
    new.iter().for_each(|line| tracker.epoch(line));
    tracker.end(run, end);
}

/// Asserts that a run of the server has every value of these lines once, and no other.
#[track_caller]
fn once(stub: &Stub, run: usize, lines: &[EpochLine]) {
    let seen = stub.seen();
    let mut found: Vec<String> =
        seen.runs[run].metrics.iter().map(|point| format!("{point:?}")).collect();
    let of = |line: &EpochLine| -> Vec<String> {
        let (step, scalars) = (line.epoch as i64, line.scalars());
        scalars.into_iter().map(|(key, value)| format!("{:?}", (key, step, value))).collect()
    };
    let mut wanted: Vec<String> = lines.iter().flat_map(of).collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_killed_training_goes_on_in_the_same_run_and_every_value_is_there_once() {
    let (scratch, stub) = (tempfile::tempdir().unwrap(), Stub::start(Mode::Serves));
    let run = folder(scratch.path(), "seed = 1\n[train]\nepochs = 2\n");
    let mut killed = tracker(&stub);
    killed.begin(&FitBegin { folder: &run, lines: &[], is_over: false });
    lines(1..=3).iter().for_each(|line| killed.epoch(line));
    stub.until(|seen| seen.runs.first().is_some_and(|run| run.metrics.len() == 3 * 5));
    // Its newest checkpoint is of the second epoch; the third is made again.
    let config = "seed = 1\n[train]\nepochs = 4\npatience = 3\n";
    run.write(RunFolder::CONFIG, config.as_bytes()).unwrap();
    session(&stub, &run, &lines(1..=2), &lines(3..=4), TrainingEnd::Finished);

    once(&stub, 0, &lines(1..=4));
    let seen = stub.seen();
    assert_eq!((seen.runs.len(), &seen.experiments[..]), (1, &["vae".to_owned()][..]));
    let remote = &seen.runs[0];
    assert_eq!(remote.status, "FINISHED");
    assert_eq!(remote.tags["mlflow.runName"], "mine");
    // What was changed in between is a tag; what was new, a parameter.
    let parameter = |key: &str| remote.parameters[key].as_str();
    assert_eq!(
        [parameter("seed"), parameter("train.epochs"), parameter("train.patience")],
        ["1", "2", "3"]
    );
    assert_eq!(remote.tags["train.epochs"], "4");
    assert_eq!(remote.files["samples.png"], b"a picture");
    assert_eq!(remote.files["record.json"], b"{}");
    assert_eq!(remote.files["config.toml"], config.as_bytes());
    assert!(seen.authorizations.iter().all(|one| one.as_deref() == Some("Bearer a-token-of-mine")));
    for path in files(scratch.path()) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(TOKEN) && !text.contains(&stub.address), "{}", path.display());
    }
}

#[test]
fn what_a_server_missed_while_it_was_down_arrives_later_and_once() {
    let (scratch, stub) = (tempfile::tempdir().unwrap(), Stub::start(Mode::IsDown));
    let run = folder(scratch.path(), "seed = 1\n");
    let mut tracker = tracker(&stub);
    tracker.begin(&FitBegin { folder: &run, lines: &lines(1..=2), is_over: false });
    tracker.epoch(&line(3));
    std::thread::sleep(Duration::from_millis(100));
    assert!(stub.seen().runs.is_empty());
    stub.becomes(Mode::LosesAnswers);
    tracker.epoch(&line(4));
    stub.until(|seen| !seen.authorizations.is_empty());
    stub.becomes(Mode::Serves);
    stub.until(|seen| seen.runs.first().is_some_and(|run| run.metrics.len() == 4 * 5));
    // The values are taken, and the training does not hear of it.
    stub.becomes(Mode::LosesAnswers);
    tracker.epoch(&line(5));
    stub.until(|seen| seen.runs[0].metrics.len() == 5 * 5);
    stub.becomes(Mode::Serves);
    tracker.end(&run, TrainingEnd::Finished);
    once(&stub, 0, &lines(1..=5));
    assert_eq!(stub.seen().runs[0].status, "FINISHED");
}

#[test]
fn a_session_without_the_server_is_made_up_for_by_the_next() {
    let (scratch, stub) = (tempfile::tempdir().unwrap(), Stub::start(Mode::Serves));
    let run = folder(scratch.path(), "seed = 1\n");
    session(&stub, &run, &[], &lines(1..=1), TrainingEnd::Interrupted);
    assert_eq!(stub.seen().runs[0].status, "KILLED");
    stub.becomes(Mode::IsDown);
    session(&stub, &run, &lines(1..=1), &lines(2..=3), TrainingEnd::Interrupted);
    stub.becomes(Mode::Serves);
    // Nothing is left to fit, but to tell.
    let mut tracker = tracker(&stub);
    tracker.begin(&FitBegin { folder: &run, lines: &lines(1..=3), is_over: true });
    tracker.end(&run, TrainingEnd::Finished);
    once(&stub, 0, &lines(1..=3));
    let seen = stub.seen();
    assert_eq!((seen.runs.len(), &*seen.runs[0].status), (1, "FINISHED"));
}

#[test]
fn without_histories_what_an_earlier_session_had_is_not_sent_again() {
    let (scratch, stub) = (tempfile::tempdir().unwrap(), Stub::start(Mode::HasNoHistory));
    let run = folder(scratch.path(), "seed = 1\n");
    session(&stub, &run, &[], &lines(1..=2), TrainingEnd::Interrupted);
    session(&stub, &run, &lines(1..=2), &lines(3..=4), TrainingEnd::Finished);
    once(&stub, 0, &lines(1..=4));
}

#[test]
fn phases_are_one_run_and_a_deleted_run_is_made_anew() {
    let (scratch, stub) = (tempfile::tempdir().unwrap(), Stub::start(Mode::Serves));
    let run = folder(scratch.path(), "seed = 1\n");
    let phases = || {
        let mut tracker = tracker(&stub);
        for phase in ["layer-1", "layer-2"] {
            let folder = &run.phase(phase);
            tracker.begin(&FitBegin { folder, lines: &[], is_over: false });
            tracker.epoch(&line(1));
        }
        tracker.end(&run, TrainingEnd::Finished);
    };
    phases();
    let keys: Vec<String> =
        stub.seen().runs[0].metrics.iter().map(|(key, ..)| key.clone()).collect();
    assert!(keys.contains(&"layer-1/loss/train".to_owned()) && keys.len() == 10, "{keys:?}");
    stub.seen().runs[0].is_deleted = true;
    phases();
    assert_eq!(stub.seen().runs.len(), 2);
    assert_eq!(stub.seen().runs[1].metrics.len(), 10);
}

#[test]
fn a_slow_server_delays_no_epoch_and_the_end_by_no_more_than_its_limit() {
    let scratch = tempfile::tempdir().unwrap();
    // Slower than the limit of a request, and below it with many requests.
    for time in [60_000, 150] {
        let stub = Stub::start(Mode::Sleeps(Duration::from_millis(time)));
        let run = folder(scratch.path(), "seed = 1\n");
        for picture in 0..30 {
            fs::write(run.file(&format!("{picture}.png")), b"a picture").unwrap();
        }
        let mut tracker = tracker(&stub);
        let started = Instant::now();
        tracker.begin(&FitBegin { folder: &run, lines: &lines(1..=50), is_over: false });
        (51..=100).for_each(|epoch| tracker.epoch(&line(epoch)));
        assert!(started.elapsed() < Duration::from_millis(200), "{:?}", started.elapsed());
        tracker.end(&run, TrainingEnd::Finished);
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    }
}

#[test]
fn nonsense_stops_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let modes = [
        Mode::Says("<html>a proxy</html>"),
        Mode::Says("{}"),
        Mode::Says("[1, 2"),
        Mode::Says(r#"{"run": {"info": {"run_id": {}}}, "experiment": {"experiment_id": 3}}"#),
        Mode::Says("\u{0}\u{1b}[2J"),
        Mode::Refuses(302),
        Mode::Refuses(401),
        Mode::Refuses(500),
    ];
    for mode in modes {
        let stub = Stub::start(mode);
        let run = folder(scratch.path(), "seed = 1\n");
        let started = Instant::now();
        session(&stub, &run, &lines(1..=2), &lines(3..=3), TrainingEnd::Finished);
        assert!(started.elapsed() < Duration::from_secs(3), "{mode:?}");
        assert!(!run.file("mlflow.json").exists(), "{mode:?}");
    }
}
