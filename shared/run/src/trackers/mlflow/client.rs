use std::fmt;

use serde_json::{Value, json};
use terminal::excerpt::excerpt;
use ureq::http::Request;

use super::settings::MlflowSettings;

/// An answer is read up to this length.
const LONGEST: u64 = 16 << 20;
/// Metrics that a server takes at once, and parameters or tags.
const METRICS: usize = 1000;
const PARAMETERS: usize = 100;

/// Why a request had no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server refused it.
    Refused {
        /// Code of HTTP.
        status: u16,
        /// What it says, in one line.
        reason: String,
    },
    /// There was no answer, or none that makes sense.
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, reason } if reason.is_empty() => write!(f, "HTTP {status}"),
            Self::Refused { status, reason } => write!(f, "HTTP {status}, {reason}"),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

impl Failure {
    /// True if what was asked for is not there.
    pub(super) fn is_absence(&self) -> bool {
        match self {
            Self::Refused { status, reason } => {
                *status == 404 || reason.contains("RESOURCE_DOES_NOT_EXIST")
            }
            Self::Other(_) => false,
        }
    }
}

/// A value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) key: String,
    pub(super) value: f64,
    pub(super) step: i64,
    /// Milliseconds since 1970.
    pub(super) time: u64,
}

/// What the server knows of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RemoteRun {
    pub(super) id: String,
    /// Where its files go.
    pub(super) artifacts: String,
    pub(super) parameters: Vec<(String, String)>,
}

/// The part of MLflow's REST interface that GitLab has too.
#[derive(Debug)]
pub(super) struct Client {
    agent: ureq::Agent,
    settings: MlflowSettings,
}

impl Client {
    pub(super) fn new(settings: MlflowSettings) -> Self {
        let mut agent = ureq::Agent::config_builder();
        if is_here(&settings.address) {
            // No proxy reaches this machine.
            agent = agent.proxy(None);
        }
        let agent = agent
            .http_status_as_error(false)
            // A token goes to the server that the user named, and to no other.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(settings.request))
            .build()
            .into();
        Self { agent, settings }
    }

    /// The number of the experiment, which is made if it is not there.
    pub(super) fn experiment(&self, name: &str) -> Result<String, Failure> {
        let known = || {
            let found = self.get("experiments/get-by-name", &[("experiment_name", name)])?;
            text(&found, "/experiment/experiment_id")
        };
        match known() {
            Err(failure) if failure.is_absence() => {}
            found => return found,
        }
        match self.post("experiments/create", &json!({ "name": name })) {
            Ok(made) => text(&made, "/experiment_id"),
            // Another training was faster.
            Err(Failure::Refused { reason, .. }) if reason.contains("ALREADY_EXISTS") => known(),
            Err(failure) => Err(failure),
        }
    }

    /// A new run of the experiment.
    pub(super) fn create(
        &self,
        experiment: &str,
        name: &str,
        tags: &[(String, String)],
        time: u64,
    ) -> Result<RemoteRun, Failure> {
        let body = json!({
            "experiment_id": experiment, "run_name": name, "start_time": time, "tags": pairs(tags),
        });
        remote(&self.post("runs/create", &body)?)
    }

    /// The run of this number; an absence if it was deleted.
    pub(super) fn run(&self, id: &str) -> Result<RemoteRun, Failure> {
        let found = self.get("runs/get", &[("run_id", id)])?;
        if found.pointer("/run/info/lifecycle_stage").and_then(Value::as_str) == Some("deleted") {
            return Err(Failure::Refused { status: 404, reason: "the run was deleted".into() });
        }
        remote(&found)
    }

    /// The steps and values of a metric; `None` if the server cannot be asked, as older ones of GitLab.
    pub(super) fn history(&self, id: &str, key: &str) -> Result<Option<Vec<(i64, f64)>>, Failure> {
        let mut points = Vec::new();
        let mut page = String::new();
        loop {
            let mut query = vec![("run_id", id), ("metric_key", key)];
            if !page.is_empty() {
                query.push(("page_token", &page));
            }
            let found = match self.get("metrics/get-history", &query) {
                Err(Failure::Refused { status: 404 | 405 | 501, .. }) => return Ok(None),
                found => found?,
            };
            let metrics = found.get("metrics").and_then(Value::as_array);
            points.extend(metrics.into_iter().flatten().filter_map(|metric| {
                Some((number(metric.get("step")?)? as i64, number(metric.get("value")?)?))
            }));
            let next = found.get("next_page_token").and_then(Value::as_str).unwrap_or_default();
            if next.is_empty() || next == page {
                return Ok(Some(points));
            }
            page = next.to_owned();
        }
    }

