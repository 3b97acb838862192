//! Readers that go away: `train ... | head -1`, `evaluate | true`; and output that cannot be written.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{
    fs,
    process::{Command, Stdio},
};

use programs::{executable, program, workspace};

/// Exit code, and standard error unless that is what was closed, of a command whose reader has gone.
fn closed(mut command: Command, closes_errors: bool) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    if closes_errors {
        drop(child.stderr.take());
    }
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_training_goes_on_to_its_record_and_a_command_ends_quietly() {
    let work = tempfile::tempdir().unwrap();
    for name in ["vae", "pca"] {
        let program = program(name);
        let run = work.path().join("runs").join(name).join("quick");
        for closes_errors in [false, true] {
            if run.exists() {
                fs::remove_dir_all(&run).unwrap();
            }
            let (code, message) =
                closed(program.to_train(work.path(), &["--force"]), closes_errors);
            assert_eq!(code, Some(0), "{message}");
            assert!(!message.contains("panicked") && !message.contains("Broken pipe"), "{message}");
            assert!(run.join("record.json").is_file());
            assert!(run.join("samples.png").is_file());
        }
        for command in ["evaluate", "sample", "reconstruct"] {
            let arguments = [command, "--run", run.to_str().unwrap()];
            for closes_errors in [false, true] {
                let (code, message) = closed(program.command(&arguments), closes_errors);
                assert_eq!(code, Some(0), "{command}: {message}");
                assert!(!message.contains("panicked"), "{command}: {message}");
            }
        }
        for arguments in [&["--help"][..], &["train", "--help"], &["train", "--nonsense"]] {
            let (_, message) = closed(program.command(arguments), false);
            assert!(!message.contains("panicked"), "{message}");
        }
    }
}

#[test]
fn chores_end_quietly() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    for arguments in [
        &["compare", "--base", "results", "--new", "results", "--out", out.to_str().unwrap()][..],
        &["changed", "--base", "HEAD"],
        &["readme", "--check"],
        &["--help"],
    ] {
        let mut command = Command::new(executable("xtask"));
        command.args(arguments).current_dir(workspace()).env("RUST_BACKTRACE", "0");
        let (code, message) = closed(command, false);
        assert!(!message.contains("panicked"), "{arguments:?}: {message}");
        assert!(matches!(code, Some(0 | 1)), "{arguments:?}: {code:?} {message}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_on_a_full_disk_is_a_failure() {
    let work = tempfile::tempdir().unwrap();
    let program = program("vae");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = program.to_train(work.path(), &["--check"]).stdout(full).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert_eq!(message.matches("cannot print to standard output").count(), 1, "{message}");
}
