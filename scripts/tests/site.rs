//! The site that the project's own pages make, and what is refused.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use walkdir::WalkDir;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

/// `cargo xtask site` in the workspace at `root`, built there.
fn site(root: &Path, out: &Path, options: &[&str]) -> Output {
    command(root, out).args(options).env_remove("CARGO_TARGET_DIR").output().unwrap()
}

fn command(root: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(["site", "--out"])
        .arg(out)
        .env("CARGO_MANIFEST_DIR", root.join("scripts"))
        .env("RUST_BACKTRACE", "0");
    command
}

#[track_caller]
fn refused(output: &Output, says: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for says in says {
        assert!(text.contains(says), "no '{says}' in: {text}");
    }
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
}

/// The site of this workspace in a folder of its own, with the explorer of one run.
fn built(work: &Path) -> PathBuf {
    let (runs, out) = (work.join("runs"), work.join("site"));
    fs::create_dir_all(runs.join("vae/quick")).unwrap();
    fs::write(runs.join("vae/quick/explore.html"), "<!doctype html><title>vae</title>").unwrap();
    let output = site(&repository(), &out, &["--runs", runs.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    out
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

/// The text of a piece of a page.
fn text(html: &str) -> String {
    let inside = html.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    let text: String = inside.collect();
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[test]
fn the_chapters_stand_in_order_with_their_equations_code_and_explorers() {
    let work = tempfile::tempdir().unwrap();
    let out = built(work.path());
    let front = read(&out, "index.html");
    let mut chapters: Vec<String> = fs::read_dir(repository().join("docs/course"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().replace(".md", ".html"))
        .filter(|name| name != "README.html")
        .collect();
    chapters.sort();
    assert!(chapters.len() >= 10, "{chapters:?}");
    let navigation = &front[..front.find("<main>").unwrap()];
    let places: Vec<usize> = chapters
        .iter()
        .map(|name| navigation.find(&format!("href=\"course/{name}\"")).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");

    // The code of a chapter is that of the source.
    let chapter = read(&out, "course/04-vae.html");
    let code = chapter.split("<pre><code>").map(|code| code.split("</code>").next().unwrap());
    let code = code.map(text).find(|code| code.starts_with("fn elbo<")).unwrap();
    let source = read(&repository(), "crates/vae/src/objective.rs");
    let lines: Vec<&str> = code.lines().collect();
    let start = source.lines().position(|line| line.trim() == lines[0]).unwrap();
    let found: Vec<&str> = source.lines().skip(start).take(lines.len()).collect();
    let expected: Vec<&str> = found.iter().map(|line| line.get(4..).unwrap_or_default()).collect();
    assert_eq!(lines, expected);
    assert!(lines.len() > 4 && lines.last() == Some(&"}"));

    // Every equation is MathML, none is LaTeX.
    for name in &chapters {
        let chapter = read(&out, &format!("course/{name}"));
        let source = read(&repository(), &format!("docs/course/{}", name.replace(".html", ".md")));
        let equations = source.matches("```math").count() + source.matches("$`").count();
        assert!(equations > 0, "{name}");
        assert_eq!(chapter.matches("<math").count(), equations, "{name}");
        let said = text(&chapter);
        for raw in ["\\frac", "\\mathbb", "\\log", "$`", "```"] {
            assert!(!said.contains(raw), "{name}: {raw}");
        }
    }

    // A run's explorer is embedded, and its absence is said in a line.
    assert!(chapter.contains("<iframe src=\"../explore/vae-quick.html\""));
    assert!(out.join("explore/vae-quick.html").is_file());
    let other = read(&out, "course/05-conditional.html");
    assert!(!other.contains("<iframe") && other.contains("without a trained <code>cvae</code>"));
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let work = tempfile::tempdir().unwrap();
    let out = built(work.path());
    let mut pages = 0;
    for entry in WalkDir::new(&out).into_iter().map(Result::unwrap) {
        let path = entry.path();
        // rustdoc's pages, if some were written here, have their own order of attributes.
        let is_ours = !path.starts_with(out.join("rustdoc"));
        if !is_ours || path.extension().is_none_or(|ending| ending != "html" && ending != "css") {
            continue;
        }
        pages += 1;
        let page = fs::read_to_string(path).unwrap();
        for (place, _) in page.match_indices("http") {
            // An address may be text, or a link that a reader follows.
            let before = &page[..place];
            let is_link = before.ends_with("<a href=\"");
            let is_value = before.ends_with("=\"") || before.ends_with("url(");
            assert!(is_link || !is_value, "{}, byte {place}", path.display());
        }
    }
    assert!(pages > 20);
}

/// A copy of the workspace whose pages may be spoiled.
fn copied(work: &Path) -> PathBuf {
    let root = work.join("copy");
    let kept = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() != 1 || !["target", ".git", "runs", ".data", ".cargo-home"].contains(&&*name)
    };
    for entry in WalkDir::new(repository()).into_iter().filter_entry(kept).map(Result::unwrap) {
        let target = root.join(entry.path().strip_prefix(repository()).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else if entry.file_type().is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
    root
}

#[test]
fn mistakes_in_a_page_are_refused_in_a_line_and_leave_the_site_as_it_was() {
    let work = tempfile::tempdir().unwrap();
    let (root, out) = (copied(work.path()), work.path().join("site"));
    // What `cargo doc` leaves is part of the site.
    fs::create_dir_all(root.join("target/doc/vae_rnn")).unwrap();
    fs::write(root.join("target/doc/vae_rnn/index.html"), "vae_rnn").unwrap();
    assert!(site(&root, &out, &[]).status.success());
    let before = read(&out, "course/04-vae.html");
    assert!(before.contains("href=\"../rustdoc/vae_rnn/index.html\""));
    assert_eq!(read(&out, "rustdoc/vae_rnn/index.html"), "vae_rnn");
    // Wherever Cargo builds.
    let elsewhere = work.path().join("elsewhere");
    fs::rename(root.join("target"), &elsewhere).unwrap();
    let output = command(&root, &out).env("CARGO_TARGET_DIR", &elsewhere).output().unwrap();
    assert!(output.status.success());
    assert_eq!(read(&out, "rustdoc/vae_rnn/index.html"), "vae_rnn");
    let path = root.join("docs/course/04-vae.md");
    let chapter = fs::read_to_string(&path).unwrap();
    let spoiled = |add: &str| {
        fs::write(&path, format!("{chapter}\n{add}\n")).unwrap();
        site(&root, &out, &[])
    };
    let place = "docs/course/04-vae.md: ";
    refused(&spoiled("[A](../nowhere.md)"), &[place, "the link '../nowhere.md' leads nowhere"]);
    refused(&spoiled("[A](#nowhere)"), &[place, "the link '#nowhere' names no heading there"]);
    refused(
        &spoiled("[A](../../crates/vae/src/objective.rs#Objective::nowhere)"),
        &[place, "crates/vae/src/objective.rs", "no items named Objective::nowhere"],
    );
    refused(&spoiled("```math\n\\frac{1}\n```"), &[place, "the equation '\\frac{1}'"]);
    refused(&spoiled("Of $`x$` and y."), &[place, "the equation '$`x$`' is not closed"]);
    refused(&spoiled("![A](https://a/b.png)"), &[place, "would be loaded from elsewhere"]);
    refused(&spoiled("<img src=\"https://a/b.png\">"), &[place, "loads https://a/b.png"]);
    assert_eq!(read(&out, "course/04-vae.html"), before);

    // An item that a change of the code takes away.
    fs::write(&path, &chapter).unwrap();
    let source = root.join("crates/vae/src/objective.rs");
    let renamed = fs::read_to_string(&source).unwrap().replace("fn elbo<", "fn bound<");
    fs::write(&source, renamed).unwrap();
    refused(&site(&root, &out, &[]), &[place, "crates/vae/src/objective.rs", "Objective::elbo"]);
}

#[test]
fn a_folder_that_is_no_site_is_not_replaced() {
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("mine.txt"), "mine").unwrap();
    // Other programs have files of this name too.
    fs::write(work.path().join("search.js"), "find();").unwrap();
    refused(&site(&repository(), work.path(), &[]), &["not a site"]);
    let out = work.path().join("site");
    refused(&site(&repository(), &out, &["--runs", "nowhere"]), &["--runs nowhere"]);
    assert!(work.path().join("mine.txt").is_file() && !out.exists());
}
