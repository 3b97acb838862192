//! The house's rules: what may use what.
#![allow(clippy::unwrap_used)] // A rule that cannot be checked is broken.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Which modules at the top of a crate each of them uses, and where.
type Uses = BTreeMap<String, BTreeMap<String, PathBuf>>;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The first names after `crate::` in a text without comments and tests.
fn used(text: &str) -> BTreeSet<String> {
    let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut names = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            names.insert(name(after));
            continue;
        };
        // In braces every name that follows `{` or `,` at the first level.
        let mut depth = 0;
        let mut is_start = true;
        for (place, letter) in list.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_start = true,
                letter if is_start && !letter.is_whitespace() => {
                    names.insert(name(&list[place..]));
                    is_start = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn uses(source: &Path) -> Uses {
    let mut uses = Uses::new();
    // What tests use is no part of the house.
    let is_tests = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "tests");
    for path in sources(source).into_iter().filter(|path| !is_tests(path)) {
        let inside = path.strip_prefix(source).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        let names = used(&fs::read_to_string(&path).unwrap());
        let of = uses.entry(module.clone()).or_default();
        for name in names.into_iter().filter(|name| *name != module) {
            of.entry(name).or_insert_with(|| inside.to_path_buf());
        }
    }
    // What `lib.rs` re-exports is found where it stands; `lib` itself may use everything.
    uses.remove("lib");
    uses.remove("main");
    uses
}

/// A way from a module back to it, with the files that lead along it.
fn circle(uses: &Uses) -> Option<String> {
    fn walk(uses: &Uses, path: &mut Vec<String>, done: &mut BTreeSet<String>) -> Option<String> {
        let module = path.last()?.clone();
        for (next, file) in uses.get(&module)? {
            if let Some(start) = path.iter().position(|known| known == next) {
                let way = [&path[start..], std::slice::from_ref(next)].concat().join(" -> ");
                return Some(format!("{way} (the last step is in {})", file.display()));
            }
            if done.contains(next) {
                continue;
            }
            path.push(next.clone());
            if let Some(found) = walk(uses, path, done) {
                return Some(found);
            }
            path.pop();
        }
        done.insert(module);
        None
    }
    let mut done = BTreeSet::new();
    uses.keys().find_map(|module| walk(uses, &mut vec![module.clone()], &mut done))
}

/// Folders of all crates of which other crates are made.
fn crates() -> Vec<PathBuf> {
    let root = repository();
    let inside = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found = vec![root.join("shared")];
    found.extend(inside(&root.join("shared")).chain(inside(&root.join("crates"))));
    found.retain(|folder| folder.join("Cargo.toml").is_file());
    found.sort();
    found
}

#[test]
fn modules_depend_in_one_direction() {
    for folder in crates() {
        if let Some(circle) = circle(&uses(&folder.join("src"))) {
            panic!("{}: {circle}", folder.display());
        }
    }
}

#[test]
fn a_circle_is_found_through_braces_and_through_a_third_module() {
    let names = used(
        "use crate::{\n    a::{b, c},\n    d,\n};\n// crate::comment\nfn f() { crate::e::g() }",
    );
    assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "d", "e"]);
    let to = |names: &[&str]| -> BTreeMap<String, PathBuf> {
        names.iter().map(|name| ((*name).to_owned(), PathBuf::from("file.rs"))).collect()
    };
    let mut uses: Uses = [("a", to(&["b", "d"])), ("b", to(&["c"])), ("c", to(&["d"]))]
        .into_iter()
        .map(|(name, uses)| (name.to_owned(), uses))
        .collect();
    assert_eq!(circle(&uses), None);
    uses.insert("d".into(), to(&["b"]));
    assert!(circle(&uses).unwrap().starts_with("b -> c -> d -> b"), "{:?}", circle(&uses));
}

/// Names of the crates of this workspace that a manifest makes the program of.
fn dependencies(folder: &Path, known: &BTreeSet<String>) -> BTreeSet<String> {
    let text = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let of = manifest.get("dependencies").and_then(toml::Value::as_table);
    of.into_iter().flatten().map(|(name, _)| name.clone()).filter(|n| known.contains(n)).collect()
}

#[test]
fn papers_know_shared_and_kinds_of_data_and_these_no_paper() {
    let name = |folder: &PathBuf| folder.file_name().unwrap().to_string_lossy().into_owned();
    let all: BTreeSet<String> = crates().iter().map(name).collect();
    let papers = repository().join("crates");
    for folder in crates() {
        let (own, found) = (name(&folder), dependencies(&folder, &all));
        let allowed: &[&str] = match own.as_str() {
            "files" | "ranges" | "terminal" => &[],
            "kernels" => &["ranges"],
            "memory" => &["kernels"],
            "processes" => &["files", "terminal"],
            "data" => &["files", "kernels", "terminal"],
            "weights" | "network" => &["files", "kernels"],
            "optimisation" => &["kernels", "ranges", "weights"],
            "sequential" => &["kernels", "statistics"],
            "plot" => &["data", "files", "statistics"],
            "explorer" => &["plot"],
            "statistics" => &["data", "kernels", "terminal"],
            "run" => &["data", "files", "ranges", "terminal", "weights"],
            "shared" => &[
                "data",
                "explorer",
                "files",
                "kernels",
                "memory",
                "network",
                "optimisation",
                "plot",
                "processes",
                "ranges",
                "run",
                "sequential",
                "statistics",
                "terminal",
                "weights",
            ],
            "tables" | "factors" | "sequences" => &["shared"],
            "fuzzing" => &["shared", "tables", "sequences"],
            _ => &["shared", "tables", "factors", "sequences"],
        };
        let forbidden: Vec<_> =
            found.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
        assert!(forbidden.is_empty(), "{own} depends on {forbidden:?}");
        assert!(allowed.len() > 1 || !folder.starts_with(&papers), "{own}");
    }
}

#[test]
fn links_of_the_pages_lead_somewhere() {
    let root = repository();
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    for folder in ["docs", "docs/course", "crates"] {
        let inside = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(inside.map(|path| if path.is_dir() { path.join("README.md") } else { path }));
    }
    pages.retain(|page| page.is_file() && page.extension().is_some_and(|ending| ending == "md"));
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let is_own = !link.is_empty() && !link.contains("://");
            let target = page.parent().unwrap().join(link);
            assert!(!is_own || target.exists(), "{}: no {link}", page.display());
        }
    }
}
