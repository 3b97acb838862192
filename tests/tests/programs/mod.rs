//! The programs of the workspace, and how to call them.
#![allow(dead_code, unreachable_pub)] // Each test file uses a part.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, PoisonError},
};

/// A paper's program and how to run it on a tiny generated data set in seconds.
pub struct Program {
    pub name: &'static str,
    /// Options that make training tiny.
    pub tiny: &'static [&'static str],
    /// An option that makes another architecture of it.
    pub other: &'static [&'static str],
    /// Shared commands it cannot do.
    pub cannot: &'static [&'static str],
    /// Metrics its record must have.
    pub metrics: &'static [&'static str],
    /// Pictures training must leave.
    pub pictures: &'static [&'static str],
}

const EVALUATE: [&str; 8] = [
    "--data",
    "segments",
    "--set",
    "evaluate.nll_samples=20",
    "--set",
    "evaluate.nll_images=20",
    "--set",
    "evaluate.probe_labels=[10,100]",
];

/// Every program; a test fails if one is missing.
pub const PROGRAMS: &[Program] = &[
    Program {
        name: "beta-vae",
        tiny: &[
            "--latent",
            "2",
            "--epochs",
            "2",
            "--set",
            "data.binarise=dynamic",
            "--set",
            "data.train_examples=2000",
            "--set",
            "model.network=dense",
            "--set",
            "model.channels=[]",
            "--set",
            "model.encoder=[16]",
            "--set",
            "model.decoder=[16]",
        ],
        other: &["--latent", "5"],
        cannot: &[],
        metrics: &["nll", "negative_elbo", "kl", "active_units", "probe_knn_100"],
        pictures: &[
            "loss.png",
            "kl.png",
            "snapshots.png",
            "reconstructions.png",
            "samples.png",
            "interpolation.png",
            "traversal.png",
            "latent-map.png",
            "latent-grid.png",
        ],
    },
    Program {
        name: "cvae",
        tiny: &["--latent", "2", "--epochs", "2", "--set", "model.hidden=[16]"],
        other: &["--set", "model.hidden=[17]"],
        cannot: &[],
        metrics: &["nll", "nll_prior", "negative_elbo", "kl", "probe_knn_100"],
        pictures: &[
            "loss.png",
            "snapshots.png",
            "reconstructions.png",
            "samples.png",
            "interpolation.png",
            "traversal.png",
            "latent-map.png",
            "latent-grid.png",
        ],
    },
    Program {
        name: "denoising-ae",
        tiny: &["--epochs", "2", "--set", "model.hidden=[16,8]", "--set", "fine_tuning.epochs=2"],
        other: &["--set", "model.hidden=[16,9]"],
        cannot: &["sample"],
        metrics: &["test_error", "reconstruction_mse", "probe_linear_100"],
        pictures: &[
            "loss.png",
            "reconstructions.png",
            "interpolation.png",
            "traversal.png",
            "latent-map.png",
        ],
    },
    Program {
        name: "fair-repr",
        tiny: &[
            "--data",
            "people",
            "--latent",
            "3",
            "--epochs",
            "2",
            "--set",
            "lfr.iterations=20",
            "--set",
            "vfae.hidden=[8]",
            "--set",
            "evaluate.forest_trees=3",
        ],
        other: &["--latent", "4"],
        cannot: &["reconstruct", "sample", "interpolate", "traverse"],
        metrics: &[
            "accuracy",
            "discrimination",
            "consistency",
            "sensitive_forest",
            "probe_knn_100",
        ],
        pictures: &["latent-map.png"],
    },
    Program {
        name: "pca",
        tiny: &["--latent", "3"],
        other: &["--latent", "5"],
        cannot: &[],
        metrics: &["nll", "explained_variance", "reconstruction_mse", "probe_linear_100"],
        pictures: &["reconstructions.png", "samples.png", "traversal.png", "latent-map.png"],
    },
    Program {
        name: "vae",
        tiny: &["--latent", "2", "--epochs", "2", "--set", "model.hidden=[16]"],
        other: &["--latent", "5"],
        cannot: &[],
        metrics: &["nll", "negative_elbo", "kl", "active_units", "probe_knn_100"],
        pictures: &[
            "loss.png",
            "snapshots.png",
            "reconstructions.png",
            "samples.png",
            "interpolation.png",
            "traversal.png",
            "latent-map.png",
            "latent-grid.png",
        ],
    },
];

