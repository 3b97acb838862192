//! On a copy of the workspace without its builds; that what is made compiles and trains is the matter
//! of scripts/ci/new-paper.sh.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

use std::{collections::BTreeMap, fs, process::Command};

use clap::ValueEnum;

use super::*;

/// Words that name a crate that is copied.
const OLD: &[&str] = &[
    "vae",
    "Vae",
    "VaeConfig",
    "VaeModel",
    "VaeObjective",
    "denoising-ae",
    "denoising_ae",
    "DenoisingAe",
    "DenoisingConfig",
    "DenoisingObjective",
    "StackedModel",
    "blank",
    "Blank",
    "BlankConfig",
    "BlankModel",
    "BlankObjective",
];

/// A copy of what the workspace's manifests and pages need.
fn copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["Cargo.toml", "Cargo.lock", "README.md", "rustfmt.toml"] {
        fs::copy(workspace().join(file), copy.path().join(file)).unwrap();
    }
    for folder in ["crates", "results", "scripts", "shared", "tests"] {
        for file in place::files_under(&workspace().join(folder)).unwrap() {
            let target = copy.path().join(folder).join(&file);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(workspace().join(folder).join(&file), target).unwrap();
        }
    }
    copy
}

fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |path: String| (path.clone(), fs::read(root.join(path)).unwrap());
    place::files_under(root).unwrap().into_iter().map(read).collect()
}

fn arguments(name: &str, from: Option<Template>) -> Args {
    let name = name.into();
    Args { name, from, title: None, authors: None, remove: from.is_none(), force: false }
}

fn problem(root: &Path, arguments: &Args) -> String {
    format!("{:#}", run_in(root, arguments).unwrap_err())
}

fn cargo(root: &Path, arguments: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(arguments).arg("--offline").current_dir(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_bad_name_is_refused_with_the_reason_and_nothing_is_written() {
    let copy = copy();
    let before = contents(copy.path());
    let long = "a".repeat(41);
    for (name, reason) in [
        ("Sparse", "lower-case"),
        ("sparse_ae", "lower-case"),
        ("-ae", "lower-case"),
        ("sparse--ae", "lower-case"),
        ("2d-ae", "a letter first"),
        ("../ae", "lower-case"),
        ("", "lower-case"),
        (&long, "longer than"),
        ("match", "reserved"),
        ("test", "reserved"),
        ("vae", "is there already"),
        ("serde", "depends on"),
        ("serde-json", "depends on"),
        ("end-to-end", "depends on"),
        ("shared", "what papers share"),
        ("xtask", "chores"),
        ("tests", "tests"),
        ("peers", "bench-peers"),
        ("classifier", "runs/"),
        ("paper", "a second Paper"),
        ("noise", "a second Noise"),
        ("autoencoder", "a second Autoencoder"),
    ] {
        for &from in Template::value_variants() {
            let found = problem(copy.path(), &arguments(name, Some(from)));
            assert!(found.contains(reason), "{name}: {found}");
        }
    }
    for title in ["", "two\nlines"] {
        let title = Some(title.into());
        let found = Args { title, ..arguments("sparse-ae", Some(Template::Blank)) };
        assert!(problem(copy.path(), &found).contains("--title"));
    }
    assert!(contents(copy.path()) == before);
}

#[test]
fn a_crate_comes_with_every_name_changed_and_goes_without_a_trace() {
    let copy = copy();
    let root = copy.path();
    let before = contents(root);
    for (&from, name) in Template::value_variants().iter().zip(["sparse-vae", "my-stack", "plain"])
    {
        let new = Name::known(name);
        let folder = root.join("crates").join(name);
        let title = Some("A \"new\" paper".to_owned());
        let authors = Some("A. Author, B. Author".to_owned());
        run_in(root, &Args { title, authors, ..arguments(name, Some(from)) }).unwrap();

        let files = contents(&folder);
        let source = from.source(root).unwrap();
        for file in source.iter().map(|file| &file.path) {
            assert!(files.contains_key(file), "{name} has no {file}");
        }
        assert_eq!(files.len(), source.len() + 1, "{:?}", files.keys());
        for (path, bytes) in &files {
            let text = str::from_utf8(bytes).unwrap();
            let is_code = path.ends_with(".rs");
            let from = format!("from = \"{}\"\n", from.name());
            for word in text
                .replace(&from, "")
                .split(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c)))
            {
                assert!(!OLD.contains(&word), "{name}/{path} still says {word}");
            }
            assert!(!is_code || !text.contains("TODO"), "{name}/{path}");
            if path.ends_with(".toml") {
                toml::from_str::<toml::Table>(text).unwrap();
            }
        }
        let text = |path: &str| String::from_utf8(files[path].clone()).unwrap();
        let library = text("src/lib.rs");
        for expected in [
            format!("const NAME: &'static str = \"{name}\";"),
            format!("pub struct {};", new.camel),
            format!("type Config = {}Config;", new.camel),
            format!("pub use model::{}Model;", new.camel),
            "A. Author, B. Author: A \\\"new\\\" paper. Venue, year.".into(),
        ] {
            assert!(library.contains(&expected), "no {expected} in {library}");
        }
        for preset in from.own_presets() {
            assert!(!library.contains(preset), "{preset} in {library}");
        }
        let page = text("README.md");
        assert!(page.contains(&format!("# `{name}`: A \"new\" paper")), "{page}");
        assert!(page.contains(&format!("-p {name} -- train")) && page.contains("TODO"), "{page}");
        assert!(!page.contains('{') && page.contains("(src/model.rs)"), "{page}");

        let readme = fs::read_to_string(root.join("README.md")).unwrap();
        let line = format!("| [`{name}`](crates/{name}) | A. Author, B. Author, year |");
        assert!(readme.contains(&line) && readme.contains("no record yet"), "{readme}");
        let metadata = cargo(root, &["metadata", "--no-deps", "--format-version", "1"]);
        assert!(metadata.contains(&format!("/crates/{name}/src/main.rs")));
        // Cargo.lock has it: what is built with --locked goes on.
        let tree = cargo(root, &["tree", "--locked", "--package", name, "--depth", "1"]);
        assert!(tree.contains("shared"), "{tree}");

        let there = contents(root);
        assert!(problem(root, &arguments(name, Some(from))).contains("there already"));
        assert!(there == contents(root));
        run_in(root, &arguments(name, None)).unwrap();
        assert!(contents(root) == before, "{name} left something behind");
    }
}

