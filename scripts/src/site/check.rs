//! What must hold of a finished site: every link, anchor and picture resolves within it, and nothing is loaded from
//! elsewhere. Pages of rustdoc are targets, and check their own links while they are written.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, bail};
use walkdir::WalkDir;

use super::links::{is_address, joined, split};

/// Folder of rustdoc's pages.
pub(super) const RUSTDOC: &str = "rustdoc";

/// A page's own references and what others may refer to.
#[derive(Default)]
struct Found {
    ids: BTreeSet<String>,
    /// Files that are loaded with the page.
    loaded: Vec<String>,
    /// Links that a reader may follow.
    links: Vec<String>,
}

/// Fails with every problem of the site in `folder`; `source` names the file that a page is written from.
pub(super) fn check(folder: &Path, source: impl Fn(&str) -> String) -> Result<()> {
    let mut files = BTreeSet::new();
    let mut pages: BTreeMap<String, Found> = BTreeMap::new();
    let mut problems = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry?;
        let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let inside = inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        if !entry.file_type().is_file() {
            continue;
        }
        let read =
            || fs::read_to_string(entry.path()).with_context(|| entry.path().display().to_string());
        if !inside.starts_with(RUSTDOC) && inside.ends_with(".html") {
            pages.insert(inside.clone(), scanned(&read()?));
        } else if !inside.starts_with(RUSTDOC) && inside.ends_with(".css") {
            let loaded = of_style(&read()?).into_iter().filter(|link| is_address(link));
            problems.extend(loaded.map(|link| format!("{inside}: loads {link} from elsewhere")));
        }
        files.insert(inside);
    }
    for (page, found) in &pages {
        let place = source(page);
        for link in &found.loaded {
            if is_address(link) {
                problems.push(format!("{place}: loads {link} from elsewhere"));
            }
        }
        let inside = found.loaded.iter().chain(&found.links).filter(|link| !is_address(link));
        for link in inside.filter(|link| !link.starts_with("data:") && !link.is_empty()) {
            let (path, fragment) = split(link);
            let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
            let target = if path.is_empty() { Some(page.clone()) } else { joined(folder, path) };
            let Some(target) = target.filter(|target| files.contains(target)) else {
                problems.push(format!("{place}: the link '{link}' leads nowhere"));
                continue;
            };
            let id = fragment.trim_start_matches('#');
            if !id.is_empty() && pages.get(&target).is_some_and(|found| !found.ids.contains(id)) {
                problems.push(format!("{place}: the link '{link}' names no heading there"));
            }
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{}", problems.join("; "))
}

/// What the tags of a page refer to.
fn scanned(html: &str) -> Found {
    let mut found = Found::default();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let Some(end) = tag_end(rest) else { break };
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        let name: String = tag.chars().take_while(|c| !c.is_whitespace() && *c != '>').collect();
        for (attribute, value) in attributes(&tag[name.len()..]) {
            match (name.as_str(), attribute) {
                (_, "id") => {
                    found.ids.insert(value);
                }
                ("a" | "area", "href") => found.links.push(value),
                (_, "src" | "poster" | "data") | ("link" | "use" | "image", "href") => {
                    found.loaded.push(value);
                }
                (_, "srcset") => {
                    let files = value.split(',').filter_map(|part| part.split_whitespace().next());
                    found.loaded.extend(files.map(str::to_owned));
                }
                (_, "style") => found.loaded.extend(of_style(&value)),
                _ => {}
            }
        }
        // What looks like tags inside these is none.
        if name == "script" || name == "style" {
            let end = rest.find(&format!("</{name}")).unwrap_or(rest.len());
            if name == "style" {
                found.loaded.extend(of_style(&rest[..end]));
            }
            rest = &rest[end..];
        }
    }
    found
}

/// Place of the `>` that closes a tag.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (place, letter) in tag.char_indices() {
        match (quote, letter) {
            (None, '>') => return Some(place),
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
    }
    None
}

/// Names and values of quoted attributes.
fn attributes(tag: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut rest = tag;
    while let Some(equals) = rest.find('=') {
        let name = rest[..equals].rsplit(|c: char| c.is_whitespace()).next().unwrap_or_default();
        let value = rest[equals + 1..].trim_start();
        let Some(quote) = value.chars().next().filter(|c| ['"', '\''].contains(c)) else {
            rest = value;
            continue;
        };
        let Some(end) = value[1..].find(quote) else { break };
        found.push((name, value[1..=end].replace("&amp;", "&")));
        rest = &value[end + 2..];
    }
    found
}

/// What a style sheet loads.
fn of_style(style: &str) -> Vec<String> {
    let mut found = Vec::new();
    for after in style.split("url(").skip(1) {
        let link = after.split(')').next().unwrap_or_default();
        found.push(link.trim().trim_matches(['"', '\'']).to_owned());
    }
    for after in style.split("@import").skip(1) {
        let link = after.split(';').next().unwrap_or_default().trim();
        if !link.starts_with("url(") {
            found.push(link.trim_matches(['"', '\'']).to_owned());
        }
    }
    found.retain(|link| !link.starts_with('#'));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(pages: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, html) in pages {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, html).unwrap();
        }
        let checked = check(folder.path(), str::to_owned);
        checked.map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn links_within_the_site_and_out_of_it_pass() {
        let page = r##"<h2 id="a">A</h2> <a href="#a">a</a> <a href="b/c.html#d">d</a>
            <a href="https://arxiv.org/abs/1312.6114">paper</a> <script>"<img src='x'>"</script>"##;
        assert_eq!(problems(&[("index.html", page), ("b/c.html", "<p id='d'>")]), "");
    }

    #[test]
    fn what_leads_nowhere_or_is_loaded_from_elsewhere_is_named() {
        for (page, problem) in [
            ("<a href=\"b.html\">b</a>", "index.html: the link 'b.html' leads nowhere"),
            ("<a href=\"../b\">b</a>", "index.html: the link '../b' leads nowhere"),
            ("<a href=\"#b\">b</a>", "index.html: the link '#b' names no heading there"),
            ("<img alt=\">\" src=\"b.png\">", "index.html: the link 'b.png' leads nowhere"),
            ("<img src=\"https://a/b.png\">", "index.html: loads https://a/b.png from elsewhere"),
            ("<script src='//a/b.js'></script>", "index.html: loads //a/b.js from elsewhere"),
            ("<style>a{b:url(http://c)}</style>", "index.html: loads http://c from elsewhere"),
            ("<link href=\"http://c\">", "index.html: loads http://c from elsewhere"),
        ] {
            assert_eq!(problems(&[("index.html", page)]), problem);
        }
        let style = "@import 'https://a/b.css';";
        assert_eq!(
            problems(&[("style.css", style)]),
            "style.css: loads https://a/b.css from elsewhere"
        );
    }
}