/// The program of that name.
pub fn program(name: &str) -> &'static Program {
    PROGRAMS.iter().find(|program| program.name == name).unwrap()
}

/// Root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

/// Path of a built program. `cargo test --workspace` builds them all before it runs a test; the tests
/// of this package alone build only what is missing, so build the workspace first after a change.
pub fn executable(name: &str) -> PathBuf {
    static BUILT: Mutex<()> = Mutex::new(());
    let folder = std::env::current_exe().unwrap();
    let folder = folder.parent().unwrap().parent().unwrap();
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let _one_at_a_time = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !path.is_file() {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", name])
            .current_dir(workspace())
            .status()
            .unwrap();
        assert!(status.success(), "cargo build --package {name} failed");
    }
    path
}

/// What a call came to.
pub struct Called(pub Output, String);

impl Called {
    /// Text on standard output.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    /// Text on standard error.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// Asserts exit code 0.
    #[track_caller]
    pub fn success(self) -> Self {
        assert!(
            self.0.status.success(),
            "{}: {}\n{}{}",
            self.1,
            self.0.status,
            self.out(),
            self.err()
        );
        self
    }

    /// Asserts an exit code and a part of the message, and that nothing panicked.
    #[track_caller]
    pub fn failure(self, code: i32, message: &str) -> Self {
        let text = self.out() + &self.err();
        assert_eq!(self.0.status.code(), Some(code), "{}: {text}", self.1);
        assert!(text.contains(message), "{}: no '{message}' in: {text}", self.1);
        assert!(!text.contains("panicked"), "{}: {text}", self.1);
        self
    }
}

impl Program {
    /// The command, without network and with a cache of its own.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(executable(self.name));
        command
            .args(arguments)
            .env("AE_OFFLINE", "1")
            .env_remove("AE_DATA_DIR")
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null());
        command
    }

    /// Runs it to the end.
    pub fn call(&self, arguments: &[&str]) -> Called {
        let output = self.command(arguments).output().unwrap();
        Called(output, format!("{} {}", self.name, arguments.join(" ")))
    }

    /// Arguments of a tiny training under `work`/runs.
    pub fn training<'a>(&'a self, work: &Path, extra: &[&'a str]) -> Vec<String> {
        let out = work.join("runs").to_string_lossy().into_owned();
        ["train", "--out", &out]
            .into_iter()
            .chain(EVALUATE)
            .chain(self.tiny.iter().copied())
            .chain(extra.iter().copied())
            .map(str::to_owned)
            .collect()
    }

    /// A tiny training under `work`/runs.
    pub fn train(&self, work: &Path, extra: &[&str]) -> Called {
        let arguments = self.training(work, extra);
        self.call(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A command on a run.
    pub fn on_run(&self, command: &str, run: &Path, extra: &[&str]) -> Called {
        let run = run.to_string_lossy();
        let arguments: Vec<&str> = [command, "--run", &run].iter().chain(extra).copied().collect();
        self.call(&arguments)
    }

    /// `import` of weights for the tiny model.
    pub fn import(&self, work: &Path, weights: &Path, extra: &[&str]) -> Called {
        let (out, weights) = (work.join("runs"), weights.to_string_lossy());
        let out = out.to_string_lossy();
        let arguments: Vec<&str> = ["import", "--weights", &weights, "--out", &out]
            .into_iter()
            .chain(EVALUATE)
            .chain(self.tiny.iter().copied())
            .chain(extra.iter().copied())
            .collect();
        self.call(&arguments)
    }
}
