//! What clippy says, as GitLab's code quality report.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::run::write_json;

use crate::workspace;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Output of cargo clippy --message-format=json; read from standard input if left out.
    messages: Option<PathBuf>,
    /// Where the report goes.
    #[arg(long, default_value = "code-quality.json")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let issues = match &args.messages {
        Some(path) => {
            let file =
                fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            issues(BufReader::new(file), &workspace())
        }
        None => issues(io::stdin().lock(), &workspace()),
    }?;
    write_json(&args.out, &issues)?;
    shared::print_line!("{} issues: {}", issues.len(), args.out.display());
    Ok(())
}

/// One line of cargo's output.
#[derive(Deserialize)]
struct Line {
    reason: String,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
    level: String,
    code: Option<Code>,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    is_primary: bool,
    text: Vec<Text>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

/// An issue as GitLab reads it.
#[derive(Debug, PartialEq, Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Debug, PartialEq, Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Debug, PartialEq, Serialize)]
struct Lines {
    begin: usize,
}

/// The issues of each line of cargo's output; one that several targets of a crate share is one.
fn issues(messages: impl BufRead, root: &Path) -> Result<Vec<Issue>> {
    let mut found = BTreeMap::new();
    let mut lines = 0;
    for line in messages.lines() {
        lines += 1;
        let line: Line = serde_json::from_str(&line?).with_context(|| {
            format!("line {lines} is not a message of cargo clippy --message-format=json")
        })?;
        let Some(message) = line.message.filter(|_| line.reason == "compiler-message") else {
            continue;
        };
        if let Some((place, issue)) = issue(message, root) {
            found.entry(place).or_insert(issue);
        }
    }
    if lines == 0 {
        bail!("no messages: pipe cargo clippy --message-format=json into this");
    }
    // The same words twice in a file are told apart by their order, not by their line, which
    // moves with every edit above.
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut issues: Vec<Issue> = found.into_values().collect();
    for issue in &mut issues {
        let count = seen.entry(issue.fingerprint.clone()).or_default();
        *count += 1;
        issue.fingerprint = hex::encode(Sha256::digest(format!("{} {count}", issue.fingerprint)));
    }
    Ok(issues)
}

/// Where an issue stands: file, line, check.
type Place = (String, usize, String);

/// The issue of a message, if it has a place. Its fingerprint is still plain text.
fn issue(message: Message, root: &Path) -> Option<(Place, Issue)> {
    let span = message.spans.into_iter().find(|span| span.is_primary)?;
    let severity = match message.level.as_str() {
        "error" => "critical",
        "warning" => "major",
        _ => "info",
    };
    let check_name = message.code.map_or_else(|| "rustc".into(), |code| code.code);
    let path = Path::new(&span.file_name);
    let path = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    let source: Vec<&str> = span.text.iter().map(|line| line.text.trim()).collect();
    let issue = Issue {
        fingerprint: format!("{path}\n{check_name}\n{}\n{}", message.message, source.join("\n")),
        description: message.message,
        check_name: check_name.clone(),
        severity,
        location: Location { path: path.clone(), lines: Lines { begin: span.line_start } },
    };
    Some(((path, span.line_start, check_name), issue))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(line: usize, text: &str) -> String {
        serde_json::json!({
            "reason": "compiler-message",
            "message": {
                "message": "needless borrow",
                "level": "warning",
                "code": {"code": "clippy::needless_borrow"},
                "spans": [
                    {"file_name": "a.rs", "line_start": 1, "is_primary": false, "text": []},
                    {"file_name": "/root/shared/b.rs", "line_start": line, "is_primary": true,
                     "text": [{"text": text}]},
                ],
            },
        })
        .to_string()
    }

    fn of(lines: &[String]) -> Result<Vec<Issue>> {
        issues(lines.join("\n").as_bytes(), Path::new("/root"))
    }

    #[test]
    fn an_issue_has_what_gitlab_asks_for() {
        let other = r#"{"reason": "build-finished", "success": true}"#;
        let issues = of(&[message(7, "f(&x)"), other.into()]).unwrap();
        let mut value = serde_json::to_value(&issues).unwrap();
        let fingerprint = value[0]["fingerprint"].take();
        assert_eq!(fingerprint.as_str().unwrap().len(), 64);
        let expected = serde_json::json!([{
            "description": "needless borrow",
            "check_name": "clippy::needless_borrow",
            "fingerprint": null,
            "severity": "major",
            "location": {"path": "shared/b.rs", "lines": {"begin": 7}},
        }]);
        assert_eq!(value, expected);
    }

    #[test]
    fn an_issue_keeps_its_fingerprint_when_it_moves_and_no_two_share_one() {
        let fingerprints = |lines: &[usize]| -> Vec<String> {
            let messages: Vec<String> = lines.iter().map(|line| message(*line, "f(&x)")).collect();
            of(&messages).unwrap().into_iter().map(|issue| issue.fingerprint).collect()
        };
        assert_eq!(fingerprints(&[7]), fingerprints(&[9]));
        let two = fingerprints(&[7, 9]);
        assert_ne!(two[0], two[1]);
        // A library and its tests report the same line.
        assert_eq!(fingerprints(&[7, 7]).len(), 1);
    }

    #[test]
    fn what_is_no_output_of_cargo_is_explained() {
        assert!(of(&[]).unwrap_err().to_string().contains("clippy"));
        assert!(format!("{:#}", of(&["warning: x".into()]).unwrap_err()).contains("line 1"));
    }
}
