//! What `bench-peers` measures by: "ready", the seconds of each request, the memory at the end.
#![allow(clippy::unwrap_used)]

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

/// What it answers to these lines.
fn asked(requests: &str, arguments: &[&str]) -> Output {
    let mut peers = Command::new(env!("CARGO_BIN_EXE_peers"))
        .args(arguments)
        .args("--pixels 8 --hidden 4 --latent 2 --batch 4 --threads 1".split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    peers.stdin.take().unwrap().write_all(requests.as_bytes()).unwrap();
    peers.wait_with_output().unwrap()
}

#[test]
fn each_request_is_answered_with_its_seconds() {
    for work in ["step", "vrnn", "rnn", "convolutional", "quadrants", "ladder"] {
        let output = asked("1\n20\n", &["--work", work]);
        assert!(output.status.success(), "{work}");
        let said = String::from_utf8(output.stdout).unwrap();
        let (ready, numbers) = said.split_once('\n').unwrap();
        assert_eq!(ready, "ready");
        let numbers: Vec<f64> = numbers.lines().map(|line| line.parse().unwrap()).collect();
        let [one, twenty, bytes] = numbers[..] else { panic!("{work}: {said}") };
        assert!(one > 0.0 && twenty > 0.0, "{work}: {said}");
        assert!(bytes > 1e6, "{work}: {said}");
    }
}

#[test]
fn a_request_that_is_no_number_is_named() {
    let output = asked("often\n", &["--work", "step"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("'often' is not a number"));
}