#[test]
fn only_what_was_made_here_and_left_as_it_was_is_removed() {
    let copy = copy();
    let root = copy.path();
    let refused = |name: &str, why: &str| {
        let found = problem(root, &arguments(name, None));
        assert!(found.contains(why), "{found}");
    };
    refused("vae", "was not made by new-paper");
    refused("nowhere", "no crate crates/nowhere");
    let before = contents(root);
    run_in(root, &arguments("plain", Some(Template::Blank))).unwrap();
    for file in ["src/model.rs", "Cargo.toml", "src/another.rs"] {
        let file = root.join("crates/plain").join(file);
        let text = fs::read_to_string(&file).ok();
        fs::write(&file, text.clone().unwrap_or_default() + "\n# mine\n").unwrap();
        refused("plain", "has been changed");
        match text {
            Some(text) => fs::write(&file, text).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
    }
    fs::write(root.join("crates/plain/src/another.rs"), "").unwrap();
    run_in(root, &Args { force: true, ..arguments("plain", None) }).unwrap();
    assert!(contents(root) == before);
}

#[test]
fn an_error_leaves_everything_as_it_was() {
    let copy = copy();
    let root = copy.path();
    let made = arguments("plain", Some(Template::Blank));
    // The table cannot be written.
    let page = root.join("README.md");
    let whole = fs::read_to_string(&page).unwrap();
    fs::write(&page, whole.replace("<!-- end -->", "")).unwrap();
    let before = contents(root);
    assert!(problem(root, &made).contains("nothing was changed: no <!-- end -->"));
    assert!(contents(root) == before);
    fs::write(&page, whole).unwrap();
    // Nor can Cargo.lock, the last.
    let manifest = root.join("shared/Cargo.toml");
    let whole = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, "[package]\n").unwrap();
    let before = contents(root);
    assert!(problem(root, &made).contains("cargo update --workspace"));
    assert!(contents(root) == before);
    fs::write(&manifest, whole).unwrap();
    // A source that is no longer of the form that is known.
    let library = root.join("crates/vae/src/lib.rs");
    let text = fs::read_to_string(&library).unwrap().replace("const CITATION", "const SOURCE");
    fs::write(&library, text).unwrap();
    let before = contents(root);
    let found = problem(root, &arguments("sparse-vae", Some(Template::Vae)));
    assert!(found.contains("src/lib.rs") && found.contains("const CITATION"), "{found}");
    assert!(contents(root) == before);
}
