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

/// A text without comments and tests.
fn code(text: &str) -> String {
    let code = text.split("\nmod tests {").next().unwrap_or(text);
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn first_name(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first names in what stands after a `::`, one or a list in braces.
fn names_after(text: &str) -> Vec<String> {
    let Some(list) = text.strip_prefix('{') else { return vec![first_name(text)] };
    // In braces every name that follows `{` or `,` at the first level.
    let (mut names, mut depth, mut is_start) = (Vec::new(), 0, true);
    for (place, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_start = true,
            letter if is_start && !letter.is_whitespace() => {
                names.push(first_name(&list[place..]));
                is_start = false;
            }
            _ => {}
        }
    }
    names
}

/// The first names after this prefix.
fn used(code: &str, prefix: &str) -> BTreeSet<String> {
    // `super::super::` of a deeper file does not begin with `super::` of this one.
    let is_whole =
        |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    let places = code.match_indices(prefix).filter(|(place, _)| is_whole(&code[..*place]));
    places.flat_map(|(place, _)| names_after(&code[place + prefix.len()..])).collect()
}

/// The modules at the top whose names `lib.rs` makes those of the crate, by the name.
fn exported(lib: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for after in code(lib).split("pub use ").skip(1) {
        let module = first_name(after);
        if let Some(names) = after[module.len()..].strip_prefix("::") {
            found.extend(names_after(names).into_iter().map(|name| (name, module.clone())));
        }
    }
    found
}

fn uses(source: &Path) -> Uses {
    let mut uses = Uses::new();
    let exported = exported(&fs::read_to_string(source.join("lib.rs")).unwrap_or_default());
    // What tests use is no part of the house.
    let is_tests = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "tests");
    for path in sources(source).into_iter().filter(|path| !is_tests(path)) {
        let inside = path.strip_prefix(source).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        let code = code(&fs::read_to_string(&path).unwrap());
        let mut names = used(&code, "crate::");
        let is_top =
            inside.components().count() == 1 || inside == Path::new(&*first).join("mod.rs");
        if is_top {
            names.extend(used(&code, "super::"));
        }
        let of = uses.entry(module.clone()).or_default();
        // What `lib.rs` re-exports is found where it stands.
        let places = names.into_iter().map(|name| exported.get(&name).cloned().unwrap_or(name));
        for name in places.filter(|name| *name != module) {
            of.entry(name).or_insert_with(|| inside.to_path_buf());
        }
    }
    // `lib` itself may use everything.
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
    for folder in crates().into_iter().chain([repository().join("scripts")]) {
        if let Some(circle) = circle(&uses(&folder.join("src"))) {
            panic!("{}: {circle}", folder.display());
        }
    }
}

#[test]
fn a_circle_is_found_through_braces_and_through_a_third_module() {
    let text = "use crate::{\n    a::{b, c},\n    d,\n};\n// crate::comment\nfn f() { crate::e::g() }\n\
                use super::{h::i, J};\nuse super::super::k;";
    let names = |prefix: &str| used(&code(text), prefix).into_iter().collect::<Vec<_>>();
    assert_eq!(names("crate::"), ["a", "d", "e"]);
    assert_eq!(names("super::"), ["J", "h", "super"]);
    let lib = "mod a;\npub use a::b;\npub use c::{D, e::F};\npub use other;";
    let exported: Vec<_> = exported(lib).into_iter().collect();
    let pair = |name: &str, module: &str| (name.to_owned(), module.to_owned());
    assert_eq!(exported, [pair("D", "c"), pair("b", "a"), pair("e", "c")]);
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
            "data" => &["files", "kernels", "ranges", "terminal"],
            "weights" | "network" => &["files", "kernels"],
            "optimisation" => &["kernels", "ranges", "weights"],
            "sequential" => &["kernels", "statistics"],
            "plot" => &["data", "files", "statistics", "terminal"],
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
