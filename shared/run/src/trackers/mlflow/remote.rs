use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use files::{reading::leaves, write_json};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use terminal::progress;

use super::{
    client::{Client, Failure, Point, RemoteRun},
    settings::MlflowSettings,
};
use crate::{RunFolder, trackers::TrainingEnd};

/// The file of a run's folder that keeps which run of the tracker it is.
///
/// It has no checksum: the thread that writes it must not touch the list that the training writes. One that is
/// damaged makes a further run on the tracker.
const FILE: &str = "mlflow.json";
/// A parameter has at most this many characters; GitLab takes no more.
const LONGEST: usize = 250;

/// Content of [`FILE`].
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// Number of the run there.
    run: String,
    /// Checksum of the server's address: another server has other runs.
    server: String,
}

/// The run on the server, and what it does not have yet.
#[derive(Debug)]
pub(super) struct Remote {
    client: Client,
    settings: MlflowSettings,
    folder: PathBuf,
    run: Option<RemoteRun>,
    /// What is to be sent; an earlier session may have sent those marked so.
    pending: Vec<(Point, bool)>,
    /// What the server has, if it may have something of what is to be sent.
    known: Option<BTreeMap<String, History>>,
    /// The run was made in this session, so earlier ones have sent nothing to it.
    is_new: bool,
}

/// Steps and values of a metric; none from a server that cannot be asked for them.
type History = Option<Vec<(i64, f64)>>;

impl Remote {
    pub(super) fn new(settings: MlflowSettings, run: &RunFolder) -> Self {
        Self {
            client: Client::new(settings.clone()),
            settings,
            folder: run.root(),
            run: None,
            pending: Vec::new(),
            known: None,
            is_new: false,
        }
    }

    /// Time after a failure.
    pub(super) fn pause(&self) -> Duration {
        self.settings.pause
    }

    pub(super) fn add(&mut self, points: Vec<(Point, bool)>) {
        self.pending.extend(points);
    }

    /// Sends what is to be sent, each value once.
    pub(super) fn send(&mut self) -> Result<(), Failure> {
        let id = self.connected()?.id.clone();
        if self.known.is_some() {
            self.leave_out_known(&id)?;
        }
        let points: Vec<Point> = self.pending.iter().map(|(point, _)| point.clone()).collect();
        let pending = &mut self.pending;
        let sent = self.client.metrics(&id, &points, |count| drop(pending.drain(..count)));
        if sent.is_err() {
            // An answer may have been lost after the server took the values.
            self.known = Some(BTreeMap::new());
        }
        sent
    }

    /// The training is over: the files if it has a record, and its state. Stops early if `is_left`.
    pub(super) fn end(
        &mut self,
        end: TrainingEnd,
        is_left: impl Fn() -> bool,
    ) -> Result<(), Failure> {
        let Some(run) = &self.run else { return Ok(()) };
        if end == TrainingEnd::Finished {
            for name in files_of(&self.folder) {
                let Ok(bytes) = fs::read(self.folder.join(&name)) else { continue };
                if is_left() {
                    return Ok(());
                }
                if let Err(failure) = self.client.upload(run, &name, &bytes) {
                    progress::line(&format!(
                        "--log mlflow: {name} is not on the tracker, nor are the files after it: {failure}"
                    ));
                    break;
                }
            }
        }
        let status = match end {
            TrainingEnd::Finished => "FINISHED",
            TrainingEnd::Interrupted => "KILLED",
            TrainingEnd::Failed => "FAILED",
        };
        self.client.update(&run.id, status, Some(now()))
    }

    /// The run on the server: found again or made.
    fn connected(&mut self) -> Result<&RemoteRun, Failure> {
        let run = match self.run.take() {
            Some(run) => run,
            None => match self.continued()? {
                Some(run) => {
                    self.known = Some(BTreeMap::new());
                    run
                }
                None => {
                    let run = self.made()?;
                    self.is_new = true;
                    run
                }
            },
        };
        Ok(self.run.insert(run))
    }

