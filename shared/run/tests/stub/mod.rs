//! A server that speaks as much of MLflow's interface as a training uses, and remembers what it was sent.
#![allow(dead_code, unreachable_pub)] // Each test file uses a part.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// As MLflow does.
    Serves,
    /// The same, without histories of metrics.
    HasNoHistory,
    /// Each answer takes this long.
    Sleeps(Duration),
    /// Connections are closed without an answer.
    IsDown,
    /// Requests are done, and their answers lost.
    LosesAnswers,
    /// Every answer is this, with code 200.
    Says(&'static str),
    /// Every answer has this code.
    Refuses(u16),
}

/// A run of the server.
#[derive(Clone, Debug, Default)]
pub struct Remote {
    pub experiment: String,
    pub status: String,
    pub is_deleted: bool,
    pub metrics: Vec<(String, i64, f64)>,
    pub parameters: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub files: BTreeMap<String, Vec<u8>>,
}

/// What the server remembers.
#[derive(Debug, Default)]
pub struct Seen {
    pub experiments: Vec<String>,
    pub runs: Vec<Remote>,
    /// Values of the header `Authorization`, none where it is missing.
    pub authorizations: Vec<Option<String>>,
}

/// The server.
pub struct Stub {
    pub address: String,
    seen: Arc<Mutex<Seen>>,
    mode: Arc<Mutex<Mode>>,
}

impl Stub {
    pub fn start(mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (seen, mode) = (Arc::new(Mutex::new(Seen::default())), Arc::new(Mutex::new(mode)));
        let (of, how) = (seen.clone(), mode.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (of, how) = (of.clone(), *how.lock().unwrap());
                thread::spawn(move || answer(&stream.unwrap(), &of, how));
            }
        });
        Self { address, seen, mode }
    }

    pub fn becomes(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits for something to arrive.
    pub fn until(&self, arrived: impl Fn(&Seen) -> bool) {
        let started = Instant::now();
        while !arrived(&self.seen()) {
            assert!(started.elapsed() < Duration::from_secs(20), "{:?}", self.seen());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn answer(mut stream: &TcpStream, seen: &Mutex<Seen>, mode: Mode) {
    if mode == Mode::IsDown {
        return;
    }
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let [method, path, _] = words[..] else { return };
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut seen = seen.lock().unwrap();
    seen.authorizations.push(authorization);
    let (code, text) = match mode {
        Mode::Says(text) => (200, text.to_owned()),
        Mode::Refuses(code) => (code, r#"{"error_code": "NO", "message": "refused"}"#.to_owned()),
        Mode::HasNoHistory if path.contains("get-history") => (404, "{}".to_owned()),
        _ => {
            let (code, value) = seen.answer(method, path, &body);
            (code, value.to_string())
        }
    };
    drop(seen);
    if let Mode::Sleeps(time) = mode {
        thread::sleep(time);
    }
    if mode != Mode::LosesAnswers {
        let length = text.len();
        let _ = write!(
            stream,
            "HTTP/1.1 {code} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
        );
    }
}

impl Seen {
    fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let missing = (404, json!({ "error_code": "RESOURCE_DOES_NOT_EXIST" }));
        if let Some(place) = path.strip_prefix("/api/2.0/mlflow-artifacts/artifacts/") {
            let (run, name) = place.split_once("/artifacts/").unwrap();
            let run: usize = run.parse().unwrap();
            self.runs[run].files.insert(name.to_owned(), body.to_vec());
            return (200, json!({}));
        }
        let (call, query) = path.split_once('?').unwrap_or((path, ""));
        let call = call.strip_prefix("/api/2.0/mlflow/").unwrap();
        let query: BTreeMap<&str, &str> =
            query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let id = query.get("run_id").map_or_else(|| text("run_id"), |id| (*id).to_owned());
        let run = id.parse::<usize>().ok().and_then(|id| self.runs.get_mut(id));
        match (method, call) {
            ("GET", "experiments/get-by-name") => {
                match self.experiments.iter().position(|name| name == query["experiment_name"]) {
                    Some(number) => {
                        (200, json!({ "experiment": { "experiment_id": number.to_string() } }))
                    }
                    None => missing,
                }
            }
            ("POST", "experiments/create") => {
                self.experiments.push(text("name"));
                (200, json!({ "experiment_id": (self.experiments.len() - 1).to_string() }))
            }
            ("POST", "runs/create") => {
                let mut run = Remote { experiment: text("experiment_id"), ..Remote::default() };
                run.status = "RUNNING".into();
                run.tags.extend(pairs(&body["tags"]));
                self.runs.push(run);
                (200, self.described(self.runs.len() - 1))
            }
            ("GET", "runs/get") if run.is_some() => (200, self.described(id.parse().unwrap())),
            ("POST", "runs/update") if run.is_some() => {
                run.unwrap().status = text("status");
                (200, json!({}))
            }
            ("GET", "metrics/get-history") if run.is_some() => {
                let key = query["metric_key"].replace("%2F", "/");
                let of = run.unwrap().metrics.iter().filter(|(known, ..)| *known == key);
                // Long numbers are text in protocol buffers.
                let values = of.map(|(_, step, value)| {
                    json!({ "key": key, "step": step.to_string(), "value": value })
                });
                (200, json!({ "metrics": values.collect::<Vec<_>>() }))
            }
            ("POST", "runs/log-batch") if run.is_some() => {
                let run = run.unwrap();
                let metrics = body["metrics"].as_array().cloned().unwrap_or_default();
                run.metrics.extend(metrics.iter().map(|metric| {
                    let key = metric["key"].as_str().unwrap().to_owned();
                    (key, metric["step"].as_i64().unwrap(), metric["value"].as_f64().unwrap())
                }));
                run.tags.extend(pairs(&body["tags"]));
                for (key, value) in pairs(&body["params"]) {
                    let known = run.parameters.entry(key).or_insert_with(|| value.clone());
                    if *known != value {
                        return (400, json!({ "error_code": "INVALID_PARAMETER_VALUE" }));
                    }
                }
                (200, json!({}))
            }
            _ => missing,
        }
    }

    fn described(&self, id: usize) -> Value {
        let run = &self.runs[id];
        let stage = if run.is_deleted { "deleted" } else { "active" };
        let parameters: Vec<Value> = run
            .parameters
            .iter()
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        json!({ "run": {
            "info": {
                "run_id": id.to_string(),
                "artifact_uri": format!("mlflow-artifacts:/{id}/artifacts"),
                "lifecycle_stage": stage,
            },
            "data": { "params": parameters },
        } })
    }
}

fn pairs(list: &Value) -> Vec<(String, String)> {
    let list = list.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list.iter().map(|pair| (text(&pair["key"]), text(&pair["value"]))).collect()
}