    /// Adds values, as many at once as a server takes; calls `sent` with the number that it has.
    pub(super) fn metrics(
        &self,
        id: &str,
        points: &[Point],
        mut sent: impl FnMut(usize),
    ) -> Result<(), Failure> {
        for some in points.chunks(METRICS) {
            let metrics: Vec<Value> = some
                .iter()
                .map(|Point { key, value, step, time }| {
                    json!({ "key": key, "value": value, "step": step, "timestamp": time })
                })
                .collect();
            self.post("runs/log-batch", &json!({ "run_id": id, "metrics": metrics }))?;
            sent(some.len());
        }
        Ok(())
    }

    /// Adds parameters, which a server takes once, or tags, which may change.
    pub(super) fn pairs(
        &self,
        id: &str,
        kind: &'static str,
        all: &[(String, String)],
    ) -> Result<(), Failure> {
        for some in all.chunks(PARAMETERS) {
            self.post("runs/log-batch", &json!({ "run_id": id, kind: pairs(some) }))?;
        }
        Ok(())
    }

    /// Sets the state of a run, with the time of its end if it has ended.
    pub(super) fn update(&self, id: &str, status: &str, end: Option<u64>) -> Result<(), Failure> {
        let mut body = json!({ "run_id": id, "status": status });
        if let Some(end) = end {
            body["end_time"] = end.into();
        }
        self.post("runs/update", &body).map(drop)
    }

    /// Puts a file among those of a run.
    pub(super) fn upload(&self, run: &RemoteRun, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let folder = self.folder(&run.artifacts).ok_or_else(|| {
            Failure::Other("it does not take files itself (its artifacts lie elsewhere)".into())
        })?;
        let address = format!("{folder}/{}", encoded(name));
        self.ask("PUT", &address, Some(("application/octet-stream", bytes))).map(drop)
    }

    /// The address below which the files of a run are put; none if it is that of another server.
    fn folder(&self, artifacts: &str) -> Option<String> {
        let base = &self.settings.address;
        let artifacts = artifacts.trim_end_matches('/');
        // A server that keeps the files itself.
        if let Some(path) = artifacts.strip_prefix("mlflow-artifacts:") {
            let path = match path.strip_prefix("//") {
                Some(rest) => {
                    let (host, path) = rest.split_once('/')?;
                    (host.is_empty() || host == authority(base)?).then_some(path)?
                }
                None => path,
            };
            let path = path.trim_start_matches('/');
            return Some(format!("{base}/api/2.0/mlflow-artifacts/artifacts/{path}"));
        }
        // GitLab has a package for each run.
        (authority(artifacts)? == authority(base)?).then(|| artifacts.to_owned())
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let query: Vec<String> =
            query.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        parsed(&self.ask("GET", &format!("{}?{}", self.place(path), query.join("&")), None)?)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let body = body.to_string();
        parsed(&self.ask("POST", &self.place(path), Some(("application/json", body.as_bytes())))?)
    }

    fn place(&self, path: &str) -> String {
        format!("{}/api/2.0/mlflow/{path}", self.settings.address)
    }

    fn ask(
        &self,
        method: &str,
        address: &str,
        content: Option<(&str, &[u8])>,
    ) -> Result<String, Failure> {
        let other = |error: &dyn fmt::Display| Failure::Other(self.hidden(&error.to_string()));
        let mut request = Request::builder().method(method).uri(address);
        if let Some(authorization) = &self.settings.authorization {
            request = request.header("Authorization", authorization);
        }
        let answer = match content {
            Some((kind, bytes)) => request
                .header("Content-Type", kind)
                .body(bytes)
                .map_err(|error| other(&error))
                .and_then(|request| self.agent.run(request).map_err(|error| other(&error))),
            None => request
                .body(())
                .map_err(|error| other(&error))
                .and_then(|request| self.agent.run(request).map_err(|error| other(&error))),
        };
        let mut answer = answer?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(LONGEST).lossy_utf8(true);
        let body = body.read_to_string();
        match status {
            200..=299 => body.map_err(|error| other(&error)),
            300..=399 => Err(Failure::Other(format!(
                "HTTP {status}: the server sends elsewhere; name that address in MLFLOW_TRACKING_URI"
            ))),
            _ => Err(Failure::Refused { status, reason: self.reason(&body.unwrap_or_default()) }),
        }
    }