    /// The run of an earlier session, if the server still has it.
    fn continued(&self) -> Result<Option<RemoteRun>, Failure> {
        let Some(kept) = kept(&self.folder.join(FILE)) else { return Ok(None) };
        if kept.server != self.server() {
            return Ok(None);
        }
        let run = match self.client.run(&kept.run) {
            Err(failure) if failure.is_absence() => {
                progress::line(&format!(
                    "--log mlflow: the tracker no longer has run {}: this one is new there",
                    kept.run
                ));
                return Ok(None);
            }
            found => found?,
        };
        let mut unknown = parameters(&self.folder);
        unknown.retain(|parameter| !run.parameters.contains(parameter));
        // A parameter cannot change; what this session has changed becomes a tag.
        let is_changed =
            |(key, _): &(String, String)| run.parameters.iter().any(|(known, _)| known == key);
        let (changed, missing): (Vec<_>, Vec<_>) = unknown.into_iter().partition(is_changed);
        self.client.pairs(&run.id, "params", &missing)?;
        self.client.pairs(&run.id, "tags", &changed)?;
        self.client.update(&run.id, "RUNNING", None)?;
        Ok(Some(run))
    }

    fn made(&self) -> Result<RemoteRun, Failure> {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut tags = vec![("mlflow.runName".to_owned(), name.clone())];
        // GitLab shows the run with the job, and so in the merge request.
        tags.extend(self.settings.job.iter().map(|job| ("gitlab.CI_JOB_ID".into(), job.clone())));
        let experiment = self.client.experiment(&self.settings.experiment)?;
        let run = self.client.create(&experiment, &name, &tags, now())?;
        let kept = Kept { run: run.id.clone(), server: self.server() };
        write_json(&self.folder.join(FILE), &kept)
            .map_err(|error| Failure::Other(format!("{error:#}")))?;
        self.client.pairs(&run.id, "params", &parameters(&self.folder))?;
        Ok(run)
    }

    fn server(&self) -> String {
        hex::encode(Sha256::digest(&self.settings.address))
    }

    /// Forgets what the server has already.
    fn leave_out_known(&mut self, id: &str) -> Result<(), Failure> {
        let known = self.known.get_or_insert_default();
        for (point, _) in &self.pending {
            if known.contains_key(&point.key) {
                continue;
            }
            known.insert(point.key.clone(), self.client.history(id, &point.key)?);
        }
        let is_new = self.is_new;
        self.pending.retain(|(point, is_old)| match known.get(&point.key) {
            Some(Some(history)) => !history
                .iter()
                .any(|&(step, value)| step == point.step && is_near(value, point.value)),
            // What an earlier session had is taken as sent.
            _ => is_new || !is_old,
        });
        Ok(())
    }
}

/// True for a value that a server may have rounded.
fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-6 * one.abs().max(other.abs())
}

fn kept(path: &Path) -> Option<Kept> {
    let text = fs::read_to_string(path).ok()?;
    let kept = serde_json::from_str(&text).ok();
    if kept.is_none() {
        progress::line(&format!(
            "{}: not as it was written; the run is new on the tracker",
            path.display()
        ));
    }
    kept
}

/// The names of the files that go to the tracker: record, configuration, figures, pictures.
fn files_of(folder: &Path) -> Vec<String> {
    let own = [RunFolder::RECORD, RunFolder::CONFIG, RunFolder::METRICS].map(str::to_owned);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut pictures: Vec<String> = entries
        .filter(|entry| {
            let path = entry.path();
            let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            path.is_file() && ["png", "svg", "gif"].contains(&ending.as_str())
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    pictures.sort();
    let is_there = |name: &String| folder.join(name).is_file();
    own.into_iter().filter(is_there).chain(pictures).collect()
}

/// The values of the run's configuration, by their keys with dots.
fn parameters(folder: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder.join(RunFolder::CONFIG)).unwrap_or_default();
    let table = text.parse::<toml::Table>().unwrap_or_default();
    let shown = |value: toml::Value| match value {
        toml::Value::String(text) => text,
        value => value.to_string(),
    };
    let cut = |text: String| text.chars().take(LONGEST).collect();
    leaves(&table).into_iter().map(|(key, value)| (key, cut(shown(value)))).collect()
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
