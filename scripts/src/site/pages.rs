//! The pages of the site: the chapters of docs/course, a page for each paper, and the pages of docs.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::papers;

/// Where a page stands in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Course,
    Papers,
    Reference,
}

/// A page, both paths with `/`.
#[derive(Debug)]
pub(super) struct Page {
    /// Its file in the repository.
    pub source: String,
    /// Its file in the site.
    pub site: String,
    pub group: Group,
    pub title: String,
    pub text: String,
}

/// Folder of the chapters.
const COURSE: &str = "docs/course";

/// All pages in the order of the navigation, the front page first.
///
/// # Errors
/// If one cannot be read, or has no title.
pub(super) fn pages(root: &Path) -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    let mut add = |source: String, site: String, group| -> Result<()> {
        let path = root.join(&source);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let title = text.lines().find_map(|line| line.strip_prefix("# "));
        let title = title.with_context(|| format!("{source}: write a title, '# ...'"))?;
        let title = title.replace('`', "");
        pages.push(Page { source, site, group, title, text });
        Ok(())
    };
    let front = "README.md";
    add(format!("{COURSE}/{front}"), "index.html".into(), Group::Course)?;
    for name in markdown(&root.join(COURSE))?.into_iter().filter(|name| name != front) {
        let site = format!("course/{}", as_html(&name));
        add(format!("{COURSE}/{name}"), site, Group::Course)?;
    }
    for paper in papers::in_order(root)? {
        add(format!("crates/{paper}/{front}"), format!("papers/{paper}.html"), Group::Papers)?;
    }
    for name in ["README.md", "CONTRIBUTING.md"] {
        let site = format!("reference/{}", as_html(&name.to_lowercase()));
        add(name.into(), site, Group::Reference)?;
    }
    for name in markdown(&root.join("docs"))? {
        let site = format!("reference/{}", as_html(&name));
        add(format!("docs/{name}"), site, Group::Reference)?;
    }
    let sites: BTreeSet<&str> = pages.iter().map(|page| page.site.as_str()).collect();
    ensure!(sites.len() == pages.len(), "two pages of the site have the same name");
    Ok(pages)
}

/// Names of the pages in a folder, sorted.
fn markdown(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path: PathBuf = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_file() && name.ends_with(".md") {
            names.push(name.into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn as_html(name: &str) -> String {
    format!("{}.html", name.trim_end_matches(".md"))
}