    /// What a server says of an error, in one line.
    fn reason(&self, body: &str) -> String {
        let Ok(answer) = serde_json::from_str::<Value>(body) else { return String::new() };
        let parts = ["error_code", "message", "error"].map(|key| answer.get(key)?.as_str());
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        let line = parts.join(": ");
        self.hidden(line.lines().next().unwrap_or_default())
    }

    /// A message without the address, a token or a password, whoever put them there.
    fn hidden(&self, message: &str) -> String {
        let MlflowSettings { address, secrets, .. } = &self.settings;
        let message = message.replace(address.as_str(), "the server");
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), "***");
        excerpt(&secrets.iter().fold(message, hide))
    }
}

/// Host and port of an address of the web.
fn authority(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once("://")?;
    ["http", "https"].contains(&scheme).then(|| rest.split('/').next())?
}

/// True for the address of this machine.
fn is_here(address: &str) -> bool {
    let authority = authority(address).unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host == "localhost" || host == "[::1]" || host.starts_with("127.")
}

fn pairs(all: &[(String, String)]) -> Vec<Value> {
    all.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

fn parsed(body: &str) -> Result<Value, Failure> {
    serde_json::from_str(body)
        .map_err(|_| Failure::Other("the answer is no JSON: is it a server of MLflow?".into()))
}

fn remote(answer: &Value) -> Result<RemoteRun, Failure> {
    let parameters = answer.pointer("/run/data/params").and_then(Value::as_array);
    let pair = |parameter: &Value| {
        let part = |key| parameter.get(key)?.as_str().map(str::to_owned);
        Some((part("key")?, part("value")?))
    };
    Ok(RemoteRun {
        id: text(answer, "/run/info/run_id")?,
        artifacts: text(answer, "/run/info/artifact_uri").unwrap_or_default(),
        parameters: parameters.into_iter().flatten().filter_map(pair).collect(),
    })
}

/// A text of the answer, or a whole number as text.
fn text(answer: &Value, place: &str) -> Result<String, Failure> {
    match answer.pointer(place) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(Failure::Other(format!("the answer lacks {}", &place[1..]))),
    }
}

/// A number, which protocol buffers write as text if it is long.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// A text as a part of an address.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let of = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Client {
        let get = |name: &str| match name {
            "MLFLOW_TRACKING_URI" => Some(address.to_owned()),
            "MLFLOW_TRACKING_TOKEN" => Some("to-ken".to_owned()),
            _ => None,
        };
        Client::new(MlflowSettings::read(get, "vae").unwrap())
    }

    #[test]
    fn files_go_to_the_server_of_the_tracker_and_to_no_other() {
        let own = client("http://host:5000/base");
        let put = "http://host:5000/base/api/2.0/mlflow-artifacts/artifacts/1/a/artifacts";
        for place in
            ["mlflow-artifacts:/1/a/artifacts", "mlflow-artifacts://host:5000/1/a/artifacts"]
        {
            assert_eq!(own.folder(place).as_deref(), Some(put));
        }
        for place in [
            "mlflow-artifacts://other/1",
            "s3://bucket/1",
            "/srv/mlruns/1",
            "http://other:5000/1",
            "http://host:5000.other/1",
            "",
        ] {
            assert_eq!(own.folder(place), None, "{place}");
        }
        let package = "https://git/api/v4/projects/1/packages/generic/ml_experiment_2/3/";
        let gitlab = client("https://git/api/v4/projects/1/ml/mlflow");
        assert_eq!(gitlab.folder(package).as_deref(), Some(package.trim_end_matches('/')));
    }

    #[test]
    fn no_message_has_the_token_or_the_address() {
        let client = client("http://host:5000");
        let body = r#"{"error_code": "NO", "message": "to-ken at http://host:5000\nsecond line"}"#;
        assert_eq!(client.reason(body), "NO: *** at the server");
        assert_eq!(client.reason("<html>to-ken</html>"), "");
    }

    #[test]
    fn addresses_are_encoded() {
        assert_eq!(encoded("a b/ä.png"), "a%20b%2F%C3%A4.png");
    }
}
