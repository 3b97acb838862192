//! The programs of the workspace, and how to call them.
#![allow(dead_code, unreachable_pub)] // Each test file uses a part.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{LazyLock, Mutex, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use serde::Deserialize;

/// A paper's program and how to run it on a tiny generated data set in seconds, as the
/// `tests/program.toml` of its crate says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Of the crate and the program.
    #[serde(skip)]
    pub name: String,
    /// Options that make training tiny.
    pub tiny: Vec<String>,
    /// Options that make another architecture of it.
    pub other: Vec<String>,
    /// Shared commands it cannot do.
    pub cannot: Vec<String>,
    /// Metrics its record must have.
    pub metrics: Vec<String>,
    /// Pictures training must leave.
    pub pictures: Vec<String>,
}

const EVALUATE: [&str; 6] = [
    "--set",
    "evaluate.nll_samples=20",
    "--set",
    "evaluate.nll_images=20",
    "--set",
    "evaluate.probe_labels=[10,100]",
];

/// Every program: those of all crates under crates/.
pub fn programs() -> &'static [Program] {
    static PROGRAMS: LazyLock<Vec<Program>> = LazyLock::new(|| {
        let found = described(&workspace().join("crates")).unwrap_or_else(|e| panic!("{e}"));
        assert!(!found.is_empty(), "no program under crates/");
        found
    });
    &PROGRAMS
}

/// The programs of a folder of crates, or what the first crate without a proper description lacks.
pub fn described(crates: &Path) -> Result<Vec<Program>, String> {
    let mut folders: Vec<PathBuf> = fs::read_dir(crates)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("Cargo.toml").is_file())
        .collect();
    folders.sort();
    folders.iter().map(|folder| Program::read(folder)).collect()
}

/// Names of all binaries of the workspace, as Cargo knows them.
pub fn binaries() -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let targets = packages.flat_map(|package| package["targets"].as_array().unwrap());
    targets
        .filter(|target| target["kind"][0] == "bin")
        .map(|target| target["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The program of that name.
pub fn program(name: &str) -> &'static Program {
    programs().iter().find(|program| program.name == name).unwrap()
}

/// Waits until it is so, for two minutes at most; `missing` is what there is not until then.
pub fn await_that(is_so: impl Fn() -> bool, missing: &str) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(120), "{missing} after two minutes");
        sleep(Duration::from_millis(2));
    }
}

/// Waits until it is so, which must be before this process ends.
pub fn await_of(child: &mut Child, is_so: impl Fn() -> bool) {
    while !is_so() {
        assert!(child.try_wait().unwrap().is_none(), "it was done too soon");
        sleep(Duration::from_millis(2));
    }
}

/// Sends a signal, such as -INT, to a process.
pub fn send(signal: &str, process: u32) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status().unwrap();
    assert!(sent.success(), "{signal}");
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
pub struct Called(pub Output, pub String);

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
    /// What the crate in `folder` says of its program.
    fn read(folder: &Path) -> Result<Self, String> {
        let file = folder.join("tests/program.toml");
        let wrong = |problem: &str| {
            format!(
                "{}: {problem}. Say there how to run the program, as crates/vae/tests/program.toml \
                 does: tiny, other, cannot, metrics, pictures",
                file.display()
            )
        };
        if !folder.join("src/main.rs").is_file() {
            return Err(format!("{} is a crate without a program", folder.display()));
        }
        let text = fs::read_to_string(&file).map_err(|error| wrong(&error.to_string()))?;
        let mut program: Self = toml::from_str(&text).map_err(|error| wrong(error.message()))?;
        program.name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let Self { tiny, other, metrics, pictures, .. } = &program;
        for (key, list) in
            [("tiny", tiny), ("other", other), ("metrics", metrics), ("pictures", pictures)]
        {
            if list.is_empty() {
                return Err(wrong(&format!("{key} is empty")));
            }
        }
        Ok(program)
    }

    /// The command, without network and with a cache of its own.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(executable(&self.name));
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

    /// The generated digits, unless the description names data of its own.
    fn data(&self) -> &'static [&'static str] {
        if self.tiny.iter().any(|option| option == "--data") {
            &[]
        } else {
            &["--data", "segments"]
        }
    }

    /// Arguments of a tiny training under `work`/runs.
    pub fn training<'a>(&'a self, work: &Path, extra: &[&'a str]) -> Vec<String> {
        let out = work.join("runs").to_string_lossy().into_owned();
        ["train", "--out", &out]
            .into_iter()
            .chain(EVALUATE)
            .chain(self.data().iter().copied())
            .chain(self.tiny.iter().map(String::as_str))
            .chain(extra.iter().copied())
            .map(str::to_owned)
            .collect()
    }

    /// The same as a command that can still be changed.
    pub fn to_train(&self, work: &Path, extra: &[&str]) -> Command {
        let arguments = self.training(work, extra);
        self.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
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
            .chain(self.data().iter().copied())
            .chain(self.tiny.iter().map(String::as_str))
            .chain(extra.iter().copied())
            .collect();
        self.call(&arguments)
    }
}
