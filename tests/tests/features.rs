//! A program alone is built with the features it has in the whole workspace, so that after `cargo test --workspace`
//! neither `cargo run -p NAME` nor `cargo xtask` builds Burn and `shared` a second time.
#![allow(clippy::unwrap_used)]

mod programs;

use std::{collections::BTreeSet, process::Command};

use programs::{binaries, workspace};

/// Every package with its features, as `cargo tree` has them.
fn packages(selection: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix", "none", "--format", "{p} [{f}]"])
        .args(selection)
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn a_program_alone_is_built_as_in_the_workspace() {
    let all = packages(&["--workspace"]);
    assert!(all.len() > 100);
    let libraries = ["shared", "tables", "sequences", "factors", "fuzzing"].map(String::from);
    for name in binaries().into_iter().chain(libraries) {
        for edges in ["normal,build", "normal,build,dev"] {
            let alone = packages(&["--package", &name, "--edges", edges]);
            let other: Vec<&String> = alone.difference(&all).collect();
            assert!(
                other.is_empty(),
                "{name} alone has {other:?} with features that the workspace has not: give the dependency in the \
                 workspace's Cargo.toml the same features for all"
            );
        }
    }
}
