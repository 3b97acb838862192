//! What every page of the site has: navigation, search, style.

use std::fmt::Write;

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    links::relative,
    markdown::Rendered,
    pages::{Group, Page},
};

/// Files that every page loads, with their names in the site.
pub(super) const ASSETS: [(&str, &[u8]); 3] = [
    ("style.css", include_bytes!("assets/style.css")),
    ("site.js", include_bytes!("assets/site.js")),
    ("latin-modern-math.woff2", include_bytes!("assets/latin-modern-math.woff2")),
];

/// The file of [`search_index`].
pub(super) const INDEX: &str = "search.js";
/// How it begins.
pub(super) const INDEX_BEGINS: &str = "window.PAGES = [\n";

/// A whole page; `rustdoc` are the crates whose documentation is part of the site.
pub(super) fn page(page: &Page, all: &[Page], rendered: &Rendered, rustdoc: &[String]) -> String {
    let to = |file: &str| relative(&page.site, file);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · Autoencoders" }
                link rel="stylesheet" href=(to("style.css"));
                script defer src=(to(INDEX)) {}
                script defer src=(to("site.js")) {}
            }
            body data-root=(to("")) {
                (navigation(page, all, rendered, rustdoc))
                main {
                    (PreEscaped(&rendered.html))
                    (neighbours(page, all))
                }
            }
        }
    };
    markup.into_string()
}

fn navigation(page: &Page, all: &[Page], rendered: &Rendered, rustdoc: &[String]) -> Markup {
    let groups =
        [(Group::Course, "Course"), (Group::Papers, "Papers"), (Group::Reference, "Reference")];
    html! {
        nav class="site" aria-label="Pages" {
            details open {
                summary { "Autoencoders" }
                input type="search" placeholder="Search" aria-label="Search" autocomplete="off";
                ul class="hits" hidden {}
                @for (group, title) in groups {
                    p { (title) }
                    ul {
                        @for (place, other) in in_group(all, group).enumerate() {
                            (entry(page, other, place, rendered))
                        }
                    }
                }
                @if !rustdoc.is_empty() {
                    p { "Rustdoc" }
                    ul {
                        @for name in rustdoc {
                            @let site = format!("{}/{name}/index.html", super::check::RUSTDOC);
                            li { a href=(relative(&page.site, &site)) { (name) } }
                        }
                    }
                }
            }
        }
    }
}

fn in_group(all: &[Page], group: Group) -> impl Iterator<Item = &Page> {
    all.iter().filter(move |page| page.group == group)
}

/// The page at a place of its group, with its headings if it is the one that is read.
fn entry(page: &Page, other: &Page, place: usize, rendered: &Rendered) -> Markup {
    let is_own = other.site == page.site;
    html! {
        li {
            a href=(relative(&page.site, &other.site)) aria-current=[is_own.then_some("page")] {
                (short(other, place))
            }
            @if is_own && !rendered.headings.is_empty() {
                ul {
                    @for (id, text) in &rendered.headings { li { a href={ "#" (id) } { (text) } } }
                }
            }
        }
    }
}

/// Chapters are numbered behind the front page; a paper's page is called as its crate is.
fn short(page: &Page, place: usize) -> String {
    match page.group {
        Group::Papers => page.title.split(':').next().unwrap_or(&page.title).into(),
        Group::Course if place > 0 => format!("{place}. {}", page.title),
        Group::Course | Group::Reference => page.title.clone(),
    }
}

/// The chapters before and after one.
fn neighbours(page: &Page, all: &[Page]) -> Markup {
    let chapters: Vec<&Page> = in_group(all, Group::Course).collect();
    let Some(place) = chapters.iter().position(|chapter| chapter.site == page.site) else {
        return html! {};
    };
    let before = place.checked_sub(1).map(|before| chapters[before]);
    html! {
        nav class="neighbours" aria-label="Chapters" {
            @if let Some(before) = before {
                a rel="prev" href=(relative(&page.site, &before.site)) { "← " (before.title) }
            }
            @if let Some(after) = chapters.get(place + 1) {
                a rel="next" href=(relative(&page.site, &after.site)) { (after.title) " →" }
            }
        }
    }
}

/// The text of all pages as a script, since a page opened from a file may not read another.
///
/// # Errors
/// If the text cannot be serialised.
pub(super) fn search_index<'a>(pages: impl Iterator<Item = (&'a Page, &'a str)>) -> Result<String> {
    let mut script = String::from(INDEX_BEGINS);
    for (page, text) in pages {
        let entry = serde_json::json!({ "file": page.site, "title": page.title, "text": text });
        writeln!(script, "{entry},")?;
    }
    script.push_str("];\n");
    Ok(script)
}
