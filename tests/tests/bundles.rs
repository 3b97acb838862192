//! A bundle answers as the run it was made of, and one that is not whole answers nothing.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use programs::{Called, Program, executable, program, programs};

/// A finished tiny run, its bundle, and a cache of its own.
struct Bundled {
    program: &'static Program,
    work: tempfile::TempDir,
}

impl Bundled {
    fn train(program: &'static Program) -> Self {
        let work = tempfile::tempdir().unwrap();
        program.train(work.path(), &[]).success();
        let own = Self { program, work };
        own.bundle(&[own.run().to_str().unwrap(), "--to", own.path("bundles").to_str().unwrap()])
            .success();
        own
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn run(&self) -> PathBuf {
        self.path("runs").join(&self.program.name).join("quick")
    }

    fn file(&self) -> PathBuf {
        self.path("bundles").join(format!("{}-quick.tar.gz", self.program.name))
    }

    /// `cargo xtask bundle`.
    fn bundle(&self, arguments: &[&str]) -> Called {
        self.output(Command::new(executable("xtask")).arg("bundle").args(arguments))
    }

    /// A command on this run or bundle.
    fn call(&self, command: &str, run: &str, extra: &[&str]) -> Called {
        let arguments = [&[command, "--run", run], extra].concat();
        self.output(&mut self.program.command(&arguments))
    }

    fn output(&self, command: &mut Command) -> Called {
        let output = command.env("AE_CACHE_DIR", self.path("cache")).output().unwrap();
        Called(output, format!("{command:?}"))
    }

    /// What lies in the cache of bundles.
    fn cached(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("cache/bundles")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn sha256(list: &Path) -> String {
    fs::read_to_string(list).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn every_program_answers_from_a_bundle_as_from_the_run() {
    for program in programs() {
        let own = Bundled::train(program);
        let (run, bundle) = (own.run(), own.file());
        let mut answered = 0;
        for (command, ending, extra) in [
            ("reconstruct", "png", &["--indices", "0,3"][..]),
            ("sample", "png", &["--count", "4"]),
            ("encode", "csv", &["--split", "test"]),
            ("score", "csv", &["--samples", "5", "--examples", "30"]),
            ("explore", "html", &[]),
        ] {
            if program.cannot.iter().any(|name| name == command) {
                continue;
            }
            let answer = |run: &Path, name: &str| {
                let to = own.path(&format!("{command}-{name}.{ending}"));
                let to = to.to_str().unwrap();
                own.call(command, run.to_str().unwrap(), &[extra, &["--to", to]].concat())
                    .success();
                fs::read(to).unwrap()
            };
            assert!(answer(&run, "run") == answer(&bundle, "bundle"), "{} {command}", program.name);
            answered += 1;
        }
        assert!(answered > 0, "{} answers nothing", program.name);
        let exported = |run: &Path, name: &str| {
            let to = own.path(name);
            let to = ["--to", to.to_str().unwrap()];
            own.call("export", run.to_str().unwrap(), &to).success();
            fs::read(own.path(name).join("weights.safetensors")).unwrap()
        };
        assert_eq!(exported(&run, "one"), exported(&bundle, "other"));
        assert_eq!(own.cached().len(), 1, "one bundle is unpacked once");
    }
}

#[test]
fn what_would_write_into_a_bundle_says_what_to_do_and_a_run_can_be_made_of_it() {
    let own = Bundled::train(program("vae"));
    let bundle = own.file();
    let bundle = bundle.to_str().unwrap();
    let is_line = |called: Called| assert_eq!(called.err().trim().lines().count(), 1);
    is_line(own.call("evaluate", bundle, &[]).failure(1, "bundle --unpack FILE --out runs"));
    is_line(own.call("sample", bundle, &[]).failure(1, "--to"));
    is_line(own.call("reconstruct", bundle, &[]).failure(1, "--to"));
    let other = Bundled { program: program("pca"), work: tempfile::tempdir().unwrap() };
    is_line(other.call("sample", bundle, &["--to", "x.png"]).failure(1, "is a run of vae"));

    let out = own.path("elsewhere");
    own.bundle(&["--unpack", bundle, "--out", out.to_str().unwrap()]).success();
    let run = out.join("vae/quick");
    own.call("evaluate", run.to_str().unwrap(), &["--samples", "5", "--images", "5"]).success();
    own.bundle(&["--unpack", bundle, "--out", out.to_str().unwrap()])
        .failure(1, "holds a run already");
    let again = own.path("again");
    own.bundle(&[own.run().to_str().unwrap(), "--to", again.to_str().unwrap()]).success();
    assert_eq!(fs::read(again.join("vae-quick.tar.gz")).unwrap(), fs::read(bundle).unwrap());
}

#[test]
fn a_bundle_that_is_not_whole_leaves_nothing_and_a_damaged_cache_is_mended() {
    let own = Bundled::train(program("pca"));
    let whole = fs::read(own.file()).unwrap();
    let to = own.path("samples.png");
    let sample = |run: &str| own.call("sample", run, &["--to", to.to_str().unwrap()]);
    let bad = own.path("bad.tar.gz");
    for (bytes, message) in [
        (&whole[..whole.len() / 2], "cut off"),
        (&whole[..whole.len() - 4], "cut off"),
        (&b"no archive"[..], "damaged, or no .tar.gz"),
        (&b""[..], "is not a bundle of a run"),
    ] {
        fs::write(&bad, bytes).unwrap();
        let called = sample(bad.to_str().unwrap()).failure(1, message);
        assert_eq!(called.err().trim().lines().count(), 1, "{}", called.err());
        assert!(own.cached().is_empty(), "{message}");
    }
    let file = own.file();
    let wrong = format!("{}#sha256={}", file.display(), "0".repeat(64));
    sample(&wrong).failure(1, "another file, or a damaged one");
    sample(own.path("missing.tar.gz").to_str().unwrap())
        .failure(1, "missing.tar.gz: cannot read it");
    assert!(own.cached().is_empty());

    let right = format!("{}#sha256={}", file.display(), sha256(&own.path("bundles/SHA256SUMS")));
    sample(&right).success();
    let cached = own.cached()[0].join("pca/quick/weights.safetensors");
    let weights = fs::read(&cached).unwrap();
    fs::write(&cached, "damaged").unwrap();
    fs::remove_file(&to).unwrap();
    sample(&right).success();
    assert_eq!(fs::read(&cached).unwrap(), weights);
    assert_eq!(own.cached().len(), 1);
}

/// Serves `answer` once on this machine; the address.
fn served(answer: Vec<u8>) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/pca-quick.tar.gz", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1 << 12]).unwrap();
        stream.write_all(&answer).unwrap();
    });
    (address, server)
}

#[test]
fn a_bundle_is_fetched_once_and_checked() {
    let own = Bundled::train(program("pca"));
    let whole = fs::read(own.file()).unwrap();
    let sha256 = sha256(&own.path("bundles/SHA256SUMS"));
    let sample = |run: &str, name: &str, is_offline: bool| {
        let to = own.path(name);
        let arguments = ["sample", "--run", run, "--to", to.to_str().unwrap()];
        let mut command = own.program.command(&arguments);
        if !is_offline {
            command.env_remove("AE_OFFLINE");
        }
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        own.output(&mut command)
    };
    let answer = |length: usize, body: &[u8]| {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        [head.as_bytes(), body].concat()
    };
    let missing =
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
    for (response, message) in [
        (answer(whole.len(), &whole[..whole.len() / 2]), "pca-quick.tar.gz: "),
        (answer(9, b"not found"), "another file, or a damaged one"),
        (answer(9_000_000_000, b""), "larger than"),
        (missing, "404"),
    ] {
        let (address, server) = served(response);
        sample(&format!("{address}#sha256={sha256}"), "none.png", false).failure(1, message);
        server.join().unwrap();
        assert!(own.cached().is_empty(), "{message}");
    }
    let (address, server) = served(answer(whole.len(), &whole));
    sample(&address, "none.png", false).failure(1, "over http only with a checksum");
    let named = format!("{address}#sha256={sha256}");
    sample(&named, "none.png", true).failure(1, "AE_OFFLINE is set");
    sample(&named, "first.png", false).success();
    server.join().unwrap();
    // Nobody answers there any more.
    sample(&named, "second.png", true).success();
    let pictures = ["first.png", "second.png"].map(|name| fs::read(own.path(name)).unwrap());
    assert_eq!(pictures[0], pictures[1]);
}
