//! On a copy of the workspace without its builds; that what is made compiles and trains is the matter of
//! scripts/ci/new-paper.sh.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

use std::collections::BTreeMap;

use super::*;

/// A copy of what the workspace's manifests and pages need.
fn copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["Cargo.toml", "Cargo.lock", "README.md", "rustfmt.toml"] {
        fs::copy(workspace().join(file), copy.path().join(file)).unwrap();
    }
    for folder in ["crates", "results", "scripts", "shared", "tests"] {
        for file in files_under(&workspace().join(folder)).unwrap() {
            let target = copy.path().join(folder).join(&file);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(workspace().join(folder).join(&file), target).unwrap();
        }
    }
    copy
}

fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files_under(root).unwrap();
    files.retain(|path| !path.starts_with("target/"));
    files.into_iter().map(|path| (path.clone(), fs::read(root.join(path)).unwrap())).collect()
}

fn arguments(name: &str, from: Option<&str>) -> Args {
    Args {
        name: name.into(),
        from: from.map(str::to_owned),
        title: "A \"new\" paper".into(),
        authors: "A. Author, B. Author".into(),
        remove: from.is_none(),
    }
}

/// What a crate can begin as a copy of: every paper, and the blank one.
fn sources() -> Vec<(String, PathBuf)> {
    let mut all = vec![("blank".to_owned(), workspace().join("scripts/templates/blank"))];
    for manifest in papers::manifests(&workspace()).unwrap() {
        all.push((papers::folder_name(&manifest), manifest.parent().unwrap().into()));
    }
    all
}

fn problem(root: &Path, arguments: &Args) -> String {
    format!("{:#}", run_in(root, arguments).unwrap_err())
}

#[test]
fn what_cannot_be_made_or_removed_is_refused_with_the_reason_and_nothing_is_written() {
    let copy = copy();
    let root = copy.path();
    let before = contents(root);
    let long = "a".repeat(41);
    for (name, from, reason) in [
        ("Sparse", "vae", "lower-case"),
        ("sparse_ae", "vae", "lower-case"),
        ("sparse--ae", "vae", "lower-case"),
        ("2d-ae", "vae", "a letter first"),
        ("../ae", "vae", "lower-case"),
        ("", "vae", "lower-case"),
        (&long, "vae", "longer than"),
        ("match", "vae", "reserved"),
        ("classifier", "vae", "reserved"),
        ("sweeps", "vae", "reserved"),
        ("validate", "vae", "reserved"),
        ("vae", "vae", "is there already"),
        ("serde-json", "vae", "depends on"),
        ("xtask", "vae", "of this workspace"),
        ("sparse-ae", "nothing", "--from nothing"),
    ] {
        let found = problem(root, &arguments(name, Some(from)));
        assert!(found.contains(reason), "{name}: {found}");
    }
    for title in [" ", "two\nlines"] {
        let title = Args { title: title.into(), ..arguments("sparse-ae", Some("blank")) };
        assert!(problem(root, &title).contains("--title"));
    }
    assert!(problem(root, &arguments("vae", None)).contains("was not made by new-paper"));
    assert!(problem(root, &arguments("nowhere", None)).contains("no crate crates/nowhere"));
    // The table cannot be written, the last; nor can a source be read that has another form.
    let (page, library) = (root.join("README.md"), root.join("crates/vae/src/lib.rs"));
    let [whole, source] = [&page, &library].map(|path| fs::read_to_string(path).unwrap());
    fs::write(&page, whole.replace("<!-- end -->", "")).unwrap();
    let found = problem(root, &arguments("plain", Some("blank")));
    assert!(found.contains("nothing was changed: no <!-- end -->"), "{found}");
    fs::write(&page, whole).unwrap();
    fs::write(&library, source.replace("const CITATION", "const SOURCE")).unwrap();
    let found = problem(root, &arguments("sparse-vae", Some("vae")));
    assert!(found.contains("src/lib.rs") && found.contains("const CITATION"), "{found}");
    fs::write(&library, source).unwrap();
    assert!(contents(root) == before);
}

#[test]
fn a_crate_comes_with_its_name_changed_and_goes_without_a_trace() {
    let copy = copy();
    let root = copy.path();
    let before = contents(root);
    for (from, source) in sources() {
        let name = "sparse-ae";
        run_in(root, &arguments(name, Some(&from))).unwrap();
        let files = contents(&root.join("crates").join(name));
        let text = |path: &str| String::from_utf8(files[path].clone()).unwrap();
        let is_code = |path: &&String| path.ends_with(".rs") || path.as_str() == "Cargo.toml";
        for path in files.keys().filter(is_code) {
            let text = text(path).replace(&format!("from = \"{from}\""), "");
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            for name in [format!("\"{from}\""), format!("{}::", from.replace('-', "_"))] {
                let is_old = |(place, _): (usize, &str)| !text[..place].ends_with(is_name);
                assert!(
                    !text.match_indices(&name).any(is_old),
                    "{path} still has {name} of {from}"
                );
            }
        }
        // Values are the source's, kinds too; what it states of its numbers is not.
        for path in files.keys().filter(|path| path.starts_with("configs/")) {
            let text = text(path);
            let (head, values) = text.split_once('\n').unwrap();
            let old = fs::read_to_string(source.join(path)).unwrap();
            assert!(head.starts_with("# TODO: ") && old.ends_with(values), "{from}/{path}");
            assert!(values.starts_with("seed = "), "{from}/{path}");
        }
        assert!(!files.contains_key("claims.toml"), "what the paper of {from} claims");
        let library = text("src/lib.rs");
        for expected in [
            format!("const NAME: &'static str = \"{name}\";"),
            "const ABOUT: &'static str = \"A \\\"new\\\" paper\";".into(),
            "\"A. Author, B. Author: A \\\"new\\\" paper. TODO: venue and year.\";".into(),
        ] {
            assert!(library.contains(&expected), "no {expected} in {library}");
        }
        let page = text("README.md");
        assert!(page.contains(&format!("# `{name}`: A \"new\" paper")), "{page}");
        assert!(!page.contains('{') && page.contains("(src/config.rs)"), "{page}");
        let readme = fs::read_to_string(root.join("README.md")).unwrap();
        let line = format!("| [`{name}`](crates/{name}) | A. Author, B. Author, TODO: year |");
        assert!(readme.contains(&line) && readme.contains("no record yet"), "{readme}");
        let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
        assert!(lock.contains(&format!("name = \"{name}\"")));
        run_in(root, &arguments(name, None)).unwrap();
        assert!(contents(root) == before, "a copy of {from} left something behind");
    }
}

#[test]
fn a_copy_of_a_copy_names_its_source_alone() {
    let copy = copy();
    let root = copy.path();
    run_in(root, &arguments("plain", Some("blank"))).unwrap();
    run_in(root, &arguments("plainer", Some("plain"))).unwrap();
    let manifest = root.join("crates/plainer/Cargo.toml");
    let origin: BTreeMap<String, String> = papers::metadata(&manifest, "new-paper").unwrap();
    assert_eq!(origin, BTreeMap::from([("from".to_owned(), "plain".to_owned())]));
}
