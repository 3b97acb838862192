use std::{fmt, time::Duration};

use anyhow::{Result, bail};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Where the tracker is and who asks: the environment variables that MLflow's own client reads.
///
/// Nothing of it is written anywhere; its debug form has no values either.
#[derive(Clone)]
pub struct MlflowSettings {
    /// Address, without a slash at its end.
    pub(super) address: String,
    /// Value of the header `Authorization`.
    pub(super) authorization: Option<String>,
    /// What no message may contain.
    pub(super) secrets: Vec<String>,
    /// Name of the experiment.
    pub(super) experiment: String,
    /// The most time for one request.
    pub(super) request: Duration,
    /// The most time that the end of a training waits.
    pub(super) end: Duration,
    /// Time after a failed request before the next.
    pub(super) pause: Duration,
    /// The job of GitLab that trains.
    pub(super) job: Option<String>,
}

impl MlflowSettings {
    /// The settings in these environment variables; without `MLFLOW_EXPERIMENT_NAME` the experiment is `paper`.
    ///
    /// # Errors
    /// If there is no address of a server.
    pub fn read(get: impl Fn(&str) -> Option<String>, paper: &str) -> Result<Self> {
        let value = |name| get(name).map(|text| text.trim().to_owned()).filter(|t| !t.is_empty());
        let Some(address) = value("MLFLOW_TRACKING_URI") else {
            bail!(
                "--log mlflow: MLFLOW_TRACKING_URI is not set: it is the address of the server, such as \
                 http://localhost:5000"
            );
        };
        let address = address.trim_end_matches('/').to_owned();
        let Some((_, place)) = address
            .split_once("://")
            .filter(|(scheme, place)| ["http", "https"].contains(scheme) && !place.is_empty())
        else {
            bail!(
                "--log mlflow: MLFLOW_TRACKING_URI is not the address of a server, which begins with \
                 http:// or https://"
            );
        };
        if place.split('/').next().is_some_and(|authority| authority.contains('@')) {
            bail!(
                "--log mlflow: MLFLOW_TRACKING_URI has a user in it: set MLFLOW_TRACKING_USERNAME and \
                 MLFLOW_TRACKING_PASSWORD instead"
            );
        }
        let (user, password) =
            (value("MLFLOW_TRACKING_USERNAME"), value("MLFLOW_TRACKING_PASSWORD"));
        let token = value("MLFLOW_TRACKING_TOKEN");
        let authorization = match (&user, &token) {
            (Some(user), _) => {
                let pair = format!("{user}:{}", password.as_deref().unwrap_or_default());
                Some(format!("Basic {}", STANDARD.encode(pair)))
            }
            (None, Some(token)) => Some(format!("Bearer {token}")),
            (None, None) => None,
        };
        let encoded = authorization.as_ref().and_then(|header| header.split(' ').nth(1));
        let encoded = encoded.map(str::to_owned);
        Ok(Self {
            secrets: [token, password, encoded].into_iter().flatten().collect(),
            address,
            authorization,
            experiment: value("MLFLOW_EXPERIMENT_NAME").unwrap_or_else(|| paper.to_owned()),
            request: Duration::from_secs(10),
            end: Duration::from_secs(30),
            pause: Duration::from_secs(30),
            job: value("GITLAB_CI").and_then(|_| value("CI_JOB_ID")),
        })
    }

    /// The same with other times: for a request, for the end of a training, and after a failure.
    #[must_use]
    pub fn within(self, request: Duration, end: Duration, pause: Duration) -> Self {
        Self { request, end, pause, ..self }
    }
}

impl fmt::Debug for MlflowSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MlflowSettings").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<MlflowSettings> {
        let get = |name: &str| {
            let found = values.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        MlflowSettings::read(get, "vae")
    }

    #[test]
    fn a_wrong_address_is_refused_in_one_line_without_being_shown() {
        for address in
            ["", "databricks", "sqlite:///secret.db", "http://", "http://me:secret@host/"]
        {
            let error = read(&[("MLFLOW_TRACKING_URI", address)]).unwrap_err().to_string();
            assert!(error.contains("MLFLOW_TRACKING_URI"), "{error}");
            assert!(!error.contains('\n') && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn who_asks_is_a_user_or_else_a_token_and_is_not_shown() {
        let address = ("MLFLOW_TRACKING_URI", "https://host/api/v4/projects/1/ml/mlflow/");
        let token = ("MLFLOW_TRACKING_TOKEN", "to-ken");
        let settings = read(&[address]).unwrap();
        assert_eq!((settings.authorization, &*settings.experiment), (None, "vae"));
        let settings = read(&[address, token, ("MLFLOW_EXPERIMENT_NAME", "mine")]).unwrap();
        assert_eq!(settings.authorization.as_deref(), Some("Bearer to-ken"));
        assert_eq!(settings.experiment, "mine");
        assert!(settings.address.ends_with("/mlflow"));
        assert!(!format!("{settings:?}").contains("to-ken"));
        let user = [("MLFLOW_TRACKING_USERNAME", "me"), ("MLFLOW_TRACKING_PASSWORD", "pass")];
        let settings = read(&[&[address, token], &user[..]].concat()).unwrap();
        // RFC 7617: base64 of "me:pass".
        assert_eq!(settings.authorization.as_deref(), Some("Basic bWU6cGFzcw=="));
        assert!(settings.secrets.contains(&"bWU6cGFzcw==".to_owned()));
    }
}
